package dance

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		"Via": "x", "Dpop": "x", "X-Http-Method-Override": "DELETE", "X-Original-Url": "/token", "X-Rewrite-Url": "/token", "Accept": "text/csv", "X-Version": "2", "Client-Id": "another", "X-Own": "kept",
	} {
		req.Header.Set(name, v)
	}
	res, err := Call(t.Context(), l, Registration{}, bearer("the-token"), req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, name := range []string{"Cookie", "Proxy-Authorization", "Proxy-Anything", "X-Named", "Te", "Upgrade", "Keep-Alive", "Forwarded", "X-Forwarded-For",
		"X-Real-Ip", "Via", "Dpop", "X-Http-Method-Override", "X-Original-Url", "X-Rewrite-Url", "Accept-Encoding"} {
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
