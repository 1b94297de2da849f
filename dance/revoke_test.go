package dance

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

func TestD58Revocation(t *testing.T) {
	both := Token{Access: secret.New("at"), Refresh: secret.New("rt")}
	only := func(bad, code string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.PostForm.Get("token") == bad {
				raw(status, "application/json", `{"error":"`+code+`"}`)(w, r)
			}
		}
	}
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		token   Token
		revoked string
		want    string // "", "refused", "failed"
	}{
		{"done", nil, both, "rt at", ""},
		{"access alone", nil, Token{Access: secret.New("at")}, "at", ""},
		{"nothing to end", nil, Token{}, "", ""},
		{"503", raw(503, "text/html", "down"), both, "rt", "failed"},
		{"503 for the access token", only("at", "temporarily_unavailable", 503), both, "rt at", "failed"},
		{"refresh unsupported", only("rt", "unsupported_token_type", 400), both, "rt at", "refused"},
		{"access unsupported", only("at", "unsupported_token_type", 400), both, "rt at", ""},
		{"already gone", only("rt", "invalid_token", 400), both, "rt at", ""},
		{"dead client", raw(401, "application/json", `{"error":"invalid_client"}`), both, "rt", "refused"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 307) }, both, "rt", "failed"},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, both, "rt", "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			op.revoke = c.answer
			err := Revoke(t.Context(), op.link(), Registration{}, c.token)
			_, refused := errors.AsType[*Refused](err)
			_, failed := errors.AsType[*Failed](err)
			if refused != (c.want == "refused") || failed != (c.want == "failed") || (err == nil) != (c.want == "") {
				t.Errorf("got %v", err)
			}
			if got := strings.Join(op.revocations(), " "); got != c.revoked {
				t.Errorf("asked for %q", got)
			}
		})
	}
}

func TestRevocationAuthentication(t *testing.T) {
	for _, style := range []AuthStyle{AuthBasic, AuthPost, AuthNone} {
		op := newOP(t)
		var user, posted, id string
		op.revoke = func(_ http.ResponseWriter, r *http.Request) {
			user, _, _ = r.BasicAuth()
			id, posted = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
		}
		l := op.link()
		l.AuthStyle = style
		if err := Revoke(t.Context(), l, Registration{ClientID: "us", ClientSecret: secret.New("s")}, Token{Access: secret.New("at")}); err != nil {
			t.Fatal(err)
		}
		if (user == "us") != (style == AuthBasic) || (posted == "s") != (style == AuthPost) || (id == "us") == (style == AuthBasic) {
			t.Errorf("%s: %q %q %q", style, user, id, posted)
		}
	}
}

func TestNoRevocation(t *testing.T) {
	op := newOP(t)
	l := op.link()
	l.Provider.Revocation.Style = "none"
	if err := Revoke(t.Context(), l, Registration{}, Token{Access: secret.New("at")}); !errors.Is(err, ErrNoRevocation) {
		t.Errorf("got %v", err)
	}
	l.Provider.Revocation.Style, l.Provider.Endpoints.Revocation = "", ""
	if err := Revoke(t.Context(), l, Registration{}, Token{Access: secret.New("at")}); !errors.Is(err, ErrNoRevocation) {
		t.Errorf("got %v", err)
	}
}

func TestEndSessionURL(t *testing.T) {
	l := Link{ClientID: "us", Provider: Provider{Endpoints: Endpoints{EndSession: "https://issuer.example/out?a=b"}}}
	token := func(exp time.Time) secret.String {
		return secret.New(sign(jose.ES256, testEC(), "", map[string]any{"exp": exp.Unix()}, nil))
	}
	live, dead := token(time.Now().Add(time.Hour)), token(time.Now().Add(-time.Hour))
	if got := EndSessionURL(l, live); got != "https://issuer.example/out?a=b&client_id=us" {
		t.Errorf("live: %q", got)
	}
	if got := EndSessionURL(l, dead); !strings.Contains(got, "id_token_hint="+dead.Reveal()) {
		t.Errorf("expired: %q", got)
	}
	if got := EndSessionURL(l, secret.New("rubbish")); strings.Contains(got, "rubbish") {
		t.Errorf("rubbish: %q", got)
	}
	l.Provider.Endpoints.EndSession = ""
	if got := EndSessionURL(l, dead); got != "" {
		t.Errorf("none: %q", got)
	}
}
