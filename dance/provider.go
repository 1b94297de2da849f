package dance

import (
	"errors"
	"fmt"

	"dancecard/internal/secret"
)

// A Provider is a service that hands out tokens about its users, as a row of
// the catalogue describes it. Fields that are empty mean "as the standards
// say", or "not known" where a comment says so. The same struct, with its
// endpoints resolved, is sealed into each account (see [Link]).
type Provider struct {
	ID       string `toml:"id" json:"id"`             // file name without .toml
	Name     string `toml:"name" json:"name"`         // "GitHub"
	Category string `toml:"category" json:"category"` // "code", "identity", "mail", "social", "work", "files", "music", "ai"
	Protocol string `toml:"protocol" json:"protocol"` // "oidc", "oauth2" or "oauth1"; oidc if empty and an issuer is given

	Issuer    string    `toml:"issuer" json:"issuer"`       // exact issuer identifier (OpenID Connect Discovery 1.0 section 3)
	Endpoints Endpoints `toml:"endpoints" json:"endpoints"` // what discovery does not say

	ClientID     string        `toml:"client_id" json:"client_id"` // the row's own public client
	ClientSecret secret.String `toml:"client_secret" json:"-"`     // a native client's "secret" of a user's own file
	AuthStyle    AuthStyle     `toml:"auth_style" json:"auth_style"`

	PKCE            string            `toml:"pkce" json:"pkce"`                       // "S256" if empty; "plain" or "off" only where a row says so
	Scopes          []string          `toml:"scopes" json:"scopes"`                   // asked for when the user names none
	ScopeSeparator  string            `toml:"scope_separator" json:"scope_separator"` // " " if empty
	ScopeParam      string            `toml:"scope_param" json:"scope_param"`         // "scope" if empty
	ScopeWords      map[string]string `toml:"scope_words" json:"scope_words"`         // scope -> plain words ("read and change repositories")
	OptionalScopes  []string          `toml:"optional_scopes" json:"optional_scopes"`
	AuthorizeParams map[string]string `toml:"authorize_params" json:"authorize_params"`
	TokenParams     map[string]string `toml:"token_params" json:"token_params"`
	Options         []Option          `toml:"options" json:"options,omitempty"`   // what the user may choose at each sign-in
	Resource        string            `toml:"resource" json:"resource,omitempty"` // resource indicator (RFC 8707); MCP servers
	DPoP            string            `toml:"dpop" json:"dpop,omitempty"`         // "required": tokens are bound to a key of ours (RFC 9449); empty: only where the user asks
	OAuth1          OAuth1            `toml:"oauth1" json:"oauth1,omitzero"`      // protocol "oauth1" only
	Device          Device            `toml:"device" json:"device,omitzero"`      // deviations of the device flow

	Redirect   Redirect   `toml:"redirect" json:"redirect"`
	Identity   Identify   `toml:"identity" json:"identity"`
	API        API        `toml:"api" json:"api"`
	Revocation Revocation `toml:"revocation" json:"revocation"`
	Quirks     Quirks     `toml:"quirks" json:"quirks"`
	Tile       Tile       `toml:"tile" json:"tile"`

	RegistrationPage string `toml:"registration_page" json:"registration_page"` // where the user registers a client
	RegistrationHelp string `toml:"registration_help" json:"registration_help"` // one sentence
	SettingsPage     string `toml:"settings_page" json:"settings_page"`         // where the user sees and ends what is linked
	// RegistrationMethods are the ways to get a client without the user, in the
	// order in which they are tried: "document" (client id metadata document),
	// "dynamic" (RFC 7591), "mastodon" (its app endpoint), "loopback" (atproto's
	// http://localhost client). Empty: the user's own client or the row's.
	RegistrationMethods []string `toml:"registration_methods" json:"registration_methods,omitempty"`

	Instance *Instance `toml:"instance" json:"instance,omitempty"` // self-hosted: {param} in URLs is filled in by the user
}

