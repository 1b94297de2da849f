//go:build linux

package vault

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

var benchValue = bytes.Repeat([]byte("t"), 2<<10) // a token with its ID token

// BenchmarkCommit and BenchmarkRawAppend differ by what the vault costs beyond
// one append and one fdatasync of the same size.
func BenchmarkCommit(b *testing.B) {
	_, v, _ := newVault(b)
	for b.Loop() {
		check(b, v.Commit(Change{"token/ab12", benchValue}))
	}
}

func BenchmarkRawAppend(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	check(b, err)
	defer f.Close()
	frame := append(make([]byte, frameHead+16+16), benchValue...)
	for b.Loop() {
		_, err := f.Write(frame)
		check(b, err)
		check(b, unix.Fdatasync(int(f.Fd())))
	}
}

func BenchmarkGet(b *testing.B) {
	_, v, _ := newVault(b)
	check(b, v.Commit(Change{"token/ab12", benchValue}))
	for b.Loop() {
		value, _, err := v.Get("token/ab12")
		check(b, err)
		clear(value)
	}
}
