package dance

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dancecard/internal/secret"
)

// registry is an issuer that registers clients as a test says.
type registry struct {
	*httptest.Server
	document map[string]any // changes to the discovery document
	answer   func(w http.ResponseWriter, asked map[string]any)

	asked   map[string]any // the last registration
	form    url.Values     // the last one at Mastodon's endpoint
	deleted []string       // Authorization headers of DELETEs
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{document: map[string]any{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) row(methods ...string) Provider {
	return Provider{ID: "reg", Issuer: r.URL, RegistrationMethods: methods, Redirect: Redirect{Mode: "fixed_port", Port: 23456}}
}

const ownRedirect = "http://127.0.0.1:23456/dancecard/reg"

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch {
	case req.URL.Path == "/.well-known/openid-configuration":
		doc := map[string]any{"issuer": r.URL, "authorization_endpoint": r.URL + "/a", "token_endpoint": r.URL + "/t", "registration_endpoint": r.URL + "/register"}
		for name, v := range r.document {
			doc[name] = v
		}
		writeJSON(w, doc)
	case req.Method == http.MethodDelete:
		r.deleted = append(r.deleted, req.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNoContent)
	case req.URL.Path == "/api/v1/apps":
		req.ParseForm()
		r.form = req.PostForm
		r.answer(w, nil)
	case req.URL.Path == "/register":
		body, _ := io.ReadAll(req.Body)
		r.asked = map[string]any{}
		json.Unmarshal(body, &r.asked)
		r.answer(w, r.asked)
	default:
		http.NotFound(w, req)
	}
}

// registers answers with what was asked, with a client id and changes.
func registers(changes map[string]any) func(http.ResponseWriter, map[string]any) {
	return func(w http.ResponseWriter, asked map[string]any) {
		doc := map[string]any{"client_id": "made-1"}
		for name, v := range asked {
			doc[name] = v
		}
		for name, v := range changes {
			doc[name] = v
			if v == nil {
				delete(doc, name)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(doc)
	}
}

func TestDynamicRegistrationAsksForANativeClient(t *testing.T) {
	r := newRegistry(t)
	r.document["device_authorization_endpoint"] = r.URL + "/device"
	r.document["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic", "none"}
	r.answer = registers(nil)
	c, err := Register(t.Context(), r.row("document", "dynamic"), RegisterOptions{Name: "Dancecard", Scopes: []string{"a", "b"}, DPoP: true})
	if err != nil || c.ClientID != "made-1" || c.Method != "dynamic" || c.AuthStyle != AuthNone || !c.Expires.IsZero() {
		t.Fatalf("%+v, %v", c, err)
	}
	for name, want := range map[string]any{
		"client_name": "Dancecard", "application_type": "native", "token_endpoint_auth_method": "none", "scope": "a b", "dpop_bound_access_tokens": true,
	} {
		if r.asked[name] != want {
			t.Errorf("%s is %v, not %v", name, r.asked[name], want)
		}
	}
	grants, _ := json.Marshal(r.asked["grant_types"])
	redirects, _ := json.Marshal(r.asked["redirect_uris"])
	if string(grants) != `["authorization_code","refresh_token","`+deviceGrant+`"]` || string(redirects) != `["`+ownRedirect+`"]` {
		t.Errorf("%s %s", grants, redirects)
	}
}

func TestRegistrationAsksForWhatIsOffered(t *testing.T) {
	for offered, want := range map[string]string{"client_secret_post": "client_secret_post", "private_key_jwt client_secret_basic": "client_secret_basic", "private_key_jwt": ""} {
		r := newRegistry(t)
		r.document["token_endpoint_auth_methods_supported"] = strings.Fields(offered)
		r.document["grant_types_supported"] = []string{"authorization_code"}
		r.answer = registers(map[string]any{"client_secret": "s3cret"})
		c, err := Register(t.Context(), r.row("dynamic"), RegisterOptions{})
		if want == "" {
			if !isInvalid(err) || r.asked != nil {
				t.Errorf("%s: %v", offered, err)
			}
			continue
		}
		if err != nil || r.asked["token_endpoint_auth_method"] != want || c.ClientSecret.Reveal() != "s3cret" || c.AuthStyle == AuthNone {
			t.Errorf("%s: %+v, %v", offered, c, err)
		}
		if grants := r.asked["grant_types"].([]any); len(grants) != 1 {
			t.Errorf("asked for %v", grants)
		}
	}
}

func TestD54RegistrationAnswers(t *testing.T) {
	past := time.Now().Add(-time.Hour).Unix()
	later := time.Now().Add(time.Hour).Unix()
	withSecret := func(changes map[string]any) map[string]any {
		changes["client_secret"], changes["token_endpoint_auth_method"] = "s3cret", "client_secret_post"
		return changes
	}
	for name, c := range map[string]struct {
		changes map[string]any
		invalid string // part of the text; "": fine
	}{
		"as asked":                 {},
		"silent about the rest":    {changes: map[string]any{"redirect_uris": nil, "token_endpoint_auth_method": nil}},
		"no client id":             {changes: map[string]any{"client_id": nil}, invalid: "client id"},
		"client id is a number":    {changes: map[string]any{"client_id": 7}, invalid: "client id"},
		"client id with a newline": {changes: map[string]any{"client_id": "a\nb"}, invalid: "client id"},
		"long client id":           {changes: map[string]any{"client_id": strings.Repeat("a", 4<<10)}, invalid: "client id"},
		"other redirect":           {changes: map[string]any{"redirect_uris": []string{"https://evil.example/"}}, invalid: "another address"},
		"one redirect more":        {changes: map[string]any{"redirect_uris": []string{ownRedirect, "https://evil.example/"}}, invalid: "another address"},
		"no redirect":              {changes: map[string]any{"redirect_uris": []string{}}, invalid: "another address"},
		"redirect without port":    {changes: map[string]any{"redirect_uris": []string{"http://127.0.0.1/dancecard/reg"}}, invalid: "another address"},
		"secret":                   {changes: withSecret(map[string]any{"client_secret_expires_at": 0})},
		"secret, silent on its end": {
			changes: withSecret(map[string]any{}),
		},
		"secret that ends":            {changes: withSecret(map[string]any{"client_secret_expires_at": later})},
		"secret that has ended":       {changes: withSecret(map[string]any{"client_secret_expires_at": past}), invalid: "ended"},
		"secret that ends at a word":  {changes: withSecret(map[string]any{"client_secret_expires_at": "soon"}), invalid: "when its client secret ends"},
		"secret that ends before 0":   {changes: withSecret(map[string]any{"client_secret_expires_at": -1}), invalid: "when its client secret ends"},
		"secret that never ends, big": {changes: withSecret(map[string]any{"client_secret_expires_at": 1e300}), invalid: "when its client secret ends"},
		"secret with NUL":             {changes: map[string]any{"client_secret": "a\x00b"}, invalid: "secret"},
		"secret is a list":            {changes: map[string]any{"client_secret": []string{"a"}}, invalid: "secret"},
		"asks for a secret, has none": {changes: map[string]any{"token_endpoint_auth_method": "client_secret_basic"}, invalid: "holds none"},
		"asks for a signed assertion": {changes: map[string]any{"token_endpoint_auth_method": "private_key_jwt"}, invalid: "way to authenticate"},
		"method is a number":          {changes: map[string]any{"token_endpoint_auth_method": 1}, invalid: "way to authenticate"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.answer = registers(c.changes)
			got, err := Register(t.Context(), r.row("dynamic"), RegisterOptions{Name: "Dancecard"})
			if c.invalid == "" {
				if err != nil || got.ClientID == "" {
					t.Errorf("%+v, %v", got, err)
				}
				if got.Expires.IsZero() == (name == "secret that ends") {
					t.Errorf("it ends at %v", got.Expires)
				}
				return
			}
			if !isInvalid(err) || !strings.Contains(err.Error(), c.invalid) || got.ClientID != "" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestD54OddRegistrationAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"10 MB":      raw(201, "application/json", `{"client_id":"`+strings.Repeat("a", 10<<20)+`"}`),
		"deep":       raw(201, "application/json", strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)),
		"twice":      raw(201, "application/json", `{"client_id":"a","client_id":"b"}`),
		"page":       raw(200, "text/html", "<html>"),
		"trailing":   raw(201, "application/json", `{"client_id":"a"} {}`),
		"redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 307) },
		"in trouble": raw(503, "application/json", `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.answer = func(w http.ResponseWriter, _ map[string]any) { h(w, httptest.NewRequest("POST", "/register", nil)) }
			_, err := Register(t.Context(), r.row("dynamic"), RegisterOptions{})
			failed(t, err)
		})
	}
}

func TestD54RegistrationTokenIsASecret(t *testing.T) {
	r := newRegistry(t)
	r.answer = registers(map[string]any{"registration_access_token": "canary-token", "registration_client_uri": r.URL + "/register/made-1"})
	c, err := Register(t.Context(), r.row("dynamic"), RegisterOptions{})
	if err != nil || c.Token.Reveal() != "canary-token" || c.URI != r.URL+"/register/made-1" {
		t.Fatalf("%+v, %v", c, err)
	}
	if data, _ := json.Marshal(c); strings.Contains(string(data), "canary") {
		t.Errorf("%s", data)
	}
	if err := Unregister(t.Context(), r.row("dynamic"), c); err != nil || !slices.Equal(r.deleted, []string{"Bearer canary-token"}) {
		t.Errorf("%v, %v", r.deleted, err)
	}
}

func TestD54RegistrationIsManagedAtItsIssuerAlone(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer other.Close()
	r := newRegistry(t)
	for _, uri := range []string{other.URL + "/register/made-1", "https://evil.example/", "file:///x", "/register/made-1"} {
		r.answer = registers(map[string]any{"registration_access_token": "canary-token", "registration_client_uri": uri})
		c, err := Register(t.Context(), r.row("dynamic"), RegisterOptions{})
		if err != nil || c.URI != "" || !c.Token.IsZero() {
			t.Errorf("%s: %+v, %v", uri, c, err)
		}
	}
	if err := Unregister(t.Context(), r.row(), Client{URI: other.URL + "/x", Token: secret.New("canary-token")}); !isInvalid(err) {
		t.Errorf("got %v", err)
	}
}

func TestARefusedClientIsDeletedAgain(t *testing.T) {
	r := newRegistry(t)
	r.answer = registers(map[string]any{"redirect_uris": []string{"https://evil.example/"},
		"registration_access_token": "canary-token", "registration_client_uri": r.URL + "/register/made-1"})
	if _, err := Register(t.Context(), r.row("dynamic"), RegisterOptions{}); !isInvalid(err) || len(r.deleted) != 1 {
		t.Errorf("%v, %v", r.deleted, err)
	}
}

func TestUnregister(t *testing.T) {
	for status, want := range map[int]string{204: "", 200: "", 401: "", 404: "", 405: "refused", 403: "refused", 500: "failed"} {
		srv := httptest.NewServer(raw(status, "application/json", "{}"))
		err := Unregister(t.Context(), Provider{Issuer: srv.URL}, Client{URI: srv.URL + "/c", Token: secret.New("t")})
		srv.Close()
		_, refused := err.(*Refused)
		_, failed := err.(*Failed)
		if want == "" && err != nil || want == "refused" && !refused || want == "failed" && !failed {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestTheLadder(t *testing.T) {
	r := newRegistry(t)
	r.answer = func(w http.ResponseWriter, _ map[string]any) {
		raw(403, "application/json", `{"error":"access_denied","error_description":"initial access token needed"}`)(w, nil)
	}
	t.Run("the next is tried", func(t *testing.T) {
		p := r.row("dynamic", "loopback")
		p.Redirect, p.Scopes = Redirect{}, []string{"atproto"}
		c, err := Register(t.Context(), p, RegisterOptions{})
		if err != nil || c.Method != "loopback" {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("the last error is told", func(t *testing.T) {
		_, err := Register(t.Context(), r.row("document", "dynamic"), RegisterOptions{})
		if no, ok := err.(*Refused); !ok || no.Code != "access_denied" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("closed without a word", func(t *testing.T) {
		r.answer = func(w http.ResponseWriter, _ map[string]any) { w.WriteHeader(401) }
		_, err := Register(t.Context(), r.row("dynamic"), RegisterOptions{})
		if no, ok := err.(*Refused); !ok || !strings.Contains(err.Error(), "by hand") {
			t.Errorf("got %v, %v", err, no)
		}
	})
	t.Run("nothing to climb", func(t *testing.T) {
		for _, methods := range [][]string{nil, {"document"}, {"fax"}} {
			if _, err := Register(t.Context(), r.row(methods...), RegisterOptions{Document: "http://127.0.0.1/client"}); err != ErrNoRegistration {
				t.Errorf("%v: %v", methods, err)
			}
		}
	})
}

func TestLoopbackClient(t *testing.T) {
	p := Provider{ID: "bluesky", Scopes: atprotoScopes, RegistrationMethods: []string{"loopback"}}
	c, err := Register(t.Context(), p, RegisterOptions{Name: "Dancecard"})
	const want = "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%2Fdancecard%2Fbluesky&scope=atproto%20transition%3Ageneric"
	if err != nil || c.ClientID != want || c.AuthStyle != AuthNone || !c.ClientSecret.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
	p.Redirect.Host = "localhost" // which the server refuses as a redirect
	if _, err := Register(t.Context(), p, RegisterOptions{}); err != ErrNoRegistration {
		t.Errorf("got %v", err)
	}
}

func TestMastodonApp(t *testing.T) {
	good := map[string]any{"id": "7", "client_id": "masto", "client_secret": "s3cret", "redirect_uri": "http://127.0.0.1/dancecard/mastodon"}
	for name, c := range map[string]struct {
		changes map[string]any
		invalid bool
	}{
		"as it should be": {},
		"list":            {changes: map[string]any{"redirect_uri": nil, "redirect_uris": []string{"http://127.0.0.1/dancecard/mastodon"}}},
		"D54 no id":       {changes: map[string]any{"client_id": nil}, invalid: true},
		"D54 no secret":   {changes: map[string]any{"client_secret": nil}, invalid: true},
		"D54 redirect":    {changes: map[string]any{"redirect_uri": "https://evil.example"}, invalid: true},
		"D54 redirects":   {changes: map[string]any{"redirect_uris": []string{"https://evil.example"}}, invalid: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.answer = func(w http.ResponseWriter, _ map[string]any) {
				doc := map[string]any{}
				for _, from := range []map[string]any{good, c.changes} {
					for name, v := range from {
						if doc[name] = v; v == nil {
							delete(doc, name)
						}
					}
				}
				writeJSON(w, doc)
			}
			p := Provider{ID: "mastodon", RegistrationMethods: []string{"mastodon"}, Endpoints: Endpoints{Registration: r.URL + "/api/v1/apps"}, Scopes: []string{"read", "profile"}}
			got, err := Register(t.Context(), p, RegisterOptions{Name: "Dancecard"})
			if c.invalid {
				if !isInvalid(err) {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if err != nil || got.ClientID != "masto" || got.ClientSecret.Reveal() != "s3cret" || got.AuthStyle != AuthPost || got.Method != "mastodon" {
				t.Fatalf("%+v, %v", got, err)
			}
			if r.form.Get("client_name") != "Dancecard" || r.form.Get("redirect_uris") != "http://127.0.0.1/dancecard/mastodon" || r.form.Get("scopes") != "read profile" {
				t.Errorf("asked %v", r.form)
			}
		})
	}
}

func TestD54ClientDocument(t *testing.T) {
	var text []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(text) }))
	defer srv.Close()
	address := srv.URL + "/client.json"
	g := registrar{redirect: ownRedirect}
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"as it should be": {`{"client_id":"` + address + `","token_endpoint_auth_method":"none","redirect_uris":["http://x.example/","` + ownRedirect + `"]}`, true},
		"any port":        {`{"client_id":"` + address + `","token_endpoint_auth_method":"none","redirect_uris":["http://127.0.0.1/dancecard/reg"]}`, true},
		"other port":      {`{"client_id":"` + address + `","token_endpoint_auth_method":"none","redirect_uris":["http://127.0.0.1:1/dancecard/reg"]}`, false},
		"other path":      {`{"client_id":"` + address + `","token_endpoint_auth_method":"none","redirect_uris":["http://127.0.0.1/x"]}`, false},
		"other id":        {`{"client_id":"https://evil.example/c","token_endpoint_auth_method":"none","redirect_uris":["` + ownRedirect + `"]}`, false},
		"with a secret":   {`{"client_id":"` + address + `","redirect_uris":["` + ownRedirect + `"]}`, false},
		"page":            {"<html>", false},
	} {
		text = []byte(c.text)
		got, err := g.ownDocument(t.Context(), address)
		if c.ok != (err == nil) || c.ok && (got.ClientID != address || got.AuthStyle != AuthNone) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestClientDocumentToPublish(t *testing.T) {
	const address = "https://mira.example/dancecard.json"
	data, err := ClientDocument(address, "Dancecard\u202e", []string{ownRedirect}, "atproto", "transition:generic")
	var doc map[string]any
	if err != nil || json.Unmarshal(data, &doc) != nil {
		t.Fatal(err)
	}
	if doc["client_id"] != address || doc["client_name"] != "Dancecard" || doc["application_type"] != "native" ||
		doc["token_endpoint_auth_method"] != "none" || doc["dpop_bound_access_tokens"] != true || doc["scope"] != "atproto transition:generic" {
		t.Errorf("%s", data)
	}
	if data, err = ClientDocument(address, "Dancecard", []string{ownRedirect}); err != nil || strings.Contains(string(data), "dpop") {
		t.Errorf("%s, %v", data, err)
	}
	for _, bad := range []string{"", "https://mira.example", "https://mira.example/", "http://127.0.0.1/c", "https://mira.example/a/../c", "https://u:p@mira.example/c", "https://mira.example/c#x"} {
		if _, err := ClientDocument(bad, "x", []string{ownRedirect}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, bad := range [][]string{nil, {"http://mira.example/"}, {"app:/x"}} {
		if _, err := ClientDocument(address, "x", bad); err == nil {
			t.Errorf("%q were taken", bad)
		}
	}
}

func FuzzRegistrationAnswer(f *testing.F) {
	f.Add(`{"client_id":"a","redirect_uris":["` + ownRedirect + `"],"client_secret":"b","client_secret_expires_at":0,"token_endpoint_auth_method":"client_secret_post"}`)
	f.Add(`{"client_id":"a","registration_client_uri":"https://evil.example","registration_access_token":"x"}`)
	g := registrar{row: Provider{Issuer: "https://issuer.example"}, redirect: ownRedirect}
	f.Fuzz(func(t *testing.T, body string) {
		doc, err := parseObject([]byte(body), true)
		if err != nil {
			return
		}
		now := time.Unix(1<<31, 0)
		c, err := g.readClient(doc, "none", now)
		if c.URI != "" && !strings.HasPrefix(c.URI, "https://issuer.example/") && c.URI != "https://issuer.example" && !strings.HasPrefix(c.URI, "https://issuer.example?") && !strings.HasPrefix(strings.ToLower(c.URI), "https://issuer.example") {
			t.Errorf("managed at %q", c.URI)
		}
		if err != nil {
			return
		}
		if c.ClientID == "" || !visible(c.ClientID) || !visible(c.ClientSecret.Reveal()) || c.AuthStyle != AuthNone && c.ClientSecret.IsZero() ||
			!c.Expires.IsZero() && !c.Expires.After(now) {
			t.Errorf("%q gave %+v", body, c)
		}
	})
}
