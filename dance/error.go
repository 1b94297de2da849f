package dance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

var (
	// ErrCancelled: the caller's context ended before an answer was settled.
	ErrCancelled = errors.New("the sign-in was cancelled")
	// ErrExpired: no answer came within [TimeLimit] or the caller's deadline.
	ErrExpired = errors.New("no answer came from the browser in time; start again")
	// ErrNoRegistration: neither the request nor the row has a client id.
	ErrNoRegistration = errors.New("this provider needs a client id; register Dancecard there and enter it")
	// ErrNoRevocation: the provider is not known to offer any.
	ErrNoRevocation = errors.New("this provider is not known to revoke tokens; end the access on its own settings page")
	// ErrNoProbe: the link knows no address that says who a token speaks for.
	ErrNoProbe = errors.New("this provider is not known to say who a token belongs to")
)

// Refused is the provider's own "no" (RFC 6749 sections 4.1.2.1 and 5.2).
type Refused struct {
	Stage       string // "authorization", "pushed authorization", "token", "refresh", "revocation", "userinfo"
	Code        string // "access_denied", "invalid_grant", "invalid_client"...
	Description string // for people: cleaned of control and bidi characters, cut; may be empty
	Status      int    // HTTP status, 0 for the redirect
}

// Error says what was refused, in the provider's words.
func (e *Refused) Error() string {
	if e.Description == "" {
		return fmt.Sprintf("the provider refused the %s request: %s", e.Stage, e.Code)
	}
	return fmt.Sprintf("the provider refused the %s request: %s (%s)", e.Stage, e.Code, e.Description)
}

// Codes beside the RFC's that providers document with the same meaning:
// GitHub's bad_refresh_token, Slack's and Twitch's invalid_refresh_token, and OpenID's
// words for "the user has to be asked again".
var grantEnded = []string{
	"invalid_grant", "bad_refresh_token", "invalid_refresh_token", "token_revoked",
	"interaction_required", "login_required", "consent_required",
}

// GrantEnded reports whether the refresh token is dead: invalid_grant, and
// what providers document as its like.
func (e *Refused) GrantEnded() bool {
	return slices.Contains(grantEnded, e.Code)
}

var registrationDead = []string{
	"invalid_client", "unauthorized_client",
	"incorrect_client_credentials", "bad_client_secret", "invalid_client_id", "invalid_client_secret",
}

// RegistrationDead reports invalid_client, unauthorized_client and their
// documented like: the registration does not work any more.
func (e *Refused) RegistrationDead() bool {
	return slices.Contains(registrationDead, e.Code)
}

// Failed is trouble that may pass: network, 5xx, 429, a captive portal, an
// answer that cannot be understood.
type Failed struct {
	Stage      string
	Text       string        // plain words, no body, no secret
	Status     int           // 0: no HTTP answer
	RetryAfter time.Duration // 0: not said
	Answered   bool          // any byte of an answer was received: the old refresh token may be spent
	Offline    bool          // no connection was made
	Cause      error         // for errors.As (net, tls and x509 types); never printed
}

// Error is Text and where it happened.
func (e *Failed) Error() string { return e.Stage + ": " + e.Text }

// Unwrap returns Cause.
func (e *Failed) Unwrap() error { return e.Cause }

// Invalid is an answer or document that must not be trusted: wrong iss, a bad
// ID token, another subject, a row that cannot work. It is permanent for this
// dance.
type Invalid struct {
	Stage string
	Text  string

	clock bool // it may be this machine's clock that is wrong
}

// Error is Text and where it happened.
func (e *Invalid) Error() string { return e.Stage + ": " + e.Text }

const (
	codeLength        = 64  // runes of an error code that are kept
	descriptionLength = 300 // runes of a description that are kept
	longestWord       = 40  // longer words that are no addresses may be tokens
	shortestSecret    = 8   // bytes; shorter ones are parts of ordinary words
)

// refused makes a Refused of what the provider sent. Words that could be
// tokens, and the secrets of the request itself, are taken out.
func refused(stage, code, description string, status int, secrets ...string) *Refused {
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			description = strings.ReplaceAll(description, s, "[redacted]")
			code = strings.ReplaceAll(code, s, "[redacted]")
		}
	}
	words := strings.Fields(clean(description, 64<<10))
	for i, w := range words {
		if len(w) > longestWord && !strings.HasPrefix(w, "https://") {
			words[i] = "[…]"
		}
	}
	code = clean(code, codeLength)
	if code == "" {
		code = "unknown_error"
	}
	return &Refused{Stage: stage, Code: code, Description: clean(strings.Join(words, " "), descriptionLength), Status: status}
}

// clean makes foreign text fit for a screen: no control characters, no
// characters that change direction or hide, at most limit runes.
func clean(text string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = n > 0
			continue
		case r == utf8.RuneError, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
			continue
		}
		if n >= limit || space && n+1 >= limit {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
			n++
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
