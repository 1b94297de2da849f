package dance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"dancecard/internal/secret"
)

// A Client is a registration that a provider made for us without the user
// (RFC 7591, client id metadata documents, Mastodon's app endpoint, atproto's
// loopback client).
type Client struct {
	Registration
	Method  string        // "document", "dynamic", "mastodon", "loopback"
	URI     string        // client configuration endpoint (RFC 7592); ""
	Token   secret.String // registration access token (RFC 7592)
	Expires time.Time     // when the secret ends; zero: never
}

// RegisterOptions are what a registration says about this program.
type RegisterOptions struct {
	Name     string // "Dancecard"
	Document string // https address of our client id metadata document; "": the method "document" is passed over
	DPoP     bool
	Scopes   []string
}

const (
	registering    = "registration" // the stage that errors name
	clientIDLength = 2 << 10
)

// registrar is one climb of the ladder.
type registrar struct {
	row      Provider // with its endpoints resolved
	metadata metadata
	options  RegisterOptions
	redirect string
}

// errUnusable passes over a method that this row or provider does not offer.
var errUnusable = errors.New("the method cannot be used here")

// Register climbs the row's RegistrationMethods until one gives a client.
// ErrNoRegistration if the row has none that can be used; else the last
// method's error: *Refused, *Failed and *Invalid as elsewhere.
func Register(ctx context.Context, p Provider, o RegisterOptions) (Client, error) {
	g := registrar{row: p, options: o, redirect: RedirectURI(p)}
	if p.Issuer != "" && slices.ContainsFunc(p.RegistrationMethods, func(m string) bool { return m == "document" || m == "dynamic" }) {
		m, err := discover(ctx, p)
		if err != nil {
			return Client{}, ended(ctx, err)
		}
		g.metadata = m
		merge(&g.row.Endpoints, m.endpoints)
	}
	steps := map[string]func(context.Context) (Client, error){
		"document": g.document, "dynamic": g.dynamic, "mastodon": g.mastodon, "loopback": g.loopback,
	}
	last := ErrNoRegistration
	for _, method := range p.RegistrationMethods {
		step := steps[method]
		if step == nil {
			continue
		}
		c, err := step(ctx)
		switch {
		case err == nil:
			c.Method = method
			return c, nil
		case ctx.Err() != nil:
			return Client{}, ended(ctx, err)
		case !errors.Is(err, errUnusable):
			last = err
		}
	}
	return Client{}, last
}

// dynamic is RFC 7591 section 3.
func (g registrar) dynamic(ctx context.Context) (Client, error) {
	if g.row.Endpoints.Registration == "" {
		return Client{}, errUnusable
	}
	method, err := g.authMethod()
	if err != nil {
		return Client{}, err
	}
	body := map[string]any{
		"client_name":                g.options.Name,
		"application_type":           "native",
		"redirect_uris":              []string{g.redirect},
		"response_types":             []string{"code"},
		"grant_types":                g.grantTypes(),
		"token_endpoint_auth_method": method,
	}
	if len(g.options.Scopes) > 0 {
		body["scope"] = strings.Join(g.options.Scopes, " ")
	}
	if g.options.DPoP || g.row.DPoP == "required" {
		body["dpop_bound_access_tokens"] = true
	}
	data, err := json.Marshal(body)
	if err != nil {
		return Client{}, err
	}
	doc, err := g.post(ctx, "application/json", data)
	if err != nil {
		return Client{}, err
	}
	c, err := g.readClient(doc, method, time.Now())
	if err != nil { // a client that cannot be used should not stay behind
		if c.URI != "" {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace)
			defer cancel()
			_ = Unregister(undo, g.row, c)
		}
		return Client{}, err
	}
	return c, nil
}

// authMethod is what we ask for: a program on the user's machine keeps no
// secret from its user, so none comes first (RFC 8252 section 8.4).
func (g registrar) authMethod() (string, error) {
	offered := g.metadata.authMethods
	for _, method := range []string{"none", "client_secret_basic", "client_secret_post"} {
		if offered == nil || slices.Contains(offered, method) {
			return method, nil
		}
	}
	return "", &Invalid{Stage: registering, Text: "the provider takes no way to authenticate that a desktop program has; ask its operator for a public client"}
}

func (g registrar) grantTypes() []string {
	types := []string{"authorization_code", "refresh_token"}
	if g.metadata.grants != nil && !slices.Contains(g.metadata.grants, "refresh_token") {
		types = types[:1]
	}
	if g.row.Endpoints.DeviceAuthorization != "" {
		types = append(types, deviceGrant)
	}
	return types
}

