package dancetest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"dancecard/dance/dancetest"
)

// program is a program under test: a loopback listener, x/oauth2 and go-oidc.
type program struct {
	t        *testing.T
	p        *dancetest.Provider
	oidc     *oidc.Provider
	config   oauth2.Config
	verifier string
	answers  chan url.Values
}

func start(t *testing.T, o dancetest.Options) *dancetest.Provider {
	t.Helper()
	p, err := dancetest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func newProgram(t *testing.T, p *dancetest.Provider) *program {
	t.Helper()
	g := &program{t: t, p: p, verifier: oauth2.GenerateVerifier(), answers: make(chan url.Values, 10)}
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/start":
			http.Redirect(w, r, g.authorize(), http.StatusFound)
		case "/any/path":
			g.answers <- r.URL.Query()
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprint(w, "the program's page")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(l.Close)
	var err error
	if g.oidc, err = oidc.NewProvider(t.Context(), p.Issuer()); err != nil {
		t.Fatal(err)
	}
	g.config = oauth2.Config{
		ClientID: p.ClientID(), Endpoint: g.oidc.Endpoint(), RedirectURL: l.URL + "/any/path",
		Scopes: []string{"openid", "profile", "email", "offline_access"},
	}
	g.config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	return g
}

func (g *program) authorize(more ...oauth2.AuthCodeOption) string {
	more = append(more, oauth2.S256ChallengeOption(g.verifier), oauth2.SetAuthURLParam("nonce", "n-1"))
	return g.config.AuthCodeURL("s-1", more...)
}

// code lets the user approve and returns the code.
func (g *program) code(user string) string {
	g.t.Helper()
	status, body, err := g.p.Approve(g.authorize(), user)
	if err != nil || status != http.StatusTeapot {
		g.t.Fatalf("approve: status %d, error %v, page %s", status, err, body)
	}
	return (<-g.answers).Get("code")
}

func (g *program) link(user string) *oauth2.Token {
	g.t.Helper()
	tok, err := g.config.Exchange(g.t.Context(), g.code(user), oauth2.VerifierOption(g.verifier))
	if err != nil {
		g.t.Fatal(err)
	}
	return tok
}

func (g *program) refresh(token string) (*oauth2.Token, error) {
	return g.config.TokenSource(g.t.Context(), &oauth2.Token{RefreshToken: token}).Token()
}

func (g *program) mustRefresh(token string) *oauth2.Token {
	g.t.Helper()
	tok, err := g.refresh(token)
	if err != nil {
		g.t.Fatal(err)
	}
	return tok
}

// refused checks that err is the OAuth error code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || e.ErrorCode != code {
		t.Fatalf("want the error %s, got %v", code, err)
	}
}

func (g *program) userinfo(access string) (*oidc.UserInfo, error) {
	return g.oidc.UserInfo(g.t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: access, TokenType: "Bearer"}))
}

func (g *program) active(token string, want bool) {
	g.t.Helper()
	got, err := g.p.Introspect(token)
	if err != nil {
		g.t.Fatal(err)
	}
	if got != want {
		g.t.Fatalf("introspection says active %v, want %v", got, want)
	}
}

func (g *program) revoke(token string) int {
	g.t.Helper()
	res, err := http.PostForm(g.p.Issuer()+g.p.RevocationPath(), url.Values{
		"token": {token}, "client_id": {g.p.ClientID()},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
