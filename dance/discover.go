package dance

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// metadata is what a discovery document says that a dance needs (OpenID
// Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 9207 section 3).
type metadata struct {
	endpoints   Endpoints
	issParam    bool
	signingAlgs []string
	authMethods []string // nil: not said
	challenges  []string // nil: not said
	scopes      []string
	parRequired bool
	dpopAlgs    []string // what proofs may be signed with (RFC 9449 section 5.1)
	documents   bool     // client id metadata documents are taken
	grants      []string // nil: not said
}

// resolve makes a link of a row: discovery merged in where the row has an
// issuer, every address checked, the way to authenticate settled.
func resolve(ctx context.Context, p Provider, r Registration) (Link, metadata, error) {
	l := Link{Provider: p, ClientID: r.ClientID, AuthStyle: r.AuthStyle}
	var m metadata
	if p.discovers() {
		var err error
		if m, err = discover(ctx, p); err != nil {
			return l, m, err
		}
		l.IssParam, l.SigningAlgs = m.issParam, m.signingAlgs
		l.DPoPAlgs, l.PARRequired = m.dpopAlgs, m.parRequired
		l.ChallengeKnown = slices.Contains(m.challenges, "S256")
		merge(&l.Provider.Endpoints, m.endpoints)
	}
	if err := l.Provider.check(); err != nil {
		return l, m, &Invalid{Stage: "discovery", Text: err.Error()}
	}
	if m.challenges != nil && !l.ChallengeKnown && (p.PKCE == "" || p.PKCE == "S256") {
		return l, m, &Invalid{Stage: "discovery", Text: "the provider offers PKCE without S256, which is not safe; its operator can turn S256 on"}
	}
	if m.parRequired && l.Provider.Endpoints.PAR == "" {
		return l, m, &Invalid{Stage: "discovery", Text: "the provider takes pushed authorization requests (PAR) only and does not say where; its operator can name the address"}
	}
	if l.AuthStyle == "" {
		l.AuthStyle = p.AuthStyle
	}
	if l.AuthStyle == "" {
		l.AuthStyle = authStyle(r, m.authMethods)
	}
	return l, m, nil
}

// authStyle chooses for a row that names none. Without a word from the
// provider client_secret_basic is the default (RFC 8414 section 2).
func authStyle(r Registration, offered []string) AuthStyle {
	switch {
	case r.ClientSecret.IsZero():
		return AuthNone
	case offered == nil || slices.Contains(offered, "client_secret_basic"):
		return AuthBasic
	}
	return AuthPost
}

// discovers reports rows whose issuer is asked at each dance: what it promises
// (iss in answers, PKCE, PAR) is in no row.
func (p Provider) discovers() bool {
	return p.oidc() || p.Issuer != "" &&
		(p.Endpoints.Authorization == "" || p.Endpoints.Token == "" || p.DPoP == "required" || strings.HasPrefix(p.ID, foundPrefix))
}

// discover reads the issuer's document: OpenID's place first, RFC 8414's where
// that one has nothing, then OpenID's in RFC 8414's manner.
func discover(ctx context.Context, p Provider) (metadata, error) {
	return discoverOver(ctx, newClient(p), p)
}

func discoverOver(ctx context.Context, c *client, p Provider) (metadata, error) {
	const stage = "discovery"
	issuer, err := checkURL(p.Issuer)
	if err != nil || issuer.RawQuery != "" || issuer.ForceQuery {
		return metadata{}, &Invalid{Stage: stage, Text: "the issuer is not a plain https address"}
	}
	base := strings.TrimSuffix(p.Issuer, "/")
	origin := issuer.Scheme + "://" + issuer.Host
	places := []string{
		base + "/.well-known/openid-configuration",
		origin + "/.well-known/oauth-authorization-server" + strings.TrimPrefix(base, origin),
	}
	if base != origin {
		places = append(places, origin+"/.well-known/openid-configuration"+strings.TrimPrefix(base, origin))
	}
	var a answer
	for _, place := range places {
		if a, err = c.get(ctx, stage, place); err != nil {
			return metadata{}, err
		}
		if !a.page() && a.status/100 != 4 || a.status == http.StatusTooManyRequests {
			break
		}
	}
	if a.status != http.StatusOK {
		return metadata{}, &Failed{Stage: stage, Status: a.status, Answered: true, Text: fmt.Sprintf("%s answered HTTP %d; check the issuer", issuer.Host, a.status)}
	}
	m, err := readMetadata(a.body, p, issuer)
	if err == nil {
		return m, nil
	}
	if _, ok := err.(*Invalid); ok {
		return metadata{}, err
	}
	return metadata{}, odd(stage, a, err)
}

// page reports the page for people that a site has at every address where it
// has nothing else.
func (a answer) page() bool {
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return a.status == http.StatusOK && kind == "text/html"
}

