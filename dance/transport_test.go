package dance

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"dancecard/internal/secret"
)

func failed(t *testing.T, err error) *Failed {
	t.Helper()
	f, ok := errors.AsType[*Failed](err)
	if !ok {
		t.Fatalf("got %T: %v", err, err)
	}
	return f
}

func TestD44RedirectsOfTheTokenEndpoint(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		op, other := newOP(t), newOP(t)
		op.token = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/token", status)
		}
		tok, err := op.refresh(t)
		f := failed(t, err)
		if f.Status != status || !strings.Contains(f.Text, "redirect") || !f.Answered || f.Offline || !tok.Refresh.IsZero() || other.count("/token") != 0 || op.count("/token") != 1 {
			t.Errorf("%d: %+v, %d requests at the other host", status, f, other.count("/token"))
		}
	}
}

func TestD42NetworkTrouble(t *testing.T) {
	selfSigned := httptest.NewUnstartedServer(http.NotFoundHandler())
	selfSigned.Config.ErrorLog = log.New(io.Discard, "", 0)
	selfSigned.StartTLS()
	defer selfSigned.Close()
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + free.Addr().String()
	free.Close()
	for _, c := range []struct {
		name, address, text string
		offline             bool
		cause               any
	}{
		{"self-signed", selfSigned.URL, "certificate", false, new(*tls.CertificateVerificationError)},
		{"connection refused", closed, "no connection", true, new(*net.OpError)},
		{"plain http", "http://issuer.example/token", "https://", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := Link{Provider: Provider{Endpoints: Endpoints{Token: c.address}}}
			_, err := Refresh(t.Context(), l, Registration{ClientID: "us"}, Token{Refresh: secret.New("canary-refresh")}, nil, Identity{})
			f := failed(t, err)
			if !strings.Contains(f.Text, c.text) || f.Offline != c.offline || f.Answered || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %+v", f)
			}
			if c.cause != nil && !errors.As(err, c.cause) {
				t.Errorf("cause %T", f.Cause)
			}
		})
	}
}

// hangUp is a server that reads a request, writes text and closes.
func hangUp(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 4096)
			for got := []byte{}; !bytes.Contains(got, []byte("old-refresh")); {
				n, err := conn.Read(buffer)
				if err != nil {
					break
				}
				got = append(got, buffer[:n]...)
			}
			fmt.Fprint(conn, text)
			conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestAnswered(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		answered   bool
		salvaged   string
	}{
		{"no byte", "", false, ""},
		{"one byte", "H", true, ""},
		{"status line", "HTTP/1.1 200 OK\r\n", true, ""},
		{"D45 short body", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" +
			`{"refresh_token":"new-refresh","access_token":"a`, true, "new-refresh"},
		{"D45 broken off in the refresh token", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" +
			`{"access_token":"a","refresh_token":"new-re`, true, ""},
		{"D45 truncated chunk", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" +
			`{"refresh_token":"new-refresh",`, true, "new-refresh"},
		{"D45 long content length with whole body", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n" +
			`{"access_token":"a","token_type":"bearer","refresh_token":"new-refresh"}`, true, "new-refresh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := Link{Provider: Provider{Endpoints: Endpoints{Token: hangUp(t, c.sent)}}}
			tok, err := Refresh(t.Context(), l, Registration{ClientID: "us"}, Token{Refresh: secret.New("old-refresh")}, nil, Identity{})
			if f := failed(t, err); f.Answered != c.answered || f.Offline {
				t.Errorf("got %+v", f)
			}
			if tok.Refresh.Reveal() != c.salvaged || !tok.Access.IsZero() {
				t.Errorf("saved %q", tok.Refresh.Reveal())
			}
		})
	}
}

func TestD43TokenRequestIsSentOnce(t *testing.T) {
	op := newOP(t)
	op.token = func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	if _, err := op.refresh(t); failed(t, err).Answered || op.count("/token") != 1 {
		t.Errorf("%v after %d requests", err, op.count("/token"))
	}
}

