package dancetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"dancecard/dance/dancetest"
)

func TestCodeFlow(t *testing.T) {
	p := start(t, dancetest.Options{})
	for _, user := range []struct{ login, name, email string }{
		{"mira", "Mira Okafor", "mira@example.test"},
		{"jo", "Jo Lindqvist", "jo@example.test"},
	} {
		g := newProgram(t, p)
		tok := g.link(user.login)
		if left := time.Until(tok.Expiry); left < 110*time.Second || left > 121*time.Second {
			t.Errorf("the access token lives %v, want two minutes", left)
		}
		if tok.ExpiresIn != 120 {
			t.Errorf("expires_in is %d, want 120", tok.ExpiresIn)
		}
		raw, _ := tok.Extra("id_token").(string)
		id, err := g.oidc.Verifier(&oidc.Config{ClientID: p.ClientID()}).Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if id.Nonce != "n-1" || id.VerifyAccessToken(tok.AccessToken) != nil {
			t.Errorf("nonce %q, at_hash %q", id.Nonce, id.AccessTokenHash)
		}
		info, err := g.userinfo(tok.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ Name string }
		if info.Claims(&claims); claims.Name != user.name || info.Email != user.email || info.Subject != id.Subject {
			t.Errorf("userinfo says %q %q %q", claims.Name, info.Email, info.Subject)
		}
		if strings.Contains(info.Subject, user.login) {
			t.Error("the subject gives the login away")
		}
	}
}

func TestApproveFollowsTheStartAddress(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	status, body, err := g.p.Approve(strings.TrimSuffix(g.config.RedirectURL, "/any/path")+"/start", "jo")
	if err != nil || status != http.StatusTeapot || body != "the program's page" {
		t.Fatal(status, body, err)
	}
}

func TestAnswersCarryTheIssuer(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	var doc struct {
		Supported bool `json:"authorization_response_iss_parameter_supported"`
	}
	if err := g.oidc.Claims(&doc); err != nil || !doc.Supported {
		t.Fatal("discovery does not promise iss", err)
	}
	g.code("mira")
	if _, _, err := g.p.Approve(g.authorize(), "mira"); err != nil {
		t.Fatal(err)
	}
	if a := <-g.answers; a.Get("iss") != g.p.Issuer() || a.Get("state") != "s-1" {
		t.Errorf("allowed: %v", a)
	}
	status, _, err := g.p.Deny(g.authorize(), "mira")
	if err != nil || status != http.StatusTeapot {
		t.Fatal(status, err)
	}
	if a := <-g.answers; a.Get("iss") != g.p.Issuer() || a.Get("error") != "access_denied" || a.Get("state") != "s-1" || a.Has("code") {
		t.Errorf("denied: %v", a)
	}
}

func TestAuthorizationRequestsThatAreRefused(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	param := oauth2.SetAuthURLParam
	for name, more := range map[string]oauth2.AuthCodeOption{
		"invalid_request: plain PKCE": param("code_challenge_method", "plain"),
		"invalid_request: no PKCE":    param("code_challenge", ""),
		"login_required: prompt none": param("prompt", "none"),
		"unauthorized_client: token":  param("response_type", "token"),
	} {
		t.Run(name, func(t *testing.T) {
			// SetAuthURLParam replaces, so it must come after the challenge.
			status, _, err := g.p.Approve(g.config.AuthCodeURL("s-1", oauth2.S256ChallengeOption(g.verifier), more), "mira")
			if err != nil || status != http.StatusTeapot {
				t.Fatal(status, err)
			}
			code, _, _ := strings.Cut(name, ":")
			if a := <-g.answers; a.Get("error") != code || a.Get("iss") != g.p.Issuer() {
				t.Errorf("got %v", a)
			}
		})
	}
	for _, redirect := range []string{
		"https://example.test/x", "http://127.0.0.1.example.test/x", "http://192.0.2.1:80/x",
		"http://127.0.0.1:1@example.test/x", "javascript:alert(1)",
	} {
		if status, body, err := g.p.Approve(g.authorize(param("redirect_uri", redirect)), "mira"); err == nil {
			t.Errorf("%s was accepted: %d %s", redirect, status, body)
		}
	}
	if _, _, err := g.p.Approve(g.authorize(param("client_id", "other")), "mira"); err == nil {
		t.Error("an unknown client was accepted")
	}
}

