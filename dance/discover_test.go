package dance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestDiscoveryDocuments(t *testing.T) {
	set := func(name string, v any) func(map[string]any) { return func(d map[string]any) { d[name] = v } }
	for _, c := range []struct {
		name    string
		change  func(map[string]any)
		row     func(*Provider)
		invalid string // part of the text; "": fine
	}{
		{name: "as it should be"},
		{name: "D23 another issuer", change: set("issuer", "https://evil.example"), invalid: "its issuer is"},
		{name: "D23 no issuer", change: set("issuer", nil), invalid: "its issuer is"},
		{name: "O23 issuer with slash", change: func(d map[string]any) { d["issuer"] = d["issuer"].(string) + "/" }, invalid: "its issuer is"},
		{name: "D16 plain only", change: set("code_challenge_methods_supported", []string{"plain"}), invalid: "S256"},
		{name: "D16 none at all", change: set("code_challenge_methods_supported", []string{}), invalid: "S256"},
		{name: "D16 plain by the row", change: set("code_challenge_methods_supported", []string{"plain"}), row: func(p *Provider) { p.PKCE = "plain" }},
		{name: "D17 silent on PKCE", change: set("code_challenge_methods_supported", nil)},
		{name: "PAR only", change: set("require_pushed_authorization_requests", true), invalid: "PAR"},
		{name: "D22 file", change: set("authorization_endpoint", "file:///etc/passwd"), invalid: "authorization_endpoint"},
		{name: "D22 script", change: set("authorization_endpoint", "javascript:alert(1)"), invalid: "authorization_endpoint"},
		{name: "D22 plain http", change: set("token_endpoint", "http://issuer.example/token"), invalid: "token_endpoint"},
		{name: "D22 option", change: set("authorization_endpoint", "--help"), invalid: "authorization_endpoint"},
		{name: "no token endpoint", change: set("token_endpoint", nil), invalid: "no token address"},
		{name: "row's own endpoint wins", change: set("token_endpoint", nil), row: func(p *Provider) { p.Endpoints.Token = "https://token.example/t" }},
		{name: "row with odd PKCE", row: func(p *Provider) { p.PKCE = "S512" }, invalid: "PKCE"},
		{name: "row with odd redirect", row: func(p *Provider) { p.Redirect.Mode = "carrier pigeon" }, invalid: "redirect"},
		{name: "row with foreign redirect host", row: func(p *Provider) { p.Redirect.Host = "0.0.0.0" }, invalid: "redirect"},
		{name: "row with odd path", row: func(p *Provider) { p.Redirect.Path = "/a?b" }, invalid: "path"},
		{name: "row with odd port", row: func(p *Provider) { p.Redirect.Port = 70000 }, invalid: "port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			op.document = c.change
			p := op.row()
			if c.row != nil {
				c.row(&p)
			}
			l, _, err := resolve(t.Context(), p, Registration{ClientID: "us"})
			if c.invalid == "" {
				if err != nil || !l.IssParam || l.Provider.Endpoints.Authorization != op.URL+"/authorize" {
					t.Errorf("%+v, %v", l, err)
				}
				if l.ChallengeKnown != (c.change == nil) && !strings.Contains(c.name, "row") {
					t.Errorf("PKCE known: %v", l.ChallengeKnown)
				}
				return
			}
			if !isInvalid(err) || !strings.Contains(err.Error(), c.invalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestD23OddDiscoveryAnswers(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer other.Close()
	for name, h := range map[string]http.HandlerFunc{
		"not found":        http.NotFound,
		"cross-host":       func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, 302) },
		"endless redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", 302) },
		"10 MB": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"x":"%s"}`, strings.Repeat("y", 10<<20))
		},
		"depth":           raw(200, "application/json", strings.Repeat(`{"x":`, 1000)+"1"+strings.Repeat("}", 1000)),
		"duplicate names": raw(200, "application/json", `{"issuer":"a","issuer":"b"}`),
		"page":            raw(200, "text/html", "<html>"),
		"list":            raw(200, "application/json", "[]"),
		"500":             raw(500, "application/json", "{}"),
		"hangs up":        func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(h)
			defer srv.Close()
			_, err := discover(t.Context(), Provider{Issuer: srv.URL})
			failed(t, err)
		})
	}
}

func TestD23TricklingDiscoveryIsBounded(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		io.WriteString(w, "{")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*1e6)
	defer cancel()
	_, err := discover(ctx, Provider{Issuer: srv.URL})
	if f := failed(t, err); !f.Answered || f.Offline {
		t.Errorf("got %+v", f)
	}
}

func TestRFC8414Place(t *testing.T) {
	var asked []string
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/.well-known/oauth-authorization-server/tenant":
		case "/tenant/.well-known/openid-configuration":
			raw(200, "text/html; charset=utf-8", "<html>the same page everywhere")(w, r)
			return
		default:
			http.NotFound(w, r)
			return
		}
		writeJSON(w, map[string]any{"issuer": srv.URL + "/tenant", "authorization_endpoint": srv.URL + "/a", "token_endpoint": srv.URL + "/t",
			"token_endpoint_auth_methods_supported": []string{"client_secret_post"}})
	}))
	defer srv.Close()
	l, _, err := resolve(t.Context(), Provider{Protocol: "oauth2", Issuer: srv.URL + "/tenant"}, Registration{ClientID: "us"})
	if err != nil || l.Provider.Endpoints.Token != srv.URL+"/t" || l.AuthStyle != AuthNone {
		t.Errorf("%+v, %v", l, err)
	}
	if asked[0] != "/tenant/.well-known/openid-configuration" {
		t.Errorf("asked %v", asked)
	}
	if style := authStyle(Registration{ClientSecret: newSecret("s")}, []string{"client_secret_post"}); style != AuthPost {
		t.Errorf("style %s", style)
	}
}

func TestD24DocumentOfAPublicIssuer(t *testing.T) {
	for _, c := range []struct {
		issuer, endpoint string
		want             bool
	}{
		{"https://issuer.example", "https://issuer.example/t", true},
		{"https://issuer.example", "https://other.example/t", true},
		{"https://issuer.example", "https://other.example:443/t", true},
		{"https://issuer.example:8443", "https://issuer.example:8443/t", true},
		{"https://issuer.example", "https://127.0.0.1/t", false},
		{"https://issuer.example", "http://127.0.0.1:8080/t", false},
		{"https://issuer.example", "https://localhost/t", false},
		{"https://issuer.example", "https://169.254.169.254/latest", false},
		{"https://issuer.example", "https://[fe80::1]/t", false},
		{"https://issuer.example", "https://10.0.0.1/t", false},
		{"https://issuer.example", "https://other.example:22/t", false},
		{"http://127.0.0.1:1", "http://127.0.0.1:2/t", true},
	} {
		issuer, _ := url.Parse(c.issuer)
		if err := fromIssuer(issuer, c.endpoint); (err == nil) != c.want {
			t.Errorf("%s names %s: %v", c.issuer, c.endpoint, err)
		}
	}
}

func TestIssuerTemplate(t *testing.T) {
	const common = "https://login.example/common/v2.0"
	p := Provider{Issuer: common, Quirks: Quirks{IssuerTemplate: true}}
	for named, want := range map[string]bool{
		common: true, "https://login.example/{tenantid}/v2.0": true, "https://login.example/1234-ab/v2.0": true,
		"https://evil.example/1234-ab/v2.0": false, "https://login.example/a/b/v2.0": false, "https://login.example//v2.0": false,
		"https://login.example/1234/v3.0": false, "https://login.example/v2.0": false,
	} {
		if sameIssuer(p, named) != want {
			t.Errorf("%s is not %v", named, want)
		}
	}
	if sameIssuer(Provider{Issuer: common}, "https://login.example/1234/v2.0") || tenantOf("https://login.example", "https://login.example") != "" {
		t.Error("taken without a template")
	}
}

func FuzzDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://issuer.example","authorization_endpoint":"https://issuer.example/a","token_endpoint":"https://t.example/"}`))
	f.Add([]byte(`{"issuer":"https://issuer.example","code_challenge_methods_supported":["plain"],"jwks_uri":"http://127.0.0.1"}`))
	f.Add([]byte(`{"issuer":"https://issuer.example","pushed_authorization_request_endpoint":"https://[fe80::1]/par","dpop_signing_alg_values_supported":["ES256",7]}`))
	f.Add([]byte(`[[[[`))
	issuer, _ := url.Parse(testIssuer)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := readMetadata(body, Provider{Issuer: testIssuer}, issuer)
		if err != nil {
			if m.endpoints != (Endpoints{}) {
				t.Fatalf("endpoints beside an error: %+v", m.endpoints)
			}
			return
		}
		e := m.endpoints
		for _, address := range []string{e.Authorization, e.Token, e.JWKS, e.UserInfo, e.PAR, e.Registration, e.DeviceAuthorization, e.Revocation, e.EndSession} {
			if address == "" {
				continue
			}
			if u, err := checkURL(address); err != nil || u.Scheme != "https" || innerName(u.Hostname()) {
				t.Fatalf("took %q", address)
			}
		}
	})
}
