package accounts

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"dancecard/internal/secret"
	"dancecard/vault"
)

func keySource(way WayKind, s secret.String) (vault.KeySource, error) {
	switch way {
	case WayKeyring:
		return vault.Keyring(vault.KeyringConfig{Interactive: true}), nil
	case WayPassphrase:
		return vault.Passphrase(s), nil
	case WayRecovery:
		source, err := vault.RecoveryKey(s)
		if err != nil {
			return nil, &Error{Code: CodeWrongSecret, Text: "That is not a recovery key: " + err.Error() + ".",
				Hint: "Type it as it was shown; spaces and case do not matter."}
		}
		return source, nil
	}
	return nil, &Error{Code: CodeBadRequest, Text: fmt.Sprintf("There is no way in called %q.", way),
		Hint: "Use keyring, passphrase or recovery."}
}

func (p *profile) lockedErrorLocked() *Error {
	if p.deleting {
		return &Error{Code: CodeProfileLocked, Text: fmt.Sprintf("The profile %s is being deleted.", p.card.Name), Hint: "Switch to another profile."}
	}
	if p.problem != nil {
		return p.problem
	}
	return &Error{Code: CodeProfileLocked, Text: fmt.Sprintf("The profile %s is locked.", p.card.Name),
		Hint: "Unlock it in Dancecard's window, or with: dancectl unlock"}
}

// vaultProblem turns the vault's errors into words for the user.
func vaultProblem(err error, name string) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*vault.KeyringError](err); ok {
		return spoken(CodeNoKeyring, err, "")
	}
	switch {
	case errors.Is(err, vault.ErrWrongKey):
		return &Error{Code: CodeWrongSecret, Text: "That does not open " + name + ".", Hint: "Check what you typed, or use another way in."}
	case errors.Is(err, vault.ErrNoKeyring):
		return spoken(CodeNoKeyring, err, "Use the passphrase or the recovery key.")
	case errors.Is(err, vault.ErrInUse):
		return spoken(CodeInUse, err, "Close the other program and start again.")
	case errors.Is(err, vault.ErrFuture):
		return spoken(CodeDamaged, err, "Update Dancecard. Nothing was changed.")
	case errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrUnsafe), errors.Is(err, vault.ErrNoVault):
		return spoken(CodeDamaged, err, "Nothing was changed. Put a backup in its place, or create a new profile.")
	case errors.Is(err, vault.ErrClosed):
		return &Error{Code: CodeProfileLocked, Text: "The profile " + name + " is locked.", Hint: "Unlock it in Dancecard's window."}
	}
	return diskProblem(err)
}

// spoken makes sentences of an error of the vault's: what happened, and after
// a semicolon, what to do. hint is what to do where the error says nothing.
func spoken(code Code, err error, hint string) *Error {
	what, advice, _ := strings.Cut(err.Error(), "; ")
	if hint == "" {
		hint = sentence(advice)
	}
	return &Error{Code: code, Text: sentence(strings.TrimPrefix(what, "vault: ")), Hint: hint}
}

func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

func diskProblem(err error) *Error {
	return &Error{Code: CodeDisk, Text: "It could not be written: " + err.Error() + ".", Hint: "Make room on the disk; it is tried again."}
}
