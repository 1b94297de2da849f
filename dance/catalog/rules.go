package catalog

import (
	"iter"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dancecard/dance"
)

// A rule bounds the text of one key, or of each element of a list. The empty
// text is always allowed: it means "as the standards say".
type rule struct {
	oneOf []string
	form  *regexp.Regexp
	not   string // what a text that does not fit is: "is no colour"
	fix   string
}

var (
	categories = []string{
		"code", "identity", "mail", "social", "chat", "work", "sales", "money", "files", "music",
		"health", "science", "cloud", "games", "maps", "ai",
	}
	placeholders = []string{"access_token", "refresh_token", "client_id", "client_secret", "id"}

	// scopeToken is RFC 6749 section 3.3, without the comma of comma-separated lists.
	scopeToken = regexp.MustCompile(`^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,256}$`)
	paramName  = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`)
	plainPath  = regexp.MustCompile(`^/[A-Za-z0-9/._~-]{0,200}$`)
	jsonPath   = regexp.MustCompile(`^([^.\x00-\x20"\\]{1,60})(\.[^.\x00-\x20"\\]{1,60}){0,7}$`)
	colour     = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
	optionID   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,60}$`)
	hostSuffix = regexp.MustCompile(`^(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?){2,}$`)
)

func oneOf(words ...string) rule { return rule{oneOf: words} }

func aPath() rule {
	return rule{form: jsonPath, not: "is no path in a JSON answer", fix: `write the names with dots between: "data.0.id"`}
}

func aColour() rule { return rule{form: colour, not: "is no colour", fix: `write it like "#24292F"`} }

func aScope() rule {
	return rule{form: scopeToken, not: "is not one scope", fix: `write each scope as a text of its own: ["one", "two"]`}
}

func aName(fix string) rule { return rule{form: paramName, not: "is no parameter name", fix: fix} }

// rules are the bounds that need no other key to be judged.
var rules = map[string]rule{
	"category":                oneOf(categories...),
	"protocol":                oneOf("oidc", "oauth2", "oauth1"),
	"auth_style":              oneOf("none", "basic", "post"),
	"pkce":                    oneOf("S256", "plain", "off"),
	"scope_separator":         oneOf(" ", ",", ";", "|"),
	"scope_param":             aName("write scope or user_scope"),
	"scopes":                  aScope(),
	"optional_scopes":         aScope(),
	"dpop":                    oneOf("required"),
	"registration_methods":    oneOf("document", "dynamic", "mastodon", "loopback"),
	"options.id":              {form: optionID, not: "is no id", fix: "write a word in small letters, such as offline"},
	"options.param":           aName("write the parameter's name, such as prompt"),
	"oauth1.signature":        oneOf("HMAC-SHA1", "RSA-SHA1", "PLAINTEXT"),
	"device.scope_param":      aName("write scope or scopes"),
	"redirect.mode":           oneOf("any_port", "fixed_port", "unknown", "https", "paste"),
	"redirect.host":           oneOf("127.0.0.1", "localhost"),
	"redirect.path":           {form: plainPath, not: "is no path", fix: `write it like "/dancecard"`},
	"redirect.keep":           aName("write the name of a value in the answer's address"),
	"redirect.host_param":     aName("write the name of a value in the answer's address"),
	"redirect.hosts":          {form: apiHost, not: "is no host name", fix: "write the bare name in small letters, such as accounts.example.com"},
	"identity.method":         oneOf("GET", "POST"),
	"identity.subject":        aPath(),
	"identity.login":          aPath(),
	"identity.name":           aPath(),
	"identity.email":          aPath(),
	"identity.avatar":         aPath(),
	"api.scheme":              {form: paramName, not: "is no authorization scheme", fix: "write a word such as Bearer"},
	"api.header":              {form: headerName, not: "is no name of a header", fix: "write it like X-Access-Token"},
	"api.base_from":           aPath(),
	"api.base_under":          {form: hostSuffix, not: "is no end of a host name", fix: `write it with a dot before: ".example.com"`},
	"revocation.style":        oneOf("rfc7009", "request", "none", "unknown"),
	"revocation.revokes":      oneOf("token", "grant", "unknown"),
	"revocation.method":       oneOf("POST", "DELETE", "GET"),
	"revocation.auth":         oneOf("client", "basic", "secret", "bearer", "none"),
	"revocation.send":         oneOf("form", "json", "query"),
	"revocation.lookup.id":    aPath(),
	"revocation.lookup.match": aPath(),
	"quirks.expires_in":       oneOf("ms", "at"),
	"quirks.nested":           aPath(),
	"quirks.client_id_param":  aName("write the parameter's name, such as client_key"),
	"quirks.secret_param":     aName("write the parameter's name, such as secret"),
	"tile.brand":              aColour(),
	"tile.text":               aColour(),
	"tile.brand_dark":         aColour(),
	"tile.text_dark":          aColour(),
}

// rules looks at every text that has a rule.
func (r *reader) rules(p dance.Provider) {
	for key, value := range texts(p) {
		rule, bound := rules[plain(key)]
		switch {
		case !bound || value == "":
		case rule.oneOf != nil && !slices.Contains(rule.oneOf, value):
			r.add(key, quote(value)+" is not a value of "+plain(key), "write one of "+strings.Join(named(rule.oneOf), ", "))
		case rule.form != nil && !rule.form.MatchString(value):
			r.add(key, quote(value)+" "+rule.not, rule.fix)
		}
	}
}

// named makes marks that would not be seen visible.
func named(words []string) []string {
	words = slices.Clone(words)
	for i, w := range words {
		if paramName.MatchString(w) {
			continue
		}
		words[i] = strconv.Quote(w)
	}
	return words
}

// texts are all texts of a provider by their keys, each element of a list on
// its own. Free tables are left out.
func texts(p dance.Provider) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		walk("", reflect.ValueOf(p), yield)
	}
}

func walk(key string, v reflect.Value, yield func(string, string) bool) bool {
	switch {
	case v.Type() == secretType:
	case v.Kind() == reflect.String:
		return yield(key, v.String())
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return walk(key, v.Elem(), yield)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			name := key
			if v.Index(i).Kind() == reflect.Struct {
				name += "." + strconv.Itoa(i)
			}
			if !walk(name, v.Index(i), yield) {
				return false
			}
		}
	case v.Kind() == reflect.Struct:
		for f, value := range v.Fields() {
			name := f.Tag.Get("toml")
			if name == "-" {
				continue
			}
			if key != "" {
				name = key + "." + name
			}
			if !walk(name, value, yield) {
				return false
			}
		}
	}
	return true
}

// plain is a key without the numbers of the tables of a list.
func plain(key string) string {
	parts := strings.Split(key, ".")
	if len(parts) < 2 || parts[0] != "options" {
		return key
	}
	if _, err := strconv.Atoi(parts[1]); err == nil {
		parts = slices.Delete(parts, 1, 2)
	}
	return strings.Join(parts, ".")
}
