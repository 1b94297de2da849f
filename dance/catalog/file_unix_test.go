//go:build unix

package catalog

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestP15OthersMayWrite: who can write to a provider file can send the next
// sign-in to a place of his own.
func TestP15OthersMayWrite(t *testing.T) {
	folder := t.TempDir()
	file := write(t, folder, "work.toml", threeLines)
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		os.Chmod(file, mode)
		if _, problems := Lint(file); len(problems) != 1 || !strings.Contains(problems[0].Fix, "chmod go-w") {
			t.Errorf("mode %o: %v", mode, problems)
		}
	}
	os.Chmod(file, 0o644)
	for _, mode := range []os.FileMode{0o770, 0o707} {
		os.Chmod(folder, mode)
		c, err := Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Get("work"); ok || len(c.Problems()) != 1 || c.Problems()[0].File != folder {
			t.Errorf("folder mode %o: %v", mode, c.Problems())
		}
		if _, ok := c.Get("github"); !ok {
			t.Error("the embedded rows are gone")
		}
		c.Close()
	}
}

func TestOddFilesAreRefused(t *testing.T) {
	folder := t.TempDir()
	target := write(t, folder, "target.txt", threeLines)
	os.Symlink(target, filepath.Join(folder, "link.toml"))
	os.Symlink("/nowhere", filepath.Join(folder, "dangling.toml"))
	syscall.Mkfifo(filepath.Join(folder, "pipe.toml"), 0o600)
	os.Mkdir(filepath.Join(folder, "folder.toml"), 0o700)
	l, err := net.Listen("unix", filepath.Join(folder, "socket.toml"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	write(t, folder, "huge.toml", threeLines+strings.Repeat("# more\n", maxFile))
	write(t, folder, ".hidden.toml", "broken")
	write(t, folder, "work.toml~", "broken")
	write(t, folder, "work.toml", threeLines)
	c, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := map[string]string{
		"link.toml": "link", "dangling.toml": "link", "pipe.toml": "plain file",
		"folder.toml": "plain file", "socket.toml": "plain file", "huge.toml": "larger",
	}
	for _, p := range c.Problems() {
		name := filepath.Base(p.File)
		if !strings.Contains(p.Reason, want[name]) || want[name] == "" || p.Fix == "" {
			t.Errorf("%s: %s (%s)", name, p.Reason, p.Fix)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Error("not refused:", want)
	}
	if _, ok := c.Get("work"); !ok {
		t.Error("the good file is hidden by the odd ones")
	}
}
