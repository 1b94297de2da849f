package catalog

import (
	"fmt"
	"maps"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"dancecard/dance"
)

// Bounds of one file, each several times what the longest row needs.
const (
	maxText = 2000
	maxList = 100
)

var categories = []string{"", "code", "identity", "mail", "social", "work", "files", "music", "ai"}

// check finds all that a dance could not work with.
func (r *reader) check(p dance.Provider) {
	if strings.TrimSpace(p.Name) == "" {
		r.add("name", "there is no name", `add a line such as name = "Work"`)
	} else if utf8.RuneCountInString(p.Name) > 60 || !printable(p.Name) {
		r.add("name", "the name is too long or has characters that cannot be shown", "shorten it to at most 60 plain characters")
	}
	r.oneOf("category", p.Category, categories)
	r.oneOf("protocol", p.Protocol, []string{"", "oidc", "oauth2"})
	r.oneOf("auth_style", string(p.AuthStyle), []string{"", "none", "basic", "post"})
	r.oneOf("pkce", p.PKCE, []string{"", "S256", "plain", "off"})
	r.checkAddresses(p)
	r.checkClient(p)
	r.checkScopes(p)
	r.checkParams(p)
	r.checkRedirect(p.Redirect)
	r.checkIdentity(p)
	r.checkAPI(p.API)
	r.checkRevocation(p)
	r.oneOf("quirks.expires_in", p.Quirks.ExpiresIn, []string{"", "ms", "at"})
	r.path("quirks.nested", p.Quirks.Nested)
	r.checkTile(p.Tile)
	r.text("registration_help", p.RegistrationHelp)
}

func (r *reader) oneOf(key, value string, allowed []string) {
	if slices.Contains(allowed, value) {
		return
	}
	var words []string
	for _, a := range allowed {
		if a != "" {
			words = append(words, a)
		}
	}
	r.add(key, fmt.Sprintf("%s is not a value of %s", quote(value), key), "write one of "+strings.Join(words, ", "))
}

// checkClient: without a client_id the user's own registration is used.
func (r *reader) checkClient(p dance.Provider) {
	plain := func(s string) bool {
		return len(s) <= 512 && !strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c > 0x7e })
	}
	if !plain(p.ClientID) {
		r.add("client_id", "the client id is too long or has odd characters", "copy it again from the provider's page")
	}
	if !plain(p.ClientSecret.Reveal()) {
		r.add("client_secret", "the client secret is too long or has odd characters", "copy it again from the provider's page")
	}
	hasSecret := !p.ClientSecret.IsZero()
	switch {
	case hasSecret && p.ClientID == "":
		r.add("client_secret", "there is a client_secret and no client_id", "add the client_id that it belongs to")
	case hasSecret && p.AuthStyle == dance.AuthNone:
		r.add("auth_style", "auth_style is none, and there is a client_secret", `write auth_style = "basic" or "post", or delete the secret`)
	}
}

// scopeToken is RFC 6749 section 3.3, without the comma of comma-separated lists.
var scopeToken = regexp.MustCompile(`^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,256}$`)

func (r *reader) checkScopes(p dance.Provider) {
	for key, list := range map[string][]string{
		"scopes": p.Scopes, "optional_scopes": p.OptionalScopes, "scope_words": slices.Collect(maps.Keys(p.ScopeWords)),
	} {
		if len(list) > maxList {
			r.add(key, fmt.Sprintf("there are more than %d scopes", maxList), "leave out those that you do not need")
		}
		for _, s := range list {
			if !scopeToken.MatchString(s) {
				r.add(key, quote(s)+" is not one scope", `write each scope as a text of its own: ["one", "two"]`)
			}
		}
	}
	for s, words := range p.ScopeWords {
		r.text("scope_words."+s, words)
	}
	r.oneOf("scope_separator", p.ScopeSeparator, []string{"", " ", ","})
	if p.ScopeParam != "" && !paramName.MatchString(p.ScopeParam) {
		r.add("scope_param", quote(p.ScopeParam)+" is no parameter name", "write scope or user_scope")
	}
	if slices.Contains(reserved, p.ScopeParam) {
		r.add("scope_param", quote(p.ScopeParam)+" has a meaning of its own", "write scope or user_scope")
	}
}

var (
	paramName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`)

	// reserved parameters are the dance's own.
	reserved = []string{
		"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "state", "nonce", "code",
		"code_challenge", "code_challenge_method", "code_verifier", "grant_type", "refresh_token", "scope",
		"request", "request_uri", "client_assertion", "client_assertion_type",
	}
)

func (r *reader) checkParams(p dance.Provider) {
	for key, params := range map[string]map[string]string{"authorize_params": p.AuthorizeParams, "token_params": p.TokenParams} {
		if len(params) > maxList {
			r.add(key, "there are too many parameters", "leave out those that you do not need")
		}
		for name, value := range params {
			switch {
			case !paramName.MatchString(name):
				r.add(key+"."+name, quote(name)+" is no parameter name", "correct it")
			case slices.Contains(reserved, name):
				r.add(key+"."+name, "Dancecard sets "+name+" itself", "delete this line")
			case len(value) > maxText || !printable(value):
				r.add(key+"."+name, "the value is too long or has characters that cannot be sent", "correct it")
			}
		}
	}
}

var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._~-]{0,200}$`)

