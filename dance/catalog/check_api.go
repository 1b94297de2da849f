package catalog

import (
	"encoding/json"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"dancecard/dance"
)

func (r *reader) checkIdentity(p dance.Provider) {
	i := p.Identity
	if i.URL != "" && i.Subject == "" && p.Issuer == "" {
		r.add("identity.url", "it is not said where the account's id stands in the answer", `add identity.subject, such as "id"`)
	}
	if i.Unknown && (i.URL != "" || i.Subject != "" || p.Issuer != "" || p.Endpoints.UserInfo != "") {
		r.add("identity.unknown", "it is unknown whose account it is, and yet said where to ask", "delete this line, or the others")
	}
	if i.Body != "" && (i.Method != "POST" || i.URL == "") {
		r.add("identity.body", "only a POST to identity.url sends a body", `write method = "POST"`)
	}
	if i.Body != "" && (len(i.Body) > maxText || !json.Valid([]byte(i.Body))) {
		r.add("identity.body", "the body is no JSON", `write it like '{"query": "{ viewer { id } }"}'`)
	}
	r.headers("identity.headers", i.Headers)
}

var apiHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?$`)

func (r *reader) checkAPI(a dance.API) {
	if a.Header != "" && a.Scheme != "" {
		r.add("api.header", "the token goes into a header of its own, and a scheme is given", "delete one of the two")
	}
	if ownHeader(a.Header) {
		r.add("api.header", "Dancecard sets "+clean(a.Header)+" itself", "write api.scheme, if it is the word before the token")
	}
	if a.BaseFrom != "" && len(a.BaseUnder) == 0 && len(a.Hosts) == 0 {
		r.add("api.base_from", "it is not said which hosts to believe", `add base_under, such as [".example.com"], or hosts`)
	}
	if a.BaseFrom == "" && len(a.BaseUnder) > 0 {
		r.add("api.base_under", "it is not said where the base comes from", "add base_from, or delete this line")
	}
	r.headers("api.headers", a.Headers)
}

// headers that the transport or the token sets are nobody else's.
func (r *reader) headers(key string, headers map[string]string) {
	if len(headers) > 20 {
		r.add(key, "there are too many headers", "leave out those that you do not need")
	}
	for name, value := range headers {
		rest := strings.ReplaceAll(value, "{client_id}", "")
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || len(name)+len(value) > maxText:
			r.add(key+"."+name, quote(name)+" is no header that can be sent", "correct its name and value")
		case ownHeader(name):
			r.add(key+"."+name, "Dancecard sets "+clean(name)+" itself", "delete this line")
		case key == "api.headers" && strings.ContainsAny(rest, "{}"):
			r.add(key+"."+name, "the header has a blank that nobody fills in", "write it out; only {client_id} stands for a value")
		}
	}
}

func ownHeader(name string) bool {
	own := []string{"Authorization", "Cookie", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Te", "Upgrade", "Trailer", "Dpop"}
	return slices.Contains(own, textproto.CanonicalMIMEHeaderKey(name)) || strings.HasPrefix(strings.ToLower(name), "proxy-")
}

func (r *reader) checkRevocation(p dance.Provider) {
	v := p.Revocation
	own := v.Method != "" || v.Auth != "" || v.Send != "" || len(v.Params) > 0 || v.Lookup != (dance.Lookup{})
	switch none := p.Endpoints.Revocation == ""; {
	case none && (v.Style == "request" || v.Style == "rfc7009" && p.Issuer == ""):
		r.add("revocation.style", "the address for revoking is missing", "add endpoints.revocation")
	case !none && v.Style == "none":
		r.add("revocation.style", "there is an address for revoking, and the style says that there is no way", `write style = "rfc7009", "request" or "unknown", or delete endpoints.revocation`)
	case own && v.Style != "request":
		r.add("revocation", "method, auth, send, params and lookup are for requests of the row's own", `write style = "request", or delete them`)
	}
	if l := v.Lookup; l != (dance.Lookup{}) && (l.URL == "" || l.Match == "" || l.ID == "") {
		r.add("revocation.lookup", "a lookup needs its address and the paths of the token and of the id", "add url, match and id")
	}
	uses := strings.Contains(p.Endpoints.Revocation, "{id}")
	for name, value := range v.Params {
		key := "revocation.params." + name
		if !paramName.MatchString(name) {
			r.add(key, quote(name)+" is no parameter name", "correct it")
		}
		uses = uses || strings.Contains(value, "{id}")
		if len(value) > maxText || !printable(value) || strings.ContainsAny(withoutPlaceholders(value, placeholders), "{}") {
			r.add(key, "the value has a blank that nobody fills in, or cannot be sent", "use {"+strings.Join(placeholders, "}, {")+"} or {extra.NAME}")
		}
	}
	if uses != (v.Lookup.URL != "") {
		r.add("revocation", "{id} and [revocation.lookup] belong together", "add the one that is missing")
	}
}

// extraWord stands for another value of the token answer.
var extraWord = regexp.MustCompile(`\{extra\.[A-Za-z0-9_]{1,60}\}`)

// withoutPlaceholders puts a letter in the place of each word that stands for
// a value.
func withoutPlaceholders(s string, words []string) string {
	if slices.Contains(words, "id") {
		s = extraWord.ReplaceAllString(s, "x")
	}
	for _, w := range words {
		s = strings.ReplaceAll(s, "{"+w+"}", "x")
	}
	return s
}