func TestD24InnerAddresses(t *testing.T) {
	op := newOP(t)
	l := op.link()
	l.Provider.Issuer = "https://203.0.113.7" // public by its looks; never connected to
	_, err := Probe(t.Context(), l, Registration{}, Token{Access: secret.New("at")})
	if f := failed(t, err); !errors.Is(err, errInner) || f.Offline || op.count("/userinfo") != 0 {
		t.Errorf("got %+v, %d requests", f, op.count("/userinfo"))
	}
	l.Provider.Issuer = "http://localhost:1"
	if _, err := Probe(t.Context(), l, Registration{}, Token{Access: secret.New("at")}); err != nil {
		t.Errorf("an inner issuer: %v", err)
	}
	for text, want := range map[string]bool{"8.8.8.8": true, "10.0.0.1": false, "169.254.169.254": false, "127.0.0.1": false,
		"100.64.0.1": false, "::1": false, "fe80::1": false, "fd00::1": false, "2606:4700::1111": true, "0.0.0.0": false, "224.0.0.1": false} {
		if outer(netip.MustParseAddr(text)) != want {
			t.Errorf("outer(%s) is not %v", text, want)
		}
	}
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	u, _ := url.Parse("http://localhost/")
	d := (&client{}).dialer(u, false)
	if err := d.ControlContext(t.Context(), "tcp4", "192.0.2.1:80", nil); err == nil {
		t.Error("localhost may lead elsewhere")
	}
	if err := d.ControlContext(t.Context(), "tcp4", "127.0.0.1:80", nil); err != nil {
		t.Error(err)
	}
}

func TestD59Proxy(t *testing.T) {
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.Host)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	address := strings.Replace(proxy.URL, "http://", "http://user:canary-password@", 1)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, address)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	op := newOP(t)
	if _, err := op.refresh(t); err != nil || len(seen) != 0 {
		t.Errorf("loopback: %v, the proxy saw %v", err, seen)
	}
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://issuer.example/token"}}}
	_, err := Refresh(t.Context(), l, Registration{ClientID: "us"}, Token{Refresh: secret.New("rt")}, nil, Identity{})
	if f := failed(t, err); f.Answered || strings.Contains(fmt.Sprintf("%v %+v", err, f.Cause), "canary") {
		t.Errorf("got %+v", f)
	}
	if strings.Join(seen, " ") != "CONNECT issuer.example:443" {
		t.Errorf("the proxy saw %v", seen)
	}
	t.Setenv("HTTPS_PROXY", "http://user:canary-password@%zz")
	_, err = Refresh(t.Context(), l, Registration{ClientID: "us"}, Token{Refresh: secret.New("rt")}, nil, Identity{})
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, failed(t, err).Cause), "canary") {
		t.Errorf("got %v", err)
	}
}

func TestD45GzipBomb(t *testing.T) {
	op := newOP(t)
	op.token = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		zeros := make([]byte, 1<<20)
		for range 200 {
			if _, err := z.Write(zeros); err != nil {
				return
			}
		}
		z.Close()
	}
	_, err := op.refresh(t)
	if f := failed(t, err); !strings.Contains(f.Text, "too long") || !f.Answered {
		t.Errorf("got %+v", f)
	}
}

func TestCallerGivesUp(t *testing.T) {
	op := newOP(t)
	ctx, cancel := context.WithCancel(t.Context())
	op.token = func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }
	_, err := Refresh(ctx, op.link(), Registration{}, Token{Refresh: secret.New("rt")}, nil, Identity{})
	if f := failed(t, err); f.Answered || f.Offline || !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v", f)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-5": 0, "99999999999": retryLimit, "soon": 0, "9999999999999999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2015 03:05:05 GMT": 0, "Fri, 02 Jan 2099 03:05:05 GMT": retryLimit,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for address, want := range map[string]bool{
		"https://issuer.example/a?b=c": true, "http://127.0.0.1:1/x": true, "http://localhost/": true, "http://[::1]/": true,
		"http://issuer.example/": false, "https://": false, "": false, "javascript:alert(1)": false, "data:text/html,x": false,
		"file:///etc/passwd": false, "https://user@issuer.example/": false, "https://issuer.example/#x": false,
		"https://issuer.example/#": false, "//issuer.example/": false, "https:issuer.example": false, "http://127.0.0.1.evil/": false,
		"https://a\nb/": false,
	} {
		if _, err := checkURL(address); (err == nil) != want {
			t.Errorf("%q: %v", address, err)
		}
	}
}
