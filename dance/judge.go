package dance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// judge finds the error in an answer. 5xx, 429 and answers that are not the
// provider's own words (a captive portal) may pass; only a code in a 4xx, or
// in a 200 without a token, is a refusal. doc is nil if it could not be read.
func judge(stage string, a answer, doc map[string]any, q Quirks, secrets []string) error {
	failed := &Failed{Stage: stage, Status: a.status, Answered: true, RetryAfter: retryAfter(a.header, time.Now())}
	c := complain(a.status, doc, q, secrets)
	denied, _ := doc["ok"].(bool)
	_, says := doc["ok"].(bool)
	switch {
	case a.status >= 300 && a.status <= 399:
		failed.Text = "the provider answered with a redirect, which is not followed"
	case a.status == http.StatusTooManyRequests || c.code == "slow_down":
		failed.Text = "the provider asks for fewer requests"
	case a.status >= 500 || c.code == "server_error" || c.code == "temporarily_unavailable":
		failed.Text = fmt.Sprintf("the provider is in trouble (HTTP %d)", max(a.status, 200))
	case a.status >= 400 && c.code == "":
		failed.Text = fmt.Sprintf("the provider answered HTTP %d without saying why", a.status)
	case a.status >= 400,
		c.code != "" && (doc["access_token"] == nil || c.certain),
		q.ErrorsIn200 && (c.code != "" || says && !denied):
		return refused(stage, c.code, c.description, a.status, secrets...)
	case a.status < 200 || a.status > 299:
		failed.Text = fmt.Sprintf("the provider answered HTTP %d", a.status)
	case c.code != "":
		failed.Text = "the provider's answer holds an error and a token"
	default:
		return nil
	}
	return failed
}

// complaint is an error in the RFC's words, however the provider puts it.
type complaint struct {
	code, description string
	certain           bool // whatever else the answer holds
}

func complain(status int, doc map[string]any, q Quirks, secrets []string) complaint {
	number, isNumber := doc["status"].(json.Number)
	message := stringAt(doc, "message")
	switch said := doc["error"].(type) {
	case map[string]any:
		return objectComplaint(said)
	case string:
		if q.StatusZero && isNumber && number != "0" {
			return statusComplaint(number.String(), said)
		}
		description := stringAt(doc, "error_description")
		if description == "" {
			description = message
		}
		return complaint{code: said, description: description}
	}
	switch {
	case q.StatusZero && isNumber && number != "0":
		return statusComplaint(number.String(), "")
	case status >= 400 && isNumber && message != "":
		return complaint{code: codeOf(message, secrets), description: message}
	}
	return complaint{}
}

// objectComplaint reads {message, type, code} (Facebook's, and its like).
func objectComplaint(said map[string]any) complaint {
	c := complaint{code: stringAt(said, "type"), description: stringAt(said, "message")}
	if c.code == "" {
		c.code = stringAt(said, "code")
	}
	number := text(said, "code")
	switch {
	case said["is_transient"] == true:
		c.code = "temporarily_unavailable"
	case slices.Contains([]string{"4", "17", "32", "613"}, number): // its limits
		c.code = "slow_down"
	case number == "190": // its word for a token that has ended
		c.code = "invalid_grant"
	case c.code == "":
		c.code = "unknown_error"
	}
	return c
}

// statusComplaint reads a status that is not 0 in an answer with HTTP 200
// (Withings).
func statusComplaint(status, said string) complaint {
	c := complaint{code: "status_" + status, description: said, certain: true}
	lower := strings.ToLower(said)
	switch {
	case status == "601":
		c.code = "slow_down"
	case status == "522":
		c.code = "temporarily_unavailable"
	case strings.Contains(lower, "refresh_token"), strings.Contains(lower, "invalid_grant"), strings.Contains(lower, "invalid code"):
		c.code = "invalid_grant"
	}
	return c
}

var plainWords = regexp.MustCompile(`^[A-Za-z]{1,20}( [A-Za-z]{1,20}){0,4}$`)

// codeOf makes a code of a short message ("Invalid refresh token"), for
// providers that have no other (Twitch). One that may hold a secret has none.
func codeOf(message string, secrets []string) string {
	held := slices.ContainsFunc(secrets, func(s string) bool {
		return s != "" && strings.Contains(strings.ToLower(message), strings.ToLower(s))
	})
	if held || !plainWords.MatchString(message) {
		return "unknown_error"
	}
	return strings.ReplaceAll(strings.ToLower(message), " ", "_")
}
