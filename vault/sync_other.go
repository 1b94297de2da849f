//go:build !linux

package vault

import "os"

func fdatasync(f *os.File) error { return f.Sync() }
