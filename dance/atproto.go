package dance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	didLength    = 2 << 10
	handleLength = 253
	handleTime   = 10 * time.Second // to look a handle up
)

var (
	// A handle is a host name with a dot (atproto, handle syntax).
	handleForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	plcForm    = regexp.MustCompile(`^did:plc:[a-z2-7]{24}$`)
	webForm    = regexp.MustCompile(`^did:web:[a-zA-Z0-9.-]{1,253}(%3A[0-9]{1,5})?$`)

	// Names that are nobody's on the internet.
	handleNowhere = []string{".alt", ".arpa", ".example", ".internal", ".invalid", ".local", ".localhost", ".onion"}
)

var atprotoScopes = []string{"atproto", "transition:generic"}

// loopback is the client that every atproto authorization server knows without
// asking anybody: its id says it all (atproto, OAuth: localhost clients). The
// redirect must be an address literal; the server ignores its port.
func (g registrar) loopback(context.Context) (Client, error) {
	if g.row.Redirect.host() != "127.0.0.1" || g.row.Redirect.RandomPath {
		return Client{}, errUnusable
	}
	scopes := g.options.Scopes
	if len(scopes) == 0 {
		scopes = g.row.Scopes
	}
	id := "http://localhost?redirect_uri=" + url.QueryEscape(g.redirect) + "&scope=" + strings.ReplaceAll(url.QueryEscape(strings.Join(scopes, " ")), "+", "%20")
	return Client{Registration: Registration{ClientID: id, AuthStyle: AuthNone}}, nil
}

func wrongName(format string, args ...any) *Invalid {
	return &Invalid{Stage: finding, Text: fmt.Sprintf(format, args...)}
}

// atproto makes a row of a handle or a DID: handle → DID → document → server →
// authorization server, each of which must confirm the one before.
func (f finder) atproto(ctx context.Context, typed string) (Provider, error) {
	did, handle, home := typed, "", f.directory
	switch {
	case !strings.HasPrefix(typed, "did:"):
		handle = strings.ToLower(strings.TrimPrefix(typed, "@"))
		home = f.web(handle)
	case strings.HasPrefix(typed, "did:web:"):
		home = f.didHost(typed)
	}
	c := newClient(Provider{Issuer: home})
	if handle != "" {
		err := checkHandle(handle)
		if err == nil {
			did, err = f.resolveHandle(ctx, c, handle)
		}
		if err != nil {
			return Provider{}, err
		}
	}
	doc, err := f.fetchDID(ctx, c, did)
	if err != nil {
		return Provider{}, err
	}
	if handle == "" {
		handle = f.confirmed(ctx, c, doc)
	} else if !slices.Contains(doc.handles, handle) {
		return Provider{}, wrongName("the handle %s points to an identity that does not call itself so; it may be somebody else's", handle)
	}
	return f.atprotoRow(ctx, c, did, handle, doc.server)
}

func checkHandle(handle string) error {
	switch {
	case !handleForm.MatchString(handle) || len(handle) > handleLength:
		return wrongName("that is not a handle; a handle looks like mira.bsky.social")
	case slices.ContainsFunc(handleNowhere, func(end string) bool { return strings.HasSuffix(handle, end) }):
		return wrongName("the handle ends in a name that is not on the internet; check it")
	}
	return nil
}

// confirmed is the handle that a document claims, if it leads back there; who
// typed a DID has not vouched for any. The site of the handle is a stranger's
// word, so c, whose home is where the document lives, keeps to the outside.
func (f finder) confirmed(ctx context.Context, c *client, doc didDocument) string {
	if len(doc.handles) == 0 || checkHandle(doc.handles[0]) != nil {
		return ""
	}
	if did, err := f.resolveHandle(ctx, c, doc.handles[0]); err != nil || did != doc.id {
		return ""
	}
	return doc.handles[0]
}

// resolveHandle asks DNS and the host itself; one is enough, two must agree.
func (f finder) resolveHandle(ctx context.Context, c *client, handle string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	type word struct {
		did string
		err error
	}
	dns := make(chan word, 1)
	go func() {
		did, err := f.didByDNS(ctx, handle)
		dns <- word{did, err}
	}()
	byWeb, webErr := f.didByWeb(ctx, c, handle)
	byDNS := <-dns
	switch {
	case isInvalid(byDNS.err):
		return "", byDNS.err
	case byDNS.did != "" && byWeb != "" && byDNS.did != byWeb:
		return "", wrongName("the name service and the website of %s point to different identities; ask its owner to correct one", handle)
	case byDNS.did != "":
		return byDNS.did, nil
	case byWeb != "":
		return byWeb, nil
	}
	if failed, ok := webErr.(*Failed); ok && failed.Status/100 != 4 && failed.Status/100 != 2 {
		return "", failed
	}
	return "", wrongName("nobody has the handle %s; check its spelling (a web address begins with https://)", handle)
}

func (f finder) didByDNS(ctx context.Context, handle string) (string, error) {
	records, err := f.resolver.LookupTXT(ctx, "_atproto."+handle)
	if err != nil {
		return "", err
	}
	var dids []string
	for _, r := range records {
		if did, ok := strings.CutPrefix(r, "did="); ok && didOK(did) {
			dids = append(dids, did)
		}
	}
	slices.Sort(dids)
	dids = slices.Compact(dids)
	switch len(dids) {
	case 0:
		return "", errors.New("no record")
	case 1:
		return dids[0], nil
	}
	return "", wrongName("the name service knows several identities for %s; ask its owner to leave one", handle)
}

