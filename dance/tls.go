package dance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const certificateLife = time.Hour

// selfSigned makes a certificate for this machine's own names, for providers
// that send their answer to https alone. Its key is in no file and ends with
// the dance; nothing trusts it, so the browser asks.
func selfSigned() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Dancecard, on this machine only"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, // and no authority: it can sign no other
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"},
	}, nil
}

// eitherListener speaks TLS with who begins with it, and plain http with
// others: the page that explains the browser's warning comes before it.
type eitherListener struct {
	net.Listener
	config *tls.Config // nil: plain http alone
}

// Accept implements net.Listener.
func (l eitherListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || l.config == nil {
		return conn, err
	}
	return &eitherConn{Conn: conn, config: l.config}, nil
}

// eitherConn knows with the first byte what is spoken.
type eitherConn struct {
	net.Conn
	config *tls.Config
	spoken atomic.Pointer[spoken]
}

type spoken struct {
	net.Conn
	secure bool
}

const tlsHandshake = 22 // the type of a TLS connection's first record (RFC 8446 section 5.1)

// Read implements net.Conn. Only one goroutine reads at a time.
func (c *eitherConn) Read(p []byte) (int, error) {
	s := c.spoken.Load()
	if s == nil {
		var first [1]byte
		if _, err := io.ReadFull(c.Conn, first[:]); err != nil {
			return 0, err
		}
		s = &spoken{Conn: headed{c.Conn, io.MultiReader(bytes.NewReader(first[:]), c.Conn)}}
		if first[0] == tlsHandshake {
			s = &spoken{Conn: tls.Server(s.Conn, c.config), secure: true}
		}
		c.spoken.Store(s)
	}
	return s.Read(p)
}

// Write implements net.Conn.
func (c *eitherConn) Write(p []byte) (int, error) { return c.current().Write(p) }

// Close implements net.Conn.
func (c *eitherConn) Close() error { return c.current().Close() }

// CloseWrite lets net/http say why it hangs up before it does.
func (c *eitherConn) CloseWrite() error {
	if half, ok := c.current().(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *eitherConn) current() net.Conn {
	if s := c.spoken.Load(); s != nil && s.secure {
		return s.Conn
	}
	return c.Conn
}

// headed is a connection whose first bytes were read ahead.
type headed struct {
	net.Conn
	from io.Reader
}

// Read implements net.Conn.
func (h headed) Read(p []byte) (int, error) { return h.from.Read(p) }

type connKey struct{}

func rememberConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// secured reports a request that came over TLS.
func secured(r *http.Request) bool {
	conn, ok := r.Context().Value(connKey{}).(*eitherConn)
	if !ok {
		return false
	}
	s := conn.spoken.Load()
	return s != nil && s.secure
}
