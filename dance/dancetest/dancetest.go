// Package dancetest is a real OpenID provider in process, for the tests of
// programs that sign people in and for demonstrations. It is to OpenID Connect
// what net/http/httptest is to HTTP: it listens on a loopback port, speaks the
// whole protocol and is told by the test when to misbehave.
//
//	p, err := dancetest.Start(dancetest.Options{})
//	defer p.Close()
//	// point the program under test at p.Issuer() and p.ClientID(), take the
//	// address that it would open in a browser, and be the user:
//	status, page, err := p.Approve(address, "mira")
//
// It has two users, "mira" (Mira Okafor) and "jo" (Jo Lindqvist); the password
// is the user name. One public native client may use any loopback port and path
// (RFC 8252 section 7.3) with the authorization code flow and PKCE S256, which
// is required. Refresh tokens rotate; a spent one ends its whole family once
// [Options.RefreshGrace] is over. Each consent makes a grant of its own:
// revoking its refresh token (RFC 7009) ends the access tokens of that grant and
// touches no other. Introspection (RFC 7662) has a client of its own and knows
// refresh tokens too. Authorization answers carry iss (RFC 9207).
//
// [Provider.Fault], [Provider.FaultAfter], [Provider.Rewrite] and
// [Provider.Hold] bring bad days; [Provider.Requests] says what was received,
// from the moment it arrives.
//
// The protocol is spoken by github.com/zitadel/oidc, so a program that passes
// against this one has met code that its own authors did not write.
//
// It is never meant to guard anything: passwords are public, anybody on the
// machine may sign in, and all providers of one process share a signing key
// until [Provider.RotateKey].
package dancetest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	clientID   = "dancecard-demo"
	clientName = "Dancecard"
)

// Options of a Provider; the zero value is good for tests.
type Options struct {
	// Addr is the loopback address to listen on. If it is empty the address
	// in StateFile is taken, else a free port of 127.0.0.1.
	Addr string

	// AccessTokenLifetime is 2 minutes if 0. Answers name it in whole
	// seconds, so at least one.
	AccessTokenLifetime time.Duration

	// RefreshGrace is how long a spent refresh token still works. With 0 its
	// replay ends the family at once.
	RefreshGrace time.Duration

	// StateFile keeps sessions, grants, tokens and keys from one process to
	// the next, written before each answer. It holds secrets: mode 0600.
	StateFile string
}

// Provider is a running OpenID provider on loopback. Safe for concurrent use.
type Provider struct {
	issuer  string
	addr    string
	options Options
	store   *store
	op      *op.Provider
	handler http.Handler
	record  record
	faults  faults

	mu     sync.Mutex // guards the fields that follow
	server *http.Server
	served chan struct{}
	closed bool
}

// Start listens and serves until Close.
func Start(o Options) (*Provider, error) {
	if o.AccessTokenLifetime == 0 {
		o.AccessTokenLifetime = 2 * time.Minute
	}
	s, addr, err := openStore(o)
	if err != nil {
		return nil, err
	}
	if o.Addr == "" {
		o.Addr = addr
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	l, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	p := &Provider{addr: l.Addr().String(), options: o, store: s}
	p.issuer = "http://" + p.addr
	s.issuer, s.addr = p.issuer, p.addr
	if err := p.build(); err != nil {
		l.Close()
		return nil, err
	}
	if err := s.save(); err != nil {
		l.Close()
		return nil, err
	}
	p.serve(l)
	return p, nil
}

// build sets up the protocol and our pages around it.
func (p *Provider) build() error {
	var err error
	p.op, err = op.NewProvider(
		&op.Config{
			CryptoKeyId:              "dancetest",
			CodeMethodS256:           true,
			GrantTypeRefreshToken:    true,
			DefaultLogoutRedirectURI: signedOutPath,
			SupportedScopes:          scopeNames(),
		},
		p.store, op.StaticIssuer(p.issuer),
		op.WithAllowInsecure(), op.WithCORSOptions(nil), op.WithCrypto(p.store.crypto),
		op.WithLogger(slog.New(slog.DiscardHandler)), // its log quotes requests
	)
	if err != nil {
		return fmt.Errorf("dancetest: set up the provider: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", p.op)
	p.pages(mux)
	p.handler = p.front(mux)
	return nil
}

func listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dancetest: address %q is not host:port", addr)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("dancetest: %q is no loopback address; passwords are public here, so use 127.0.0.1", host)
	}
	// A port that is wanted again may be lent to an outgoing connection for a
	// moment.
	for range 50 {
		l, err := net.Listen("tcp", addr)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return net.Listen("tcp", addr)
}

func (p *Provider) serve(l net.Listener) {
	server := &http.Server{Handler: p.handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	p.server, p.served = server, served
	go func() {
		defer close(served)
		server.Serve(l)
	}()
}

// Issuer is the issuer identifier, "http://127.0.0.1:PORT".
func (p *Provider) Issuer() string { return p.issuer }

// ClientID is the public native client: any loopback port and path, code with
// PKCE S256, refresh tokens for the scope offline_access.
func (p *Provider) ClientID() string { return clientID }

// Stop stops listening and drops open connections; users, sessions and tokens
// stay. Connections are refused until Restart.
func (p *Provider) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return nil
	}
	err := p.server.Close()
	<-p.served
	p.server = nil
	return err
}

// Restart listens again on the same port.
func (p *Provider) Restart() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("dancetest: the provider is closed")
	}
	if p.server != nil {
		return nil
	}
	l, err := listen(p.addr)
	if err != nil {
		return fmt.Errorf("dancetest: listen again: %w", err)
	}
	p.serve(l)
	return nil
}

// Close stops the provider for good. Requests that are held go on and fail.
func (p *Provider) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.ClearFaults()
	return p.Stop()
}
