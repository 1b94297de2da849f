package dancetest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// The endpoints' paths, for Fault, Hold, Await and Requests.

// AuthorizationPath is where the browser is sent first.
func (p *Provider) AuthorizationPath() string { return p.op.AuthorizationEndpoint().Relative() }

// TokenPath is the token endpoint's.
func (p *Provider) TokenPath() string { return p.op.TokenEndpoint().Relative() }

// RevocationPath is the revocation endpoint's (RFC 7009).
func (p *Provider) RevocationPath() string { return p.op.RevocationEndpoint().Relative() }

// UserInfoPath is the userinfo endpoint's.
func (p *Provider) UserInfoPath() string { return p.op.UserinfoEndpoint().Relative() }

// IntrospectionPath is the introspection endpoint's (RFC 7662).
func (p *Provider) IntrospectionPath() string { return p.op.IntrospectionEndpoint().Relative() }

// EndSessionPath is the logout endpoint's (RP-Initiated Logout 1.0).
func (p *Provider) EndSessionPath() string { return p.op.EndSessionEndpoint().Relative() }

// KeysPath is the JWK set's.
func (p *Provider) KeysPath() string { return p.op.KeysEndpoint().Relative() }

// DiscoveryPath is the metadata's (OpenID Connect Discovery 1.0 section 4).
func (p *Provider) DiscoveryPath() string { return oidc.DiscoveryEndpoint }

// IntrospectionClient may ask about tokens, by client_secret_basic, and
// nothing else.
func (p *Provider) IntrospectionClient() (id, secret string) {
	return introspectionID, p.store.kept.IntrospectionSecret
}

// Introspect asks over HTTP, as the introspection client, whether token is
// active: an access token that works, or a refresh token that is not spent.
func (p *Provider) Introspect(token string) (active bool, err error) {
	form := strings.NewReader(url.Values{"token": {token}}.Encode())
	r, err := http.NewRequest(http.MethodPost, p.issuer+p.IntrospectionPath(), form)
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(p.IntrospectionClient())
	res, err := plainClient().Do(r)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	var answer struct{ Active *bool }
	err = json.NewDecoder(io.LimitReader(res.Body, maxBody)).Decode(&answer)
	if res.StatusCode != http.StatusOK || err != nil || answer.Active == nil {
		return false, fmt.Errorf("dancetest: introspection answered %s", res.Status)
	}
	return *answer.Active, nil
}

// plainClient talks to loopback past any proxy and keeps no connection.
func plainClient() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

// EndGrants ends all that the user has consented to, as on the provider's own
// settings page: the next refresh is answered invalid_grant. It returns how
// many grants it ended.
func (p *Provider) EndGrants(login string) (int, error) {
	u, ok := userByLogin(login)
	if !ok {
		return 0, fmt.Errorf("dancetest: nobody is called %q", login)
	}
	s := p.store
	s.mu.Lock()
	n := 0
	for id, g := range s.kept.Grants {
		if g.Subject == u.Subject && !g.Ended {
			s.endGrantLocked(id)
			n++
		}
	}
	s.mu.Unlock()
	return n, s.save()
}

// ExpireAccessTokens makes every access token given so far expire now.
func (p *Provider) ExpireAccessTokens() error {
	s := p.store
	s.mu.Lock()
	for _, a := range s.kept.Access {
		a.Expires = time.Now()
	}
	s.dirty = true
	s.mu.Unlock()
	return s.save()
}

// RotateKey signs with a new key from now on. The old ones stay in the JWK set
// while the process runs.
func (p *Provider) RotateKey() error {
	k, err := newKey()
	if err != nil {
		return err
	}
	s := p.store
	s.mu.Lock()
	s.keys = append([]signingKey{k}, s.keys...)
	s.dirty = true
	s.mu.Unlock()
	return s.save()
}

// TerminateSessionFromRequest signs the user of the ID token out of every
// browser, or without one everybody out of this browser. Tokens stay: signing
// out is not revoking.
func (s *store) TerminateSessionFromRequest(ctx context.Context, r *endSessionRequest) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.UserID == "" {
		id, _ := ctx.Value(sessionKey{}).(string)
		delete(s.kept.Sessions, id)
	}
	for id, subjects := range s.kept.Sessions {
		s.kept.Sessions[id] = without(subjects, r.UserID)
	}
	s.dirty = true
	return r.RedirectURI, nil
}

// TerminateSession is what the library calls where TerminateSessionFromRequest is not.
func (s *store) TerminateSession(context.Context, string, string) error { return nil }

// ProviderFile is the TOML of a provider file for this provider.
func (p *Provider) ProviderFile(name string) []byte {
	return []byte(`# An OpenID provider on this machine, for trying things out.
name = ` + strconv.Quote(name) + `
issuer = ` + strconv.Quote(p.issuer) + `
client_id = ` + strconv.Quote(clientID) + `

category = "identity"
scopes = ["openid", "profile", "email", "offline_access"]
optional_scopes = ["notes.read", "notes.write"]

[scope_words]
openid = "know who you are"
profile = "see your name"
email = "see your e-mail address"
offline_access = "stay connected when you are away"
"notes.read" = "read your notes"
"notes.write" = "read and change your notes"

[api]
base_url = ` + strconv.Quote(p.issuer+"/") + `
hosts = [` + strconv.Quote(p.addr) + `]

[redirect]
random_path = true

[revocation]
revokes = "token"
`)
}
