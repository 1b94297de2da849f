package dance

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// A challenge is one way to authenticate that an answer names (RFC 9110
// section 11.6.1). Scheme and parameter names are lower case.
type challenge struct {
	scheme string
	params map[string]string
}

var (
	tokenRule  = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+")
	token68    = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*[ \t]*(,|$)`)
	quotedRule = regexp.MustCompile(`^"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"`)
	escapeRule = regexp.MustCompile(`\\(.)`)
)

const challengeCount = 32 // challenges of an answer that are read

// challenges reads the WWW-Authenticate fields of h. What cannot be read ends
// its field; a challenge that names a parameter twice is left out, since two
// readers would see two different ones.
func challenges(h http.Header) []challenge {
	var found []challenge
	for _, field := range h.Values("WWW-Authenticate") {
		for field = strings.TrimLeft(field, ", \t"); field != "" && len(found) < challengeCount; field = strings.TrimLeft(field, ", \t") {
			c, rest, ok := readChallenge(field)
			if ok {
				found = append(found, c)
			}
			field = rest
		}
	}
	return found
}

// readChallenge reads one challenge and returns what follows it: "" where the
// text does not go on in the form of the standard.
func readChallenge(text string) (c challenge, rest string, ok bool) {
	scheme := tokenRule.FindString(text)
	if scheme == "" {
		return c, "", false
	}
	c = challenge{scheme: strings.ToLower(scheme), params: map[string]string{}}
	text = strings.TrimLeft(text[len(scheme):], " \t")
	if value := token68.FindString(text); value != "" {
		return c, text[len(value):], true
	}
	ok = true
	for first := true; ; first = false {
		next := strings.TrimLeft(text, ", \t")
		if !first && next != "" && !strings.Contains(text[:len(text)-len(next)], ",") {
			return c, "", false
		}
		name, value, after, found := readParam(next)
		switch {
		case !found && tokenRule.MatchString(next) || next == "":
			return c, next, ok
		case !found:
			return c, "", false
		}
		if _, twice := c.params[name]; twice {
			ok = false
		}
		c.params[name], text = value, after
	}
}

// readParam reads name = value, with the value a token or a quoted string.
func readParam(text string) (name, value, rest string, ok bool) {
	name = tokenRule.FindString(text)
	rest, ok = strings.CutPrefix(strings.TrimLeft(text[len(name):], " \t"), "=")
	if name == "" || !ok {
		return "", "", text, false
	}
	rest = strings.TrimLeft(rest, " \t")
	if quoted := quotedRule.FindString(rest); quoted != "" {
		return strings.ToLower(name), escapeRule.ReplaceAllString(quoted[1:len(quoted)-1], "$1"), rest[len(quoted):], true
	}
	value = tokenRule.FindString(rest)
	return strings.ToLower(name), value, rest[len(value):], value != ""
}

// challengesNonce reports the word for a proof without the server's nonce in
// it (RFC 9449 section 9).
func challengesNonce(h http.Header) bool {
	return slices.ContainsFunc(challenges(h), func(c challenge) bool {
		return c.scheme == "dpop" && c.params["error"] == "use_dpop_nonce"
	})
}

// doubtsSignature reports an answer that finds fault with how the request was
// signed and says nothing of the token: mostly this machine's clock is wrong
// (RFC 9449 section 7.1; OAuth 1.0a, "OAuth Problem Reporting").
func doubtsSignature(a answer) bool {
	doc, _ := parseForm(string(a.body))
	return slices.Contains([]string{"timestamp_refused", "nonce_used"}, problem1(a.header, doc)) ||
		slices.ContainsFunc(challenges(a.header), func(c challenge) bool {
			return c.scheme == "dpop" && slices.Contains([]string{"use_dpop_nonce", "invalid_dpop_proof"}, c.params["error"])
		})
}
