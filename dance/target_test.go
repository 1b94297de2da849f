package dance

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

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
		"/q?a=b&a=c&d=%2F%zz&e=;f", "/q??x", "//", "//", "/*", "/a//", "/{x}",
	} {
		// As an HTTP server reads it.
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: app\r\n\r\n")))
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		req.URL.Scheme, req.URL.Host = "http", host
		if i%2 == 1 { // as it is without reading it
			path, query, asks := strings.Cut(target, "?")
			req.URL = &url.URL{Scheme: "http", Host: host, Opaque: path, RawQuery: query, ForceQuery: asks && query == ""}
		}
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
