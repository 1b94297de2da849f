//go:build !linux

package network

import (
	"context"
	"errors"
)

// Watch is not there on this system.
func Watch(context.Context, func()) error {
	return errors.New("changes of the network are not watched on this system")
}
