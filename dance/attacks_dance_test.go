package dance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dancecard/internal/secret"
)

// D21: what is put on the opener's command line is the start address alone.
func TestD21OpenerLearnsTheStartAddressAlone(t *testing.T) {
	op := newOP(t)
	var link, start string
	_, err := Run(t.Context(), op.row(), Prompt{
		OpenURL: func(ctx context.Context, address string) error { start = address; return browse(ctx, address) },
		Waiting: func(a string, _ error) { link = a },
	}, Request{LoginHint: "sam@example.test"})
	if err != nil {
		t.Fatal(err)
	}
	q := mustQuery(t, link)
	for _, canary := range []string{q.Get("state"), q.Get("nonce"), q.Get("code_challenge"), op.lastForm().Get("code_verifier"), "the-code", "sam", op.URL} {
		if canary == "" || strings.Contains(start, canary) {
			t.Errorf("%q shows in %q", canary, start)
		}
	}
}

// D25: A, hostile, names the token endpoint of H as its own. What comes to H
// is A's: its client, its code, a key that H never saw, and no signed word of
// ours that H or anybody else would take for a sign-in of ours there.
func TestD25AnothersTokenEndpoint(t *testing.T) {
	h := newBoundOP(t)
	if _, err := Run(t.Context(), h.row(), Prompt{OpenURL: browse}, Request{DPoP: true,
		Registration: Registration{ClientID: "us", ClientSecret: secret.New("secret-of-h"), AuthStyle: AuthPost}}); err != nil {
		t.Fatal(err)
	}
	keyAtH := h.key
	h.mu.Lock()
	h.key = ""
	h.mu.Unlock()
	asked := h.count("/token")

	a := newOP(t)
	a.document = func(d map[string]any) {
		d["token_endpoint"] = h.URL + "/token"
		d["dpop_signing_alg_values_supported"] = []string{"ES256"}
		d["token_endpoint_auth_methods_supported"] = []string{"private_key_jwt", "client_secret_jwt", "client_secret_post"}
	}
	res, err := Run(t.Context(), a.row(), Prompt{OpenURL: browse}, Request{DPoP: true,
		Registration: Registration{ClientID: "us-at-a", ClientSecret: secret.New("secret-of-a"), AuthStyle: AuthPost}})
	if !isInvalid(err) || !res.Token.Access.IsZero() {
		t.Errorf("H's token was taken for A's: %+v, %v", res.Identity, err)
	}
	if h.count("/token") == asked || keyAtH == "" || h.key == keyAtH {
		t.Errorf("%d requests at H, keys %q and %q", h.count("/token")-asked, keyAtH, h.key)
	}
	form := h.lastForm()
	if form.Get("client_id") != "us-at-a" || strings.Contains(form.Encode(), "secret-of-h") || form.Has("client_assertion") || form.Has("client_assertion_type") {
		t.Errorf("H was sent %v", form)
	}
}

// D31: however much is sent, little of it is kept.
func TestD31MemoryIsBounded(t *testing.T) {
	lb := listening(t, testLink())
	long := bytes.Repeat([]byte("x"), 1<<20)
	send := func(head string) {
		conn, err := net.Dial("tcp", lb.listeners[0].Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(conn, head)
		for range 8 {
			if _, err := conn.Write(long); err != nil {
				break // it has hung up
			}
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 30
	var wg sync.WaitGroup
	for range rounds {
		wg.Go(func() { send("GET " + lb.path + "?state=") })
		wg.Go(func() { send("GET / HTTP/1.1\r\nHost: " + lb.host + "\r\nX-Long: ") })
		wg.Go(func() {
			send("POST " + lb.path + " HTTP/1.1\r\nHost: " + lb.host + "\r\nContent-Length: 8388608\r\n\r\n")
		})
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / (3 * rounds); each > 1<<20 {
		t.Errorf("8 MiB sent make it take %d bytes", each)
	}
	stillTakes(t, lb)
}

// D35: the name is answered in both families, whichever the browser takes.
func TestD35BothFamiliesAnswerTheName(t *testing.T) {
	for _, family := range []string{"127.0.0.1", "::1"} {
		l := testLink()
		l.Provider.Redirect.Host = "localhost"
		lb := listening(t, l)
		_, port, err := net.SplitHostPort(lb.host)
		if err != nil || len(lb.listeners) != 2 {
			t.Fatalf("%d listeners at %s, %v", len(lb.listeners), lb.host, err)
		}
		conn, err := net.Dial("tcp", net.JoinHostPort(family, port))
		if err != nil {
			t.Errorf("%s: %v", family, err)
			continue
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s%s HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n", lb.path, rightQuery, port)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %v, %v", family, res, err)
		}
		if got := <-lb.answers; got.code != "the-code" {
			t.Errorf("%s: took %+v", family, got)
		}
	}
}

// certificateFor is signed by nobody and says what a test wants.
func certificateFor(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until, DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// D42: each kind of trouble has its type, nothing is sent, and nothing is
// tried again in another way.
func TestD42CertificatesAndNames(t *testing.T) {
	host, expired, unknown := new(x509.HostnameError), new(x509.CertificateInvalidError), new(x509.UnknownAuthorityError)
	for _, c := range []struct {
		name        string
		certificate tls.Certificate
		cause       any
	}{
		{"another host", certificateFor(t, "other.example", time.Now().Add(time.Hour)), host},
		{"expired", certificateFor(t, "localhost", time.Now().Add(-time.Minute)), expired},
		{"signed by nobody", certificateFor(t, "localhost", time.Now().Add(time.Hour)), unknown},
	} {
		var connections, requests atomic.Int32
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}}
		srv.StartTLS()
		t.Cleanup(srv.Close)
		_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
		l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://localhost:" + port + "/token"}}}
		_, err := Refresh(t.Context(), l, Registration{ClientID: "us"}, Token{Refresh: secret.New("rt")}, nil, Identity{})
		f := failed(t, err)
		if f.Offline || f.Answered || !strings.Contains(f.Text, "certificate of localhost") || !errors.As(err, c.cause) {
			t.Errorf("%s: %+v", c.name, f)
		}
		if connections.Load() != 1 || requests.Load() != 0 {
			t.Errorf("%s: %d connections, %d requests", c.name, connections.Load(), requests.Load())
		}
	}
	f := trouble("token", "issuer.example", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "issuer.example", IsNotFound: true}})
	if !f.Offline || f.Answered || !strings.Contains(f.Text, "issuer.example cannot be found") {
		t.Errorf("a name that is not there: %+v", f)
	}
}

