package dance

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

const (
	fixedPort = 8939         // where a row with a fixed port names none
	fixedPath = "/dancecard" // where a row names no path
)

// anyPort reports rows whose redirect URI may have whatever port is free
// (RFC 8252 section 7.3).
func (r Redirect) anyPort() bool { return r.Mode == "" || r.Mode == "any_port" }

// paste reports rows whose answer the user carries: the provider shows a code,
// or ends at an address where nobody listens.
func (r Redirect) paste() bool { return r.Mode == "paste" }

func (r Redirect) scheme() string {
	if r.Mode == "https" {
		return "https"
	}
	return "http"
}

func (r Redirect) host() string {
	if r.Host == "" {
		return "127.0.0.1"
	}
	return r.Host
}

func (r Redirect) port() int {
	switch {
	case r.anyPort() || r.paste():
		return 0
	case r.Port == 0:
		return fixedPort
	}
	return r.Port
}

func (r Redirect) check() error {
	switch {
	case !r.anyPort() && !slices.Contains([]string{"fixed_port", "unknown", "https", "paste"}, r.Mode):
		return fmt.Errorf("the redirect mode %q is not known", clean(r.Mode, 40))
	case r.host() != "127.0.0.1" && r.host() != "localhost":
		return errors.New("the redirect host is neither 127.0.0.1 nor localhost")
	case r.Port < 0 || r.Port > 65535:
		return errors.New("the redirect port is not a port")
	case r.Path != "" && (r.Path[0] != '/' || strings.ContainsFunc(r.Path, func(c rune) bool {
		return !strings.ContainsRune("/-._~", c) && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})):
		return errors.New("the redirect path is not made of plain characters after a slash")
	}
	return nil
}

// redirectPath is the path to register; "" where each dance has a random one.
// Each row has its own, so that no provider's answer can be sent to another
// provider's dance (RFC 9700 section 4.4.2.2).
func (p Provider) redirectPath() string {
	switch {
	case p.Redirect.RandomPath:
		return ""
	case p.Redirect.Path != "":
		return p.Redirect.Path
	case p.ID == "":
		return fixedPath
	}
	return fixedPath + "/" + p.ID
}

// RedirectURI is what the user registers for this row: for any_port rows the
// form without a port, for mode paste the row's own, which may be empty.
func RedirectURI(p Provider) string {
	if p.Redirect.paste() {
		return p.Redirect.URI
	}
	host, path := p.Redirect.host(), p.redirectPath()
	if port := p.Redirect.port(); port != 0 {
		host = net.JoinHostPort(host, strconv.Itoa(port))
	}
	if path == "" {
		path = "/"
	}
	return p.Redirect.scheme() + "://" + host + path
}
