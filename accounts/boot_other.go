//go:build !linux

package accounts

import "time"

// bootTime is not read here: the wall clock alone is used.
func bootTime() time.Duration { return 0 }
