package ipc

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Secret is a token, passphrase or recovery key in a message. It prints and
// logs as "[redacted]"; JSON alone carries its text, because that is the wire.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]", or nothing for the empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format answers every verb of package fmt as String does.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue makes slog write "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText makes encoders other than JSON write "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON writes the text: it is for the socket and nothing else.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(string(s)) }

// UnmarshalJSON reads the text from the socket.
func (s *Secret) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, (*string)(s)) }
