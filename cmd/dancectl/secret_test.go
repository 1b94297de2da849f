//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSecretFile(t *testing.T) {
	for _, c := range []struct {
		name, content string
		mode          os.FileMode
		want, err     string
	}{
		{"plain", "correct horse", 0o600, "correct horse", ""},
		{"newline", "correct horse\n", 0o400, "correct horse", ""},
		{"crlf", "correct horse\r\n", 0o600, "correct horse", ""},
		{"spaces stay", "  x ", 0o600, "  x ", ""},
		{"group reads", "x", 0o640, "", "other users may read "},
		{"world reads", "x", 0o604, "", "other users may read "},
		{"empty", "", 0o600, "", "does not hold one line"},
		{"only a newline", "\n", 0o600, "", "does not hold one line"},
		{"two lines", "a\nb", 0o600, "", "does not hold one line"},
		{"not text", "\xff\xfe", 0o600, "", "does not hold one line"},
		{"NUL", "a\x00b", 0o600, "", "does not hold one line"},
		{"large", strings.Repeat("x", maxSecret+1), 0o600, "", "does not hold one line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			got, err := secretFile(t.Context(), path)
			if c.err == "" && (err != nil || got.Reveal() != c.want) {
				t.Errorf("got %q, %v", got.Reveal(), err)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || got != "") {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
	if _, err := secretFile(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := secretFile(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there")
	}
}

// A shell's <(command) is a pipe of our own.
func TestSecretFromAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString("correct horse\n")
	w.Close()
	if got, err := secretFile(t.Context(), fmt.Sprintf("/dev/fd/%d", r.Fd())); err != nil || got.Reveal() != "correct horse" {
		t.Errorf("%v", err)
	}
}

// Nobody may ever write to it, and Ctrl-C must still end dancectl.
func TestSecretFromAPipeWithoutAWriterCanBeCalledOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := secretFile(ctx, path); err != context.DeadlineExceeded {
		t.Fatal(err)
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0) // lets the reader end
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}
