package dance

import (
	"context"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dancecard/internal/secret"
)

const (
	consumerSecret = "canary consumer&secret"
	temporary      = "oauth_token=temp&oauth_token_secret=canary-temp-secret&oauth_callback_confirmed=true"
	final          = "oauth_token=access&oauth_token_secret=canary-own-secret&user_id=42&screen_name=sam&oauth_session_handle=canary"
)

func TestOAuth1InEverySignature(t *testing.T) {
	for _, method := range []string{"", "HMAC-SHA1", "RSA-SHA1", "PLAINTEXT"} {
		for _, identity := range []string{"", "/me"} {
			o := newOAuth1(t, method)
			row := o.row()
			if identity != "" {
				row.Identity = Identify{URL: o.URL + identity + "?a=b", Subject: "id", Login: "login"}
			}
			res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{Registration: o.registration(), Scopes: []string{"read", "write"}})
			if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
			token := res.Token
			if token.Type != "OAuth" || token.Access.Reveal() != "access" || token.Secret.Reveal() != "canary-own-secret" || !token.Refresh.IsZero() || !token.Expiry.IsZero() ||
				!maps.Equal(token.Extra, map[string]string{"user_id": "42", "screen_name": "sam"}) {
				t.Errorf("%s: %+v", method, token)
			}
			want := "42"
			if identity != "" {
				want = "7"
			}
			if res.Identity.Subject != want || res.Identity.Login != "sam" || res.Identity.Issuer != o.URL {
				t.Errorf("%s: %+v", method, res.Identity)
			}
			if o.asked.Get("oauth_token") != "temp" || o.asked.Get("name") != "Dancecard" || o.asked.Get("own") != "1" || o.asked.Get("scope") != "read write" {
				t.Errorf("asked %v", o.asked)
			}
			if identity != "" {
				if who, err := Probe(t.Context(), res.Link, o.registration(), token); err != nil || who.Subject != "7" {
					t.Errorf("probe: %+v, %v", who, err)
				}
			}
		}
	}
}

func TestOAuth1Calls(t *testing.T) {
	for _, method := range []string{"HMAC-SHA1", "RSA-SHA1", "PLAINTEXT"} {
		o := newOAuth1(t, method)
		l := Link{Provider: o.row(), ClientID: "key"}
		token := Token{Type: "OAuth", Access: secret.New("access"), Secret: secret.New("canary-own-secret")}
		for _, c := range []struct {
			path, kind, body string
			right            bool
		}{
			{"/x", "", "", true},
			{"/x%2Fy/a%20b?q=a%20b&w=%C3%BC+1&empty=", "", "", true},
			{"//two", "", "", true},
			{"/x?a=b", "application/x-www-form-urlencoded", "status=hello+w%C3%B6rld&c=%26", true},
			{"/x", "application/x-www-form-urlencoded; charset=utf-8", "a=b", true},
			{"/x", "application/json", `{"a":"b"}`, true},
			{"/x?a=1&a=2", "", "", false},
			{"/x?a=1", "application/x-www-form-urlencoded", "a=2", false},
			{"/x?oauth_token=another", "", "", false},
			{"/x", "application/x-www-form-urlencoded", "oauth_token=another", false},
			{"/x?a=%zz", "", "", false},
			{"/x", "application/x-www-form-urlencoded", strings.Repeat("a", signedForm+1), false},
		} {
			req := newRequest(t, "POST", o.URL+c.path, strings.NewReader(c.body))
			if c.kind != "" {
				req.Header.Set("Content-Type", c.kind)
			}
			before := o.count(req.URL.Path)
			res, err := Call(t.Context(), l, o.registration(), token, req)
			if (err == nil) != c.right || err != nil && (!isInvalid(err) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("%s %+.100v: %v", method, c, err)
			}
			if err == nil {
				res.Body.Close()
			} else if o.count(req.URL.Path) != before {
				t.Errorf("%+v was sent", c)
			}
		}
		if _, err := Call(t.Context(), l, o.registration(), token, newRequest(t, "POST", o.URL+"/temporary", nil)); !isInvalid(err) {
			t.Errorf("the request token address: %v", err)
		}
	}
}

