//go:build unix

package main

import "golang.org/x/sys/unix"

// noCore keeps a crash from writing passphrases and tokens to a file. The
// process stays dumpable: Dancecard could not tell who asks otherwise.
func noCore() {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
