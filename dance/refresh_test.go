package dance

import (
	"testing"
	"time"

	"dancecard/internal/secret"
)

// A clock that is wrong says nothing of the refresh token, so it must not cost
// the sign-in; only the ID token that cannot be checked is left out.
func TestRefreshWithAWrongClock(t *testing.T) {
	for name, claims := range map[string]map[string]any{
		"behind": {"iat": time.Now().Add(time.Hour).Unix(), "exp": time.Now().Add(2 * time.Hour).Unix()},
		"ahead":  {"iat": time.Now().Add(-2 * time.Hour).Unix(), "exp": time.Now().Add(-time.Hour).Unix()},
		"nbf":    {"nbf": time.Now().Add(time.Hour).Unix()},
	} {
		op := newOP(t)
		op.claims = func(c map[string]any) {
			for claim, v := range claims {
				c[claim] = v
			}
		}
		tok, err := op.refresh(t)
		if err != nil || tok.Access.IsZero() || !tok.ID.IsZero() {
			t.Errorf("%s: %v, access token %v, ID token %v", name, err, !tok.Access.IsZero(), !tok.ID.IsZero())
		}
	}
}

// A row without OpenID takes no subject from an ID token (it may have made one
// up), so an ID token in a refresh has nothing to be held to.
func TestRefreshWithAnIDTokenNobodyAskedFor(t *testing.T) {
	op := newOP(t)
	l := op.link()
	l.Provider.Protocol = "oauth2"
	l.Provider.Endpoints.UserInfo, l.Provider.Identity.Unknown = "", true
	tok, err := Refresh(t.Context(), l, Registration{}, Token{Refresh: secret.New("old-refresh")}, nil,
		Identity{Issuer: op.URL, Subject: "made-up", Unnamed: true})
	if err != nil || tok.Access.IsZero() {
		t.Errorf("got %v", err)
	}
}
