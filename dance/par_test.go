package dance

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dancecard/internal/secret"
)

func TestPushedRequest(t *testing.T) {
	for _, style := range []AuthStyle{AuthBasic, AuthPost, AuthNone} {
		op := pushing(t)
		var link string
		r := Registration{ClientID: "us", ClientSecret: secret.New("the-secret"), AuthStyle: style}
		res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse, Waiting: func(a string, _ error) { link = a }},
			Request{Registration: r, LoginHint: "sam@example.test", Resource: "https://api.example/"})
		if err != nil {
			t.Fatal(err)
		}
		q := mustQuery(t, link)
		if len(q) != 2 || q.Get("client_id") != "us" || !strings.HasPrefix(q.Get("request_uri"), "urn:") {
			t.Errorf("the browser carries %v", q)
		}
		pushed := op.pushes[0]
		for _, name := range []string{"state", "nonce", "code_challenge", "redirect_uri", "login_hint", "scope", "resource"} {
			if pushed.PostForm.Get(name) == "" {
				t.Errorf("%s was not pushed", name)
			}
		}
		_, password, basic := pushed.BasicAuth()
		if basic != (style == AuthBasic) || basic && password != "the-secret" ||
			(pushed.PostForm.Get("client_secret") == "the-secret") != (style == AuthPost) || pushed.PostForm.Get("client_id") != "us" {
			t.Errorf("%s: authenticated as %v", style, pushed.PostForm)
		}
		if !res.Link.PARRequired || res.Link.Resource != "https://api.example/" || op.lastForm().Get("resource") != "https://api.example/" || len(op.pushes) != 1 {
			t.Errorf("link %+v after %d pushes", res.Link, len(op.pushes))
		}
		if len(op.pushed) != 0 {
			t.Error("the request was not used")
		}
	}
}

// A row may know the address where no document names it.
func TestPushedRequestByTheRow(t *testing.T) {
	op := newOP(t)
	row := op.row()
	row.Endpoints.PAR = op.URL + "/par"
	row.Endpoints.Authorization = op.URL + "/authorize?own=1"
	var link string
	_, err := Run(t.Context(), row, Prompt{OpenURL: browse, Waiting: func(a string, _ error) { link = a }}, Request{})
	if err != nil || len(op.pushes) != 1 {
		t.Fatalf("%v after %d pushes", err, len(op.pushes))
	}
	if q := mustQuery(t, link); q.Get("own") != "1" || len(q) != 3 || op.pushes[0].PostForm.Has("own") {
		t.Errorf("the browser carries %v, pushed was %v", q, op.pushes[0].PostForm)
	}
}

// A request_uri is good for one visit: each start address gets its own.
func TestAgainPushesAnew(t *testing.T) {
	op := pushing(t)
	again := make(chan struct{}, 1)
	again <- struct{}{}
	opened := 0
	var links []string
	_, err := Run(t.Context(), op.row(), Prompt{Again: again, Waiting: func(a string, _ error) { links = append(links, a) },
		OpenURL: func(ctx context.Context, start string) error {
			if opened++; opened == 1 {
				return nil
			}
			return browse(ctx, start)
		}}, Request{})
	if err != nil || len(op.pushes) != 2 || len(links) != 2 || links[0] == links[1] {
		t.Errorf("%v, %d pushes, links %v", err, len(op.pushes), links)
	}
}

func TestD55ForgottenRequest(t *testing.T) {
	forgotten := raw(400, "application/json", `{"error":"invalid_request_uri"}`)
	for _, c := range []struct {
		name  string
		times int    // that the provider forgets
		in    string // where it says so
		fine  bool
	}{
		{"redirect, once", 1, "redirect", true},
		{"redirect, twice", 2, "redirect", false},
		{"push, once", 1, "push", true},
		{"push, twice", 2, "push", false},
		{"push, in other words", 1, "push invalid_request", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := pushing(t)
			left := c.times
			if c.in == "redirect" {
				op.back = func(q url.Values) {
					if left--; left >= 0 {
						q.Del("code")
						q.Set("error", "invalid_request_uri")
					}
				}
			} else {
				op.push = func(w http.ResponseWriter, r *http.Request) {
					if left--; left < 0 {
						op.servePush(w, r)
						return
					}
					if strings.HasSuffix(c.in, "invalid_request") {
						raw(400, "application/json", `{"error":"invalid_request"}`)(w, r)
						return
					}
					forgotten(w, r)
				}
			}
			_, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
			no, isRefused := errors.AsType[*Refused](err)
			if c.fine != (err == nil) || !c.fine && (!isRefused || no.Code != "invalid_request_uri") {
				t.Errorf("got %v", err)
			}
			if len(op.pushes) != 2 {
				t.Errorf("%d pushes", len(op.pushes))
			}
			first, second := op.pushes[0].PostForm, op.pushes[1].PostForm
			for _, name := range []string{"state", "nonce", "code_challenge"} {
				if first.Get(name) == second.Get(name) {
					t.Errorf("%s was used twice", name)
				}
			}
			if want := map[bool]int{true: 1, false: 0}[c.fine]; op.count("/token") != want {
				t.Errorf("%d token requests", op.count("/token"))
			}
		})
	}
}

// Without a pushed request the same words are the provider's "no".
func TestForgottenWithoutPush(t *testing.T) {
	op := newOP(t)
	op.back = func(q url.Values) { q.Del("code"); q.Set("error", "invalid_request_uri") }
	_, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
	if _, ok := errors.AsType[*Refused](err); !ok || op.count("/authorize") != 1 {
		t.Errorf("%v after %d visits", err, op.count("/authorize"))
	}
}

func TestOddPushAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"D45 page":           raw(201, "text/html", "<html>"),
		"D46 two names":      raw(201, "application/json", `{"request_uri":"urn:a","request_uri":"urn:b"}`),
		"D46 trailing":       raw(201, "application/json", `{"request_uri":"urn:a"}x`),
		"none":               raw(201, "application/json", `{}`),
		"control characters": raw(201, "application/json", `{"request_uri":"urn:a\r\nb"}`),
		"long":               raw(201, "application/json", `{"request_uri":"urn:`+strings.Repeat("a", 4096)+`"}`),
		"5xx":                raw(503, "application/json", `{"error":"invalid_request"}`),
		"redirect":           func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 307) },
	} {
		op := pushing(t)
		op.push = h
		_, err := Run(t.Context(), op.row(), Prompt{OpenURL: func(context.Context, string) error { t.Error("the browser was opened"); return nil }}, Request{})
		if f := failed(t, err); f.Stage != pushStage || op.count("/par") != 1 || op.count("/elsewhere") != 0 {
			t.Errorf("%s: %+v after %d requests", name, f, op.count("/par"))
		}
	}
	op := pushing(t)
	op.push = raw(401, "application/json", `{"error":"invalid_client","error_description":"the-secret is CANARY`+strings.Repeat("x", 60)+`"}`)
	_, err := Run(t.Context(), op.row(), Prompt{}, Request{Registration: Registration{ClientID: "us", ClientSecret: secret.New("the-secret")}})
	if no, ok := errors.AsType[*Refused](err); !ok || !no.RegistrationDead() || strings.Contains(err.Error(), "the-secret") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("D51: %v", err)
	}
}

func TestNoListenerStaysAfterAFailedPush(t *testing.T) {
	op := pushing(t)
	op.push = raw(500, "text/plain", "down")
	before := ownListeners(t)
	if _, err := Run(t.Context(), op.row(), Prompt{}, Request{}); err == nil {
		t.Error("no error")
	}
	for address := range ownListeners(t) {
		if !before[address] {
			t.Errorf("%s is left behind", address)
		}
	}
}

func TestOptions(t *testing.T) {
	row := Provider{Name: "Odd", AuthorizeParams: map[string]string{"prompt": "login"}, Options: []Option{
		{ID: "offline", Param: "access_type", Value: "offline", On: true},
		{ID: "account_chooser", Param: "prompt", Value: "select_account"},
		{ID: "consent", Param: "prompt", Value: "consent"},
		{ID: "hosted_domain", Label: "Domain", Param: "hd"},
		{ID: "evil", Param: "redirect_uri", Value: "https://evil.example", On: true},
		{ID: "evil_scope", Param: "user_scope", Value: "everything", On: true},
		{ID: "evil_client", Param: "client_key", Value: "them", On: true},
	}, ScopeParam: "user_scope", Quirks: Quirks{ClientIDParam: "client_key"}}
	for _, c := range []struct {
		asked   map[string]string
		want    map[string]string
		invalid string
	}{
		{nil, map[string]string{"access_type": "offline", "prompt": "login", "hd": ""}, ""},
		{map[string]string{"offline": "off"}, map[string]string{"access_type": ""}, ""},
		{map[string]string{"account_chooser": "on"}, map[string]string{"prompt": "login select_account"}, ""},
		{map[string]string{"account_chooser": "on", "consent": "on"}, map[string]string{"prompt": "login select_account consent"}, ""},
		{map[string]string{"hosted_domain": "example.com&state=x"}, map[string]string{"hd": "example.com&state=x"}, ""},
		{map[string]string{"colour": "on"}, nil, `no option "colour"`},
		{map[string]string{"offline": "perhaps"}, nil, "on or off"},
		{map[string]string{"hosted_domain": "a\u202eb"}, nil, "cannot be sent"},
		{map[string]string{"hosted_domain": strings.Repeat("a", 300)}, nil, "too long"},
	} {
		options, err := row.chosen(c.asked)
		if c.invalid != "" {
			if !isInvalid(err) || !strings.Contains(err.Error(), c.invalid) {
				t.Errorf("%v: %v", c.asked, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		d := &dance{link: Link{Provider: row, RedirectURI: "http://127.0.0.1:1/x"}, registration: Registration{ClientID: "us"}, options: options,
			request: Request{Scopes: []string{"read"}, ACRValues: []string{"gold", "silver"}}, state: "the-state", verifier: "the-verifier"}
		d.link.Provider.Endpoints.Authorization = testIssuer + "/authorize"
		q := mustQuery(t, d.authorization())
		for name, want := range c.want {
			if q.Get(name) != want {
				t.Errorf("%v: %s is %q, want %q", c.asked, name, q.Get(name), want)
			}
		}
		if q.Get("redirect_uri") != "http://127.0.0.1:1/x" || q.Get("state") != "the-state" || q.Get("user_scope") != "read" ||
			!slices.Equal(q["client_key"], []string{"us"}) || q.Has("client_id") || q.Get("acr_values") != "gold silver" {
			t.Errorf("%v: asked %v", c.asked, q)
		}
	}
}

// A provider that announces pushed requests and takes none of ours is danced
// with in plain, unless it insists.
func TestPushNotTaken(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"unauthorized": raw(400, "application/json", `{"error":"unauthorized_client"}`),
		"not there":    raw(404, "text/html", "<html>"),
		"not allowed":  raw(405, "text/plain", "no"),
	} {
		for _, insists := range []bool{false, true} {
			op := pushing(t)
			op.push = answer
			announce := op.document
			op.document = func(d map[string]any) {
				announce(d)
				d["require_pushed_authorization_requests"] = insists
			}
			res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
			if (err == nil) == insists || op.count("/par") != 1 || !insists && res.Token.Access.IsZero() {
				t.Errorf("%s, insists %v: %v after %d pushes", name, insists, err, op.count("/par"))
			}
		}
	}
}