// D52: nobody told how the client shows its secret. A refusal or trouble is no
// reason to show it again in the other way.
func TestD52UnknownStyleIsNotProbed(t *testing.T) {
	for _, status := range []int{400, 401, 403, 500, 503} {
		for _, body := range []string{`{"error":"invalid_client"}`, "<html>"} {
			op := newOP(t)
			op.token = raw(status, "application/json", body)
			_, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{Registration: Registration{ClientID: "us", ClientSecret: secret.New("s")}})
			if err == nil || op.count("/token") != 1 {
				t.Errorf("%d %s: %v after %d requests with the code", status, body, err, op.count("/token"))
			}
			refresh := op.link()
			refresh.AuthStyle = ""
			_, err = Refresh(t.Context(), refresh, Registration{ClientSecret: secret.New("s")}, Token{Refresh: secret.New("rt")}, nil, Identity{})
			if err == nil || op.count("/token") != 2 {
				t.Errorf("%d %s: %v after %d requests with the refresh token", status, body, err, op.count("/token")-1)
			}
		}
	}
}

// D15: two dances of one provider with paths of their own; each is answered at
// its own place alone, and both end well.
func TestD15OtherDancesPath(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", `{"access_token":"at","token_type":"bearer","expires_in":60}`)
	row := Provider{Name: "Odd", Protocol: "oauth2", ClientID: "us", Identity: Identify{URL: op.URL + "/userinfo"}, Redirect: Redirect{RandomPath: true},
		Endpoints: Endpoints{Authorization: op.URL + "/authorize", Token: op.URL + "/token"}}
	links, errs := make(chan string), make(chan error, 2)
	for range 2 {
		go func() {
			_, err := Run(t.Context(), row, Prompt{Waiting: func(a string, _ error) { links <- a }}, Request{})
			errs <- err
		}()
	}
	one, two := mustQuery(t, <-links), mustQuery(t, <-links)
	for _, pair := range [][2]url.Values{{one, two}, {two, one}} {
		here, there := whereto(t, pair[0]), whereto(t, pair[1])
		res, err := http.Get("http://" + here.Host + there.Path + "?code=c&state=" + pair[0].Get("state"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("answered %d", res.StatusCode)
		}
	}
	if op.count("/token") != 0 {
		t.Error("something was exchanged")
	}
	for _, q := range []url.Values{one, two} {
		if err := browse(t.Context(), q.Get("redirect_uri")+"?code=c&state="+q.Get("state")); err != nil {
			t.Error(err)
		}
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func whereto(t *testing.T, q url.Values) *url.URL {
	t.Helper()
	u, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// D20: somebody else was first at the start address. The dance ends, and no
// code is exchanged, whatever comes later.
func TestD20StolenStartAddressEndsTheDance(t *testing.T) {
	op := newOP(t)
	_, err := Run(t.Context(), op.row(), Prompt{OpenURL: func(ctx context.Context, start string) error {
		q := mustQuery(t, visit(t, start)) // the thief
		if browse(ctx, start) == nil {
			t.Error("the second visit was sent on")
		}
		if res, err := http.Get(q.Get("redirect_uri") + "?code=c&state=" + q.Get("state")); err == nil {
			res.Body.Close()
			if res.StatusCode < 400 {
				t.Errorf("a later answer got %d", res.StatusCode)
			}
		}
		return nil
	}}, Request{})
	if !isInvalid(err) || !strings.Contains(err.Error(), "opened twice") || op.count("/token") != 0 {
		t.Errorf("%v after %d token requests", err, op.count("/token"))
	}
}

// D23: a document of one byte now and then is given up on, though its reader
// set no limit.
func TestD23SlowDocumentIsGivenUp(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			<-tick.C
		}
	}))
	defer srv.Close()
	c := newClient(Provider{Issuer: srv.URL})
	if c.limit != 0 || callTime > time.Minute {
		t.Errorf("a call may take %v", max(c.limit, callTime))
	}
	c.limit = 200 * time.Millisecond
	began := time.Now()
	_, err := c.get(t.Context(), "discovery", srv.URL)
	if took := time.Since(began); !failed(t, err).Answered || took > 5*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}