func readMetadata(body []byte, p Provider, issuer *url.URL) (metadata, error) {
	doc, err := parseObject(body, true)
	if err != nil {
		return metadata{}, err
	}
	if named := stringAt(doc, "issuer"); !sameIssuer(p, named) {
		return metadata{}, &Invalid{Stage: "discovery", Text: fmt.Sprintf(
			"the document says that its issuer is %q, not %q; correct the issuer of this provider", clean(named, 200), clean(p.Issuer, 200))}
	}
	m := metadata{
		issParam:    at(doc, "authorization_response_iss_parameter_supported") == true,
		parRequired: at(doc, "require_pushed_authorization_requests") == true,
		signingAlgs: stringsAt(doc, "id_token_signing_alg_values_supported"),
		dpopAlgs:    stringsAt(doc, "dpop_signing_alg_values_supported"),
		authMethods: stringsAt(doc, "token_endpoint_auth_methods_supported"),
		scopes:      stringsAt(doc, "scopes_supported"),
		documents:   at(doc, "client_id_metadata_document_supported") == true,
		grants:      stringsAt(doc, "grant_types_supported"),
	}
	if doc["code_challenge_methods_supported"] != nil {
		m.challenges = append([]string{}, stringsAt(doc, "code_challenge_methods_supported")...)
	}
	for name, to := range map[string]*string{
		"authorization_endpoint":                &m.endpoints.Authorization,
		"token_endpoint":                        &m.endpoints.Token,
		"userinfo_endpoint":                     &m.endpoints.UserInfo,
		"revocation_endpoint":                   &m.endpoints.Revocation,
		"end_session_endpoint":                  &m.endpoints.EndSession,
		"device_authorization_endpoint":         &m.endpoints.DeviceAuthorization,
		"pushed_authorization_request_endpoint": &m.endpoints.PAR,
		"registration_endpoint":                 &m.endpoints.Registration,
		"jwks_uri":                              &m.endpoints.JWKS,
	} {
		address := stringAt(doc, name)
		if address == "" {
			continue
		}
		if err := fromIssuer(issuer, address); err != nil {
			return metadata{}, &Invalid{Stage: "discovery", Text: fmt.Sprintf("the document's %s cannot be used: %s", name, err)}
		}
		*to = address
	}
	return m, nil
}

// fromIssuer refuses addresses that a document of this issuer has no business
// to name: inner hosts and odd ports, where the issuer itself is public.
func fromIssuer(issuer *url.URL, address string) error {
	u, err := checkURL(address)
	if err != nil {
		return err
	}
	if u.Host == issuer.Host || innerName(issuer.Hostname()) {
		return nil
	}
	if innerName(u.Hostname()) {
		return errInner
	}
	if port := u.Port(); port != "" && port != "443" && port != issuer.Port() {
		return errors.New("it is on a port of its own")
	}
	return nil
}

// innerName reports hosts that are inner by their looks.
func innerName(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && !outer(addr.Unmap())
}

// sameIssuer compares as strings (OpenID Connect Discovery 1.0 section 4.3).
// A row with an issuer template has a tenant where others have a name.
func sameIssuer(p Provider, named string) bool {
	if named == p.Issuer || !p.Quirks.IssuerTemplate {
		return named == p.Issuer
	}
	return tenantOf(p.Issuer, named) != ""
}

// tenantOf is the tenant in named, if that differs from issuer by the first
// step of the path alone.
func tenantOf(issuer, named string) string {
	start := strings.Index(issuer, "://") + len("://")
	slash := strings.IndexByte(issuer[start:], '/')
	if slash < 0 {
		return ""
	}
	head, tail := issuer[:start+slash+1], issuer[start+slash+1:]
	_, tail, _ = strings.Cut(tail, "/")
	rest, ok := strings.CutPrefix(named, head)
	if !ok {
		return ""
	}
	tenant, ok := strings.CutSuffix(rest, "/"+tail)
	if !ok || strings.ContainsAny(tenant, "/?#%@") {
		return ""
	}
	return tenant
}

// merge fills what the row leaves open.
func merge(row *Endpoints, found Endpoints) {
	for _, pair := range [][2]*string{
		{&row.Authorization, &found.Authorization}, {&row.Token, &found.Token},
		{&row.UserInfo, &found.UserInfo}, {&row.Revocation, &found.Revocation},
		{&row.EndSession, &found.EndSession},
		{&row.DeviceAuthorization, &found.DeviceAuthorization}, {&row.PAR, &found.PAR},
		{&row.Registration, &found.Registration}, {&row.JWKS, &found.JWKS},
	} {
		if *pair[0] == "" {
			*pair[0] = *pair[1]
		}
	}
}
