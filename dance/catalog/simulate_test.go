//go:debug x509usefallbackroots=1
//go:debug tlsmlkem=0

package catalog

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dancecard/dance"
	"dancecard/dance/dancetest/world"
	"dancecard/internal/secret"
)

// stage is the world that every row of this package's tests dances in.
var stage *world.World

var update *bool

func TestMain(m *testing.M) {
	update = flag.Bool("update", false, "write docs/flows.md and docs/provider.schema.json anew")
	flag.Parse()
	flag.Set("test.parallel", "24") // rows mostly wait
	var err error
	if stage, err = world.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	x509.SetFallbackRoots(stage.Roots())
	for name, value := range map[string]string{"HTTPS_PROXY": stage.Proxy(), "HTTP_PROXY": stage.Proxy(), "NO_PROXY": "", "no_proxy": ""} {
		os.Setenv(name, value)
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nobody asks for names here")
	}}
	code := m.Run()
	stage.Close()
	os.Exit(code)
}

// life is one row's way through everything that it declares.
type life struct {
	row          dance.Provider // as it is declared
	client       dance.Provider // as the client knows it
	sim          *world.Sim
	registration dance.Registration
	result       dance.Result
	options      map[string]string // chosen by the user
}

// rsaKey signs for RSA-SHA1 rows.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var lastPort atomic.Uint32

// freePort is one that nobody has at this moment, outside of the range from
// which systems take ports for connections, and never the same twice.
func freePort() (int, error) {
	for range 1000 {
		port := 10240 + (os.Getpid()*97+int(lastPort.Add(1)))%20000
		if l, err := net.Listen("tcp4", fmt.Sprint("127.0.0.1:", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// staged is a row as the exercise runs it: its blank filled in, and where its
// port is fixed one that is free, so that rows do not wait for each other.
func staged(e Entry) (dance.Provider, error) {
	value := ""
	if e.Instance != nil && e.Instance.Default == "" {
		value = e.Instance.Example
	}
	p, err := e.WithInstance(value)
	if err != nil {
		return p, err
	}
	if m := p.Redirect.Mode; m == "fixed_port" || m == "unknown" || m == "https" {
		p.Redirect.Port, err = freePort()
	}
	return p, err
}

// own is the registration of a user who made one by hand.
func own(p dance.Provider) dance.Registration {
	r := dance.Registration{ClientID: "client-of-" + p.ID}
	switch {
	case p.Protocol == "oauth1" && p.OAuth1.Signature == "RSA-SHA1":
		data := x509.MarshalPKCS1PrivateKey(rsaKey())
		r.PrivateKey = secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: data})))
	case p.Protocol == "oauth1" || p.AuthStyle == dance.AuthBasic || p.AuthStyle == dance.AuthPost:
		r.ClientSecret = secret.New("s3cr+t/%" + p.ID)
	}
	return r
}

// begin brings the declared row on stage. client is the copy that dances; it
// differs where a test takes something away from it.
func begin(ctx context.Context, declared, client dance.Provider) (*life, func(), error) {
	r := own(declared)
	if r.PrivateKey.IsZero() && declared.AuthStyle == "" && declared.Protocol != "oauth1" {
		r.ClientSecret = secret.String{}
	}
	sim, leave, err := stage.Play(ctx, declared, r)
	if err != nil {
		return nil, nil, err
	}
	if !r.PrivateKey.IsZero() {
		sim.Key(&rsaKey().PublicKey)
	}
	return &life{row: declared, client: client, sim: sim, registration: r}, leave, nil
}

// connect is the dance, in the browser or with a code, with what came of it
// checked.
func (l *life) connect(ctx context.Context, device bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-l.sim.Complained():
			cancel(nil)
		case <-ctx.Done():
		}
	}()
	paste := make(chan string, 1)
	visit := func(address string) {
		copied, err := l.sim.Visit(ctx, address)
		switch {
		case err != nil:
			cancel(err)
		case l.client.Redirect.Mode == "paste":
			paste <- copied
		}
	}
	prompt := dance.Prompt{Paste: paste, Pasted: func(err error) {
		if err != nil {
			cancel(fmt.Errorf("what was pasted is not taken: %w", err))
		}
	}}
	if l.client.Redirect.Mode == "paste" {
		var once sync.Once
		prompt.Waiting = func(authorization string, _ error) { once.Do(func() { go visit(authorization) }) }
	} else if !device {
		prompt.OpenURL = func(_ context.Context, start string) error { visit(start); return nil }
	}
	res, err := dance.Run(ctx, l.client, prompt, dance.Request{Registration: l.registration, Device: device, Options: l.options})
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	l.result = res
	return l.checkConnected(device)
}

