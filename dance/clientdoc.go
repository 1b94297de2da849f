package dance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// document uses the address of a metadata document as client id
// (draft-ietf-oauth-client-id-metadata-document). The document is read first:
// where it does not name our redirect URI the provider would refuse in the
// browser, where we never learn of it.
func (g registrar) document(ctx context.Context) (Client, error) {
	address := g.options.Document
	// Atproto always takes them; without discovery the row's word is all there is.
	offered := g.metadata.documents || g.row.Issuer == "" || slices.Contains(g.row.RegistrationMethods, "loopback")
	if u, err := checkURL(address); err != nil || u.Scheme != "https" || !offered {
		return Client{}, errUnusable
	}
	return g.ownDocument(ctx, address)
}

func (g registrar) ownDocument(ctx context.Context, address string) (Client, error) {
	a, err := newClient(Provider{Issuer: address}).get(ctx, registering, address)
	if err != nil {
		return Client{}, err
	}
	if a.status != http.StatusOK {
		return Client{}, &Failed{Stage: registering, Status: a.status, Answered: true, Text: fmt.Sprintf("our client metadata document answered HTTP %d", a.status)}
	}
	doc, err := parseObject(a.body, true)
	if err != nil {
		return Client{}, odd(registering, a, err)
	}
	wrong := func(text string) (Client, error) {
		return Client{}, &Invalid{Stage: registering, Text: "our client metadata document " + text}
	}
	switch method := stringAt(doc, "token_endpoint_auth_method"); {
	case stringAt(doc, "client_id") != address:
		return wrong("does not name its own address as client id")
	case method != "none":
		return wrong("does not say that we are a public client")
	case !slices.ContainsFunc(stringsAt(doc, "redirect_uris"), func(uri string) bool { return sameButPort(uri, g.redirect) }):
		return wrong(fmt.Sprintf("does not list %s as redirect address; add it there", g.redirect))
	}
	return Client{Registration: Registration{ClientID: address, AuthStyle: AuthNone}}, nil
}

// sameButPort compares redirect URIs as a provider must (RFC 8252 section 7.3).
func sameButPort(listed, ours string) bool {
	a, err := url.Parse(listed)
	b, err2 := url.Parse(ours)
	return listed == ours || err == nil && err2 == nil && a.Port() == "" &&
		a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && a.Path == b.Path && a.RawQuery == b.RawQuery
}

// ClientDocument is the JSON to put at address, an https address with a path,
// so that providers can know this program by it. With scopes it is one for
// atproto, where all that will ever be asked for must be named ("atproto"
// among it) and tokens are bound to keys; others want it without.
func ClientDocument(address, name string, redirects []string, scopes ...string) ([]byte, error) {
	u, err := checkURL(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" || u.Path == "" || u.Path == "/" || strings.Contains(u.Path+"/", "/./") || strings.Contains(u.Path+"/", "/../") {
		return nil, errors.New("the address of a client metadata document begins with https:// and has a path")
	}
	if len(redirects) == 0 {
		return nil, errors.New("a client metadata document needs at least one redirect address")
	}
	for _, r := range redirects {
		if _, err := checkURL(r); err != nil {
			return nil, fmt.Errorf("the redirect address %q cannot be used: %w", clean(r, 200), err)
		}
	}
	doc := map[string]any{
		"client_id":                  address,
		"client_name":                clean(name, 100),
		"application_type":           "native",
		"redirect_uris":              redirects,
		"response_types":             []string{"code"},
		"grant_types":                []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_method": "none",
	}
	if len(scopes) > 0 {
		doc["scope"] = strings.Join(scopes, " ")
		doc["dpop_bound_access_tokens"] = slices.Contains(scopes, "atproto")
	}
	return json.MarshalIndent(doc, "", "  ")
}
