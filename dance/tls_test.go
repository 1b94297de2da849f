package dance

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// freePort is a port of 127.0.0.1 and ::1 where nobody listens.
func freePort(t *testing.T) int {
	t.Helper()
	listeners, port, err := bind(Redirect{Host: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range listeners {
		l.Close()
	}
	return port
}

// wary is a browser whose user goes on past the certificate's warning, after a
// look at it.
func wary(t *testing.T, seen *[]*x509.Certificate) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			*seen = append(*seen, s.PeerCertificates...)
			return nil
		},
	}}}
}

var goOn = regexp.MustCompile(`href="([^"]+)"`)

func TestHTTPSRedirect(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost"} {
		op := newOP(t)
		row := op.row()
		row.Redirect = Redirect{Mode: "https", Host: host, Port: freePort(t)}
		registered := fmt.Sprintf("https://%s:%d/dancecard/odd", host, row.Redirect.Port)
		if RedirectURI(row) != registered {
			t.Errorf("to register %q", RedirectURI(row))
		}
		var seen []*x509.Certificate
		res, err := Run(t.Context(), row, Prompt{OpenURL: func(ctx context.Context, start string) error {
			if !strings.HasPrefix(start, "http://") {
				t.Errorf("the browser would warn at %q already", start)
			}
			client := wary(t, &seen)
			res, err := client.Get(start)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			link := goOn.FindStringSubmatch(string(body))
			if link == nil || !strings.Contains(string(body), "Your browser will warn you") || !strings.Contains(string(body), fmt.Sprintf("%s:%d", host, row.Redirect.Port)) {
				t.Errorf("the page before the warning: %s", body)
				return nil
			}
			done, err := client.Get(html.UnescapeString(link[1]))
			if err != nil {
				t.Error(err)
				return err
			}
			defer done.Body.Close()
			body, _ = io.ReadAll(done.Body)
			if done.StatusCode != 200 || done.Request.URL.Scheme != "https" || !strings.Contains(string(body), "Odd said yes") {
				t.Errorf("the browser ended at %s, %d", done.Request.URL, done.StatusCode)
			}
			return nil
		}}, Request{})
		if err != nil || res.Link.RedirectURI != registered {
			t.Fatalf("%v, redirect %q", err, res.Link.RedirectURI)
		}
		cert := seen[0]
		if cert.IsCA || fmt.Sprint(cert.DNSNames, cert.IPAddresses) != "[localhost] [127.0.0.1 ::1]" || cert.NotAfter.Sub(cert.NotBefore) > 2*time.Hour {
			t.Errorf("certificate for %v %v, CA %v, until %v", cert.DNSNames, cert.IPAddresses, cert.IsCA, cert.NotAfter)
		}
	}
}

func TestHTTPSRedirectTakesNoPlainAnswer(t *testing.T) {
	l := testLink()
	l.Provider.Redirect = Redirect{Mode: "https", Port: freePort(t)}
	lb := listening(t, l)
	if res, _ := ask(t, lb, "GET", lb.path+rightQuery, nil); res.StatusCode != http.StatusNotFound || len(lb.answers) != 0 {
		t.Errorf("plain http was answered %d", res.StatusCode)
	}
	var seen []*x509.Certificate
	for _, wrong := range []string{"?code=c&state=wrong", "?code=c", "/" + rightQuery} {
		res, err := wary(t, &seen).Get(lb.redirect + wrong)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode/100 != 4 || len(lb.answers) != 0 {
			t.Errorf("%s was answered %d", wrong, res.StatusCode)
		}
	}
	if _, err := http.Get(lb.redirect + rightQuery); err == nil {
		t.Error("somebody trusts the certificate")
	}
	res, err := wary(t, &seen).Get(lb.redirect + rightQuery)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := <-lb.answers; got.code != "the-code" || res.StatusCode != 200 {
		t.Errorf("took %+v, answered %d", got, res.StatusCode)
	}
}

// Neither half a handshake nor silence keeps the right answer away.
func TestD32HalfHandshakes(t *testing.T) {
	l := testLink()
	l.Provider.Redirect = Redirect{Mode: "https", Port: freePort(t)}
	lb := listening(t, l)
	for i := range 300 {
		conn, err := net.Dial("tcp", lb.host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, []string{"", "\x16", "\x16\x03\x01\xff\xff", "GET /"}[i%4])
	}
	var seen []*x509.Certificate
	began := time.Now()
	res, err := wary(t, &seen).Get(lb.redirect + rightQuery)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the right answer took %v", took)
	}
}

// D37: a machine with one address family alone still gets its answer.
func TestD37OneFamily(t *testing.T) {
	for _, gone := range []string{"tcp4", "tcp6"} {
		listen := func(network, address string) (net.Listener, error) {
			if network == gone {
				return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)}
			}
			return net.Listen(network, address)
		}
		listeners, port, err := bindOver(listen, Redirect{Host: "localhost"})
		if err != nil || len(listeners) != 1 || port == 0 {
			t.Errorf("without %s: %d listeners, port %d, %v", gone, len(listeners), port, err)
		}
		for _, l := range listeners {
			if v6 := l.Addr().(*net.TCPAddr).IP.To4() == nil; v6 != (gone == "tcp4") {
				t.Errorf("without %s it listens on %v", gone, l.Addr())
			}
			l.Close()
		}
		if gone == "tcp4" {
			if _, _, err := bindOver(listen, Redirect{}); err == nil {
				t.Error("127.0.0.1 without IPv4")
			}
		}
	}
	neither := func(string, string) (net.Listener, error) { return nil, syscall.EAFNOSUPPORT }
	_, _, err := bindOver(neither, Redirect{Host: "localhost"})
	if _, ok := errors.AsType[*Failed](err); !ok {
		t.Errorf("without both: %v", err)
	}
}

// D36: whoever answers at our address instead of us is noticed before the
// browser is sent there.
func TestD36SquatterIsNoticed(t *testing.T) {
	for name, answer := range map[string]string{
		"a web server": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"silence":      "",
		"noise":        "SSH-2.0-OpenSSH\r\n",
	} {
		squatter, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer squatter.Close()
		go func() {
			for {
				conn, err := squatter.Accept()
				if err != nil {
					return
				}
				bufio.NewReader(conn).ReadString('\n')
				io.WriteString(conn, answer)
				conn.Close()
			}
		}()
		lb := listening(t, testLink())
		if err := lb.probe(t.Context()); err != nil {
			t.Errorf("itself: %v", err)
		}
		lb.host = squatter.Addr().String()
		err = lb.probe(t.Context())
		if f, ok := errors.AsType[*Failed](err); !ok || !strings.Contains(f.Text, "another program answers") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
