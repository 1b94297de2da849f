package dance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

// apiLink is a link whose only API host is the server's.
func apiLink(server *httptest.Server) Link {
	u, _ := url.Parse(server.URL)
	return Link{ClientID: "us", AuthStyle: AuthNone, Provider: Provider{
		ID: "odd", Name: "Odd", Protocol: "oauth2",
		Endpoints: Endpoints{Authorization: server.URL + "/authorize", Token: server.URL + "/token", Revocation: server.URL + "/apps/{client_id}/revoke"},
		API:       API{BaseURL: server.URL, Hosts: []string{u.Host}},
	}}
}

func bearer(text string) Token { return Token{Access: secret.New(text), Type: "Bearer"} }

func apiServer(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func newRequest(t *testing.T, method, address string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// wire answers every connection with 204 and keeps what came, byte for byte.
func wire(t *testing.T) (address string, lines func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			mu.Lock()
			got = append(got, strings.TrimSpace(line))
			mu.Unlock()
			io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func TestCallSendsThePathByteForByte(t *testing.T) {
	base, lines := wire(t)
	host := strings.TrimPrefix(base, "http://")
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: base + "/oauth/token"}, API: API{Hosts: []string{host}}}}
	for i, target := range []string{
		"/", "//double//slash/", "/a%2Fb%2fc", "/a/../b/./c", "/%2e%2e/x", "/a%20b+c", "/ü", "/{x}|y", "/a;b=c", "/?",
		"/q?a=b&a=c&d=%2F%zz&e=;f", "/q??x", "//", "/*", "/a//",
	} {
		// As an HTTP server reads it.
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: app\r\n\r\n")))
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		req.URL.Scheme, req.URL.Host = "http", host
		res, err := Call(t.Context(), l, Registration{}, bearer("at"), req)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		res.Body.Close()
		if got := lines(); len(got) != i+1 || got[i] != "GET "+target+" HTTP/1.1" {
			t.Fatalf("%s arrived as %q", target, got)
		}
	}
}

func TestCallGoesNowhereElse(t *testing.T) {
	asked := 0
	s := apiServer(t, func(http.ResponseWriter, *http.Request) { asked++ })
	l := apiLink(s)
	l.Provider.Endpoints.PAR = s.URL + "/par?kind=push"
	l.Provider.Revocation.Lookup.URL = s.URL + "/tokens/~"
	host := strings.TrimPrefix(s.URL, "http://")
	port := host[strings.LastIndex(host, ":"):]
	for _, address := range []string{
		"http://localhost" + port + "/x", "http://127.0.0.1/x", "http://127.1" + port + "/x", "https://evil.example/x",
		"http://user@" + host + "/x", "ftp://" + host + "/x", "http://127.0.0.1.evil.example/x",
		s.URL + "/token", s.URL + "/token/", s.URL + "//token", s.URL + "/%74oken", s.URL + "/%2574oken", s.URL + "/a/../token",
		s.URL + "/a/%2e%2e/token", s.URL + "/TOKEN", s.URL + "/token;x=y", s.URL + "/token?x=y", s.URL + "/token%3Fx", s.URL + `/x\..\token`,
		s.URL + "/./token", s.URL + "/token.", s.URL + "/token%00", s.URL + "/authorize", s.URL + "/apps/anything/revoke", s.URL + "/par?a=b&kind=push",
		s.URL + "/tokens/~",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Call(t.Context(), l, Registration{}, bearer("canary-access-token"), &http.Request{Method: "GET", URL: u})
		if !isInvalid(err) {
			t.Errorf("%s: %v", address, err)
		}
		noCanary(t, err)
	}
	for _, method := range []string{"TRACE", "trace", "CONNECT", "TRACK"} {
		if _, err := Call(t.Context(), l, Registration{}, bearer("at"), &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: host, Path: "/x"}}); !isInvalid(err) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if asked != 0 {
		t.Errorf("%d requests arrived", asked)
	}
	for _, path := range []string{"/tokens", "/tokenx", "/token/x", "/par", "/apps/revoke"} {
		res, err := Call(t.Context(), l, Registration{}, bearer("at"), newRequest(t, "GET", s.URL+path, nil))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		res.Body.Close()
	}
	if asked != 5 {
		t.Errorf("%d of 5 harmless requests arrived", asked)
	}
}

