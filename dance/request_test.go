package dance

import (
	"net/http"
	"strings"
	"testing"

	"dancecard/internal/secret"
)

func TestAuthStyles(t *testing.T) {
	for _, style := range []AuthStyle{AuthBasic, AuthPost, AuthNone, ""} {
		op := newOP(t)
		var user, password, body string
		op.token = func(w http.ResponseWriter, r *http.Request) {
			user, password, _ = r.BasicAuth()
			body = r.PostForm.Get("client_secret")
			op.serveToken(w, op.pending.Get("nonce"))
		}
		r := Registration{ClientID: "us", ClientSecret: secret.New("s:cret"), AuthStyle: style}
		res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{Registration: r})
		if err != nil {
			t.Fatal(err)
		}
		switch style {
		case AuthBasic, "":
			if user != "us" || password != "s%3Acret" || body != "" || res.Link.AuthStyle != AuthBasic {
				t.Errorf("%s: %q %q %q", style, user, password, body)
			}
		case AuthPost:
			if user != "" || body != "s:cret" {
				t.Errorf("%s: %q %q", style, user, body)
			}
		case AuthNone:
			if user != "" || body != "" {
				t.Errorf("%s: %q %q", style, user, body)
			}
		}
		if op.count("/token") != 1 {
			t.Errorf("D52: %d token requests", op.count("/token"))
		}
	}
}

func TestAuthorizationRequest(t *testing.T) {
	age := 60
	for _, c := range []struct {
		name string
		row  Provider
		req  Request
		want map[string]string // "": absent
	}{
		{"row's parameters do not displace ours",
			Provider{AuthorizeParams: map[string]string{"state": "evil", "redirect_uri": "https://evil.example", "access_type": "offline", "response_type": "token", "code_challenge_method": "plain"}},
			Request{Scopes: []string{"a"}},
			map[string]string{"state": "the-state", "redirect_uri": "http://127.0.0.1:1/x", "access_type": "offline", "response_type": "code", "code_challenge_method": "S256", "nonce": "", "prompt": ""}},
		{"plain", Provider{PKCE: "plain"}, Request{}, map[string]string{"code_challenge": "the-verifier", "code_challenge_method": "plain"}},
		{"off", Provider{PKCE: "off"}, Request{}, map[string]string{"code_challenge": "", "code_challenge_method": ""}},
		{"scopes in other words", Provider{ScopeParam: "user_scope", ScopeSeparator: ","}, Request{Scopes: []string{"a", "b"}}, map[string]string{"user_scope": "a,b", "scope": ""}},
		{"offline access", Provider{Issuer: testIssuer}, Request{Scopes: []string{"openid", "offline_access"}, PromptParam: "select_account"},
			map[string]string{"prompt": "select_account consent", "nonce": "the-nonce"}},
		{"offline access, consent asked", Provider{Issuer: testIssuer}, Request{Scopes: []string{"offline_access"}, PromptParam: "consent"}, map[string]string{"prompt": "consent"}},
		{"offline access, silent", Provider{Issuer: testIssuer}, Request{Scopes: []string{"offline_access"}, PromptParam: "none"}, map[string]string{"prompt": "none"}},
		{"row has its own prompt", Provider{Issuer: testIssuer, AuthorizeParams: map[string]string{"prompt": "select_account"}}, Request{Scopes: []string{"offline_access"}},
			map[string]string{"prompt": "select_account"}},
		{"max_age", Provider{Issuer: testIssuer}, Request{MaxAge: &age, LoginHint: "sam"}, map[string]string{"max_age": "60", "login_hint": "sam"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.row.Endpoints.Authorization = testIssuer + "/authorize?own=1"
			d := &dance{link: Link{Provider: c.row, RedirectURI: "http://127.0.0.1:1/x"}, registration: Registration{ClientID: "us"},
				request: c.req, state: "the-state", nonce: "the-nonce", verifier: "the-verifier"}
			q := mustQuery(t, d.authorization())
			for name, want := range c.want {
				if got := strings.Join(q[name], "|"); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if q.Get("own") != "1" || q.Get("client_id") != "us" {
				t.Errorf("asked %v", q)
			}
		})
	}
}

func TestScopes(t *testing.T) {
	offered := []string{"openid", "offline_access"}
	for _, c := range []struct {
		row   Provider
		asked []string
		want  string
	}{
		{Provider{Issuer: testIssuer}, nil, "openid profile email offline_access"},
		{Provider{Issuer: testIssuer, Scopes: []string{"a"}}, nil, "a"},
		{Provider{Issuer: testIssuer, Scopes: []string{"a"}}, []string{"b"}, "b"},
		{Provider{Protocol: "oauth2"}, nil, ""},
	} {
		if got := strings.Join(scopes(c.row, c.asked, offered), " "); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
