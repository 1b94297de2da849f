package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"dancecard/dance"
)

// Bounds of one file, each several times what the longest row needs.
const (
	maxText = 2000
	maxList = 100
)

// check finds all that a dance could not work with.
func (r *reader) check(p dance.Provider) {
	if strings.TrimSpace(p.Name) == "" {
		r.add("name", "there is no name", `add a line such as name = "Work"`)
	} else if utf8.RuneCountInString(p.Name) > 60 || !printable(p.Name) {
		r.add("name", "the name is too long or has characters that cannot be shown", "shorten it to at most 60 plain characters")
	}
	r.rules(p)
	r.lists(p)
	r.checkAddresses(p)
	r.checkClient(p)
	r.checkScopes(p)
	r.checkParams(p)
	r.checkOptions(p)
	r.checkFlows(p)
	r.checkRedirect(p.Redirect)
	r.checkIdentity(p)
	r.checkAPI(p.API)
	r.checkRevocation(p)
	r.checkTile(p.Tile)
	r.text("registration_help", p.RegistrationHelp)
	r.text("quirks.token_type", p.Quirks.TokenType)
}

// lists bounds the length of every list and forbids what stands there twice.
func (r *reader) lists(p dance.Provider) {
	for key, list := range map[string][]string{
		"scopes": p.Scopes, "optional_scopes": p.OptionalScopes, "scope_words": slices.Collect(maps.Keys(p.ScopeWords)),
		"api.hosts": p.API.Hosts, "api.base_under": p.API.BaseUnder, "redirect.keep": p.Redirect.Keep,
		"redirect.hosts": p.Redirect.Hosts, "registration_methods": p.RegistrationMethods,
	} {
		if len(list) > maxList {
			r.add(key, fmt.Sprintf("there are more than %d of them", maxList), "leave out those that you do not need")
		}
		for i, s := range list {
			if slices.Contains(list[:i], s) {
				r.add(key, quote(s)+" stands there twice", "delete one of the two")
			}
		}
	}
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

func (r *reader) checkScopes(p dance.Provider) {
	for s, words := range p.ScopeWords {
		if !scopeToken.MatchString(s) {
			r.add("scope_words."+s, quote(s)+" is not one scope", "write each scope on a line of its own")
		}
		r.text("scope_words."+s, words)
	}
	if slices.Contains(reserved, p.ScopeParam) {
		r.add("scope_param", quote(p.ScopeParam)+" has a meaning of its own", "write scope or user_scope")
	}
}

var (
	// reserved parameters are the dance's own.
	reserved = []string{
		"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "state", "nonce", "code",
		"code_challenge", "code_challenge_method", "code_verifier", "grant_type", "refresh_token", "scope",
		"request", "request_uri", "client_assertion", "client_assertion_type",
	}
)

func (r *reader) checkParams(p dance.Provider) {
	for key, params := range map[string]map[string]string{
		"authorize_params": p.AuthorizeParams, "token_params": p.TokenParams, "oauth1.params": p.OAuth1.Params,
	} {
		if len(params) > maxList {
			r.add(key, "there are too many parameters", "leave out those that you do not need")
		}
		for name, value := range params {
			r.param(key+"."+name, name)
			if len(value) > maxText || !printable(value) {
				r.add(key+"."+name, "the value is too long or has characters that cannot be sent", "correct it")
			}
		}
	}
}

// param looks at the name of a parameter that a row adds.
func (r *reader) param(key, name string) {
	switch {
	case !paramName.MatchString(name):
		r.add(key, quote(name)+" is no parameter name", "correct it")
	case slices.Contains(reserved, name) || strings.HasPrefix(name, "oauth_"):
		r.add(key, "Dancecard sets "+name+" itself", "delete this line")
	}
}

func (r *reader) checkTile(t dance.Tile) {
	if utf8.RuneCountInString(t.Monogram) > 2 || !printable(t.Monogram) {
		r.add("tile.monogram", "the monogram has more than two letters", "shorten it")
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
