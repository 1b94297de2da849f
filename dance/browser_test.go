//go:build unix

package dance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestD22AddressesThatReachNoProgram(t *testing.T) {
	ran := fakeOpener(t, "exit 0")
	for _, address := range []string{
		"file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "myapp://x", "http://issuer.example/", "--help", "-x",
		"https://a.example/ b", `https://a.example/"`, "https://a.example/'", "https://a.example/$(id)", "https://a.example/`id`",
		"https://a.example/\n--x", "https://a.example/\x00", "https://a.example/|x", "https://user:pw@a.example/", "", "https://",
	} {
		if err := OpenBrowser(t.Context(), address); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the opener ran")
	}
}

// fakeOpener puts an xdg-open on PATH that notes its arguments and runs script.
func fakeOpener(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	noted := filepath.Join(dir, "arguments")
	text := "#!/bin/sh\nfor a in \"$@\"; do echo \"$a\"; done > " + noted + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/bin:/usr/bin")
	return noted
}

func TestOpenBrowserPassesOneArgument(t *testing.T) {
	noted := fakeOpener(t, "exit 0")
	const address = "http://127.0.0.1:1234/start/abc?x=1&y=%20"
	if err := OpenBrowser(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(noted)
	if err != nil || string(got) != address+"\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestD41OpenBrowser(t *testing.T) {
	t.Run("missing", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if err := OpenBrowser(t.Context(), "https://a.example/"); err == nil || !strings.Contains(err.Error(), "copy the link") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("failing", func(t *testing.T) {
		fakeOpener(t, "exit 3")
		if err := OpenBrowser(t.Context(), "https://a.example/"); err == nil || !strings.Contains(err.Error(), "copy the link") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("hanging", func(t *testing.T) {
		noted := fakeOpener(t, "read x < $0.fifo")
		if err := os.Remove(noted); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		fifo := filepath.Join(filepath.Dir(noted), "xdg-open.fifo")
		mkfifo(t, fifo)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := OpenBrowser(ctx, "https://a.example/"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		free, err := os.OpenFile(fifo, os.O_RDWR, 0) // lets the opener end
		if err != nil {
			t.Fatal(err)
		}
		free.WriteString("\n")
		t.Cleanup(func() { free.Close() })
	})
}

func mkfifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}
