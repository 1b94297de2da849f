package dance

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	callStage   = "request"
	headerTime  = 2 * time.Minute // from the end of a request to the head of its answer
	idleTime    = 5 * time.Minute // a connection on which nothing moves ends
	resolveTime = 3 * time.Second // for the addresses of a link's hosts, which only a proxy may know
)

// Call performs one request at the provider's API with the token added: as a
// bearer token, with a DPoP proof (RFC 9449) or signed (OAuth 1.0a), as the
// link says. The caller owns the answer's body. Bodies stream both ways,
// without a limit but for silence; no redirect is followed; a 401 is returned
// as it is (see [StepUpOf]).
//
// The request goes to a host of Link.Provider.API.Hosts over https (http only
// where the provider is on this machine), never to the provider's OAuth
// endpoints, with path and query byte for byte. Of its header everything is
// sent but what speaks of a connection (RFC 9110 section 7.6.1), of where the
// app is (Forwarded and its like), of another method or path, or is the token's
// own: Authorization, Cookie, DPoP. An app may set what the row only suggests, its
// User-Agent and API version among them. Set-Cookie is taken out of the answer,
// as a session of the user's that an app could keep.
//
// *Invalid: the request must not be made, Text says why. *Failed: no answer.
func Call(ctx context.Context, l Link, r Registration, t Token, req *http.Request) (*http.Response, error) {
	r = l.registration(r)
	target, err := l.target(req.URL)
	if err == nil {
		err = allowedMethod(req.Method)
	}
	if err != nil {
		return nil, &Invalid{Stage: callStage, Text: err.Error()}
	}
	out := req.Clone(ctx)
	out.URL, out.Host, out.Header, out.Trailer, out.RequestURI = target, target.Host, onward(req.Header), nil, ""
	out.Close, out.TransferEncoding, out.Form, out.PostForm, out.MultipartForm = false, nil, nil, nil, nil
	key := nonceKey(t, target.Host)
	for try := 0; ; try++ {
		nonce := serverNonces.get(key)
		res, err := l.callOnce(ctx, r, t, out, nonce)
		if err != nil {
			return nil, err
		}
		fresh := serverNonces.learn(key, nonce, res.Header)
		if try > 0 || !fresh || res.StatusCode != http.StatusUnauthorized || !challengesNonce(res.Header) || !rewind(out) {
			return returned(res, req)
		}
		res.Body.Close()
	}
}

// callOnce signs and sends.
func (l Link) callOnce(ctx context.Context, r Registration, t Token, out *http.Request, nonce string) (*http.Response, error) {
	signed, err := l.attach(r, t, out, nonce)
	if err != nil {
		return nil, err
	}
	for name, v := range l.Provider.API.Headers {
		name = http.CanonicalHeaderKey(name)
		if own := out.Header[name]; own != nil && !strings.Contains(v, "{client_id}") {
			signed.Header[name] = own
		}
	}
	if signed.Header.Get("User-Agent") == "" {
		signed.Header.Set("User-Agent", "Dancecard")
	}
	return l.open(ctx, signed)
}

// attach returns req with the token in it, as its type wants it; nonce is the
// server's for a DPoP proof. A request of OAuth 1.0a is signed whole: nothing
// of it but its header may change afterwards.
func (l Link) attach(r Registration, t Token, req *http.Request, nonce string) (*http.Request, error) {
	if t.Type == oauthType {
		return l.sign1(r, t, req)
	}
	signed := req.Clone(req.Context())
	authorize(signed, l.Provider, l.ClientID, t.Access)
	if t.Type != dpopType {
		return signed, nil
	}
	shown := signed.URL.Scheme + "://" + signed.URL.Host + cmp.Or(signed.URL.Opaque, signed.URL.EscapedPath())
	p, err := proof(t.Key, signed.Method, shown, nonce, t.Access)
	if err != nil {
		return nil, &Invalid{Stage: callStage, Text: err.Error()}
	}
	signed.Header.Set("Authorization", "DPoP "+t.Access.Reveal())
	signed.Header.Set("DPoP", p)
	return signed, nil
}

