//go:build !linux

package vault

import (
	"context"

	"github.com/99designs/keyring"
)

const ringNeedsBus = false

// ringBackends are the systems' own; each build has the one that it can use.
var ringBackends = []keyring.BackendType{keyring.KeychainBackend, keyring.WinCredBackend}

// ringReady has nothing to ask: these keyrings open with the login.
func ringReady(context.Context) error { return nil }