// Endpoints are absolute https URLs (http only on loopback).
type Endpoints struct {
	Authorization       string `toml:"authorization" json:"authorization"`
	Token               string `toml:"token" json:"token"`
	UserInfo            string `toml:"userinfo" json:"userinfo"`
	Revocation          string `toml:"revocation" json:"revocation"`
	EndSession          string `toml:"end_session" json:"end_session"`
	DeviceAuthorization string `toml:"device_authorization" json:"device_authorization"`
	PAR                 string `toml:"pushed_authorization_request" json:"pushed_authorization_request"`
	Registration        string `toml:"registration" json:"registration"`
	JWKS                string `toml:"jwks" json:"jwks"`
	Refresh             string `toml:"refresh" json:"refresh"`                       // if it differs from Token
	RequestToken        string `toml:"request_token" json:"request_token,omitempty"` // OAuth 1.0a (RFC 5849 section 2.1)
	DeviceToken         string `toml:"device_token" json:"device_token,omitempty"`   // if device codes are polled elsewhere than at Token
}

// An Option is a choice the user may make at a sign-in: it sets a parameter of
// the authorization request. Ids with a fixed meaning: "offline" (access while
// the user is away), "account_chooser", "consent" (ask again), "hosted_domain",
// "login_hint", "language".
type Option struct {
	ID    string `toml:"id" json:"id"`
	Label string `toml:"label" json:"label"` // "Only accounts of this domain"
	Param string `toml:"param" json:"param"` // "hd"
	Value string `toml:"value" json:"value"` // what a switch sends; empty: the user types it
	On    bool   `toml:"on" json:"on"`       // a switch that is on unless the user turns it off
}

// OAuth1 says how requests are signed (RFC 5849 section 3.4).
type OAuth1 struct {
	Signature string            `toml:"signature" json:"signature"`     // "HMAC-SHA1" (if empty), "RSA-SHA1", "PLAINTEXT"
	Params    map[string]string `toml:"params" json:"params,omitempty"` // added to the authorization address (Trello's name, expiration)
}

// Device holds a row's deviations from RFC 8628.
type Device struct {
	ScopeParam  string `toml:"scope_param" json:"scope_param"`   // "scope" if empty (Twitch: scopes)
	StatusCodes bool   `toml:"status_codes" json:"status_codes"` // polling answers by HTTP status: 400 pending, 404, 409, 410 expired, 418 denied, 429 slow down (Trakt)
}

// AuthStyle is how a client proves itself at the token endpoint (RFC 6749
// section 2.3). It is set, never probed.
type AuthStyle string

const (
	AuthNone  AuthStyle = "none"  // public client: client_id in the body
	AuthBasic AuthStyle = "basic" // client_secret_basic
	AuthPost  AuthStyle = "post"  // client_secret_post
)

// Redirect is the row's rule for the redirect URI.
type Redirect struct {
	// Mode is "any_port" (if empty), "fixed_port", "unknown" (treated as
	// fixed_port, said on screen), "https" (a fixed port of loopback with a
	// self-made certificate) or "paste" (the user copies the address or the code
	// from the browser; see URI).
	Mode string `toml:"mode" json:"mode"`
	URI  string `toml:"uri" json:"uri,omitempty"` // mode paste: the redirect URI ("urn:ietf:wg:oauth:2.0:oob", or a page of the provider's); empty: none is sent
	Host string `toml:"host" json:"host"`         // "127.0.0.1" (if empty) or "localhost" (both families are bound)
	Port int    `toml:"port" json:"port"`         // for fixed_port; 8939 if 0
	Path string `toml:"path" json:"path"`         // "/dancecard/" and the row's id if empty
	// RandomPath gives each dance a path of its own, for providers that take
	// any path on loopback. Others compare it: RFC 8252 section 7.3 frees the
	// port alone.
	RandomPath bool `toml:"random_path" json:"random_path"`
	// Keep names values of the answer's query that are kept in Token.Extra
	// (QuickBooks: realmId).
	Keep []string `toml:"keep" json:"keep,omitempty"`
	// HostParam names a value of the answer's query that says at which host the
	// code is exchanged (Zoho: accounts-server, pCloud: hostname). Only Hosts are
	// believed; token, refresh and revocation addresses move there with it.
	HostParam string   `toml:"host_param" json:"host_param,omitempty"`
	Hosts     []string `toml:"hosts" json:"hosts,omitempty"`
}

