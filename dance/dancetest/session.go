package dancetest

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

type endSessionRequest = op.EndSessionRequest

// sessionKey finds the browser's session in a request's context.
type sessionKey struct{}

// cookieName has the port in it: browsers share cookies between the ports of a host.
func (p *Provider) cookieName() string {
	return "dancetest-" + p.addr[strings.LastIndex(p.addr, ":")+1:]
}

func (p *Provider) session(r *http.Request) string {
	c, err := r.Cookie(p.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

// withSession lets the end-session endpoint know which browser asks.
func (p *Provider) withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, p.session(r))))
	})
}

// bind gives the authorization request to the first browser that shows it, so
// that its link alone is of no use in another.
func (p *Provider) bind(w http.ResponseWriter, r *http.Request, id string) (*authRequest, error) {
	s := p.store
	session := p.session(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	req, err := s.requestLocked(id)
	if err != nil {
		return nil, err
	}
	if req.session == "" {
		if session == "" {
			session = rand.Text()
			http.SetCookie(w, &http.Cookie{
				Name: p.cookieName(), Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
			})
		}
		req.session = session
	}
	if session != req.session {
		return nil, errOtherBrowser
	}
	return req.copy(), nil
}

// signIn notes who signed in, for the request and for the browser.
func (s *store) signIn(req *authRequest, u user) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[req.id]
	if !ok {
		return
	}
	r.subject, r.authTime = u.Subject, time.Now()
	subjects := without(s.kept.Sessions[r.session], u.Subject)
	s.kept.Sessions[r.session] = append(subjects, u.Subject)
	s.dirty = true
}

func (s *store) allow(req *authRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.requests[req.id]; ok {
		r.allowed = true
	}
}

// signedIn are the subjects that signed in with this browser.
func (s *store) signedIn(session string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept.Sessions[session])
}

func without(list []string, x string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(y string) bool { return x == y })
}
