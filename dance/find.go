package dance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"golang.org/x/net/publicsuffix"
)

const (
	foundPrefix = "at-" // of the ids of rows that Find makes
	finding     = "discovery"
	findTime    = time.Minute
	hostLength  = 40 // of a host name in an id

	addressLength = 2 << 10 // of what is typed

	firstOwnPort, ownPorts = 20000, 12000 // below what systems hand out on their own (Linux: from 32768)
)

// Find makes a row for a provider that is in no catalogue, of what the user
// typed: an issuer's address (OpenID Connect Discovery, RFC 8414), an MCP
// server's address (RFC 9728, then its authorization server) or an atproto
// handle ("mira.bsky.social", or a DID). The row's id is made of the host name;
// its endpoints are resolved. It makes the same row of the same answers.
//
// The row's redirect has a port of its own. RFC 8252 section 7.3 has providers
// ignore the port, and oidc-provider, Keycloak, Ory and atproto do; but the
// servers that let programs register themselves are mostly MCP servers, of
// which many compare the whole address with what was registered, and say so
// only on a page in the browser. A registered port suits both.
//
// Errors: *Failed (may pass), *Invalid (documents that contradict each other
// or what was typed, a text that is no address).
func Find(ctx context.Context, address string) (Provider, error) {
	return internet.find(ctx, address)
}

// finder is where names are looked up.
type finder struct {
	directory string // the origin that knows did:plc
	resolver  *net.Resolver
	web       func(host string) string // the origin of a host
}

var internet = finder{
	directory: "https://plc.directory",
	resolver:  net.DefaultResolver,
	web:       func(host string) string { return "https://" + host },
}

func (f finder) find(ctx context.Context, typed string) (Provider, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	typed = strings.TrimSpace(typed)
	handle := strings.ToLower(strings.TrimPrefix(typed, "@"))
	switch {
	case strings.HasPrefix(typed, "did:"), handleForm.MatchString(handle) && !strings.ContainsAny(typed, "/:"):
		return f.atproto(ctx, typed)
	case !strings.Contains(typed, "://"), len(typed) > addressLength:
		return Provider{}, &Invalid{Stage: finding, Text: "that is neither a web address nor a handle; a web address begins with https://"}
	}
	u, err := typedURL(typed)
	if err != nil {
		return Provider{}, &Invalid{Stage: finding, Text: err.Error()}
	}
	p, err := service(ctx, u)
	return p, ended(ctx, err)
}

// typedURL is what the user typed, in the form in which addresses are compared.
func typedURL(typed string) (*url.URL, error) {
	u, err := url.Parse(typed)
	if err != nil {
		return nil, errors.New("the address is not a web address")
	}
	u.Host = strings.ToLower(u.Host)
	if host, err := idna.Lookup.ToASCII(u.Hostname()); err == nil && net.ParseIP(u.Hostname()) == nil {
		u.Host = strings.Replace(u.Host, u.Hostname(), host, 1)
	} else if strings.ContainsFunc(u.Host, func(c rune) bool { return c > '~' }) {
		return nil, errors.New("the address has a host name that cannot be")
	}
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	return checkURL(u.String())
}

// service finds out what lives at an address. A server that answers 401 is
// asked what it belongs to; others are issuers, or MCP servers that only show
// it to their own protocol.
func service(ctx context.Context, u *url.URL) (Provider, error) {
	c := &client{home: u.Hostname()}
	k, err := c.knock(ctx, u, false)
	if err != nil {
		return Provider{}, err
	}
	if k.status == http.StatusUnauthorized {
		return c.locked(ctx, u, k)
	}
	p, err := c.issuer(ctx, u)
	if err == nil || !absent(err) && !isInvalid(err) {
		return p, err
	}
	k, knockErr := c.knock(ctx, u, true)
	switch {
	case knockErr == nil && k.status == http.StatusUnauthorized:
		return c.locked(ctx, u, k)
	case absent(err):
		return Provider{}, &Failed{Stage: finding, Status: k.status, Answered: true,
			Text: fmt.Sprintf("nothing at %s says how to sign in there; check the address", u.Host)}
	}
	return Provider{}, err
}

// locked is a server that wants a token: by its metadata, by being an issuer
// itself, or, as in the first version of the Model Context Protocol, by being
// at the same host as its authorization server.
func (c *client) locked(ctx context.Context, u *url.URL, k knocked) (Provider, error) {
	r, err := c.protectedResource(ctx, u, k)
	if err == nil {
		return c.mcp(ctx, u, k, r)
	}
	if k.metadata != "" || !absent(err) {
		return Provider{}, err
	}
	if p, err := c.issuer(ctx, u); err == nil {
		return p, nil
	}
	p, oldErr := c.mcp(ctx, u, k, resource{name: u.String(), issuers: []string{u.Scheme + "://" + u.Host}})
	if oldErr != nil && absent(oldErr) {
		return Provider{}, &Failed{Stage: finding, Status: k.status, Answered: true,
			Text: fmt.Sprintf("%s wants a sign-in but does not say where; check the address", u.Host)}
	}
	return p, oldErr
}