// Identify says where the account's data comes from.
type Identify struct {
	// URL is asked with the token; {access_token} in it is replaced by the token
	// (HubSpot). Empty: the ID token and the OpenID userinfo endpoint, or the
	// values of the token answer.
	URL     string            `toml:"url" json:"url"`
	Method  string            `toml:"method" json:"method"`             // "GET" if empty; "POST" sends Body
	Body    string            `toml:"body" json:"body,omitempty"`       // JSON sent with POST (a GraphQL query); empty: an empty body (Dropbox)
	Unknown bool              `toml:"unknown" json:"unknown,omitempty"` // the provider is not known to say whose token it is: the user names the account
	Headers map[string]string `toml:"headers" json:"headers"`           // extra request headers, e.g. Accept
	Subject string            `toml:"subject" json:"subject"`           // JSON paths with dots: "id", "data.0.id"
	Login   string            `toml:"login" json:"login"`
	Name    string            `toml:"name" json:"name"`
	Email   string            `toml:"email" json:"email"`
	Avatar  string            `toml:"avatar" json:"avatar"`
	Pinned  Pinned            `toml:"-" json:"pinned,omitzero"` // set by Find for a handle: nobody else may come back
}

// Pinned is who must come back from a dance, known before it (atproto: the
// handle that the user typed belongs to this DID).
type Pinned struct {
	Subject string `json:"subject"`
	Login   string `json:"login"` // shown where the provider names none
}

// API says where tokens of this provider may be sent and how.
type API struct {
	BaseURL string            `toml:"base_url" json:"base_url"`
	Hosts   []string          `toml:"hosts" json:"hosts"`             // exact hosts
	Scheme  string            `toml:"scheme" json:"scheme"`           // authorization scheme; "Bearer" if empty
	Header  string            `toml:"header" json:"header,omitempty"` // header that carries the bare token instead of Authorization (Shopify)
	Headers map[string]string `toml:"headers" json:"headers"`         // sent with each call; {client_id} is replaced (Twitch)
	// BaseFrom names the value of the token answer (or of Redirect.Keep) that is
	// this account's API base, an https address or a host (Salesforce:
	// instance_url). It is believed only under one of BaseUnder (".salesforce.com")
	// or if it is one of Hosts, and joins Hosts when the account is linked.
	BaseFrom  string   `toml:"base_from" json:"base_from,omitempty"`
	BaseUnder []string `toml:"base_under" json:"base_under,omitempty"`
}

// Revocation says how a token is ended at the provider. In Endpoints.Revocation,
// Params and Lookup the words {access_token}, {refresh_token}, {client_id},
// {client_secret}, {id} and {extra.NAME} (a value of Token.Extra) stand for
// values; where one is missing there is no way to end that token.
type Revocation struct {
	Style   string            `toml:"style" json:"style"`             // "rfc7009" (if empty and an endpoint is known), "request" (as the fields below say), "none", "unknown"
	Revokes string            `toml:"revokes" json:"revokes"`         // what it ends there: "token", "grant", "unknown" (if empty)
	Method  string            `toml:"method" json:"method,omitempty"` // "POST" if empty; "DELETE", "GET"
	Auth    string            `toml:"auth" json:"auth,omitempty"`     // "client" (as at the token endpoint, if empty), "basic", "secret" (basic, with the client secret as the user's name), "bearer" (the access token, as API says), "none"
	Send    string            `toml:"send" json:"send,omitempty"`     // where Params go: "form" (if empty), "json", "query"
	Params  map[string]string `toml:"params" json:"params,omitempty"`
	Lookup  Lookup            `toml:"lookup" json:"lookup,omitzero"` // asked first, for {id} (Heroku)
}

// Lookup finds the id under which a provider keeps a token: URL answers with a
// JSON list, and the one item in which Match is the access token says the ID.
type Lookup struct {
	URL   string `toml:"url" json:"url"`     // GET with the access token
	Match string `toml:"match" json:"match"` // JSON path of the access token in an item
	ID    string `toml:"id" json:"id"`       // JSON path of the id in that item
}

