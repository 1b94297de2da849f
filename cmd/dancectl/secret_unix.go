//go:build unix

package main

import (
	"os"
	"syscall"
)

// onlyOurs refuses a file that is another user's or that others may read.
func onlyOurs(path string, info os.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return &problem{exitUsage, path + " belongs to another user", "keep the secret in a file of your own"}
	}
	if info.IsDir() {
		return &problem{exitUsage, path + " is a folder", "give the path of a file that holds the secret alone"}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return &problem{exitUsage, "other users may read " + path, "chmod 600 " + path}
	}
	return nil
}

func openTerminal() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }
