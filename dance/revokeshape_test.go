package dance

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"dancecard/internal/secret"
)

// revocationServer writes down what it is asked, in one line a request.
type revocationServer struct {
	*httptest.Server
	answer http.HandlerFunc

	mu    sync.Mutex // guards the fields that follow
	lines []string
}

func newRevocationServer(t *testing.T) *revocationServer {
	s := &revocationServer{}
	s.Server = apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		line := r.Method + " " + r.RequestURI
		for _, name := range []string{"Authorization", "X-Shopify-Access-Token"} {
			if v := r.Header.Get(name); v != "" {
				line += " [" + v + "]"
			}
		}
		if len(body) > 0 {
			kind := strings.TrimPrefix(r.Header.Get("Content-Type"), "application/")
			line += " " + kind + " " + string(body)
		}
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		if s.answer != nil {
			s.answer(w, r)
		}
	})
	return s
}

func (s *revocationServer) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

var (
	ourBasic  = basic("us", "s3cret")
	keyBasic  = basic("s3cret", "")
	someToken = Token{Access: secret.New("a/t+1"), Refresh: secret.New("r/t?1"), Type: "Bearer", Extra: map[string]string{"stripe_user_id": "acct_1"}}
)

// TestEveryRevocationShape: the shapes that providers are known to have, each
// as a row says it and as it reaches the wire.
func TestEveryRevocationShape(t *testing.T) {
	for _, c := range []struct {
		name   string
		path   string
		style  AuthStyle
		shape  Revocation
		quirks Quirks
		api    API
		answer http.HandlerFunc
		want   string
	}{
		{"github", "/applications/{client_id}/token", AuthPost,
			Revocation{Method: "DELETE", Auth: "basic", Send: "json", Params: map[string]string{"access_token": "{access_token}"}}, Quirks{}, API{}, raw(204, "", ""),
			`DELETE /applications/us/token [` + ourBasic + `] json {"access_token":"a/t+1"}`},
		{"yandex", "/revoke_token", AuthPost, Revocation{Params: map[string]string{"access_token": "{access_token}"}}, Quirks{}, API{}, nil,
			"POST /revoke_token x-www-form-urlencoded access_token=a%2Ft%2B1&client_id=us&client_secret=s3cret"},
		{"zoho", "/oauth/v2/token/revoke", AuthPost, Revocation{Auth: "none", Send: "query", Params: map[string]string{"token": "{refresh_token}"}}, Quirks{}, API{}, nil,
			"POST /oauth/v2/token/revoke?token=r%2Ft%3F1"},
		{"slack", "/api/auth.revoke", AuthPost, Revocation{Auth: "bearer"}, Quirks{ErrorsIn200: true}, API{}, raw(200, "application/json", `{"ok":true,"revoked":true}`),
			"POST /api/auth.revoke [Bearer a/t+1]"},
		{"linkedin", "/oauth/v2/revoke", AuthPost, Revocation{Params: map[string]string{"token": "{access_token}"}}, Quirks{}, API{}, nil,
			"POST /oauth/v2/revoke x-www-form-urlencoded client_id=us&client_secret=s3cret&token=a%2Ft%2B1"},
		{"facebook", "/me/permissions", AuthPost, Revocation{Method: "DELETE", Auth: "bearer"}, Quirks{}, API{}, raw(200, "application/json", `{"success":true}`),
			"DELETE /me/permissions [Bearer a/t+1]"},
		{"tiktok", "/v2/oauth/revoke/", AuthPost, Revocation{Params: map[string]string{"token": "{access_token}"}}, Quirks{ClientIDParam: "client_key"}, API{}, nil,
			"POST /v2/oauth/revoke/ x-www-form-urlencoded client_key=us&client_secret=s3cret&token=a%2Ft%2B1"},
		{"dropbox", "/2/auth/token/revoke", AuthNone, Revocation{Auth: "bearer"}, Quirks{}, API{}, raw(200, "application/json", "null"),
			"POST /2/auth/token/revoke [Bearer a/t+1]"},
		{"twitch", "/oauth2/revoke", AuthPost, Revocation{Auth: "none", Params: map[string]string{"client_id": "{client_id}", "token": "{access_token}"}}, Quirks{}, API{}, nil,
			"POST /oauth2/revoke x-www-form-urlencoded client_id=us&token=a%2Ft%2B1"},
		{"trakt", "/oauth/revoke", AuthPost, Revocation{Send: "json", Params: map[string]string{"token": "{access_token}"}}, Quirks{}, API{}, nil,
			`POST /oauth/revoke json {"client_id":"us","client_secret":"s3cret","token":"a/t+1"}`},
		{"linear", "/oauth/revoke", AuthPost, Revocation{Auth: "bearer"}, Quirks{}, API{}, nil, "POST /oauth/revoke [Bearer a/t+1]"},
		{"notion", "/v1/oauth/revoke", AuthBasic, Revocation{Send: "json", Params: map[string]string{"token": "{access_token}"}}, Quirks{}, API{}, nil,
			"POST /v1/oauth/revoke [" + ourBasic + `] json {"token":"a/t+1"}`},
		{"asana", "/-/oauth_revoke", AuthPost, Revocation{Params: map[string]string{"token": "{refresh_token}"}}, Quirks{}, API{}, nil,
			"POST /-/oauth_revoke x-www-form-urlencoded client_id=us&client_secret=s3cret&token=r%2Ft%3F1"},
		{"todoist", "/api/v1/access_tokens", AuthPost,
			Revocation{Method: "DELETE", Auth: "none", Send: "query", Params: map[string]string{"client_id": "{client_id}", "client_secret": "{client_secret}", "access_token": "{access_token}"}}, Quirks{}, API{}, raw(204, "", ""),
			"DELETE /api/v1/access_tokens?access_token=a%2Ft%2B1&client_id=us&client_secret=s3cret"},
		{"miro", "/v1/oauth/revoke?v=1", AuthPost, Revocation{Auth: "none", Send: "query", Params: map[string]string{"access_token": "{access_token}"}}, Quirks{}, API{}, nil,
			"POST /v1/oauth/revoke?v=1&access_token=a%2Ft%2B1"},
		{"heroku", "/oauth/authorizations/{id}", AuthPost, Revocation{Method: "DELETE", Auth: "bearer", Lookup: Lookup{URL: "/oauth/authorizations", Match: "access_token.token", ID: "id"}}, Quirks{}, API{},
			raw(200, "application/json", `[{"id":"1","access_token":{"token":"other"}},{"id":"one/two","access_token":{"token":"a/t+1"}},{"id":"3","access_token":null}]`), "GET /oauth/authorizations [Bearer a/t+1]\nDELETE /oauth/authorizations/one%2Ftwo [Bearer a/t+1]"},
		{"strava", "/oauth/deauthorize", AuthPost, Revocation{Auth: "none", Params: map[string]string{"access_token": "{access_token}"}}, Quirks{}, API{}, nil,
			"POST /oauth/deauthorize x-www-form-urlencoded access_token=a%2Ft%2B1"},
		{"withings", "/v2/oauth2", AuthPost, Revocation{Auth: "bearer", Params: map[string]string{"action": "revoke"}}, Quirks{StatusZero: true}, API{}, raw(200, "application/json", `{"status":0}`),
			"POST /v2/oauth2 [Bearer a/t+1] x-www-form-urlencoded action=revoke"},
		{"stripe", "/oauth/deauthorize", AuthPost, Revocation{Auth: "secret", Params: map[string]string{"client_id": "{client_id}", "stripe_user_id": "{extra.stripe_user_id}"}}, Quirks{}, API{}, nil,
			"POST /oauth/deauthorize [" + keyBasic + "] x-www-form-urlencoded client_id=us&stripe_user_id=acct_1"},
		{"shopify", "/admin/api_permissions/current.json", AuthPost, Revocation{Method: "DELETE", Auth: "bearer"}, Quirks{}, API{Header: "X-Shopify-Access-Token"}, nil,
			"DELETE /admin/api_permissions/current.json [a/t+1]"},
		{"quickbooks", "/v2/oauth2/tokens/revoke", AuthBasic, Revocation{Send: "json", Params: map[string]string{"token": "{refresh_token}"}}, Quirks{}, API{}, nil,
			"POST /v2/oauth2/tokens/revoke [" + ourBasic + `] json {"token":"r/t?1"}`},
		{"hubspot", "/oauth/v1/refresh-tokens/{refresh_token}", AuthPost, Revocation{Method: "DELETE", Auth: "none"}, Quirks{}, API{}, raw(204, "", ""),
			"DELETE /oauth/v1/refresh-tokens/r%2Ft%3F1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newRevocationServer(t)
			s.answer = c.answer
			l := s.link(c.path, c.shape)
			l.AuthStyle, l.Provider.Quirks, l.Provider.API = c.style, c.quirks, c.api
			if err := Revoke(t.Context(), l, Registration{ClientID: "us", ClientSecret: secret.New("s3cret")}, someToken); err != nil {
				t.Error(err)
			}
			if got := s.asked(); got != c.want {
				t.Errorf("asked\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func (s *revocationServer) link(path string, shape Revocation) Link {
	shape.Style = "request"
	if shape.Lookup.URL != "" {
		shape.Lookup.URL = s.URL + shape.Lookup.URL
	}
	return Link{ClientID: "us", Provider: Provider{Name: "Odd", Protocol: "oauth2", Revocation: shape,
		Endpoints: Endpoints{Token: s.URL + "/token", Revocation: s.URL + path}}}
}

func TestD58RevocationRequests(t *testing.T) {
	bearerShape := Revocation{Auth: "bearer"}
	deleteShape := Revocation{Method: "DELETE", Auth: "basic"}
	ours := Registration{ClientID: "us", ClientSecret: secret.New("canary-secret")}
	both := Token{Access: secret.New("canary-access"), Refresh: secret.New("canary-refresh"), Type: "Bearer"}
	only := Token{Access: secret.New("canary-access"), Type: "Bearer"}
	for _, c := range []struct {
		name   string
		path   string
		shape  Revocation
		quirks Quirks
		reg    Registration
		token  Token
		answer http.HandlerFunc
		want   string // "", "none", or part of an error
		asked  int
	}{
		{"done", "/x", bearerShape, Quirks{}, ours, only, nil, "", 1},
		{"dead already", "/x", bearerShape, Quirks{}, ours, only, raw(401, "", ""), "", 1},
		{"gone already", "/x", deleteShape, Quirks{}, ours, only, raw(404, "application/json", `{"message":"Not Found"}`), "", 1},
		{"404 of a POST", "/x", bearerShape, Quirks{}, ours, only, raw(404, "", ""), "HTTP 404", 1},
		{"dead client", "/x", deleteShape, Quirks{}, ours, only, raw(401, "application/json", `{"message":"Bad credentials canary-secret"}`), "invalid_client", 1},
		{"400 with words", "/x", deleteShape, Quirks{}, ours, only, raw(400, "application/json", `{"error":"invalid_request","error_description":"canary-access"}`), "invalid_request", 1},
		{"503", "/x", bearerShape, Quirks{}, ours, only, raw(503, "text/html", "canary"), "HTTP 503", 1},
		{"429", "/x", bearerShape, Quirks{}, ours, only, raw(429, "", ""), "fewer", 1},
		{"redirect", "/x", bearerShape, Quirks{}, ours, only, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/canary", 307) }, "redirect", 1},
		{"hangs up", "/{access_token}?t={access_token}", Revocation{Auth: "none"}, Quirks{}, ours, only, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no connection", 1},
		{"no in a 200", "/x", bearerShape, Quirks{ErrorsIn200: true}, ours, only, raw(200, "application/json", `{"ok":false,"error":"internal_canary-access"}`), "refused", 1},
		{"dead already, in a 200", "/x", bearerShape, Quirks{ErrorsIn200: true}, ours, only, raw(200, "application/json", `{"ok":false,"error":"token_revoked"}`), "", 1},
		{"not to be read, where a no would be in it", "/x", bearerShape, Quirks{ErrorsIn200: true}, ours, only, raw(200, "text/html", "<html>canary"), "cannot be used", 1},
		{"not to be read, where it says nothing", "/x", bearerShape, Quirks{}, ours, only, raw(200, "text/html", "<html>canary"), "", 1},
		{"not 0", "/x", bearerShape, Quirks{StatusZero: true}, ours, only, raw(200, "application/json", `{"status":293,"error":"canary-access"}`), "status_293", 1},
		{"no refresh token for the path", "/{refresh_token}", Revocation{Method: "DELETE", Auth: "none"}, Quirks{}, ours, only, nil, "none", 0},
		{"no secret for the header", "/x", deleteShape, Quirks{}, Registration{ClientID: "us"}, only, nil, "none", 0},
		{"no value for a word", "/x", Revocation{Auth: "none", Params: map[string]string{"a": "{extra.team}"}}, Quirks{}, ours, only, nil, "none", 0},
		{"a token that looks like a word", "/{access_token}", Revocation{Method: "DELETE", Auth: "none"}, Quirks{}, ours, Token{Access: secret.New("{client_secret}")}, nil, "", 1},
		{"nothing to end", "/x", bearerShape, Quirks{}, ours, Token{}, nil, "", 0},
		{"dead access token, dead refresh token", "/x", bearerShape, Quirks{}, ours, both, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				raw(400, "application/json", `{"error":"invalid_grant"}`)(w, r)
				return
			}
			w.WriteHeader(401)
		}, "", 2},
		{"dead access token, live refresh token", "/x", bearerShape, Quirks{}, ours, both, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/token":
				raw(200, "application/json", `{"access_token":"fresh","token_type":"bearer","expires_in":60}`)(w, r)
			case r.Header.Get("Authorization") != "Bearer fresh":
				w.WriteHeader(401)
			}
		}, "", 3},
		{"dead access token, refreshing hangs", "/x", bearerShape, Quirks{}, ours, both, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(401)
		}, "no connection", 2},
		{"dead refresh token, which alone is sent", "/{refresh_token}", Revocation{Method: "DELETE", Auth: "none"}, Quirks{}, ours, both, raw(404, "", ""), "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newRevocationServer(t)
			s.answer = c.answer
			l := s.link(c.path, c.shape)
			l.AuthStyle, l.Provider.Quirks = AuthPost, c.quirks
			err := Revoke(t.Context(), l, c.reg, c.token)
			switch {
			case c.want == "none" && !errors.Is(err, ErrNoRevocation), c.want == "" && err != nil,
				c.want != "" && c.want != "none" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v", err)
			}
			if err != nil {
				noCanary(t, err)
			}
			if n := len(strings.Split(s.asked(), "\n")); s.asked() != "" && n != c.asked || s.asked() == "" && c.asked != 0 {
				t.Errorf("asked\n%s", s.asked())
			}
		})
	}
}

// TestRevocationWordsAreFilledOnce: a token cannot fetch another value into
// the request.
func TestRevocationWordsAreFilledOnce(t *testing.T) {
	s := newRevocationServer(t)
	l := s.link("/{access_token}?again={access_token}", Revocation{Auth: "none", Params: map[string]string{"t": "{access_token}"}})
	if err := Revoke(t.Context(), l, Registration{ClientID: "us", ClientSecret: secret.New("s3cret")}, Token{Access: secret.New("{client_secret}?&#/..")}); err != nil {
		t.Fatal(err)
	}
	want := "POST /%7Bclient_secret%7D%3F&%23%2F..?again=%7Bclient_secret%7D%3F%26%23%2F.. x-www-form-urlencoded t=" + url.QueryEscape("{client_secret}?&#/..")
	if got := s.asked(); got != want || strings.Contains(got, "s3cret") {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
}

func TestCanRevoke(t *testing.T) {
	for _, c := range []struct {
		style, address string
		want           bool
	}{
		{"", "https://id.example/revoke", true}, {"rfc7009", "https://id.example/revoke", true}, {"request", "https://id.example/revoke", true},
		{"none", "https://id.example/revoke", false}, {"unknown", "https://id.example/revoke", false}, {"other", "https://id.example/revoke", false},
		{"", "", false}, {"rfc7009", "", false}, {"request", "", false}, {"none", "", false}, {"unknown", "", false},
	} {
		l := Link{Provider: Provider{Revocation: Revocation{Style: c.style}, Endpoints: Endpoints{Revocation: c.address}}}
		if got := CanRevoke(l); got != c.want {
			t.Errorf("%q with %q: %v", c.style, c.address, got)
		}
		if !c.want {
			if err := Revoke(t.Context(), l, Registration{}, someToken); !errors.Is(err, ErrNoRevocation) {
				t.Errorf("%q with %q: %v", c.style, c.address, err)
			}
		}
	}
}
