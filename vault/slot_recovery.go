package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"filippo.io/age"

	"dancecard/internal/secret"
)

const (
	identityPrefix  = "AGE-SECRET-KEY-1"
	recoveryLetters = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" // Bech32's
	recoverySize    = 58                                 // letters, six of them the checksum
	recoveryGroup   = 4
)

type recovery struct{ key *age.X25519Identity }

// NewRecoveryKey makes a key for the user to write down: an age identity
// without its "AGE-SECRET-KEY-1", in groups of four letters and digits with a
// checksum. Neither B, I, O nor 1 occurs in it.
func NewRecoveryKey() (secret.String, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return secret.String{}, err
	}
	letters := strings.TrimPrefix(key.String(), identityPrefix)
	var text strings.Builder
	for i, c := range letters {
		if i > 0 && i%recoveryGroup == 0 {
			text.WriteByte('-')
		}
		text.WriteRune(c)
	}
	return secret.New(text.String()), nil
}

// RecoveryKey is the way in by the text of NewRecoveryKey. Case, spaces and
// dashes do not matter, and age's own spelling is taken too. The error says
// what is wrong with the text, never what the text was.
func RecoveryKey(k secret.String) (KeySource, error) {
	letters, err := recoveryText(k.Reveal())
	if err != nil {
		return nil, err
	}
	key, err := age.ParseX25519Identity(identityPrefix + letters)
	if err == nil {
		return recovery{key}, nil
	}
	if group := mistypedGroup(letters); group > 0 {
		return nil, fmt.Errorf("group %d of the recovery key is mistyped; compare it with what was written down", group)
	}
	return nil, errors.New("the recovery key does not fit its checksum: more than one letter is mistyped; compare it with what was written down")
}

// recoveryText keeps the letters and says which cannot be right.
func recoveryText(text string) (string, error) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '\u2212' {
			return -1
		}
		return unicode.ToUpper(r)
	}, text)
	text = strings.TrimPrefix(text, strings.ReplaceAll(identityPrefix, "-", ""))
	n := 0
	for _, r := range text {
		if !strings.ContainsRune(recoveryLetters, r) {
			return "", fmt.Errorf("group %d of the recovery key has a character that no recovery key has (B, I, O and 1 never occur); compare it with what was written down", n/recoveryGroup+1)
		}
		n++
	}
	if n != recoverySize {
		return "", fmt.Errorf("the recovery key has %d letters and digits; all %d are needed", n, recoverySize)
	}
	return text, nil
}

// mistypedGroup finds the group in which one other letter, or two swapped,
// would make the checksum fit; 0 if there is none.
func mistypedGroup(letters string) int {
	fits := func(b []byte) bool {
		_, err := age.ParseX25519Identity(identityPrefix + string(b))
		return err == nil
	}
	try := []byte(letters)
	for i := range try {
		for _, c := range []byte(recoveryLetters) {
			try[i] = c
			if fits(try) {
				return i/recoveryGroup + 1
			}
		}
		try[i] = letters[i]
		if i > 0 {
			try[i-1], try[i] = try[i], try[i-1]
			if fits(try) {
				return (i-1)/recoveryGroup + 1
			}
			try[i-1], try[i] = try[i], try[i-1]
		}
	}
	return 0
}

func (recovery) Kind() WayKind { return WayRecovery }

func (r recovery) arm(ctx context.Context, _ string) (*arming, error) {
	return &arming{recipient: r.key.Recipient()}, ctx.Err()
}

func (r recovery) identity(ctx context.Context, _ string, _ []byte) (age.Identity, *ringItem, error) {
	return r.key, nil, ctx.Err()
}