func TestCallHostsAreExact(t *testing.T) {
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://id.example/token"}, API: API{Hosts: []string{"api.example", "api.example:8443"}}}}
	for address, right := range map[string]bool{
		"https://api.example/": true, "https://API.example:443/": true, "https://api.example:8443/": true,
		"https://api.example:8444/": false, "https://api.example./": false, "https://a.api.example/": false, "https://xapi.example/": false,
		"http://api.example/": false, "http://api.example:443/": false, "https://id.example/": false, "https://api.example@evil.example/": false,
		"https://api.example%2eevil.example/": false, "http://127.0.0.1/": false, "https://api.example:0443/": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		if _, err := l.target(u); (err == nil) != right {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestCallKeepsToOuterAddresses: a name of a public provider that leads into
// this network is refused at the connection, one that was inner when the
// account was linked is not.
func TestCallKeepsToOuterAddresses(t *testing.T) {
	s := apiServer(t, func(http.ResponseWriter, *http.Request) {})
	addr := s.Listener.Addr().String()
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://id.example/token"}}}
	dial := func(l Link, scheme, host string) error {
		conn, err := l.dial(scheme, host, false)(t.Context(), "tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err
	}
	if err := dial(l, "https", "api.example"); !errors.Is(err, errInner) {
		t.Errorf("a public name: %v", err)
	}
	if err := dial(l, "https", "127.0.0.1"); !errors.Is(err, errInner) {
		t.Errorf("an inner address of a public provider: %v", err)
	}
	l.Homes = []string{"api.corp.example"}
	if err := dial(l, "https", "api.example"); !errors.Is(err, errInner) {
		t.Errorf("a name that was public: %v", err)
	}
	if err := dial(l, "https", "API.corp.example"); err != nil {
		t.Errorf("a name that was inner: %v", err)
	}
}

func TestHomesAreThoseOfInnerProviders(t *testing.T) {
	l := Link{Provider: Provider{Issuer: "https://localhost:1", API: API{Hosts: []string{"127.0.0.1:9", "[::1]:9", "192.0.2.1"}}}}
	if got := strings.Join(l.homes(t.Context()), " "); got != "localhost 127.0.0.1 ::1" {
		t.Errorf("got %q", got)
	}
	l.Provider.Issuer = "https://192.0.2.1"
	if got := l.homes(t.Context()); got != nil {
		t.Errorf("public issuer: %q", got)
	}
}

func TestCallHeaders(t *testing.T) {
	var got http.Header
	var host string
	s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		got, host = r.Header, r.Host
		w.Header().Add("Set-Cookie", "session=canary")
		w.Header().Set("X-Kept", "yes")
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(401)
	})
	l := apiLink(s)
	l.Provider.API.Headers = map[string]string{"Client-Id": "{client_id}", "X-Version": "1", "User-Agent": "row"}
	req := newRequest(t, "GET", s.URL+"/x", nil)
	req.Host = "evil.example"
	for name, v := range map[string]string{
		"Authorization": "Bearer theirs", "Cookie": "a=b", "Proxy-Authorization": "x", "Proxy-Anything": "x", "Connection": "close, X-Named, Authorization",
		"X-Named": "x", "Te": "trailers", "Upgrade": "websocket", "Keep-Alive": "x", "Forwarded": "for=x", "X-Forwarded-For": "x", "X-Real-Ip": "x",
		"Via": "x", "Dpop": "x", "X-Http-Method-Override": "DELETE", "Accept": "text/csv", "X-Version": "2", "Client-Id": "another", "X-Own": "kept",
	} {
		req.Header.Set(name, v)
	}
	res, err := Call(t.Context(), l, Registration{}, bearer("the-token"), req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, name := range []string{"Cookie", "Proxy-Authorization", "Proxy-Anything", "X-Named", "Te", "Upgrade", "Keep-Alive", "Forwarded", "X-Forwarded-For",
		"X-Real-Ip", "Via", "Dpop", "X-Http-Method-Override", "Accept-Encoding"} {
		if got.Get(name) != "" {
			t.Errorf("%s: %q was sent", name, got.Get(name))
		}
	}
	for name, want := range map[string]string{"Authorization": "Bearer the-token", "Accept": "text/csv", "X-Version": "2", "Client-Id": "us", "X-Own": "kept", "User-Agent": "row"} {
		if v := strings.Join(got.Values(name), "|"); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if host != strings.TrimPrefix(s.URL, "http://") {
		t.Errorf("Host: %q", host)
	}
	for _, name := range []string{"Set-Cookie", "Keep-Alive", "Connection"} {
		if res.Header.Get(name) != "" {
			t.Errorf("%s came back", name)
		}
	}
	if h := hopByHop(http.Header{"Connection": {"X-Hop, close"}, "X-Hop": {"1"}, "X-Kept": {"1"}}); len(h) != 1 || h.Get("X-Kept") == "" {
		t.Errorf("of a connection: %v", h)
	}
	if res.StatusCode != 401 || res.Header.Get("X-Kept") != "yes" || res.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
	if res.Request != req || req.Header.Get("Authorization") != "Bearer theirs" {
		t.Error("the app's request was changed, or the answer names the one with the token")
	}
}

func TestCallPutsTheTokenWhereTheRowSays(t *testing.T) {
	var got http.Header
	s := apiServer(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	for _, c := range []struct {
		api              API
		own, name, value string
	}{
		{API{}, "", "Authorization", "Bearer at"},
		{API{Scheme: "Zoho-oauthtoken"}, "", "Authorization", "Zoho-oauthtoken at"},
		{API{Header: "X-Shopify-Access-Token"}, "X-Shopify-Access-Token", "X-Shopify-Access-Token", "at"},
	} {
		l := apiLink(s)
		c.api.Hosts = l.Provider.API.Hosts
		l.Provider.API = c.api
		req := newRequest(t, "GET", s.URL+"/x", nil)
		if c.own != "" {
			req.Header.Set(c.own, "theirs")
			req.Header.Set("Authorization", "theirs")
		}
		res, err := Call(t.Context(), l, Registration{}, bearer("at"), req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if v := strings.Join(got.Values(c.name), "|"); v != c.value || c.own != "" && got.Get("Authorization") != "" {
			t.Errorf("%+v: %q, %v", c.api, v, got)
		}
	}
}

func TestD59CallThroughAProxy(t *testing.T) {
	var targets []string
	proxy := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		targets = append(targets, r.Method+" "+r.RequestURI)
		w.WriteHeader(http.StatusBadGateway)
	})
	t.Setenv("HTTPS_PROXY", "http://user:canary-password@"+strings.TrimPrefix(proxy.URL, "http://"))
	t.Setenv("HTTP_PROXY", proxy.URL)
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://id.example/token"}, API: API{Hosts: []string{"api.example"}}}}
	_, err := Call(t.Context(), l, Registration{}, bearer("canary-access-token"), newRequest(t, "GET", "https://api.example/canary", nil))
	if _, failed := errors.AsType[*Failed](err); !failed || strings.Join(targets, " ") != "CONNECT api.example:443" {
		t.Fatalf("%v, asked %q", err, targets)
	}
	noCanary(t, err)
	s := apiServer(t, func(http.ResponseWriter, *http.Request) {})
	res, err := Call(t.Context(), apiLink(s), Registration{}, bearer("at"), newRequest(t, "GET", s.URL+"/x", nil))
	if err != nil || len(targets) != 1 {
		t.Fatalf("loopback: %v, asked %q", err, targets)
	}
	res.Body.Close()
}

func TestD44CallFollowsNothing(t *testing.T) {
	var second int
	other := apiServer(t, func(http.ResponseWriter, *http.Request) { second++ })
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/x")
			w.WriteHeader(status)
		})
		res, err := Call(t.Context(), apiLink(s), Registration{}, bearer("at"), newRequest(t, "GET", s.URL+"/x", nil))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status || res.Header.Get("Location") != other.URL+"/x" {
			t.Errorf("%d: %d %v", status, res.StatusCode, res.Header)
		}
	}
	if second != 0 {
		t.Error("the second host was asked")
	}
}

// TestCallStreams: neither side waits for the other's end.
func TestCallStreams(t *testing.T) {
	s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, "echo", lines.Text())
			w.(http.Flusher).Flush()
		}
	})
	in, out := io.Pipe()
	ready := make(chan struct{})
	go func() { fmt.Fprintln(out, "one"); close(ready) }()
	res, err := Call(t.Context(), apiLink(s), Registration{}, bearer("at"), newRequest(t, "POST", s.URL+"/x", in))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	<-ready
	back := bufio.NewReader(res.Body)
	for _, want := range []string{"echo one\n", "echo two\n"} {
		if got, err := back.ReadString('\n'); err != nil || got != want {
			t.Fatalf("%q, %v", got, err)
		}
		if want == "echo one\n" {
			fmt.Fprintln(out, "two")
		}
	}
	out.Close()
	if rest, err := io.ReadAll(back); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestCallKeepsTheEncoding(t *testing.T) {
	s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, "not really")
	})
	res, err := Call(t.Context(), apiLink(s), Registration{}, bearer("at"), newRequest(t, "GET", s.URL+"/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); string(body) != "not really" || err != nil || res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestCallFailures(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		body   io.Reader
		ctx    context.Context
		text   string
	}{
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, nil, "no connection to 127.0.0.1"},
		{"cancelled", func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }, nil, cancelled, "cancelled"},
		{"broken body", func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }, brokenReader{}, nil, "body of the request broke off"},
		{"another protocol", func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			conn.Close()
		}, nil, nil, "another protocol"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := apiServer(t, c.answer)
			if c.ctx == nil {
				c.ctx = t.Context()
			}
			_, err := Call(c.ctx, apiLink(s), Registration{}, bearer("canary-access-token"), newRequest(t, "POST", s.URL+"/canary-path", c.body))
			failed, ok := errors.AsType[*Failed](err)
			if !ok || !strings.Contains(err.Error(), c.text) || failed.Offline {
				t.Fatalf("got %v (%+v)", err, failed)
			}
			noCanary(t, err)
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("canary") }

func TestCallEndsWhereNothingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		conn := &idleConn{Conn: far, limit: idleTime}
		go func() {
			for range 3 { // slow, but it moves
				time.Sleep(idleTime - time.Second)
				near.Write([]byte("x"))
			}
		}()
		began := time.Now()
		n, err := io.Copy(io.Discard, conn)
		if took := time.Since(began); n != 3 || !isTimeout(err) || took != 3*(idleTime-time.Second)+idleTime {
			t.Errorf("%d bytes, %v after %v", n, err, took)
		}
		if _, err := conn.Write([]byte("x")); !isTimeout(err) {
			t.Errorf("write: %v", err)
		}
	})
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// dpopAPI takes only proofs with its own current nonce.
type dpopAPI struct {
	*httptest.Server
	mu     sync.Mutex
	nonce  string
	asked  int
	bodies []string
	proofs []map[string]any
	keys   []any
}

func newDPoPAPI(t *testing.T) *dpopAPI {
	d := &dpopAPI{nonce: "n-one"}
	d.Server = apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked++
		body, _ := io.ReadAll(r.Body)
		jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Error(err)
			return
		}
		payload, err := jws.Verify(jws.Signatures[0].Header.JSONWebKey)
		if err != nil {
			t.Error(err)
		}
		var claims map[string]any
		json.Unmarshal(payload, &claims)
		d.proofs = append(d.proofs, claims)
		d.keys = append(d.keys, jws.Signatures[0].Header.JSONWebKey.Key)
		w.Header().Set("DPoP-Nonce", d.nonce)
		if claims["nonce"] != d.nonce {
			w.Header().Set("WWW-Authenticate", `Bearer, DPoP error="use_dpop_nonce", algs="ES256"`)
			w.WriteHeader(401)
			return
		}
		d.bodies = append(d.bodies, string(body))
	})
	return d
}