// post sends a registration and reads the answer (RFC 7591 section 3.2).
func (g registrar) post(ctx context.Context, kind string, data []byte) (map[string]any, error) {
	req, err := http.NewRequest(http.MethodPost, g.row.Endpoints.Registration, bytes.NewReader(data))
	if err != nil {
		return nil, &Failed{Stage: registering, Text: "the registration address cannot be used"}
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", "application/json")
	a, err := newClient(g.row).send(ctx, registering, req)
	if err != nil {
		return nil, err
	}
	doc, err := document(a, false)
	if err := judge(registering, a, doc, Quirks{}, nil); err != nil {
		return nil, registrationClosed(err)
	}
	if err != nil {
		return nil, odd(registering, a, err)
	}
	return doc, nil
}

// registrationClosed says in words what 401, 403 and 404 without a reason mean
// here: the provider registers nobody on its own.
func registrationClosed(err error) error {
	if f, ok := err.(*Failed); ok && slices.Contains([]int{401, 403, 404, 405}, f.Status) {
		return &Refused{Stage: registering, Code: "not_open", Description: "it lets no program register itself; register Dancecard there by hand", Status: f.Status}
	}
	return err
}

// readClient checks an answer strictly. What is left out was accepted as asked
// (many servers repeat nothing); what is said must be what was asked. Beside an
// error the client has what is needed to delete it.
func (g registrar) readClient(doc map[string]any, asked string, now time.Time) (Client, error) {
	var c Client
	c.URI, c.Token = g.management(doc)
	wrong := func(text string) (Client, error) {
		return c, &Invalid{Stage: registering, Text: "the provider's registration cannot be used: " + text}
	}
	id, key := stringAt(doc, "client_id"), stringAt(doc, "client_secret")
	if id == "" || len(id) > clientIDLength || !visible(id) {
		return wrong("it holds no usable client id")
	}
	if doc["client_secret"] != nil && (key == "" || len(key) > tokenLength || !visible(key)) {
		return wrong("its client secret holds characters that no secret has")
	}
	if doc["redirect_uris"] != nil && !slices.Equal(stringsAt(doc, "redirect_uris"), []string{g.redirect}) {
		return wrong("it would send answers to another address than ours")
	}
	c.ClientID = id
	said := asked
	if doc["token_endpoint_auth_method"] != nil {
		said = stringAt(doc, "token_endpoint_auth_method")
	}
	switch {
	case said == "none":
		c.AuthStyle = AuthNone
		return c, nil
	case said != "client_secret_basic" && said != "client_secret_post":
		return wrong("it asks for a way to authenticate that a desktop program does not have")
	case key == "":
		return wrong("it asks for a client secret and holds none")
	}
	c.AuthStyle, c.ClientSecret = AuthBasic, secret.New(key)
	if said == "client_secret_post" {
		c.AuthStyle = AuthPost
	}
	var err error
	if c.Expires, err = secretExpiry(doc["client_secret_expires_at"], now); err != nil {
		return wrong(err.Error())
	}
	return c, nil
}

// secretExpiry reads client_secret_expires_at: 0 and nothing mean never.
func secretExpiry(v any, now time.Time) (time.Time, error) {
	at, ok := number(v)
	switch {
	case v == nil || ok && at == 0:
		return time.Time{}, nil
	case !ok || at < 0 || at > 1<<40:
		return time.Time{}, errors.New("it does not say when its client secret ends")
	case at <= float64(now.Unix()):
		return time.Time{}, errors.New("its client secret has ended already; check the clock")
	}
	return time.Unix(int64(at), 0), nil
}

// management is where and with what a client is managed (RFC 7592 section 3).
// An address on a host that has no say here is left out, and the token with
// it: proxies make such addresses by mistake, and others on purpose.
func (g registrar) management(doc map[string]any) (string, secret.String) {
	address, token := stringAt(doc, "registration_client_uri"), stringAt(doc, "registration_access_token")
	if token == "" || !tokenText(token) || !manages(g.row, address) {
		return "", secret.String{}
	}
	return address, secret.New(token)
}

// manages reports addresses on the issuer's origin, or on the one at which
// clients are registered.
func manages(p Provider, address string) bool {
	u, err := checkURL(address)
	if err != nil {
		return false
	}
	for _, own := range []string{p.Issuer, p.Endpoints.Registration} {
		if o, err := url.Parse(own); err == nil && o.Scheme == u.Scheme && o.Host == u.Host {
			return true
		}
	}
	return false
}

// visible reports the characters that a client id or secret may have
// (RFC 6749 appendix A.1).
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Unregister deletes a client that Register made (RFC 7592 section 2.3). A
// client that the provider does not know any more counts as deleted, as does
// one that the provider offers no way to delete.
func Unregister(ctx context.Context, p Provider, c Client) error {
	if c.URI == "" {
		return nil
	}
	if !manages(p, c.URI) {
		return &Invalid{Stage: registering, Text: "the registration is managed at another host than the provider's; delete it on the provider's own page"}
	}
	req, err := http.NewRequest(http.MethodDelete, c.URI, nil)
	if err != nil {
		return &Failed{Stage: registering, Text: "the address cannot be used"}
	}
	req.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	a, err := newClient(p).send(ctx, registering, req)
	switch {
	case a.status/100 == 2 || a.status == http.StatusUnauthorized || a.status == http.StatusNotFound:
		return nil
	case err != nil:
		return ended(ctx, err)
	case a.status == http.StatusForbidden || a.status == http.StatusMethodNotAllowed:
		return &Refused{Stage: registering, Code: "not_deletable", Description: "delete it on the provider's own page", Status: a.status}
	}
	return &Failed{Stage: registering, Status: a.status, Answered: true, RetryAfter: retryAfter(a.header, time.Now()),
		Text: fmt.Sprintf("the provider answered HTTP %d", a.status)}
}