func (f finder) didByWeb(ctx context.Context, c *client, handle string) (string, error) {
	a, err := c.get(ctx, finding, f.web(handle)+"/.well-known/atproto-did")
	if err != nil {
		return "", err
	}
	if did := strings.TrimSpace(string(a.body)); a.status == http.StatusOK && didOK(did) {
		return did, nil
	}
	return "", &Failed{Stage: finding, Status: a.status, Answered: true, Text: "the handle's website names no identity"}
}

func didOK(did string) bool {
	return len(did) <= didLength && (plcForm.MatchString(did) || webForm.MatchString(did))
}

// didHost is the origin of a did:web.
func (f finder) didHost(did string) string {
	return f.web(strings.ToLower(strings.Replace(strings.TrimPrefix(did, "did:web:"), "%3A", ":", 1)))
}

// didDocument is what of a DID document counts here.
type didDocument struct {
	id      string
	handles []string
	server  string // origin of the personal data server
}

func (f finder) fetchDID(ctx context.Context, c *client, did string) (didDocument, error) {
	var place string
	switch {
	case !didOK(did):
		return didDocument{}, wrongName("the identity %q is of a kind that is not known; did:plc and did:web are", clean(did, 80))
	case strings.HasPrefix(did, "did:plc:"):
		place = f.directory + "/" + did
		c = newClient(Provider{Issuer: f.directory})
	default:
		place = f.didHost(did) + "/.well-known/did.json"
	}
	a, err := c.get(ctx, finding, place)
	if err != nil {
		return didDocument{}, err
	}
	if a.status == http.StatusNotFound || a.status == http.StatusGone {
		return didDocument{}, wrongName("the identity %s does not exist or has been deleted", did)
	}
	if a.status != http.StatusOK {
		return didDocument{}, &Failed{Stage: finding, Status: a.status, Answered: true, Text: fmt.Sprintf("the directory of identities answered HTTP %d", a.status)}
	}
	doc, err := readDID(a.body, did)
	if err != nil && !isInvalid(err) {
		err = odd(finding, a, err)
	}
	return doc, err
}

func readDID(body []byte, did string) (didDocument, error) {
	doc, err := parseObject(body, true)
	if err != nil {
		return didDocument{}, err
	}
	if stringAt(doc, "id") != did {
		return didDocument{}, wrongName("the identity's document is about %q, not about %s", clean(stringAt(doc, "id"), 80), did)
	}
	d := didDocument{id: did}
	for _, name := range stringsAt(doc, "alsoKnownAs") {
		if handle, ok := strings.CutPrefix(name, "at://"); ok {
			d.handles = append(d.handles, strings.ToLower(handle))
		}
	}
	services, _ := doc["service"].([]any)
	for _, s := range services {
		id := stringAt(s, "id")
		if (id == "#atproto_pds" || id == did+"#atproto_pds") && stringAt(s, "type") == "AtprotoPersonalDataServer" {
			d.server = stringAt(s, "serviceEndpoint")
			break
		}
	}
	u, err := checkURL(d.server)
	if err != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return didDocument{}, wrongName("the identity names no server for its data")
	}
	d.server = u.Scheme + "://" + u.Host
	return d, nil
}

// atprotoRow asks the data server who signs its users in, and that one how.
func (f finder) atprotoRow(ctx context.Context, c *client, did, handle, server string) (Provider, error) {
	u, err := typedURL(server)
	if err != nil {
		return Provider{}, wrongName("the identity names no server for its data")
	}
	home, err := url.Parse("https://" + net.JoinHostPort(c.home, "443"))
	if err == nil {
		err = fromIssuer(home, server)
	}
	if errors.Is(err, errInner) {
		return Provider{}, wrongName("the identity's server cannot be used: %s", err)
	}
	r, err := c.resourceAt(ctx, u, server+resourcePlace)
	if err != nil {
		return Provider{}, err
	}
	issuer, err := oneOf(r.issuers, "authorization server")
	if err != nil {
		return Provider{}, wrongName("%s", err)
	}
	if err := fromIssuer(u, issuer); err != nil {
		return Provider{}, wrongName("the authorization server of %s cannot be used: %s", u.Host, err)
	}
	p := Provider{Issuer: issuer}
	m, err := discoverOver(ctx, c, p)
	if err != nil {
		return Provider{}, err
	}
	if m.endpoints.PAR == "" || !m.issParam || !slices.Contains(m.scopes, "atproto") {
		return Provider{}, wrongName("the authorization server of %s does not follow atproto's rules; ask its operator", u.Host)
	}
	shown, mark := handle, &url.URL{Scheme: "https", Host: handle}
	if handle == "" {
		shown, mark = did, &url.URL{Scheme: "https", Host: strings.ReplaceAll(did, ":", ".")}
	}
	p = found(p, mark, m)
	p.Name, p.Category, p.Protocol = shown, "social", "oauth2"
	p.RegistrationMethods = []string{"document", "loopback"}
	p.Redirect = Redirect{} // these servers ignore the port
	p.Scopes, p.DPoP, p.AuthStyle = atprotoScopes, "required", AuthNone
	p.Identity = Identify{Subject: "sub", Pinned: Pinned{Subject: did, Login: handle}}
	p.Endpoints.UserInfo = "" // who signed in is said beside the token
	p.API = API{BaseURL: server + "/xrpc/", Hosts: []string{u.Host}}
	return p, check(p)
}
