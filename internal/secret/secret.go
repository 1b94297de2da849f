// Package secret holds the one type in which tokens, keys and passphrases
// travel. A [String] prints, logs and marshals as "[redacted]"; its text comes
// out of [String.Reveal] alone, so that every place that uses a secret can be
// found by searching for that word.
//
// It does not promise to leave no copies in memory: Go's garbage collector may
// move what a program holds. It promises that no format verb, encoder or
// logger prints one by accident.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// String is a secret text. The zero value is the empty secret.
type String struct {
	text *string
}

// New wraps text. The empty text gives the zero String.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{text: &text}
}

// Reveal returns the text itself.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the secret is empty.
func (s String) IsZero() bool { return s.text == nil }

// Equal compares in a time that depends on the lengths alone.
func (s String) Equal(o String) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// Format answers every verb of package fmt with "[redacted]", or with nothing
// for the empty secret.
func (s String) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, s.String())
}

// String returns "[redacted]", or nothing for the empty secret.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString is String.
func (s String) GoString() string { return s.String() }

// MarshalText makes encoders (JSON, XML, TOML) write "[redacted]".
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// GobEncode makes gob write "[redacted]".
func (s String) GobEncode() ([]byte, error) { return []byte(s.String()), nil }

// LogValue makes slog write "[redacted]".
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalText reads a secret from outside (a provider file, a request). What
// was marshalled by a String cannot be read back: "[redacted]" is refused.
func (s *String) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return fmt.Errorf("a redacted secret cannot be read back")
	}
	*s = New(string(text))
	return nil
}