// absent reports that nothing was found, which is no quarrel and no outage.
func absent(err error) bool {
	f, ok := err.(*Failed)
	return ok && f.Answered && (f.Status/100 == 2 || f.Status/100 == 4)
}

// issuer makes a row of an issuer. Its own document decides whether the
// address ends in a slash; any other difference is refused.
func (c *client) issuer(ctx context.Context, u *url.URL) (Provider, error) {
	p := Provider{Issuer: u.String()}
	m, err := discoverOver(ctx, c, p)
	if isInvalid(err) {
		other := Provider{Issuer: strings.TrimSuffix(p.Issuer, "/")}
		if other.Issuer == p.Issuer {
			other.Issuer += "/"
		}
		if again, err2 := discoverOver(ctx, c, other); err2 == nil {
			p, m, err = other, again, nil
		}
	}
	if err != nil {
		return Provider{}, err
	}
	p = found(p, u, m)
	p.Category = "identity"
	p.Protocol = "oauth2"
	if m.openid() {
		p.Protocol = "oidc"
	} else {
		p.Identity.Unknown = p.Endpoints.UserInfo == ""
	}
	p.API = API{BaseURL: strings.TrimSuffix(p.Issuer, "/") + "/", Hosts: []string{u.Host}}
	if user, err := url.Parse(p.Endpoints.UserInfo); err == nil && user.Host != u.Host && sameSite(user.Hostname(), u.Hostname()) {
		p.API.Hosts = append(p.API.Hosts, user.Host)
	}
	return p, check(p)
}

// sameSite reports hosts of one registrable domain: a server cannot claim the
// API of somebody else, for which apps would then be handed its tokens.
func sameSite(a, b string) bool {
	if _, err := netip.ParseAddr(a); err == nil {
		return false // an address has no domain
	}
	one, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(a))
	two, err2 := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(b))
	return err == nil && err2 == nil && one == two && !innerName(a)
}

// openid reports metadata of an OpenID provider, which must say how it signs
// ID tokens (OpenID Connect Discovery 1.0 section 3).
func (m metadata) openid() bool { return len(m.signingAlgs) > 0 && m.endpoints.JWKS != "" }

// found fills what all found rows have: u is where the user pointed.
func found(p Provider, u *url.URL, m metadata) Provider {
	p.ID, p.Name = foundID(u), u.Host
	p.Endpoints = m.endpoints
	p.Tile = foundTile(u.Hostname())
	if m.documents {
		p.RegistrationMethods = append(p.RegistrationMethods, "document")
	}
	if m.endpoints.Registration != "" {
		p.RegistrationMethods = append(p.RegistrationMethods, "dynamic")
	}
	h := fnv.New32a()
	h.Write([]byte(p.ID))
	p.Redirect = Redirect{Mode: "fixed_port", Port: firstOwnPort + int(h.Sum32()%ownPorts)}
	if p.RegistrationMethods == nil {
		p.Redirect.Mode = "unknown"
	}
	return p
}

// check is the row's own check, before anybody is asked for anything.
func check(p Provider) error {
	if err := p.check(); err != nil {
		return &Invalid{Stage: finding, Text: err.Error()}
	}
	return nil
}

// foundID is "at-" and the host with dashes for dots. Whatever that leaves out
// or blurs (a path, a port, a dash in the name) goes in as a hash.
func foundID(u *url.URL) string {
	host := u.Host
	var b strings.Builder
	for _, c := range host[:min(len(host), hostLength)] {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			c = '-'
		}
		b.WriteRune(c)
	}
	id := foundPrefix + b.String()
	plain := u.Scheme == "https" && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && len(host) <= hostLength
	if plain && !strings.ContainsFunc(host, func(c rune) bool { return c != '.' && (c < 'a' || c > 'z') && (c < '0' || c > '9') }) {
		return id
	}
	sum := sha256.Sum256([]byte(strings.TrimSuffix(u.String(), "/")))
	return id + "-" + hex.EncodeToString(sum[:8])
}

// foundTile is a grey tile with the host's first two letters.
func foundTile(host string) Tile {
	letters := strings.Map(func(c rune) rune {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return -1
		}
		return c
	}, strings.TrimPrefix(host, "www."))
	return Tile{Monogram: strings.ToUpper(letters[:min(2, len(letters))]), Brand: "#5B6470"}
}

// oneOf is the one entry of a list; several are a choice that nobody made.
func oneOf(list []string, what string) (string, error) {
	list = slices.Compact(slices.Clone(list))
	switch len(list) {
	case 0:
		return "", fmt.Errorf("the document names no %s", what)
	case 1:
		return list[0], nil
	}
	return "", fmt.Errorf("the document names %d %ss and does not say which is for you; connect to one of them by its own address", len(list), what)
}