func (l *life) checkConnected(device bool) error {
	t, who, q := l.result.Token, l.result.Identity, l.row.Quirks
	wantType := "Bearer"
	switch {
	case l.row.Protocol == "oauth1":
		wantType = "OAuth"
	case l.row.DPoP != "":
		wantType = "DPoP"
	}
	until := time.Until(t.Expiry)
	switch {
	case t.Type != wantType:
		return fmt.Errorf("the token is of type %q", t.Type)
	case who.Unnamed != l.row.Identity.Unknown:
		return fmt.Errorf("the account is unnamed: %t", who.Unnamed)
	case !who.Unnamed && who.Subject != l.sim.Subject():
		return fmt.Errorf("the subject is %q, not %q", who.Subject, l.sim.Subject())
	case (q.NoExpiry || l.row.Protocol == "oauth1") != t.Expiry.IsZero():
		return fmt.Errorf("the token ends at %v", t.Expiry)
	case !t.Expiry.IsZero() && (until < 119*time.Minute || until > 121*time.Minute):
		return fmt.Errorf("the token ends in %v, not in two hours", until)
	}
	if !device {
		for _, name := range l.row.Redirect.Keep {
			if t.Extra[name] == "" {
				return fmt.Errorf("the answer's %s was not kept", name)
			}
		}
	}
	if slices.Contains(t.Granted, "") || len(l.row.Scopes) > 0 && l.row.Protocol != "oauth1" && !slices.Equal(t.Granted, l.row.Scopes) {
		return fmt.Errorf("granted %q of %q", t.Granted, l.row.Scopes)
	}
	return nil
}

// refresh goes twice: with the token of the dance, and with what came of that.
func (l *life) refresh(ctx context.Context) error {
	if err := l.refreshOnce(ctx); err != nil {
		return err
	}
	return l.refreshOnce(ctx)
}

// refreshOnce keeps the old refresh token where the answer has none.
func (l *life) refreshOnce(ctx context.Context) error {
	old := l.result.Token
	t, err := dance.Refresh(ctx, l.result.Link, l.registration, old, nil, l.result.Identity)
	if err != nil {
		return err
	}
	if t.Access.IsZero() || t.Access.Equal(old.Access) {
		return errors.New("nothing new came of the refresh")
	}
	if t.Refresh.IsZero() {
		t.Refresh = old.Refresh
	}
	t.Key, t.Secret = old.Key, old.Secret
	if t.Granted == nil {
		t.Granted = old.Granted
	}
	t.Extra = old.Extra
	l.result.Token = t
	return nil
}

func (l *life) probe(ctx context.Context) error {
	who, err := dance.Probe(ctx, l.result.Link, l.registration, l.result.Token)
	if err == nil && who.Subject != l.sim.Subject() {
		err = fmt.Errorf("the subject is %q", who.Subject)
	}
	return err
}

// asks reports rows with an address that says whose token it is.
func asks(p dance.Provider) bool { return p.Identity.URL != "" || p.Endpoints.UserInfo != "" }

func (l *life) fetch(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.sim.API(), nil)
	if err != nil {
		return err
	}
	res, err := dance.Call(ctx, l.result.Link, l.registration, l.result.Token, req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), l.row.ID) {
		return fmt.Errorf("the API answered HTTP %d %s (%v)", res.StatusCode, body, err)
	}
	return nil
}

// refused is a refresh with a token that the provider does not know: the
// row's way to say no is understood.
func (l *life) refused(ctx context.Context) error {
	old := l.result.Token
	old.Refresh = secret.New("nobody-knows-this-one")
	t, err := dance.Refresh(ctx, l.result.Link, l.registration, old, nil, l.result.Identity)
	if no, ok := errors.AsType[*dance.Refused](err); !t.Access.IsZero() || !ok || !no.GrantEnded() {
		return fmt.Errorf("the provider's no was taken for %w", cmpErr(err))
	}
	return nil
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("a yes")
	}
	return err
}

// revoke ends the token; afterwards the provider knows it no more.
func (l *life) revoke(ctx context.Context) error {
	err := dance.Revoke(ctx, l.result.Link, l.registration, l.result.Token)
	if !l.sim.Revocable() {
		if !errors.Is(err, dance.ErrNoRevocation) {
			return fmt.Errorf("no way is known, and Revoke says %w", cmpErr(err))
		}
		return nil
	}
	if err != nil {
		return err
	}
	access, refresh := l.sim.Dead()
	both := l.row.Revocation.Style != "request" && !l.result.Token.Refresh.IsZero()
	if !access && !refresh || both && !(access && refresh) {
		return fmt.Errorf("tokens live on: access dead %t, refresh dead %t", access, refresh)
	}
	var no *dance.Refused
	if access && asks(l.row) {
		if _, err := dance.Probe(ctx, l.result.Link, l.registration, l.result.Token); !errors.As(err, &no) {
			return fmt.Errorf("a dead access token: %w", cmpErr(err))
		}
	}
	if refresh {
		if _, err := dance.Refresh(ctx, l.result.Link, l.registration, l.result.Token, nil, l.result.Identity); !errors.As(err, &no) {
			return fmt.Errorf("a dead refresh token: %w", cmpErr(err))
		}
	}
	return nil
}
