package ipc

import (
	"errors"
	"time"
)

// Code names a kind of problem for programs.
type Code string

// The codes. Only 503 and 429 answers invite a program to try again by itself.
const (
	CodeProfileLocked     Code = "profile_locked"     // 423
	CodeNoSuchAccount     Code = "no_such_account"    // 404; also one that was denied for ever
	CodeAmbiguousAccount  Code = "ambiguous_account"  // 409; Error.Accounts lists the granted ones
	CodeConsentDenied     Code = "consent_denied"     // 403
	CodeConsentTimeout    Code = "consent_timeout"    // 403
	CodeNeedsSignIn       Code = "needs_sign_in"      // 409
	CodeNeedsRegistration Code = "needs_registration" // 409
	CodeScopeMissing      Code = "scope_missing"      // 403
	CodeFetchOnly         Code = "fetch_only"         // 409
	CodeOffline           Code = "offline"            // 503
	CodeProviderError     Code = "provider_error"     // 502
	CodeRateLimited       Code = "rate_limited"       // 429

	CodeNoSuchProvider Code = "no_such_provider" // 404
	CodeNoSuchProfile  Code = "no_such_profile"  // 404
	CodeNoSuchDance    Code = "no_such_dance"    // 404
	CodeNoSuchGrant    Code = "no_such_grant"    // 404
	CodeNoProfile      Code = "no_profile"       // 409; first start: there is none yet
	CodeWrongSecret    Code = "wrong_secret"     // 403; passphrase or recovery key
	CodeNoKeyring      Code = "no_keyring"       // 503
	CodeDamaged        Code = "damaged"          // 500
	CodeInUse          Code = "in_use"           // 409
	CodeDisk           Code = "disk"             // 507
	CodeOtherSubject   Code = "other_subject"    // 409

	CodeRevocationPending Code = "revocation_pending" // 409; the profile stays; Error.Choices names the accounts
	CodeRefusedByGate     Code = "refused_by_gate"    // 403
	CodeAccessDenied      Code = "access_denied"      // 403; the user said no at the provider
	CodeExpired           Code = "expired"            // 410
	CodeCancelled         Code = "cancelled"          // 409
	CodeBadRequest        Code = "bad_request"        // 400

	CodeNotFound         Code = "not_found"          // 404; no such route
	CodeNoSuchOperation  Code = "no_such_operation"  // 404
	CodeMethodNotAllowed Code = "method_not_allowed" // 405
	CodeTooLarge         Code = "too_large"          // 413
	CodeBrowserRefused   Code = "browser_refused"    // 403; Origin, Referer, Sec-Fetch-* or a foreign Host
	CodeUnidentified     Code = "unidentified"       // 403; the kernel cannot say who asks
	CodeNotYourOwn       Code = "other_user"         // 403; another user's process, or a sandboxed one at the control socket
	CodeInternal         Code = "internal"           // 500

	// CodeNotRunning never comes over the wire: nothing answers at the socket.
	CodeNotRunning Code = "not_running"
)

// Header is the response header that carries the [Code], so that a proxied
// answer of a provider can be told from Dancecard's own.
const Header = "Dancecard-Code"

// Error is a problem document (RFC 9457) as it goes over the wire and comes
// back from both clients. Message and Hint are whole sentences without secrets.
type Error struct {
	Type    string   `json:"type"` // "urn:dancecard:problem:" + Code
	Title   string   `json:"title"`
	Status  int      `json:"status"` // HTTP status; 0 for CodeNotRunning
	Message string   `json:"detail"` // what happened
	Code    Code     `json:"code"`
	Hint    string   `json:"hint,omitempty"`        // what to do next
	Choices []string `json:"accounts,omitempty"`    // CodeAmbiguousAccount: as provider:login
	Retry   int      `json:"retry_after,omitempty"` // seconds; 0: not known
}

func (e *Error) Error() string { return e.Message }

// RetryAfter is how long to wait before the next attempt; 0 if not known.
func (e *Error) RetryAfter() time.Duration { return time.Duration(e.Retry) * time.Second }

// CodeOf returns the code of an [*Error] in err's chain, or "".
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
