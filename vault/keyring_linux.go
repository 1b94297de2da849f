package vault

import (
	"context"
	"errors"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus/v5"
)

const ringNeedsBus = true

var ringBackends = []keyring.BackendType{keyring.SecretServiceBackend}

const (
	secretsName = "org.freedesktop.secrets"
)

// ringReady reports a collection that could not be used without a question on
// screen: it is locked, or would have to be made.
func ringReady(ctx context.Context) error {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return &KeyringError{KeyringNone, err.Error()}
	}
	defer conn.Close()
	var v dbus.Variant
	err = conn.Object(secretsName, "/org/freedesktop/secrets/collection/"+ringCollection).
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.Secret.Collection", "Locked").
		Store(&v)
	if answer, ok := errors.AsType[dbus.Error](err); ok {
		switch answer.Name {
		case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.Spawn.ServiceNotFound":
			return &KeyringError{KeyringNone, ""}
		}
		return &KeyringError{KeyringNone, noCollection}
	}
	if err != nil {
		return &KeyringError{KeyringFailed, err.Error()}
	}
	if locked, ok := v.Value().(bool); !ok || locked {
		return &KeyringError{KeyringLocked, ""}
	}
	return nil
}
