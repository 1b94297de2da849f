package dancetest

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const refreshLifetime = 90 * 24 * time.Hour

// kept is what outlives the process, as JSON in [Options.StateFile].
type kept struct {
	Addr                string
	Key                 []byte // PKCS #8
	KeyID               string
	Crypto              []byte
	IntrospectionSecret string
	Sessions            map[string][]string
	Grants              map[string]*grant
	Access              map[string]*access
	Refresh             map[string]*refresh // by id
	UsedCodes           map[string]string   // code to grant
}

// A grant is one consent of one user; its refresh tokens are one family.
type grant struct {
	ID       string
	ClientID string
	Subject  string
	Scopes   []string
	AuthTime time.Time
	Ended    bool
}

type access struct {
	Grant   string
	Scopes  []string
	Issued  time.Time
	Expires time.Time
}

type refresh struct {
	Grant   string
	Token   string
	Expires time.Time
	Spent   time.Time // zero: not yet
}

var errEnded = oidc.ErrInvalidGrant().WithDescription("the refresh token is revoked, expired or was used before")

func (s *store) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.grantLocked(r)
	if err != nil {
		return "", time.Time{}, err
	}
	id, expires := s.accessLocked(g, r.GetScopes())
	return id, expires, nil
}

func (s *store) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current != "" {
		old, err := s.usableLocked(current)
		if err != nil {
			return "", "", time.Time{}, err
		}
		if old.Spent.IsZero() {
			old.Spent = time.Now()
		}
	}
	g, err := s.grantLocked(r)
	if err != nil {
		return "", "", time.Time{}, err
	}
	id := "r" + rand.Text()
	token, err := op.CreateBearerToken(id, g.Subject, s.crypto)
	if err != nil {
		return "", "", time.Time{}, err
	}
	s.kept.Refresh[id] = &refresh{Grant: g.ID, Token: token, Expires: time.Now().Add(refreshLifetime)}
	accessID, expires := s.accessLocked(g, r.GetScopes())
	return accessID, token, expires, nil
}

// grantLocked is the grant that r continues, or a new one for a code.
func (s *store) grantLocked(r op.TokenRequest) (*grant, error) {
	switch r := r.(type) {
	case *refreshRequest:
		return s.kept.Grants[r.grant.ID], nil
	case *authRequest:
		if used, ok := s.kept.UsedCodes[r.code]; ok {
			s.endGrantLocked(used)
			return nil, oidc.ErrInvalidGrant().WithDescription("the code was used before")
		}
		g := &grant{ID: rand.Text(), ClientID: r.ClientID, Subject: r.subject, Scopes: r.Scopes, AuthTime: r.authTime}
		s.kept.Grants[g.ID] = g
		s.kept.UsedCodes[r.code] = g.ID
		s.dirty = true
		return g, nil
	}
	return nil, oidc.ErrUnsupportedGrantType()
}

// accessLocked also rounds the time that it reports up, so that the answer's
// whole seconds say the lifetime and not one less.
func (s *store) accessLocked(g *grant, scopes []string) (string, time.Time) {
	now := time.Now()
	if now.Sub(s.pruned) > time.Minute {
		s.pruned = now
		maps.DeleteFunc(s.kept.Access, func(_ string, a *access) bool { return now.Sub(a.Expires) > time.Hour })
	}
	a := &access{Grant: g.ID, Scopes: scopes, Issued: now, Expires: now.Add(s.lifetime)}
	id := "a" + rand.Text()
	s.kept.Access[id] = a
	s.dirty = true
	return id, now.Add(max(s.lifetime, time.Second) + 900*time.Millisecond)
}

func (s *store) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.usableLocked(token)
	if err != nil {
		return nil, err
	}
	g := *s.kept.Grants[r.Grant]
	return &refreshRequest{grant: g, scopes: g.Scopes}, nil
}

