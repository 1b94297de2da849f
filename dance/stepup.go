package dance

import (
	"net/http"
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
	acrCount  = 16
	acrLength = 256
	ageDigits = 9 // of max_age: thirty years
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
