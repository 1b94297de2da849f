package dance

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dancecard/internal/secret"
)

const (
	tokenLength = 32 << 10             // bytes of a token that are accepted
	lifetimeMax = 10 * 365 * 24 * 3600 // seconds; what claims to live longer says nothing
	// assumedLifetime is taken for an answer that names no usable one, where
	// asking again costs nothing: there is a refresh token.
	assumedLifetime = time.Hour

	extraCount  = 32      // other values of an answer that are kept
	extraLength = 2 << 10 // bytes of one
)

// document reads the body of a token answer: JSON, or a form where the row
// says so. A form's values are strings.
func document(a answer, form bool) (map[string]any, error) {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil && a.header.Get("Content-Type") != "" {
		return nil, errors.New("its content type cannot be read")
	}
	switch {
	case kind == "" || kind == "application/json" || strings.HasSuffix(kind, "+json"),
		kind == "text/json" || kind == "text/javascript" || kind == "application/javascript":
		return parseObject(a.body, true)
	case form && (kind == "application/x-www-form-urlencoded" || kind == "text/plain" || kind == "text/html"):
		if strings.HasPrefix(strings.TrimSpace(string(a.body)), "{") {
			return parseObject(a.body, true)
		}
		return parseForm(string(a.body))
	}
	return nil, errors.New("it is not JSON")
}

func parseForm(body string) (map[string]any, error) {
	values, err := url.ParseQuery(strings.TrimSpace(body))
	if err != nil {
		return nil, errors.New("it is not a valid form")
	}
	doc := map[string]any{}
	for name, v := range values {
		if len(v) != 1 {
			return nil, errors.New("it names a value twice")
		}
		doc[name] = v[0]
	}
	return doc, nil
}

// readToken makes a Token of a successful answer. refreshable: there will be a
// refresh token whether or not this answer brings a new one.
func readToken(doc map[string]any, q Quirks, sent time.Time, separator string, refreshable bool) (Token, error) {
	from := doc
	if nested, ok := at(doc, q.Nested).(map[string]any); ok {
		from = nested
	}
	t := Token{Extra: extra(doc, from)}
	for name, to := range map[string]*secret.String{"access_token": &t.Access, "refresh_token": &t.Refresh, "id_token": &t.ID} {
		switch v := from[name].(type) {
		case nil:
		case string:
			if v != "" && !tokenText(v) {
				return t, errors.New("its " + name + " holds characters that no token has, or is too long")
			}
			*to = secret.New(v)
		default:
			return t, errors.New("its " + name + " is not a string")
		}
	}
	if t.Access.IsZero() {
		return t, errors.New("it holds no access token")
	}
	var err error
	if t.Type, err = tokenType(from["token_type"], q); err != nil {
		return t, err
	}
	t.Expiry = expiry(from, q, sent, refreshable || !t.Refresh.IsZero())
	t.Granted = granted(from["scope"], separator)
	return t, nil
}

