package dance

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const (
	callTime   = 30 * time.Second // one request with its answer
	dialTime   = 10 * time.Second
	bodyLimit  = 1 << 20  // bytes of an answer after decompression
	headLimit  = 64 << 10 // bytes of an answer's header
	retryLimit = 24 * time.Hour
)

// client is the one way from this package to a provider. It follows no
// redirect, bounds time and size, speaks https (http only to loopback), goes
// through the environment's proxy except to loopback, and connects to inner
// addresses only where the provider itself lives on them. Connections are not
// kept: calls are rare, and nothing of one is left behind when it returns.
type client struct {
	home  string        // host name of the issuer; "": every address is the row's own
	limit time.Duration // for one request with its answer; 0: callTime
}

func newClient(p Provider) *client {
	c := &client{}
	if u, err := url.Parse(p.Issuer); err == nil {
		c.home = u.Hostname()
	}
	return c
}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	sent   time.Time
}

// send performs one request. The error is a *Failed; where the body broke off
// or was too long, what was read of it is returned beside the error.
func (c *client) send(ctx context.Context, stage string, req *http.Request) (answer, error) {
	if _, err := checkURL(req.URL.String()); err != nil {
		return answer{}, &Failed{Stage: stage, Text: err.Error()}
	}
	transport, err := c.transport(req.URL)
	if err != nil {
		return answer{}, &Failed{Stage: stage, Text: err.Error(), Offline: true}
	}
	defer transport.CloseIdleConnections()

	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.limit, callTime))
	defer cancel()
	var connected, answered atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { connected.Store(true) },
		GotFirstResponseByte: func() { answered.Store(true) },
	})
	req = req.WithContext(ctx)
	req.Header.Set("User-Agent", "Dancecard")
	a := answer{sent: time.Now().Round(0)}
	res, err := transport.RoundTrip(req)
	if err != nil {
		f := trouble(stage, req.URL.Hostname(), err)
		f.Answered = answered.Load()
		f.Offline = f.Offline && !connected.Load()
		return a, f
	}
	defer res.Body.Close()
	a.status, a.header = res.StatusCode, res.Header
	a.body, err = io.ReadAll(io.LimitReader(res.Body, bodyLimit+1))
	switch {
	case err != nil:
		f := trouble(stage, req.URL.Hostname(), err)
		f.Text, f.Status, f.Answered, f.Offline = "the provider's answer broke off", a.status, true, false
		return a, f
	case len(a.body) > bodyLimit:
		a.body = a.body[:bodyLimit]
		return a, &Failed{Stage: stage, Text: "the provider's answer is too long", Status: a.status, Answered: true}
	}
	return a, nil
}

// transport is good for one request to u.
func (c *client) transport(u *url.URL) (*http.Transport, error) {
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(u)
	if err != nil {
		return nil, errors.New("the proxy setting of the environment cannot be read")
	}
	return &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		DialContext:            c.dialer(u, proxy != nil).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTime,
		MaxResponseHeaderBytes: headLimit,
		DisableKeepAlives:      true,
	}, nil
}

// get is send for documents without a secret in the request: it follows up to
// three redirects within one origin.
func (c *client) get(ctx context.Context, stage, address string) (answer, error) {
	for range 4 {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			return answer{}, &Failed{Stage: stage, Text: "the address cannot be used"}
		}
		req.Header.Set("Accept", "application/json")
		a, err := c.send(ctx, stage, req)
		if err != nil || a.status < 300 || a.status > 399 {
			return a, err
		}
		next, err := req.URL.Parse(a.header.Get("Location"))
		if err != nil || next.Scheme != req.URL.Scheme || next.Host != req.URL.Host {
			return a, &Failed{Stage: stage, Text: "the address redirects to another host", Status: a.status, Answered: true}
		}
		address = next.String()
	}
	return answer{}, &Failed{Stage: stage, Text: "the address redirects without end", Answered: true}
}

var errInner = errors.New("a public provider named an address inside this network")

func (c *client) dialer(target *url.URL, proxied bool) *net.Dialer {
	d := &net.Dialer{Timeout: dialTime}
	if proxied {
		return d
	}
	d.ControlContext = func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		addr := ap.Addr().Unmap()
		switch {
		case target.Scheme == "http" && !addr.IsLoopback():
			return errors.New("plain http stays on this machine")
		case outer(addr), c.home == "", strings.EqualFold(target.Hostname(), c.home), c.innerHome(ctx):
			return nil
		}
		return errInner
	}
	return d
}

// innerHome reports whether the issuer itself lives on inner addresses.
func (c *client) innerHome(ctx context.Context) bool {
	if strings.EqualFold(c.home, "localhost") {
		return true
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", c.home)
	if err != nil || len(addrs) == 0 {
		return false
	}
	for _, a := range addrs {
		if outer(a.Unmap()) {
			return false
		}
	}
	return true
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// outer reports an address of the public internet.
func outer(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !sharedSpace.Contains(a)
}

// checkURL accepts https addresses, and http ones on loopback.
func checkURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("the address is not a web address")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopbackName(u.Hostname())):
		return nil, errors.New("the address does not begin with https://")
	case u.User != nil || u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, errors.New("the address has a user name or a fragment in it")
	}
	return u, nil
}

// loopbackName reports names and literals that mean this machine.
func loopbackName(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// trouble puts a network error into plain words. The error itself is kept for
// errors.As but never printed: it may name a proxy.
func trouble(stage, host string, err error) *Failed {
	f := &Failed{Stage: stage, Cause: err, Offline: true}
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	switch {
	case errors.As(err, &certificate):
		f.Offline = false
		f.Text = fmt.Sprintf("the certificate of %s cannot be trusted; check the clock and the network", host)
	case errors.Is(err, errInner):
		f.Offline = false
		f.Text = errInner.Error()
	case errors.Is(err, context.Canceled):
		f.Text = "the request was cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		f.Text = fmt.Sprintf("%s did not answer in time", host)
	case errors.As(err, &name):
		f.Text = fmt.Sprintf("the name %s cannot be found; check the network", host)
	default:
		f.Text = fmt.Sprintf("no connection to %s", host)
	}
	return f
}

// retryAfter reads the header of RFC 9110 section 10.2.3: seconds or a date,
// nonsense is 0, at most a day.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	var d time.Duration
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		d = time.Duration(min(max(n, 0), int64(retryLimit/time.Second))) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), retryLimit)
}