// Quirks are deviations of token answers that a row declares.
type Quirks struct {
	TokenTypeMissing bool   `toml:"token_type_missing" json:"token_type_missing"`     // an answer without token_type is a Bearer token
	ExpiresIn        string `toml:"expires_in" json:"expires_in"`                     // "" (seconds; string and integral float forms are always read), "ms", "at" (epoch seconds in expires_at)
	FormAnswer       bool   `toml:"form_answer" json:"form_answer"`                   // form-encoded answers are read
	ErrorsIn200      bool   `toml:"errors_in_200" json:"errors_in_200"`               // HTTP 200 with "error" (GitHub) or ok:false (Slack) is a failure
	Nested           string `toml:"nested" json:"nested"`                             // path of the object that holds the tokens ("authed_user")
	NoExpiry         bool   `toml:"no_expiry" json:"no_expiry"`                       // an absent expires_in means: does not expire
	IssuerTemplate   bool   `toml:"issuer_template" json:"issuer_template"`           // Microsoft: {tenantid} in the issuer
	RefreshRedirect  bool   `toml:"refresh_redirect" json:"refresh_redirect"`         // a refresh repeats the redirect URI (GitLab)
	RefreshScope     bool   `toml:"refresh_scope" json:"refresh_scope,omitempty"`     // a refresh repeats the granted scopes (Okta)
	JSONBody         bool   `toml:"json_body" json:"json_body,omitempty"`             // token requests are JSON (Notion, Trakt)
	ClientIDParam    string `toml:"client_id_param" json:"client_id_param,omitempty"` // instead of client_id (TikTok: client_key)
	SecretParam      string `toml:"secret_param" json:"secret_param,omitempty"`       // instead of client_secret (WeChat: secret)
	TokenType        string `toml:"token_type" json:"token_type,omitempty"`           // a token_type that means Bearer here (Slack: "user")
	StatusZero       bool   `toml:"status_zero" json:"status_zero,omitempty"`         // HTTP 200 with a status that is not 0 is a failure (Withings)
}

// Tile is the provider's mark in the window.
type Tile struct {
	Monogram  string `toml:"monogram" json:"monogram"`
	Brand     string `toml:"brand" json:"brand"`           // "#24292F"
	Text      string `toml:"text" json:"text"`             // monogram colour; chosen by contrast if empty
	BrandDark string `toml:"brand_dark" json:"brand_dark"` // on dark ground; Brand if empty
	TextDark  string `toml:"text_dark" json:"text_dark"`
}

// Instance describes a self-hosted or per-tenant service.
type Instance struct {
	Param   string `toml:"param" json:"param"`
	Label   string `toml:"label" json:"label"`
	Example string `toml:"example" json:"example"`
	Default string `toml:"default" json:"default"`
}

// clientIDParam is what the row calls client_id.
func (p Provider) clientIDParam() string {
	if p.Quirks.ClientIDParam == "" {
		return "client_id"
	}
	return p.Quirks.ClientIDParam
}

// secretParam is what the row calls client_secret.
func (p Provider) secretParam() string {
	if p.Quirks.SecretParam == "" {
		return "client_secret"
	}
	return p.Quirks.SecretParam
}

// oidc reports rows that speak OpenID Connect.
func (p Provider) oidc() bool {
	return p.Protocol == "oidc" || p.Protocol == "" && p.Issuer != ""
}

// check looks at everything that a dance will rely on.
func (p Provider) check() error {
	e := p.Endpoints
	for _, a := range []struct{ name, address string }{
		{"authorization", e.Authorization}, {"token", e.Token},
		{"userinfo", e.UserInfo}, {"revocation", e.Revocation},
		{"end_session", e.EndSession}, {"device_authorization", e.DeviceAuthorization},
		{"pushed_authorization_request", e.PAR}, {"registration", e.Registration},
		{"jwks", e.JWKS}, {"refresh", e.Refresh}, {"request_token", e.RequestToken}, {"device_token", e.DeviceToken},
		{"identity", p.Identity.URL},
	} {
		if a.address == "" {
			continue
		}
		if _, err := checkURL(a.address); err != nil {
			return fmt.Errorf("the %s address cannot be used: %w", a.name, err)
		}
	}
	switch {
	case e.Token == "" || e.Authorization == "" && e.DeviceAuthorization == "":
		return errors.New("the provider has no authorization or no token address")
	case p.Protocol == "oauth1" && e.RequestToken == "":
		return errors.New("the provider has no request token address")
	case p.oidc() && p.Issuer == "":
		return errors.New("the provider has no issuer")
	case p.PKCE != "" && p.PKCE != "S256" && p.PKCE != "plain" && p.PKCE != "off":
		return fmt.Errorf("the PKCE method %q is not known", clean(p.PKCE, 40))
	case p.DPoP != "" && p.DPoP != "required":
		return fmt.Errorf("the DPoP rule %q is not known", clean(p.DPoP, 40))
	}
	return p.Redirect.check()
}