func TestLoopbackRedirects(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	for _, redirect := range []string{
		"http://127.0.0.1:4711", "http://127.0.0.1:4711/", "http://127.0.0.1/x", "http://127.0.0.1:4711/a/b/c",
		"http://localhost:8939/dancecard", "http://[::1]:9/x?keep=1",
	} {
		res, err := noRedirects.Get(g.authorize(oauth2.SetAuthURLParam("redirect_uri", redirect)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if to := res.Header.Get("Location"); !strings.HasPrefix(to, "/login?") {
			t.Errorf("%s: status %s to %q", redirect, res.Status, to)
		}
	}
}

var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func TestCodeIsGoodOnce(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	code := g.code("mira")
	_, err := g.config.Exchange(t.Context(), code, oauth2.VerifierOption(oauth2.GenerateVerifier()))
	refused(t, err, "invalid_grant")
	tok, err := g.config.Exchange(t.Context(), code, oauth2.VerifierOption(g.verifier))
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.config.Exchange(t.Context(), code, oauth2.VerifierOption(g.verifier))
	refused(t, err, "invalid_grant")
	g.active(tok.AccessToken, false)
	g.active(tok.RefreshToken, false)
}

func TestOneCodeAtOnce(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	code := g.code("mira")
	var got sync.Map
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if tok, err := g.config.Exchange(t.Context(), code, oauth2.VerifierOption(g.verifier)); err == nil {
				got.Store(tok.AccessToken, true)
			}
		})
	}
	wg.Wait()
	n := 0
	got.Range(func(any, any) bool { n++; return true })
	if n > 1 {
		t.Errorf("one code was exchanged %d times", n)
	}
}

func TestLoginPages(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	get := func(more ...oauth2.AuthCodeOption) (*url.URL, string, http.Header) {
		t.Helper()
		res, err := browser.Get(g.authorize(more...))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b strings.Builder
		if _, err := io.Copy(&b, res.Body); err != nil {
			t.Fatal(err)
		}
		return res.Request.URL, b.String(), res.Header
	}
	at, page, header := get(oauth2.SetAuthURLParam("login_hint", "jo"))
	for _, want := range []string{`id="username"`, `id="password"`, `id="sign-in"`, `id="as-mira"`, `value="jo"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the login page lacks %s", want)
		}
	}
	if strings.Contains(page, "<script") || !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the login page may run scripts")
	}
	if strings.Index(page, "as-jo") > strings.Index(page, "as-mira") {
		t.Error("the hinted user is not first")
	}
	wrong, err := browser.PostForm(g.p.Issuer()+"/login", url.Values{"request": at.Query()["request"], "username": {"mira"}, "password": {"jo"}})
	if err != nil || wrong.StatusCode != http.StatusUnauthorized {
		t.Fatal("a wrong password was accepted", wrong.Status, err)
	}
	wrong.Body.Close()
	res, err := browser.PostForm(g.p.Issuer()+"/login", url.Values{"request": at.Query()["request"], "as": {"mira"}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	io.Copy(&b, res.Body)
	res.Body.Close()
	for _, want := range []string{`id="allow"`, `id="deny"`, "Mira Okafor", "Dancecard", "see your e-mail address"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the consent page lacks %s", want)
		}
	}
	if _, page, _ := get(); !strings.Contains(page, "signed in here") || !strings.Contains(page, `id="sign-in"`) {
		t.Error("a second dance does not offer the account chooser")
	}
	at, page, _ = get(oauth2.SetAuthURLParam("prompt", "login"))
	if strings.Contains(page, `id="as-mira"`) {
		t.Error("prompt=login offers a sign-in without a password")
	}
	res, err = browser.PostForm(g.p.Issuer()+"/login", url.Values{"request": at.Query()["request"], "as": {"mira"}})
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Error("prompt=login let somebody in without a password")
	}
	res.Body.Close()
	stranger, err := http.Get(at.String())
	if err != nil || stranger.StatusCode != http.StatusBadRequest {
		t.Error("another browser may go on with the sign-in")
	}
	stranger.Body.Close()
}

func TestEndSession(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	tok := g.link("mira")
	end := func(query url.Values) (int, string) {
		t.Helper()
		res, err := noRedirects.Get(g.p.Issuer() + g.p.EndSessionPath() + "?" + query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode, res.Header.Get("Location")
	}
	id := tok.Extra("id_token").(string)
	back := "http://127.0.0.1:1234/out"
	if status, to := end(url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {back}, "state": {"z"}}); status != 302 || to != back+"?state=z" {
		t.Errorf("end-session: %d %s", status, to)
	}
	if status, to := end(url.Values{}); status != 302 || to != "/signed-out" {
		t.Errorf("end-session without a hint: %d %s", status, to)
	}
	if status, _ := end(url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {"https://example.test/"}}); status != 400 {
		t.Errorf("a foreign address after logout: %d", status)
	}
	g.active(tok.AccessToken, true) // signing out is not revoking
}

func TestDiscoverySaysWhatIsTrue(t *testing.T) {
	p := start(t, dancetest.Options{})
	res, err := http.Get(p.Issuer() + p.DiscoveryPath())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var doc map[string]any
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint",
		"introspection_endpoint", "end_session_endpoint", "jwks_uri",
	} {
		if s, _ := doc[name].(string); !strings.HasPrefix(s, p.Issuer()+"/") {
			t.Errorf("%s is %q", name, s)
		}
	}
	if doc["issuer"] != p.Issuer() {
		t.Errorf("issuer is %v", doc["issuer"])
	}
}