func TestOAuth1ForgedCallbacks(t *testing.T) {
	o := newOAuth1(t, "")
	var callback string
	tries := 0
	browser := func(ctx context.Context, start string) error {
		if err := browseTo(start); err != nil {
			return err
		}
		o.mu.Lock()
		callback = o.callback
		o.mu.Unlock()
		base, state, _ := strings.Cut(callback, "?")
		if !strings.HasPrefix(state, "state=") || len(state) < 40 {
			t.Errorf("the callback is %q", callback)
		}
		for _, query := range []string{
			"oauth_token=temp&oauth_verifier=forged", "state=wrong&oauth_token=temp&oauth_verifier=forged", state + "&oauth_token=swapped&oauth_verifier=forged",
			state + "&oauth_token=temp", state + "&oauth_verifier=forged", state + "&oauth_token=temp&oauth_token=swapped&oauth_verifier=forged",
			state + "&oauth_token=temp&oauth_verifier=forged&oauth_verifier=two", state + "&oauth_token=temp&oauth_verifier=a%0d%0ab", state + "&denied=swapped",
			state + "&" + state + "&oauth_token=temp&oauth_verifier=forged", state + "&code=forged", state + "&error=access_denied",
		} {
			if res, err := http.Get(base + "?" + query); err != nil || res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %v, %v", query, res, err)
			}
			tries++
		}
		right := base + "?" + state + "&oauth_token=temp&oauth_verifier=canary-verifier"
		if err := browse(ctx, right); err != nil {
			return err
		}
		if res, err := http.Get(right); err == nil && res.StatusCode != http.StatusGone && res.StatusCode != http.StatusNotFound { // replayed
			t.Errorf("replayed: %v", res.Status)
		}
		return nil
	}
	res, err := Run(t.Context(), o.row(), Prompt{OpenURL: browser}, Request{Registration: o.registration()})
	if err != nil || res.Token.Access.Reveal() != "access" || tries != 12 || o.count("/access") != 1 {
		t.Errorf("%v, %d tries, %d exchanges", err, tries, o.count("/access"))
	}
}

// browseTo goes to the provider's page and no further.
func browseTo(start string) error {
	one := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := one.Get(start)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func TestOAuth1Refusals(t *testing.T) {
	for _, c := range []struct {
		name              string
		temporary, access http.HandlerFunc
		back              func(url.Values)
		code              string // of a Refused
		text              string // of another error
	}{
		{name: "the user says no", back: func(q url.Values) { q.Del("oauth_verifier"); q.Del("oauth_token"); q.Set("denied", "temp") }, code: "access_denied"},
		{name: "the user says no, as a problem", back: func(q url.Values) { q.Del("oauth_verifier"); q.Set("oauth_problem", "user_refused") }, code: "access_denied"},
		{name: "the user says no, as a verifier", back: func(q url.Values) { q.Set("oauth_verifier", "denied") }, code: "access_denied"},
		{name: "unknown consumer", temporary: raw(401, "text/plain", "canary-body "+consumerSecret), code: "invalid_client"},
		{name: "unknown consumer, named", temporary: raw(401, "text/plain", "oauth_problem=consumer_key_unknown&debug=canary"), code: "invalid_client"},
		{name: "named in the challenge", temporary: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `OAuth realm="x", oauth_problem="timestamp_refused"`)
			w.WriteHeader(400)
		}, code: "timestamp_refused"},
		{name: "a verifier that was used", access: raw(401, "text/plain", "oauth_problem=token_used"), code: "invalid_grant"},
		{name: "refused at the end", access: raw(401, "text/plain", "canary"), code: "invalid_grant"},
		{name: "no confirmation", temporary: raw(200, "text/plain", "oauth_token=temp&oauth_token_secret=canary"), text: "does not confirm"},
		{name: "confirmed: false", temporary: raw(200, "text/plain", "oauth_token=temp&oauth_token_secret=canary&oauth_callback_confirmed=false"), text: "does not confirm"},
		{name: "trouble", temporary: raw(503, "text/html", "canary"), text: "HTTP 503"},
		{name: "redirect", temporary: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/canary", 307) }, text: "redirect"},
		{name: "twice", access: raw(200, "text/plain", final+"&oauth_token=canary"), text: "twice"},
		{name: "not a form", access: raw(200, "text/html", "<html>%zz canary"), text: "not a valid form"},
		{name: "no secret", access: raw(200, "text/html", "oauth_token=canary"), text: "oauth_token_secret"},
		{name: "CR LF in the token", access: raw(200, "text/html", "oauth_token=canary%0d%0ax&oauth_token_secret=y"), text: "oauth_token"},
		{name: "a mebibyte", access: raw(200, "text/html", "oauth_token=canary&oauth_token_secret="+strings.Repeat("x", 1<<20)), text: "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOAuth1(t, "")
			o.temporary, o.access, o.back = c.temporary, c.access, c.back
			res, err := Run(t.Context(), o.row(), Prompt{OpenURL: browse}, Request{Registration: o.registration()})
			no, refused := errors.AsType[*Refused](err)
			if err == nil || refused != (c.code != "") || refused && no.Code != c.code || !strings.Contains(err.Error(), c.text) || !res.Token.Access.IsZero() {
				t.Fatalf("got %v", err)
			}
			noCanary(t, err)
		})
	}
}

