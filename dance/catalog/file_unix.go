//go:build unix

package catalog

import (
	"io/fs"
	"os"
	"syscall"
)

const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// owned refuses what somebody else may write to: who can change a provider
// file can send the next sign-in to a place of his own.
func owned(path string, info fs.FileInfo) *Problem {
	if info.Mode().Perm()&0o022 != 0 {
		return &Problem{File: path, Reason: "others may write to it", Fix: "chmod go-w " + path}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && st.Uid != uint32(os.Geteuid()) && st.Uid != 0 {
		return &Problem{File: path, Reason: "it belongs to another user", Fix: "put a copy of your own in its place"}
	}
	return nil
}
