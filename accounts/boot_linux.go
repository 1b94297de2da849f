package accounts

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime is the time since the machine started, sleep included. Nobody can
// set it, so a token's age by it is right when the wall clock is not.
func bootTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
