package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"filippo.io/age"
	"golang.org/x/text/unicode/norm"

	"dancecard/internal/secret"
)

// maxWorkFactor bounds what a slot file may ask of us: 2^20 takes four seconds
// and a gigabyte.
const maxWorkFactor = 20

// testOnlyWorkFactor lowers scrypt's cost in this package's tests; 0 is age's
// own (2^18, about a second).
var testOnlyWorkFactor = 0

type passphrase struct{ text secret.String }

// Passphrase is the way in by words that the user remembers. It takes about a
// second. The same letters typed on another keyboard are the same passphrase
// (Unicode NFC).
func Passphrase(p secret.String) KeySource {
	return passphrase{secret.New(norm.NFC.String(p.Reveal()))}
}

func (passphrase) Kind() WayKind { return WayPassphrase }

// arm makes an identity of its own for the slot, so that the vault can be
// re-keyed without the passphrase.
func (p passphrase) arm(ctx context.Context, _ string) (*arming, error) {
	if p.text.IsZero() {
		return nil, errors.New("the passphrase is empty; type at least one word")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	lock, err := age.NewScryptRecipient(p.text.Reveal())
	if err != nil {
		return nil, err
	}
	if testOnlyWorkFactor != 0 {
		lock.SetWorkFactor(testOnlyWorkFactor)
	}
	sealed, err := ageSeal([]byte(identity.String()), lock)
	if err != nil {
		return nil, err
	}
	return &arming{recipient: identity.Recipient(), identity: sealed}, ctx.Err()
}

func (p passphrase) identity(ctx context.Context, _ string, sealed []byte) (age.Identity, *ringItem, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if p.text.IsZero() {
		return nil, nil, ErrWrongKey
	}
	key, err := age.NewScryptIdentity(p.text.Reveal())
	if err != nil {
		return nil, nil, err
	}
	key.SetMaxWorkFactor(maxWorkFactor)
	text, err := ageOpen(sealed, key)
	if err != nil {
		return nil, nil, err
	}
	defer clear(text)
	identity, err := age.ParseX25519Identity(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: it holds no identity", errAge)
	}
	return identity, nil, ctx.Err()
}
