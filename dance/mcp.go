package dance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	knockTime     = 10 * time.Second
	resourcePlace = "/.well-known/oauth-protected-resource"
)

// knocked is how a server answers a request without a token (RFC 9728 section
// 5.1, RFC 6750 section 3).
type knocked struct {
	status   int
	metadata string   // address of its protected resource metadata
	scopes   []string // what it asks for
}

var (
	challengeMetadata = regexp.MustCompile(`(?i)\bresource_metadata="([^"\\\s]+)"`)
	challengeScope    = regexp.MustCompile(`(?i)[\s,]scope="([^"\\]+)"`)
)

// mcpHello is the first message of the Model Context Protocol: some servers
// answer nothing else.
const mcpHello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"Dancecard","version":"1"}}}`

// knock asks for an address without a token. Only the answer's head counts:
// its body may be a page, or a stream without end.
func (c *client) knock(ctx context.Context, u *url.URL, hello bool) (knocked, error) {
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	method, body := http.MethodGet, ""
	if hello {
		method, body = http.MethodPost, mcpHello
	}
	req, err := http.NewRequest(method, u.String(), strings.NewReader(body))
	if err != nil {
		return knocked{}, &Failed{Stage: finding, Text: "the address cannot be used"}
	}
	req.Header.Set("Accept", "application/json")
	if hello {
		req.Header.Set("Accept", "application/json, text/event-stream")
		req.Header.Set("Content-Type", "application/json")
	}
	a, err := c.send(ctx, finding, req)
	if a.status == 0 {
		return knocked{}, err
	}
	k := knocked{status: a.status}
	for _, challenge := range a.header.Values("WWW-Authenticate") {
		if m := challengeMetadata.FindStringSubmatch(challenge); m != nil && k.metadata == "" {
			k.metadata = m[1]
		}
		if m := challengeScope.FindStringSubmatch(challenge); m != nil && k.scopes == nil {
			k.scopes = scopeWords(strings.Fields(m[1]))
		}
	}
	return k, nil
}

// resource is what protected resource metadata says (RFC 9728 section 2).
type resource struct {
	name    string // the resource identifier, as its authorization server knows it
	issuers []string
	scopes  []string
	dpop    bool
}

// mcp makes a row of a server that asks for a token (Model Context Protocol,
// authorization, 2025-11-25): its metadata names the authorization server,
// whose own document names the endpoints. Both must speak of what was asked.
func (c *client) mcp(ctx context.Context, u *url.URL, k knocked, r resource) (Provider, error) {
	issuer, err := oneOf(r.issuers, "authorization server")
	if err != nil {
		return Provider{}, &Invalid{Stage: finding, Text: err.Error()}
	}
	if err := fromIssuer(u, issuer); err != nil {
		return Provider{}, &Invalid{Stage: finding, Text: "the server's authorization server cannot be used: " + err.Error()}
	}
	p := Provider{Issuer: issuer, Resource: r.name}
	m, err := discoverOver(ctx, c, p)
	if err != nil {
		return Provider{}, err
	}
	p = found(p, u, m)
	p.Category, p.Protocol = "ai", "oauth2"
	p.Scopes = k.scopes
	if p.Scopes == nil {
		p.Scopes = r.scopes
	}
	if m.openid() && slices.Contains(m.scopes, "openid") {
		p.Protocol = "oidc" // so that the account has a name
		p.Scopes = with(p.Scopes, "openid")
	} else {
		p.Identity.Unknown = true // userinfo need not take a token that was not asked for with openid
	}
	if slices.Contains(m.scopes, "offline_access") {
		p.Scopes = with(p.Scopes, "offline_access")
	}
	if r.dpop {
		p.DPoP = "required"
	}
	p.API = API{BaseURL: u.String(), Hosts: []string{u.Host}}
	return p, check(p)
}

func with(scopes []string, scope string) []string {
	if slices.Contains(scopes, scope) {
		return scopes
	}
	return append(slices.Clone(scopes), scope)
}

// protectedResource reads the metadata of u: where the challenge says, else at
// the place that belongs to the address, then at the host's own.
func (c *client) protectedResource(ctx context.Context, u *url.URL, k knocked) (resource, error) {
	if k.metadata != "" {
		m, err := checkURL(k.metadata)
		if err != nil || m.Scheme != u.Scheme || !strings.EqualFold(m.Host, u.Host) {
			return resource{}, &Invalid{Stage: finding, Text: "the server points to metadata on another host, which is not believed"}
		}
		return c.resourceAt(ctx, u, k.metadata)
	}
	r, err := c.resourceAt(ctx, u, wellKnown(u))
	if root := u.Scheme + "://" + u.Host + resourcePlace; err != nil && absent(err) && root != wellKnown(u) {
		return c.resourceAt(ctx, u, root)
	}
	return r, err
}

// wellKnown is where the metadata of a resource lives (RFC 9728 section 3.1).
func wellKnown(u *url.URL) string {
	place := u.Scheme + "://" + u.Host + resourcePlace + strings.TrimSuffix(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		place += "?" + u.RawQuery
	}
	return place
}

func (c *client) resourceAt(ctx context.Context, u *url.URL, place string) (resource, error) {
	a, err := c.get(ctx, finding, place)
	if err != nil {
		return resource{}, err
	}
	if a.status != http.StatusOK {
		return resource{}, &Failed{Stage: finding, Status: a.status, Answered: true, Text: fmt.Sprintf("%s answered HTTP %d for its metadata; check the address", u.Host, a.status)}
	}
	return readResource(a, u, place)
}

// readResource reads protected resource metadata that was found at place.
func readResource(a answer, u *url.URL, place string) (resource, error) {
	doc, err := parseObject(a.body, true)
	if err != nil {
		return resource{}, odd(finding, a, err)
	}
	r := resource{
		name:    stringAt(doc, "resource"),
		issuers: stringsAt(doc, "authorization_servers"),
		scopes:  scopeWords(stringsAt(doc, "scopes_supported")),
		dpop:    at(doc, "dpop_bound_access_tokens_required") == true,
	}
	if !speaksOf(r.name, u, place) {
		return resource{}, &Invalid{Stage: finding, Text: fmt.Sprintf(
			"the server's metadata speaks of %q, not of %q; tokens made for one are not sent to the other", clean(r.name, 200), clean(u.String(), 200))}
	}
	return r, nil
}

// speaksOf reports whether metadata at place that names a resource may be used
// for u (RFC 9728 section 3.3): it names u itself; or it lies where the
// metadata of the resource it names belongs, and u is under that.
func speaksOf(name string, u *url.URL, place string) bool {
	named, err := typedURL(name)
	if err != nil || named.Scheme != u.Scheme || named.Host != u.Host {
		return false
	}
	ours, theirs := strings.TrimSuffix(u.EscapedPath(), "/"), strings.TrimSuffix(named.EscapedPath(), "/")
	if ours == theirs && (named.RawQuery == u.RawQuery || named.RawQuery == "") {
		return true
	}
	under := ours == theirs || strings.HasPrefix(ours, theirs+"/")
	return under && named.RawQuery == "" && strings.EqualFold(strings.TrimSuffix(place, "/"), wellKnown(named))
}

// scopeWords are the scopes that may be asked for (RFC 6749 section 3.3); at
// most a hundred.
func scopeWords(found []string) []string {
	found = slices.DeleteFunc(found, func(s string) bool {
		return s == "" || len(s) > 200 || !tokenText(s) || strings.ContainsAny(s, `"\`)
	})
	return found[:min(len(found), 100)]
}