func TestOAuth1NeedsItsKey(t *testing.T) {
	o := newOAuth1(t, "RSA-SHA1")
	for _, key := range []string{"", "no PEM canary", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("canary")}))} {
		_, err := Run(t.Context(), o.row(), Prompt{OpenURL: browse}, Request{Registration: Registration{ClientID: "key", PrivateKey: secret.New(key)}})
		if !isInvalid(err) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", key, err)
		}
	}
	row := o.row()
	row.OAuth1.Signature = "MD5"
	if _, err := Run(t.Context(), row, Prompt{}, Request{Registration: o.registration()}); !isInvalid(err) {
		t.Errorf("got %v", err)
	}
	if len(o.requests) != 0 {
		t.Errorf("asked %v", o.requests)
	}
}

func TestOAuth1PastedVerifier(t *testing.T) {
	o := newOAuth1(t, "")
	row := o.row()
	row.Redirect = Redirect{Mode: "paste"}
	paste := make(chan string, 1)
	res, err := Run(t.Context(), row, Prompt{Paste: paste, Waiting: func(string, error) { paste <- " canary-verifier\n" }}, Request{Registration: o.registration()})
	if err != nil || res.Token.Access.Reveal() != "access" || o.callback != "oob" {
		t.Errorf("%v, callback %q", err, o.callback)
	}
}

// TestOAuth1AgainReplacesTheCredentials: what an earlier page leads to is no
// answer any more.
func TestOAuth1AgainReplacesTheCredentials(t *testing.T) {
	legs := &oauth1Legs{dance: &dance{link: Link{Provider: Provider{Name: "Old"}}}}
	values := url.Values{"oauth_token": {"temp"}, "oauth_verifier": {"v"}}
	if _, _, ok := legs.judge(values); ok {
		t.Error("an answer before there is a request was taken")
	}
	legs.token = "temp"
	if _, _, ok := legs.judge(values); !ok {
		t.Error("the right answer was not taken")
	}
	legs.token = "temp2"
	if _, _, ok := legs.judge(values); ok {
		t.Error("the answer to an earlier request was taken")
	}
}

// TestOAuth1AgainBesideTheAnswer: a word on Again that arrives together with
// the answer does not take away the credentials that the answer is for.
func TestOAuth1AgainBesideTheAnswer(t *testing.T) {
	o := newOAuth1(t, "")
	legs := &oauth1Legs{dance: &dance{link: Link{Provider: o.row()}, registration: o.registration(), state: "s"}}
	if _, err := legs.address(t.Context(), "http://127.0.0.1:1/x"); err != nil {
		t.Fatal(err)
	}
	answer, _, ok := legs.judge(url.Values{"oauth_token": {"temp"}, "oauth_verifier": {"canary-verifier"}})
	if !ok {
		t.Fatal("the right answer was not taken")
	}
	o.temporary = raw(200, "text/html", strings.ReplaceAll(temporary, "temp", "newer"))
	if _, err := legs.address(t.Context(), "http://127.0.0.1:1/x"); err != nil {
		t.Fatal(err)
	}
	got, err := legs.exchange(t.Context(), answer)
	if err != nil || got.token.Access.Reveal() != "access" {
		t.Errorf("got %v", err)
	}
}

func FuzzOAuth1Answer(f *testing.F) {
	for _, seed := range []string{temporary, final, "oauth_token=a", "a=b&a=c", "%", "oauth_problem=token_used"} {
		f.Add(200, seed)
		f.Add(401, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		call := &oauth1Call{stage: "token", confirmed: len(body)%2 == 0, secrets: []string{"canary-secret"}}
		doc, err := call.read(answer{status: status, body: []byte(body), header: http.Header{}})
		if (err == nil) != (doc != nil) {
			t.Fatalf("%v beside %v", doc, err)
		}
		if err == nil && (!tokenText(stringAt(doc, "oauth_token")) || stringAt(doc, "oauth_token") == "" || stringAt(doc, "oauth_token_secret") == "" || status/100 != 2) {
			t.Fatalf("taken: %v", doc)
		}
	})
}
