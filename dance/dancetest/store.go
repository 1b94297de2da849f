package dancetest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	requestLifetime = 10 * time.Minute
	codeLifetime    = time.Minute
)

// store is everything the provider remembers.
type store struct {
	issuer, addr string
	file         string
	lifetime     time.Duration
	grace        time.Duration
	crypto       op.Crypto

	mu       sync.Mutex // guards the fields that follow
	dirty    bool
	keys     []signingKey // newest first
	requests map[string]*authRequest
	codes    map[string]string // code to request id
	pruned   time.Time         // when old access tokens were last dropped
	kept     kept
}

var (
	_ op.Storage                        = (*store)(nil)
	_ op.CanTerminateSessionFromRequest = (*store)(nil)
	_ op.CanSetUserinfoFromRequest      = (*store)(nil)
)

type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) ID() string                                  { return k.id }

type publicKey struct{ signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.key.PublicKey }

// sharedKey is made once a process: an RSA key costs more than all the rest.
var sharedKey = sync.OnceValues(newKey)

func newKey() (signingKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signingKey{}, fmt.Errorf("dancetest: make a signing key: %w", err)
	}
	return signingKey{id: rand.Text()[:8], key: k}, nil
}

func (s *store) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(r.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired().WithDescription("the user is always asked here")
	}
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with code_challenge_method S256 is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.requests {
		if time.Since(old.made) > requestLifetime {
			delete(s.requests, id)
		}
	}
	req := &authRequest{AuthRequest: *r, id: rand.Text(), made: time.Now()}
	s.requests[req.id] = req
	return req.copy(), nil
}

func (r *authRequest) copy() *authRequest {
	c := *r
	return &c
}

func (s *store) requestLocked(id string) (*authRequest, error) {
	r, ok := s.requests[id]
	if !ok || time.Since(r.made) > requestLifetime {
		return nil, oidc.ErrInvalidRequest().WithDescription("this sign-in is over or was never begun")
	}
	return r, nil
}

func (s *store) request(id string) (*authRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.requestLocked(id)
	if err != nil {
		return nil, err
	}
	return r.copy(), nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	r, err := s.request(id)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// AuthRequestByCode refuses a code that is old, and one that was used ends the
// grant that it gave (RFC 6749 section 4.1.2).
func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.kept.UsedCodes[code]; ok {
		s.endGrantLocked(g)
		return nil, errors.New("the code was used before; its tokens are revoked")
	}
	r, err := s.requestLocked(s.codes[code])
	if err != nil || time.Since(r.made) > codeLifetime {
		return nil, errors.New("the code is unknown or too old")
	}
	return r.copy(), nil
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.requestLocked(id)
	if err != nil {
		return err
	}
	if r.code != "" {
		return oidc.ErrInvalidRequest().WithDescription("this sign-in was already answered")
	}
	r.code, r.made = code, time.Now()
	s.codes[code] = id
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.requests[id]; ok {
		delete(s.codes, r.code)
		delete(s.requests, id)
	}
	return nil
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != clientID {
		return nil, oidc.ErrInvalidClient().WithDescription("no client has this client_id")
	}
	return nativeClient{}, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != introspectionID || secret != s.kept.IntrospectionSecret {
		return oidc.ErrInvalidClient().WithDescription("no client has this client_id and client_secret")
	}
	return nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[0], nil
}

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var set []op.Key
	for _, k := range s.keys {
		set = append(set, publicKey{k})
	}
	return set, nil
}

func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	if u, ok := userBySubject(r.GetSubject()); ok {
		u.claims(info, scopes)
	}
	return nil
}

func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("no client has a key here")
}

func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errors.New("the JWT profile is not offered here")
}

func (s *store) Health(context.Context) error { return nil }
