package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/keyring"

	"dancecard/internal/bus" // first: importing keyring hangs on a dead bus
)

// ringTurn lets one call at a time through to the keyring, so that a hung one
// is not joined by others.
var ringTurn = make(chan struct{}, 1)

// use runs do on the desktop's keyring. It returns at the deadline even if the
// keyring hangs; do then goes on alone, holds the turn, and its result is lost.
func (r ring) use(ctx context.Context, do func(keyring.Keyring) ([]byte, error)) ([]byte, error) {
	wait := silentWait
	if r.Interactive {
		wait = interactiveWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case ringTurn <- struct{}{}:
	case <-ctx.Done():
		return nil, ringTimeout(ctx)
	}
	type result struct {
		data []byte
		err  error
	}
	answer := make(chan result, 1)
	go func() {
		defer func() { <-ringTurn }()
		data, err := r.call(ctx, do)
		answer <- result{data, err}
	}()
	select {
	case got := <-answer:
		return got.data, got.err
	case <-ctx.Done():
		return nil, ringTimeout(ctx)
	}
}

func ringTimeout(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &KeyringError{KeyringHung, "the wait was called off"}
	}
	return &KeyringError{KeyringHung, ""}
}

// call opens the keyring and runs do. The backends panic on answers that they
// do not expect.
func (r ring) call(ctx context.Context, do func(keyring.Keyring) ([]byte, error)) (data []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			data, err = nil, &KeyringError{KeyringFailed, fmt.Sprint(p)}
		}
	}()
	if ringNeedsBus && !bus.Alive() {
		return nil, &KeyringError{KeyringNone, bus.Why()}
	}
	if !r.Interactive {
		if err := ringReady(ctx); err != nil {
			return nil, err
		}
	}
	k, err := keyring.Open(keyring.Config{
		AllowedBackends:         ringBackends,
		ServiceName:             "dancecard",
		LibSecretCollectionName: ringCollection,
		WinCredPrefix:           "dancecard",
	})
	if err != nil {
		return nil, &KeyringError{KeyringNone, err.Error()}
	}
	data, err = do(k)
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, keyring.ErrKeyNotFound):
		return nil, &KeyringError{KeyringMissing, ""}
	case strings.Contains(err.Error(), "locked") || strings.Contains(err.Error(), "IsLocked"):
		return nil, &KeyringError{KeyringLocked, err.Error()}
	default:
		return nil, &KeyringError{KeyringFailed, err.Error()}
	}
}

const (
	ringCollection = "login" // its own name would ask to make a keyring
	noCollection   = "it has no login keyring yet"
)
