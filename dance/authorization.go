package dance

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
)

// own are the parameters of an authorization request that neither a row nor an
// option may touch.
var own = []string{
	"client_id", "redirect_uri", "response_type", "state", "nonce", "code_challenge", "code_challenge_method",
	"scope", "request", "request_uri", "dpop_jkt", "client_secret",
}

func (p Provider) owns(param string) bool {
	return slices.Contains(own, param) || param == p.clientIDParam() || param == scopeParam(p)
}

// authorization is the provider's address with everything that the dance asks
// for (RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 8707 section 2).
func (d *dance) authorization() string {
	p := d.link.Provider
	var opts []oauth2.AuthCodeOption
	set := func(name, value string) {
		if value != "" {
			opts = append(opts, oauth2.SetAuthURLParam(name, value))
		}
	}
	for name, value := range p.AuthorizeParams {
		if !p.owns(name) {
			set(name, value)
		}
	}
	for name, value := range d.options {
		set(name, value)
	}
	set(scopeParam(p), joinScopes(p, d.request.Scopes))
	set("login_hint", d.request.LoginHint)
	set("prompt", d.prompt())
	set("acr_values", strings.Join(d.request.ACRValues, " "))
	set("resource", d.link.Resource)
	if d.request.MaxAge != nil {
		set("max_age", strconv.Itoa(*d.request.MaxAge))
	}
	if p.oidc() {
		set("nonce", d.nonce)
	}
	switch p.PKCE {
	case "off":
	case "plain":
		set("code_challenge", d.verifier)
		set("code_challenge_method", "plain")
	default:
		opts = append(opts, oauth2.S256ChallengeOption(d.verifier))
	}
	if d.proofs != nil {
		set("dpop_jkt", d.proofs.thumbprint)
	}
	return p.rename(config(d.link, d.registration, p.Endpoints.Token).AuthCodeURL(d.state, opts...))
}

// rename puts the row's word for client_id into an address.
func (p Provider) rename(address string) string {
	name := p.clientIDParam()
	u, err := url.Parse(address)
	if name == "client_id" || err != nil {
		return address
	}
	q := u.Query()
	q[name] = q["client_id"]
	q.Del("client_id")
	u.RawQuery = q.Encode()
	return u.String()
}

// prompt asks for consent where offline_access depends on it (OpenID Connect
// Core 1.0 section 11) and neither the row nor the user has a word of its own.
func (d *dance) prompt() string {
	asked := d.request.PromptParam
	_, row := d.link.Provider.AuthorizeParams["prompt"]
	if asked == "" && d.options["prompt"] != "" {
		return d.options["prompt"]
	}
	if row || !d.link.Provider.oidc() || !slices.Contains(d.request.Scopes, "offline_access") || asked == "none" {
		return asked
	}
	if slices.Contains(strings.Fields(asked), "consent") {
		return asked
	}
	return strings.TrimSpace(asked + " consent")
}

const optionLength = 256 // runes of what the user types

// chosen turns the user's options into parameters. A parameter that two of
// them set (prompt), or one of them and the row, gets both words.
func (p Provider) chosen(asked map[string]string) (map[string]string, error) {
	known := map[string]bool{}
	found := map[string]string{}
	for _, o := range p.Options {
		known[o.ID] = true
		value, err := o.value(asked[o.ID])
		if err != nil {
			return nil, err
		}
		switch {
		case value == "" || p.owns(o.Param):
			continue
		case o.Param == "prompt":
			value = joinWords(p.AuthorizeParams["prompt"], found["prompt"], value)
		}
		found[o.Param] = value
	}
	for _, id := range slices.Sorted(maps.Keys(asked)) {
		if !known[id] {
			return nil, &Invalid{Stage: "authorization", Text: fmt.Sprintf("%s has no option %q; leave it out", p.Name, clean(id, 40))}
		}
	}
	return found, nil
}

// value is what the option sends; "": nothing.
func (o Option) value(said string) (string, error) {
	if o.Value == "" {
		if clean(said, optionLength) != said {
			return "", &Invalid{Stage: "authorization", Text: fmt.Sprintf("the text for %q is too long or holds characters that cannot be sent", clean(o.Label, 60))}
		}
		return said, nil
	}
	switch {
	case said == "on", said == "" && o.On:
		return o.Value, nil
	case said == "off", said == "":
		return "", nil
	}
	return "", &Invalid{Stage: "authorization", Text: fmt.Sprintf("the option %q is either on or off", clean(o.ID, 40))}
}

// joinWords puts words after one another, each once.
func joinWords(parts ...string) string {
	var words []string
	for _, w := range strings.Fields(strings.Join(parts, " ")) {
		if !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}
