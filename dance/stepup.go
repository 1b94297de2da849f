package dance

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// StepUp is an API's word that the token is good but the sign-in behind it is
// not strong or fresh enough (RFC 9470 section 3). A new dance with the same
// values in its [Request] brings what is missing.
type StepUp struct {
	ACRValues []string
	MaxAge    *int // seconds
}

const (
	challengeCount = 32 // challenges of an answer that are read
	acrCount       = 16
	acrLength      = 256
	ageDigits      = 9 // of max_age: thirty years
)

// StepUpOf reads the challenge of an answer with status 401.
func StepUpOf(res *http.Response) (StepUp, bool) {
	if res.StatusCode != http.StatusUnauthorized {
		return StepUp{}, false
	}
	for _, c := range challenges(res.Header) {
		if c.params["error"] != "insufficient_user_authentication" || c.scheme != "bearer" && c.scheme != "dpop" {
			continue
		}
		var s StepUp
		for _, acr := range strings.Fields(c.params["acr_values"]) {
			if len(s.ACRValues) < acrCount && len(acr) <= acrLength && tokenText(acr) {
				s.ACRValues = append(s.ACRValues, acr)
			}
		}
		if age, err := strconv.Atoi(c.params["max_age"]); err == nil && age >= 0 && len(c.params["max_age"]) <= ageDigits {
			s.MaxAge = &age
		}
		return s, true
	}
	return StepUp{}, false
}

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
