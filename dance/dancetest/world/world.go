// Package world plays the providers of the catalogue for tests: under their own
// names, at their own addresses, each exactly as its row says and no other way.
//
// [Start] stands it up on loopback. What it serves is an https proxy: with
// [World.Proxy] in HTTPS_PROXY and [World.Roots] among the trusted
// certificates, a client that asks for https://accounts.example.com meets the
// player of that row. [World.Play] brings a row on stage and returns its [Sim];
// rows that share a host wait for each other. [Sim.Visit] is the user with a
// browser.
//
// It is written from what a row declares, not from what the client does: a
// request that leaves out what the row demands, or adds what it forbids, is
// refused and noted in [Sim.Complaints].
//
// It never speaks to anything but this machine: an address that no row on
// stage has is answered 502.
package world

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"dancecard/dance"
)

// World is the stage. Safe for concurrent use.
type World struct {
	listener net.Listener
	outer    *http.Server // takes CONNECT
	inner    *http.Server // speaks inside the tunnels
	tunnels  chan net.Conn
	done     chan struct{}

	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
	key   *ecdsa.PrivateKey // of every leaf, and of ID tokens

	mu     sync.Mutex
	left   *sync.Cond // a row has left the stage
	leaves map[string]*tls.Certificate
	hosts  map[string]*Sim
}

// Start stands the world up.
func Start() (*World, error) {
	w := &World{
		tunnels: make(chan net.Conn), done: make(chan struct{}),
		leaves: map[string]*tls.Certificate{}, hosts: map[string]*Sim{},
	}
	w.left = sync.NewCond(&w.mu)
	if err := w.authority(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.listener = l
	quiet := log.New(io.Discard, "", 0)
	w.outer = &http.Server{Handler: http.HandlerFunc(w.tunnel), ErrorLog: quiet}
	w.inner = &http.Server{Handler: http.HandlerFunc(w.serve), ErrorLog: quiet}
	go w.outer.Serve(l)
	go w.inner.Serve(tunnels{w})
	return w, nil
}

// Proxy is the address for HTTPS_PROXY.
func (w *World) Proxy() string { return "http://" + w.listener.Addr().String() }

// Roots trust the certificates of this world.
func (w *World) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(w.ca)
	return pool
}

// Close ends it; rows on stage are gone.
func (w *World) Close() error {
	close(w.done)
	w.inner.Close()
	return w.outer.Close()
}

func (w *World) authority() error {
	var err error
	if w.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "World of tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, w.caKey.Public(), w.caKey)
	if err != nil {
		return err
	}
	w.ca, err = x509.ParseCertificate(der)
	return err
}

// leaf is the certificate of a host, made when it is first asked for.
func (w *World) leaf(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.leaves[hello.ServerName]; c != nil {
		return c, nil
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(w.leaves)) + 2), DNSNames: []string{hello.ServerName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca, w.key.Public(), w.caKey)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: w.key}
	w.leaves[hello.ServerName] = c
	return c, nil
}

// tunnel takes a CONNECT and speaks TLS in it, as the host that was asked for.
func (w *World) tunnel(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(rw, "no row on stage is asked over plain http", http.StatusBadGateway)
		return
	}
	conn, buffered, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	secured := tls.Server(tunnelConn{conn, buffered.Reader}, &tls.Config{GetCertificate: w.leaf, MinVersion: tls.VersionTLS13})
	select {
	case w.tunnels <- secured:
	case <-w.done:
		conn.Close()
	}
}

// tunnelConn reads first what the proxy's reader has read ahead.
type tunnelConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c tunnelConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// tunnels is the listener for what goes on inside them.
type tunnels struct{ world *World }

// Accept implements net.Listener.
func (t tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.world.tunnels:
		return c, nil
	case <-t.world.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (t tunnels) Addr() net.Addr { return t.world.listener.Addr() }

// Close implements net.Listener.
func (t tunnels) Close() error { return nil }

func (w *World) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	s := w.hosts[r.Host]
	w.mu.Unlock()
	if s == nil {
		http.Error(rw, "no row on stage has the host "+r.Host, http.StatusBadGateway)
		return
	}
	s.serve(rw, r)
}

// Play brings a row, with its blank filled in, on stage until leave is called.
// registration is what the user has registered there; zero where the row makes
// its own. It waits until no other row has one of its hosts.
func (w *World) Play(ctx context.Context, row dance.Provider, registration dance.Registration) (s *Sim, leave func(), err error) {
	s, err = newSim(w, row, registration)
	if err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.taken(s.hosts) {
		w.left.Wait()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
	for _, h := range s.hosts {
		w.hosts[h] = s
	}
	return s, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, h := range s.hosts {
			delete(w.hosts, h)
		}
		w.left.Broadcast()
	}, nil
}

func (w *World) taken(hosts []string) bool {
	for _, h := range hosts {
		if w.hosts[h] != nil {
			return true
		}
	}
	return false
}

// transport is the user's browser's: through the proxy, and straight to
// loopback, whose self-made certificates it takes.
func (w *World) transport() *http.Transport {
	proxy, _ := url.Parse(w.Proxy())
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if h := r.URL.Hostname(); h == "localhost" || net.ParseIP(h).IsLoopback() {
				return nil, nil
			}
			return proxy, nil
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}
}