// tokenText reports the characters that a token in a header may have
// (RFC 6749 appendix A.12 without the space).
func tokenText(s string) bool {
	return len(s) <= tokenLength && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

const (
	bearerType = "Bearer"
	dpopType   = "DPoP"
)

// tokenType accepts Bearer in any case (RFC 6749 section 5.1), and DPoP for
// the caller to compare. A row with the quirk has no type, or words of its own,
// but never one that needs signing.
func tokenType(v any, q Quirks) (string, error) {
	name, isText := v.(string)
	switch {
	case isText && (strings.EqualFold(name, bearerType) || q.TokenType != "" && strings.EqualFold(name, q.TokenType)):
		return bearerType, nil
	case isText && strings.EqualFold(name, dpopType):
		return dpopType, nil
	case q.TokenTypeMissing && (v == nil || isText && !slices.Contains([]string{"mac", "pop", "n_a"}, strings.ToLower(name))):
		return bearerType, nil
	case v == nil:
		return "", errors.New("it does not say what type the token has")
	}
	return "", errors.New("its token is not a bearer token")
}

// expiry reads expires_in as seconds (a number, a string, an integral or
// broken float), or what the row says. Zero time: the provider named none.
func expiry(doc map[string]any, q Quirks, sent time.Time, refreshable bool) time.Time {
	var seconds float64
	var named bool
	switch q.ExpiresIn {
	case "at":
		var at float64
		if at, named = number(doc["expires_at"]); named {
			seconds = at - float64(sent.Unix())
		}
	case "ms":
		seconds, named = number(doc["expires_in"])
		seconds /= 1000
	default:
		seconds, named = number(doc["expires_in"])
	}
	switch {
	case named && seconds > 0 && seconds <= lifetimeMax:
		return sent.Add(time.Duration(seconds * float64(time.Second)))
	case doc["expires_in"] == nil && doc["expires_at"] == nil && q.NoExpiry, !refreshable:
		return time.Time{}
	}
	return sent.Add(assumedLifetime)
}

func number(v any) (float64, bool) {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
	case string:
		s = v
	default:
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// granted splits a scope answer; nil if it is silent.
func granted(v any, separator string) []string {
	var words []string
	switch v := v.(type) {
	case string:
		words = strings.FieldsFunc(v, func(r rune) bool {
			return r == ' ' || r == ',' || strings.ContainsRune(separator, r)
		})
	case []any:
		for _, w := range v {
			if s, ok := w.(string); ok {
				words = append(words, s)
			}
		}
	}
	return slices.DeleteFunc(words, func(s string) bool { return !tokenText(s) })
}

// extra keeps the other plain values of an answer and of the object in it that
// holds the tokens; none that may be secret.
func extra(docs ...map[string]any) map[string]string {
	kept := map[string]string{}
	for _, doc := range docs {
		for _, name := range slices.Sorted(maps.Keys(doc)) {
			if v := text(doc, name); keepable(name) && kept[name] == "" {
				keepText(kept, name, v)
			}
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// keepable reports names of values that are not read already and hold no
// secret. When a refresh token ends has a different name with each provider.
func keepable(name string) bool {
	lower := strings.ToLower(name)
	known := slices.Contains([]string{"expires_in", "expires_at", "scope"}, name)
	moment := strings.HasSuffix(lower, "_expires_in") || strings.HasSuffix(lower, "_expires_at")
	hidden := strings.Contains(lower, "token") && !moment || strings.Contains(lower, "secret")
	return !known && !hidden && !strings.Contains(name, ".")
}

func keepText(kept map[string]string, name, v string) {
	if v != "" && len(v) <= extraLength && len(kept) < extraCount && clean(v, extraLength) == v {
		kept[name] = v
	}
}

// keep adds values of the redirect that the row names.
func (t *Token) keep(names []string, values url.Values) {
	if t.Access.IsZero() {
		return
	}
	for _, name := range names {
		if v := values.Get(name); v != "" {
			if t.Extra == nil {
				t.Extra = map[string]string{}
			}
			keepText(t.Extra, name, v)
		}
	}
}

// salvage finds the refresh token in an answer that was not accepted: the
// provider has spent the old one for it. Two different ones are none.
func salvage(body []byte, form bool, nested string) secret.String {
	var found []string
	if doc, err := parseForm(string(body)); form && err == nil {
		found = append(found, stringAt(doc, "refresh_token"))
	}
	dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff")))
	found = append(found, walk(dec, nested)...)
	slices.Sort(found)
	found = slices.Compact(slices.DeleteFunc(found, func(s string) bool { return s == "" || !tokenText(s) }))
	if len(found) != 1 {
		return secret.String{}
	}
	return secret.New(found[0])
}

// walk collects the values of refresh_token at the top and in the nested
// object as far as the text can be read.
func walk(dec *json.Decoder, nested string) []string {
	var found, path []string // path: the names that lead to the current object
	var name string
	isName := []bool{} // for each open bracket: an object that waits for a name
	for {
		token, err := dec.Token()
		if err != nil || len(isName) > deepest {
			return found
		}
		inObject := len(isName) > 0 && isName[len(isName)-1]
		switch v := token.(type) {
		case json.Delim:
			switch v {
			case '{', '[':
				path = append(path, name)
				isName = append(isName, v == '{')
				name = ""
			default:
				path, isName = path[:len(path)-1], isName[:len(isName)-1]
				name = ""
			}
			continue
		case string:
			if inObject && name == "" {
				name = v
				continue
			}
			where := strings.Join(path[min(1, len(path)):], ".")
			if name == "refresh_token" && inObject && (where == "" || where == nested) {
				found = append(found, v)
			}
		}
		if inObject {
			name = ""
		}
	}
}