func (r *reader) checkRedirect(d dance.Redirect) {
	r.oneOf("redirect.mode", d.Mode, []string{"", "any_port", "fixed_port", "unknown"})
	r.oneOf("redirect.host", d.Host, []string{"", "127.0.0.1", "localhost"})
	if d.Port != 0 && (d.Port < 1024 || d.Port > 65535) {
		r.add("redirect.port", fmt.Sprintf("%d is no port that a program may take", d.Port), "write a number from 1024 to 65535")
	}
	if d.Port != 0 && (d.Mode == "" || d.Mode == "any_port") {
		r.add("redirect.port", "a port is given, and any port will do", `write mode = "fixed_port", or delete the port`)
	}
	if d.RandomPath && d.Path != "" {
		r.add("redirect.path", "a path is given, and a random one is asked for", "delete one of the two")
	}
	if d.Path != "" && !plainPath.MatchString(d.Path) {
		r.add("redirect.path", quote(d.Path)+" is no path", `write it like "/dancecard"`)
	}
}

func (r *reader) checkIdentity(p dance.Provider) {
	i := p.Identity
	r.oneOf("identity.method", i.Method, []string{"", "GET", "POST"})
	for key, v := range map[string]string{
		"subject": i.Subject, "login": i.Login, "name": i.Name, "email": i.Email, "avatar": i.Avatar,
	} {
		r.path("identity."+key, v)
	}
	if i.URL != "" && i.Subject == "" && p.Issuer == "" {
		r.add("identity.url", "it is not said where the account's id stands in the answer", `add identity.subject, such as "id"`)
	}
	r.headers("identity.headers", i.Headers)
}

var jsonPath = regexp.MustCompile(`^([^.\x00-\x20"\\]{1,60})(\.[^.\x00-\x20"\\]{1,60}){0,7}$`)

func (r *reader) path(key, value string) {
	if value != "" && !jsonPath.MatchString(value) {
		r.add(key, quote(value)+" is no path in a JSON answer", `write the names with dots between: "data.0.id"`)
	}
}

var apiHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?$`)

func (r *reader) checkAPI(a dance.API) {
	if len(a.Hosts) > maxList {
		r.add("api.hosts", "there are too many hosts", "leave out those that you do not need")
	}
	if a.Scheme != "" && !paramName.MatchString(a.Scheme) {
		r.add("api.scheme", quote(a.Scheme)+" is no authorization scheme", "write a word such as Bearer")
	}
	r.headers("api.headers", a.Headers)
}

// headers that the transport or the token sets are nobody else's.
func (r *reader) headers(key string, headers map[string]string) {
	if len(headers) > 20 {
		r.add(key, "there are too many headers", "leave out those that you do not need")
	}
	own := []string{"Authorization", "Cookie", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Te", "Upgrade", "Trailer"}
	for name, value := range headers {
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || len(name)+len(value) > maxText:
			r.add(key+"."+name, quote(name)+" is no header that can be sent", "correct its name and value")
		case slices.Contains(own, textproto.CanonicalMIMEHeaderKey(name)) || strings.HasPrefix(strings.ToLower(name), "proxy-"):
			r.add(key+"."+name, "Dancecard sets "+clean(name)+" itself", "delete this line")
		}
	}
}

func (r *reader) checkRevocation(p dance.Provider) {
	v := p.Revocation
	r.oneOf("revocation.style", v.Style, []string{"", "rfc7009", "bearer", "github", "none", "unknown"})
	r.oneOf("revocation.revokes", v.Revokes, []string{"", "token", "grant", "unknown"})
	none := p.Endpoints.Revocation == ""
	if none && (v.Style == "bearer" || v.Style == "rfc7009" && p.Issuer == "") {
		r.add("revocation.style", "the address for revoking is missing", "add endpoints.revocation")
	}
}

var colour = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func (r *reader) checkTile(t dance.Tile) {
	if utf8.RuneCountInString(t.Monogram) > 2 || !printable(t.Monogram) {
		r.add("tile.monogram", "the monogram has more than two letters", "shorten it")
	}
	for key, c := range map[string]string{"brand": t.Brand, "text": t.Text, "brand_dark": t.BrandDark, "text_dark": t.TextDark} {
		if c != "" && !colour.MatchString(c) {
			r.add("tile."+key, quote(c)+" is no colour", `write it like "#24292F"`)
		}
	}
}

func (r *reader) text(key, value string) {
	if utf8.RuneCountInString(value) > 300 || !printable(value) {
		r.add(key, "the text is too long or has characters that cannot be shown", "shorten it to at most 300 plain characters")
	}
}

// printable also keeps out marks that turn the reading direction.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}
