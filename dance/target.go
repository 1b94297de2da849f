package dance

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// target is where a request goes, in a form that reaches the wire as it was
// given; an error says why it must not go there.
func (l Link) target(u *url.URL) (*url.URL, error) {
	host := canonicalHost(u.Scheme, u.Host)
	local := loopbackName(l.home()) && loopbackName(u.Hostname())
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		return nil, errors.New("the address does not begin with https://")
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("the address has a user name or a fragment in it")
	case !slices.ContainsFunc(l.Provider.API.Hosts, func(h string) bool { return canonicalHost(u.Scheme, h) == host }):
		return nil, errors.New("this account was not linked for " + clean(host, 100))
	}
	path := rawPath(u)
	if path == "" {
		path = "/"
	}
	if path[0] != '/' || strings.ContainsFunc(path+u.RawQuery, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '#' }) {
		return nil, errors.New("the address holds characters that no web address has")
	}
	if l.isOAuth(u.Scheme, host, path, u.RawQuery) {
		return nil, errors.New("the address is one of the provider's own for signing in, which apps have no business at")
	}
	to := &url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
	if !strings.HasPrefix(path, "//") {
		to.Opaque, to.Path = path, path
		return to, nil
	}
	// Opaque text with two slashes would be taken for a host.
	to.RawPath = path
	var err error
	if to.Path, err = url.PathUnescape(path); err != nil || to.EscapedPath() != path {
		return nil, errors.New("the address holds characters that no web address has")
	}
	return to, nil
}

// Scheme is how a host of the link is spoken to: https, or http where that is
// how the link itself speaks to this machine.
func (l Link) Scheme(host string) string {
	e := l.Provider.Endpoints
	for _, address := range []string{l.Provider.API.BaseURL, l.Provider.Resource, l.Provider.Issuer, e.UserInfo, e.Token} {
		if u, err := url.Parse(address); err == nil && u.Scheme == "http" && loopbackName(u.Hostname()) && strings.EqualFold(u.Host, host) {
			return "http"
		}
	}
	return "https"
}

// rawPath is the path as it was written, where the URL still knows.
func rawPath(u *url.URL) string {
	if u.Opaque != "" {
		return u.Opaque
	}
	if path, err := url.PathUnescape(u.RawPath); err == nil && u.RawPath != "" && path == u.Path {
		return u.RawPath
	}
	return u.EscapedPath()
}

// canonicalHost is lower case, without the scheme's own port.
func canonicalHost(scheme, host string) string {
	own := ":443"
	if scheme == "http" {
		own = ":80"
	}
	return strings.TrimSuffix(strings.ToLower(host), own)
}

// isOAuth reports addresses that the provider's servers may take for one of
// its OAuth endpoints. Tokens are made and ended there, and some list them.
func (l Link) isOAuth(scheme, host, path, query string) bool {
	p, e := l.Provider, l.Provider.Endpoints
	for _, address := range []string{
		e.Authorization, e.Token, e.Refresh, e.Revocation, e.DeviceAuthorization, e.DeviceToken,
		e.PAR, e.Registration, e.RequestToken, e.EndSession, p.Revocation.Lookup.URL,
	} {
		base, own, _ := strings.Cut(address, "?")
		_, rest, found := strings.Cut(base, "://")
		at, its, _ := strings.Cut(rest, "/")
		if found && canonicalHost(scheme, at) == host && alike(steps(its), steps(path)) && holds(query, own) {
			return true
		}
	}
	return false
}

var percent = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// steps cleans a path as the most lenient server does: percent signs undone
// again and again, dots and empty steps resolved, parameters cut off.
func steps(path string) []string {
	for range 4 {
		path = percent.ReplaceAllStringFunc(path, func(s string) string {
			c, _ := url.PathUnescape(s)
			return c
		})
	}
	path = strings.ReplaceAll(strings.ToLower(path), `\`, "/")
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "\x00")
	var kept []string
	for step := range strings.SplitSeq(path, "/") {
		step, _, _ = strings.Cut(step, ";")
		switch {
		case step == "..":
			kept = kept[:max(0, len(kept)-1)]
		case strings.Trim(step, ". ") != "":
			kept = append(kept, strings.TrimRight(step, ". "))
		}
	}
	return kept
}

// alike compares steps; a placeholder of the row stands for any one.
func alike(own, given []string) bool {
	return slices.EqualFunc(own, given, func(a, b string) bool { return a == b || placeholder.MatchString(a) })
}

// holds reports a query that has all of own's values.
func holds(query, own string) bool {
	given, _ := url.ParseQuery(query)
	wanted, _ := url.ParseQuery(own)
	for name, values := range wanted {
		for _, v := range values {
			if !slices.Contains(given[name], v) && !placeholder.MatchString(v) {
				return false
			}
		}
	}
	return true
}

// allowedMethod refuses what shows the token to the app (TRACE) or makes a
// tunnel.
func allowedMethod(method string) error {
	switch strings.ToUpper(method) {
	case http.MethodConnect, http.MethodTrace, "TRACK":
		return errors.New("the method " + strings.ToUpper(method) + " is not passed on")
	}
	return nil
}

// hopByHop leaves out what speaks of one connection alone (RFC 9110 section
// 7.6.1).
func hopByHop(h http.Header) http.Header {
	kept := h.Clone()
	if kept == nil {
		return http.Header{}
	}
	for _, line := range h.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			kept.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings"} {
		kept.Del(name)
	}
	for name := range kept {
		if strings.HasPrefix(strings.ToLower(name), "proxy-") {
			delete(kept, name)
		}
	}
	return kept
}

// onward is the header of an app's request that may go to the API.
func onward(h http.Header) http.Header {
	kept := hopByHop(h)
	for name := range kept {
		switch lower := strings.ToLower(name); {
		case slices.Contains([]string{
			"authorization", "cookie", "cookie2", "dpop", "host", "content-length",
			"forwarded", "via", "x-real-ip", "true-client-ip", "x-client-ip",
			"x-http-method-override", "x-http-method", "x-method-override", "x-original-method",
			"x-original-url", "x-rewrite-url", "x-original-uri", // another path, to some servers
		}, lower), strings.HasPrefix(lower, "x-forwarded-"):
			delete(kept, name)
		}
	}
	return kept
}

// nonces remembers what servers want to see in the next proof (RFC 9449
// section 8.2), so that a body that can be sent only once is not refused for
// want of it. They are no secrets, and few.
type nonces struct {
	mu   sync.Mutex
	last map[string]string
}

const nonceCount = 256

var serverNonces nonces

func (n *nonces) get(key string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last[key]
}

// learn keeps the nonce of an answer and reports whether it is another one
// than the request had. What is kept says nothing of that: a request beside
// this one may have brought the same nonce first.
func (n *nonces) learn(key, used string, h http.Header) bool {
	nonce := serverNonce(h)
	if key == "" || nonce == "" || nonce == used {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last == nil || len(n.last) >= nonceCount {
		n.last = map[string]string{}
	}
	n.last[key] = nonce
	return true
}
