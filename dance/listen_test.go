package dance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestD32HalfOpenConnections(t *testing.T) {
	lb := listening(t, testLink())
	for i := range 1000 {
		conn, err := net.Dial("tcp", lb.listeners[0].Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			io.WriteString(conn, "GET / HTTP/1.1\r\nX")
		}
	}
	began := time.Now()
	stillTakes(t, lb)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the right answer took %v", took)
	}
}

// ownListeners are the addresses that this process listens on, from the kernel.
func ownListeners(t *testing.T) map[string]bool {
	t.Helper()
	inodes := map[string]bool{}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			inodes[strings.Trim(to[len("socket:"):], "[]")] = true
		}
	}
	found := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && inodes[f[9]] {
				found[f[1]] = true
			}
		}
	}
	return found
}

func TestD33LoopbackOnly(t *testing.T) {
	before := ownListeners(t)
	l := testLink()
	l.Provider.Redirect.Host = "localhost"
	lb := listening(t, l)
	v4, v6 := false, false
	for address := range ownListeners(t) {
		host, port, _ := strings.Cut(address, ":")
		if before[address] {
			continue
		}
		if want := fmt.Sprintf("%04X", lb.listeners[0].Addr().(*net.TCPAddr).Port); port != want {
			t.Errorf("listens on port %s, want %s", port, want)
		}
		switch host {
		case "0100007F":
			v4 = true
		case "00000000000000000000000001000000":
			v6 = true
		default:
			t.Errorf("listens on %s", host)
		}
	}
	if !v4 || !v6 {
		t.Errorf("D35: v4 %v, v6 %v", v4, v6)
	}
	stillTakes(t, lb)
}

func TestD34PortHeld(t *testing.T) {
	for _, c := range []struct {
		name, network, address, host string
		refused                      bool
	}{
		{"v4", "tcp4", "127.0.0.1:0", "127.0.0.1", true},
		{"v4 wildcard", "tcp4", "0.0.0.0:0", "127.0.0.1", true},
		{"dual", "tcp", "[::]:0", "127.0.0.1", true},
		{"v6 only, address", "tcp6", "[::1]:0", "127.0.0.1", false},
		{"v4, name", "tcp4", "127.0.0.1:0", "localhost", true},
		{"v6 loopback, name", "tcp6", "[::1]:0", "localhost", true},
		{"v6 wildcard, name", "tcp6", "[::]:0", "localhost", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			held, err := net.Listen(c.network, c.address)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			l := testLink()
			l.Provider.Redirect = Redirect{Mode: "fixed_port", Host: c.host, Port: held.Addr().(*net.TCPAddr).Port}
			lb, err := listen(l, "s")
			if err == nil {
				lb.serve("")
				lb.close()
			}
			if f, ok := errors.AsType[*Failed](err); ok != c.refused || ok && !strings.Contains(f.Text, "held by another program") {
				t.Errorf("got %v", err)
			}
			if c.refused && len(ownListeners(t)) != 1 {
				t.Error("a listener is left behind")
			}
		})
	}
}

func TestFixedPort(t *testing.T) {
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	p := Provider{Redirect: Redirect{Mode: "fixed_port", Port: port}}
	lb := listening(t, Link{Provider: p})
	if want := fmt.Sprintf("http://127.0.0.1:%d/dancecard", port); lb.redirect != want || RedirectURI(p) != want {
		t.Errorf("redirect %q, registered %q, want %q", lb.redirect, RedirectURI(p), want)
	}
}