// open sends the request and returns when the head of the answer is there.
func (l Link) open(ctx context.Context, req *http.Request) (*http.Response, error) {
	transport, err := newClient(l.Provider).transport(req.URL)
	if err != nil {
		return nil, &Failed{Stage: callStage, Text: err.Error(), Offline: true}
	}
	proxied := false
	if proxy, err := transport.Proxy(req); err == nil {
		proxied = proxy != nil
	}
	transport.DialContext = l.dial(req.URL.Scheme, req.URL.Hostname(), proxied)
	transport.ResponseHeaderTimeout = headerTime
	transport.ExpectContinueTimeout = time.Second
	transport.DisableCompression = true // what the app asked for is what it gets
	var connected, answered atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { connected.Store(true) },
		GotFirstResponseByte: func() { answered.Store(true) },
	}))
	var sent *source
	if req.Body != nil && req.Body != http.NoBody {
		sent = &source{ReadCloser: req.Body}
		req.Body = sent
	}
	res, err := transport.RoundTrip(req)
	switch {
	case err == nil && res.StatusCode == http.StatusSwitchingProtocols:
		res.Body.Close()
		return nil, &Failed{Stage: callStage, Status: res.StatusCode, Answered: true, Text: "the API answered in another protocol, which was not asked for"}
	case err == nil:
		return res, nil
	case sent != nil && sent.broke.Load() && ctx.Err() == nil:
		return nil, &Failed{Stage: callStage, Text: "the body of the request broke off", Answered: answered.Load()}
	}
	f := trouble(callStage, req.URL.Hostname(), err)
	f.Answered, f.Offline = answered.Load(), f.Offline && !connected.Load()
	return nil, f
}

// source is a request's body that remembers that it could not be read.
type source struct {
	io.ReadCloser
	broke atomic.Bool
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		s.broke.Store(true)
	}
	return n, err
}

// dial connects to public addresses, and to inner ones of the hosts that were
// inner when the account was linked: a name that moves into this network later
// leads nowhere.
func (l Link) dial(scheme, host string, proxied bool) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTime}
	if !proxied {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			addr := ap.Addr().Unmap()
			switch {
			case scheme == "http" && !addr.IsLoopback():
				return errors.New("plain http stays on this machine")
			case outer(addr), slices.Contains(l.Homes, strings.ToLower(host)), innerName(host) && innerName(l.home()):
				return nil
			}
			return errInner
		}
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &idleConn{Conn: conn, limit: idleTime}, nil
	}
}

// idleConn ends when nothing has moved on it for as long as limit.
type idleConn struct {
	net.Conn
	limit time.Duration
}

// Read implements net.Conn.
func (c *idleConn) Read(p []byte) (int, error) {
	c.SetDeadline(time.Now().Add(c.limit))
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *idleConn) Write(p []byte) (int, error) {
	c.SetDeadline(time.Now().Add(c.limit))
	return c.Conn.Write(p)
}

// rewind makes the request fit to be sent again, if its body can be.
func rewind(req *http.Request) bool {
	if req.Body == nil || req.Body == http.NoBody {
		return true
	}
	if req.GetBody == nil {
		return false
	}
	body, err := req.GetBody()
	if err != nil {
		return false
	}
	req.Body = body
	return true
}

// returned is the answer without what is not the app's.
func returned(res *http.Response, req *http.Request) (*http.Response, error) {
	res.Header = hopByHop(res.Header)
	for _, name := range []string{"Set-Cookie", "Set-Cookie2", "Dpop-Nonce"} {
		res.Header.Del(name)
	}
	res.Request = req // not the one with the token
	return res, nil
}

// home is the host of the issuer, or of the token endpoint.
func (l Link) home() string {
	u, err := checkURL(cmp.Or(l.Provider.Issuer, l.Provider.Endpoints.Token))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// homes finds the API's inner hosts, to be kept in a link: none where the
// provider itself lives on public addresses.
func (l Link) homes(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	home := strings.ToLower(l.home())
	if home == "" || !livesInside(ctx, home) {
		return nil
	}
	found := []string{home}
	for _, h := range l.Provider.API.Hosts {
		host := strings.ToLower(h)
		if name, _, err := net.SplitHostPort(h); err == nil {
			host = strings.ToLower(name)
		}
		if !slices.Contains(found, host) && livesInside(ctx, host) {
			found = append(found, host)
		}
	}
	return found
}

// livesInside reports a host all of whose addresses are inner ones now.
func livesInside(ctx context.Context, host string) bool {
	return (&client{home: host}).innerHome(ctx)
}

// nonceKey is where a server's nonce belongs: a token's key and a host.
func nonceKey(t Token, host string) string {
	if t.Type != dpopType {
		return ""
	}
	name, err := thumbprint(t.Key)
	if err != nil {
		return ""
	}
	return name + " " + host
}
