package vault

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"filippo.io/age"
	"github.com/99designs/keyring"
)

const (
	silentWait      = 3 * time.Second
	interactiveWait = 60 * time.Second
)

// KeyringConfig says how long to wait for the desktop's keyring.
type KeyringConfig struct {
	Interactive bool // the user was asked and may be typing: 60 s instead of 3 s
}

type ring struct{ KeyringConfig }

// Keyring is the way in through the desktop's keyring: the Secret Service's
// "login" collection on Linux, the Keychain on macOS, the Credential Manager on
// Windows. One item holds the wrap key, a hash of the root key and the
// generation. Without Interactive it raises no question on screen.
func Keyring(k KeyringConfig) KeySource { return ring{k} }

// KeyringAvailable tries the desktop's keyring within ctx (and 3 s at most) and
// says why not: a *KeyringError. No question is raised on screen.
func KeyringAvailable(ctx context.Context) error {
	err := ring{}.get(ctx, "availability", new(ringItem))
	if k, ok := errors.AsType[*KeyringError](err); ok && k.Why == KeyringMissing {
		return nil
	}
	return err
}

// A ringItem is what the keyring holds of a vault.
type ringItem struct {
	Wrap       string `json:"wrap"` // age identity
	RootHash   string `json:"root"`
	Generation uint64 `json:"generation"`
}

func (ring) Kind() WayKind { return WayKeyring }

func (r ring) arm(ctx context.Context, vault string) (*arming, error) {
	wrap, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	return &arming{
		recipient: wrap.Recipient(),
		store: func(ctx context.Context, rootHash string, generation uint64) error {
			return r.set(ctx, vault, ringItem{wrap.String(), rootHash, generation})
		},
	}, ctx.Err()
}

func (r ring) identity(ctx context.Context, vault string, _ []byte) (age.Identity, *ringItem, error) {
	item := new(ringItem)
	if err := r.get(ctx, vault, item); err != nil {
		return nil, nil, err
	}
	wrap, err := age.ParseX25519Identity(item.Wrap)
	if err != nil {
		return nil, nil, ErrWrongKey
	}
	return wrap, item, nil
}

// get reads vault's item.
func (r ring) get(ctx context.Context, vault string, item *ringItem) error {
	data, err := r.use(ctx, func(k keyring.Keyring) ([]byte, error) {
		got, err := k.Get(ringKey(vault))
		return got.Data, err
	})
	if err != nil {
		return err
	}
	defer clear(data)
	if json.Unmarshal(data, item) != nil {
		return ErrWrongKey
	}
	return nil
}

// set stores vault's item and reads it back: a dismissed question looks like
// success to some backends.
func (r ring) set(ctx context.Context, vault string, item ringItem) error {
	data, err := json.Marshal(item)
	if err != nil {
		return err
	}
	defer clear(data)
	_, err = r.use(ctx, func(k keyring.Keyring) ([]byte, error) {
		if err := k.Set(keyring.Item{
			Key:         ringKey(vault),
			Data:        data,
			Label:       "Dancecard profile",
			Description: "opens the Dancecard profile " + vault,
		}); err != nil {
			return nil, err
		}
		got, err := k.Get(ringKey(vault))
		if err == nil && string(got.Data) != string(data) {
			err = errors.New("what was stored does not come back")
		}
		return nil, err
	})
	return err
}

// remove deletes vault's item; a missing one is no error.
func (r ring) remove(ctx context.Context, vault string) error {
	_, err := r.use(ctx, func(k keyring.Keyring) ([]byte, error) {
		if err := k.Remove(ringKey(vault)); err != nil {
			return nil, err
		}
		if _, err := k.Get(ringKey(vault)); !errors.Is(err, keyring.ErrKeyNotFound) {
			return nil, errors.Join(errors.New("the key is still there"), err)
		}
		return nil, nil
	})
	if k, ok := errors.AsType[*KeyringError](err); ok && (k.Why == KeyringMissing || k.Detail == noCollection) {
		return nil
	}
	return err
}

// ringKey is the item's name: other programs' items lie beside it.
func ringKey(vault string) string { return "dancecard vault " + vault }