// The redirect URI of each mode: what is registered, what is sent, and what
// alone is answered, byte for byte.
func TestRedirectModes(t *testing.T) {
	port := freePort(t)
	for _, c := range []struct {
		redirect   Redirect
		registered string
	}{
		{Redirect{}, "http://127.0.0.1/dancecard/odd"},
		{Redirect{Mode: "any_port", Host: "localhost"}, "http://localhost/dancecard/odd"},
		{Redirect{Mode: "fixed_port", Port: port}, fmt.Sprintf("http://127.0.0.1:%d/dancecard/odd", port)},
		{Redirect{Mode: "unknown", Port: port, Host: "localhost", Path: "/"}, fmt.Sprintf("http://localhost:%d/", port)},
		{Redirect{Mode: "fixed_port", Port: port, Path: "/cb/"}, fmt.Sprintf("http://127.0.0.1:%d/cb/", port)},
		{Redirect{Mode: "https", Port: port, Path: "/cb"}, fmt.Sprintf("https://127.0.0.1:%d/cb", port)},
		{Redirect{Mode: "https"}, "https://127.0.0.1:8939/dancecard/odd"},
		{Redirect{Mode: "paste", URI: "urn:ietf:wg:oauth:2.0:oob", Port: 8939}, "urn:ietf:wg:oauth:2.0:oob"},
		{Redirect{Mode: "paste"}, ""},
	} {
		p := Provider{ID: "odd", Name: "Odd", Redirect: c.redirect}
		if got := RedirectURI(p); got != c.registered {
			t.Errorf("%+v: to register %q, want %q", c.redirect, got, c.registered)
		}
		if err := c.redirect.check(); err != nil {
			t.Errorf("%+v: %v", c.redirect, err)
		}
		if c.redirect.port() == fixedPort {
			continue // another program of this machine may hold it
		}
		lb := listening(t, Link{Provider: p})
		want := c.registered
		if c.redirect.anyPort() {
			want = "http://" + lb.host + lb.path
		}
		if lb.redirect != want {
			t.Errorf("%+v: sends %q, want %q", c.redirect, lb.redirect, want)
		}
		if c.redirect.scheme() == "http" && !c.redirect.paste() {
			other := lb.path + "/"
			if lb.path != "/" {
				other = strings.TrimSuffix(other, "//")
			}
			if res, _ := ask(t, lb, "GET", other+rightQuery, nil); res.StatusCode != 404 {
				t.Errorf("%q was answered %d", other, res.StatusCode)
			}
			stillTakes(t, lb)
		}
		if c.redirect.paste() {
			if res, _ := ask(t, lb, "GET", "/dancecard/odd"+rightQuery, nil); res.StatusCode != 404 || len(lb.answers) != 0 {
				t.Errorf("a listener that takes no answer said %d", res.StatusCode)
			}
		}
		lb.abandon()
	}
}

func TestRandomPath(t *testing.T) {
	l := testLink()
	if fixed := listening(t, l); fixed.path != "/dancecard" || RedirectURI(l.Provider) != "http://127.0.0.1/dancecard" {
		t.Errorf("path %q, to register %q", fixed.path, RedirectURI(l.Provider))
	}
	a, b := Provider{ID: "a"}, Provider{ID: "b"}
	if RedirectURI(a) != "http://127.0.0.1/dancecard/a" || RedirectURI(a) == RedirectURI(b) {
		t.Errorf("D14: to register %q and %q", RedirectURI(a), RedirectURI(b))
	}
	l.Provider.Redirect.RandomPath = true
	one, two := listening(t, l), listening(t, l)
	if one.path == two.path || len(one.path) < 40 {
		t.Errorf("paths %q and %q", one.path, two.path)
	}
	l = testLink()
	l.Provider.Redirect.Path = "/mine"
	if three := listening(t, l); three.path != "/mine" {
		t.Errorf("path %q", three.path)
	}
}

func TestCrowdLetsTheOldestGo(t *testing.T) {
	var c crowd
	var ends []net.Conn
	for range crowdLimit + 1 {
		ours, theirs := net.Pipe()
		c.admit(ours)
		ends = append(ends, theirs)
	}
	if _, err := ends[0].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the oldest: %v", err)
	}
	if c.guests.Len() != crowdLimit {
		t.Errorf("%d are in", c.guests.Len())
	}
}
