package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// harden keeps tokens out of core files and away from debuggers of the same
// user.
func harden() error {
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0),
	)
}

// displayed reports whether there is a desktop to show a window on.
func displayed() bool {
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
