package accounts

import (
	"errors"
	"time"
)

// Code names a kind of problem for programs. The codes of DESIGN.md section 6
// go over the socket as they stand.
type Code string

// The codes.
const (
	CodeProfileLocked     Code = "profile_locked"
	CodeNoSuchAccount     Code = "no_such_account"
	CodeAmbiguousAccount  Code = "ambiguous_account"
	CodeConsentDenied     Code = "consent_denied"
	CodeConsentTimeout    Code = "consent_timeout"
	CodeNeedsSignIn       Code = "needs_sign_in"
	CodeNeedsRegistration Code = "needs_registration"
	CodeScopeMissing      Code = "scope_missing"
	CodeFetchOnly         Code = "fetch_only"
	CodeOffline           Code = "offline"
	CodeProviderError     Code = "provider_error"
	CodeRateLimited       Code = "rate_limited"

	CodeNoSuchProvider    Code = "no_such_provider"
	CodeNoSuchProfile     Code = "no_such_profile"
	CodeNoSuchDance       Code = "no_such_dance"
	CodeNoSuchGrant       Code = "no_such_grant"
	CodeNoProfile         Code = "no_profile"   // first start: there is none yet
	CodeWrongSecret       Code = "wrong_secret" // passphrase or recovery key
	CodeNoKeyring         Code = "no_keyring"
	CodeDamaged           Code = "damaged"
	CodeInUse             Code = "in_use"
	CodeDisk              Code = "disk"
	CodeRevocationPending Code = "revocation_pending" // the profile cannot go yet
	CodeOtherSubject      Code = "other_subject"      // another account came back than the one to reconnect
	CodeRefusedByGate     Code = "refused_by_gate"
	CodeAccessDenied      Code = "access_denied" // the user said no at the provider
	CodeExpired           Code = "expired"       // the attempt took too long
	CodeCancelled         Code = "cancelled"
	CodeBadRequest        Code = "bad_request"
)

// Error is a problem with a next step. Text and Hint are whole sentences
// without secrets.
type Error struct {
	Code       Code
	Text       string
	Hint       string
	Accounts   []string      // CodeAmbiguousAccount: the granted accounts it may be, by names that fit one alone
	RetryAfter time.Duration // CodeOffline, CodeRateLimited: 0 if not known
}

func (e *Error) Error() string { return e.Text }

// CodeOf returns the code of an *Error in err's chain, or "".
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