func TestD56CallWithNonces(t *testing.T) {
	api := newDPoPAPI(t)
	key, err := newDPoPKey()
	if err != nil {
		t.Fatal(err)
	}
	token := Token{Access: secret.New("bound-token"), Type: dpopType, Key: key}
	call := func(body io.Reader) *http.Response {
		t.Helper()
		res, err := Call(t.Context(), apiLink(api.Server), Registration{}, token, newRequest(t, "POST", api.URL+"/a%2Fb?q=1", body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.Header.Get("DPoP-Nonce") != "" {
			t.Error("the nonce reached the app")
		}
		return res
	}
	if res := call(strings.NewReader("first")); res.StatusCode != 200 || api.asked != 2 {
		t.Errorf("without a nonce: %d after %d", res.StatusCode, api.asked)
	}
	if res := call(strings.NewReader("second")); res.StatusCode != 200 || api.asked != 3 {
		t.Errorf("with the nonce remembered: %d after %d", res.StatusCode, api.asked)
	}
	api.nonce = "n-two"
	once := io.MultiReader(strings.NewReader("once"))
	if res := call(once); res.StatusCode != 401 || api.asked != 4 {
		t.Errorf("a body that can be sent once: %d after %d", res.StatusCode, api.asked)
	}
	if res := call(io.MultiReader(strings.NewReader("again"))); res.StatusCode != 200 || api.asked != 5 {
		t.Errorf("afterwards: %d after %d", res.StatusCode, api.asked)
	}
	if got := strings.Join(api.bodies, " "); got != "first second again" {
		t.Errorf("bodies %q", got)
	}
	last := api.proofs[len(api.proofs)-1]
	if last["htm"] != "POST" || last["htu"] != api.URL+"/a%2Fb" || last["ath"] == nil || last["jti"] == api.proofs[0]["jti"] {
		t.Errorf("proof %v", last)
	}
	if strings.Contains(fmt.Sprint(api.keys...), "D:") {
		t.Error("the private key left")
	}
}

func TestD56EndlessNoncesOfAnAPI(t *testing.T) {
	asked := 0
	s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("DPoP-Nonce", fmt.Sprint("n", asked))
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		w.WriteHeader(401)
	})
	key, _ := newDPoPKey()
	res, err := Call(t.Context(), apiLink(s), Registration{}, Token{Access: secret.New("at"), Type: dpopType, Key: key}, newRequest(t, "GET", s.URL+"/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 || asked != 2 {
		t.Errorf("%d after %d requests", res.StatusCode, asked)
	}
}

func TestCallUploadsAsGiven(t *testing.T) {
	var length int64
	var chunked []string
	var body []byte
	s := apiServer(t, func(_ http.ResponseWriter, r *http.Request) {
		length, chunked = r.ContentLength, r.TransferEncoding
		body, _ = io.ReadAll(r.Body)
	})
	data := bytes.Repeat([]byte("x"), 1<<20)
	for _, stream := range []bool{false, true} {
		req := newRequest(t, "PUT", s.URL+"/x", bytes.NewReader(data))
		if stream {
			req.ContentLength = -1
		}
		res, err := Call(t.Context(), apiLink(s), Registration{}, bearer("at"), req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if len(body) != len(data) || (length == -1) != stream || (len(chunked) > 0) != stream {
			t.Errorf("stream %v: %d bytes, length %d, %v", stream, len(body), length, chunked)
		}
	}
}

func FuzzCallAddress(f *testing.F) {
	for _, seed := range []string{"/", "//a//", "/%2e%2e/token", "/token", "/ü{|}", "/a?b#c", "*", "a", "/x?%zz&;=", "/%ff/%00", "/token;a/..", `/\token`} {
		f.Add(seed)
	}
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://api.example/token"}, API: API{Hosts: []string{"api.example"}}}}
	f.Fuzz(func(t *testing.T, target string) {
		read, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: app\r\n\r\n")))
		if err != nil || !strings.HasPrefix(target, "/") || read.URL.Host != "" || read.RequestURI != target {
			return
		}
		read.URL.Scheme, read.URL.Host = "https", "api.example"
		to, err := l.target(read.URL)
		if err != nil {
			return
		}
		var sent bytes.Buffer
		if err := (&http.Request{Method: "GET", URL: to, Host: to.Host}).Write(&sent); err != nil {
			return
		}
		line, _, _ := strings.Cut(sent.String(), "\r\n")
		if line != "GET "+target+" HTTP/1.1" || to.Host != "api.example" {
			t.Fatalf("%q went out as %q", target, line)
		}
		if path, _, _ := strings.Cut(target, "?"); strings.EqualFold(strings.Trim(path, "/"), "token") {
			t.Fatalf("%q was let through", target)
		}
	})
}