// usableLocked finds a refresh token that still works. A replay after the
// grace ends the family (RFC 9700 section 4.14.2).
func (s *store) usableLocked(token string) (*refresh, error) {
	_, r := s.refreshLocked(token)
	if r == nil {
		return nil, errEnded
	}
	g := s.kept.Grants[r.Grant]
	if g.Ended || time.Now().After(r.Expires) {
		return nil, errEnded
	}
	if !r.Spent.IsZero() && time.Since(r.Spent) >= s.grace {
		s.endGrantLocked(g.ID)
		return nil, errEnded
	}
	return r, nil
}

// refreshLocked finds a refresh token by the id that is sealed in it.
func (s *store) refreshLocked(token string) (string, *refresh) {
	text, err := s.crypto.Decrypt(token)
	if err != nil {
		return "", nil
	}
	id, _, _ := strings.Cut(text, ":")
	if r := s.kept.Refresh[id]; r != nil && r.Token == token {
		return id, r
	}
	return "", nil
}

func (s *store) endGrantLocked(id string) {
	if g := s.kept.Grants[id]; g != nil && !g.Ended {
		g.Ended, s.dirty = true, true
	}
}

func (s *store) GetRefreshTokenInfo(_ context.Context, _, token string) (string, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, r := s.refreshLocked(token)
	if r == nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return s.kept.Grants[r.Grant].Subject, id, nil
}

// RevokeToken ends the grant for a refresh token and the token alone for an
// access token. An unknown token is no error (RFC 7009 section 2.2).
func (s *store) RevokeToken(_ context.Context, id, _, client string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var g *grant
	r, a := s.kept.Refresh[id], s.kept.Access[id]
	switch {
	case r != nil:
		g = s.kept.Grants[r.Grant]
	case a != nil:
		g = s.kept.Grants[a.Grant]
	default:
		return nil
	}
	if g.ClientID != client {
		return oidc.ErrInvalidClient().WithDescription("the token was given to another client")
	}
	s.dirty = true
	if r != nil {
		g.Ended = true
	} else {
		delete(s.kept.Access, id)
	}
	return nil
}

// liveAccessLocked finds an access token that works now.
func (s *store) liveAccessLocked(id string) (*access, *grant) {
	a := s.kept.Access[id]
	if a == nil || !time.Now().Before(a.Expires) {
		return nil, nil
	}
	g := s.kept.Grants[a.Grant]
	if g.Ended {
		return nil, nil
	}
	return a, g
}

var errInactive = errors.New("the token is revoked, expired or unknown")

func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, id, _, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, g := s.liveAccessLocked(id)
	if a == nil {
		return errInactive
	}
	u, ok := userBySubject(g.Subject)
	if !ok {
		return errInactive
	}
	u.claims(info, a.Scopes)
	return nil
}

// SetIntrospectionFromToken answers for both kinds of token: a refresh token
// is made by the same cipher as an access token, so the library finds its id.
func (s *store) SetIntrospectionFromToken(_ context.Context, out *oidc.IntrospectionResponse, id, _, client string) error {
	if client != introspectionID {
		return errors.New("this client may not ask")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, g := s.liveAccessLocked(id)
	if a != nil {
		out.TokenType, out.Scope = oidc.BearerToken, a.Scopes
		out.IssuedAt, out.Expiration = oidc.FromTime(a.Issued), oidc.FromTime(a.Expires)
	} else {
		r := s.kept.Refresh[id]
		if r == nil || !r.Spent.IsZero() && time.Since(r.Spent) >= s.grace || time.Now().After(r.Expires) {
			return errInactive
		}
		if g = s.kept.Grants[r.Grant]; g.Ended {
			return errInactive
		}
		out.TokenType, out.Scope, out.Expiration = "refresh_token", g.Scopes, oidc.FromTime(r.Expires)
	}
	out.Subject, out.ClientID, out.Issuer = g.Subject, g.ClientID, s.issuer
	if u, ok := userBySubject(g.Subject); ok {
		out.Username = u.Login
	}
	return nil
}
