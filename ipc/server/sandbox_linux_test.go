package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a program can put where a Flatpak has its .flatpak-info.
func TestI14FlatpakInfo(t *testing.T) {
	const good = "[Application]\nname=org.example.Songs\nruntime=x\n\n[Instance]\nname=wrong\ninstance-id=77\n"
	const plain = "22 1 0:21 / /proc rw - proc proc rw\n21 1 254:0 / / rw - ext4 /dev/x rw\n"
	write := func(text string) func(string) error {
		return func(p string) error { return os.WriteFile(p, []byte(text), 0o600) }
	}
	for _, c := range []struct {
		name   string
		info   func(path string) error
		mounts string
		record string
		id     string
		fails  bool
	}{
		{name: "a Flatpak", info: write(good), record: good, id: "org.example.Songs"},
		{name: "none", info: func(string) error { return nil }},
		{name: "no record outside", info: write(good), fails: true},
		{name: "another record", info: write(good), record: good + "\n", fails: true},
		{name: "no id", info: write("[Instance]\ninstance-id=77\n"), record: good, fails: true},
		{name: "no instance", info: write("[Application]\nname=x\n"), record: good, fails: true},
		{name: "an instance elsewhere", info: write(strings.Replace(good, "77", "../77", 1)), record: good, fails: true},
		{name: "empty", info: write(""), fails: true},
		{name: "a FIFO", info: func(p string) error { return unix.Mkfifo(p, 0o600) }, record: good, fails: true},
		{name: "a folder", info: func(p string) error { return os.Mkdir(p, 0o700) }, record: good, fails: true},
		{name: "a symlink", info: func(p string) error {
			return errors.Join(write(good)(p+"x"), os.Symlink(p+"x", p))
		}, record: good, fails: true},
		{name: "1 GB", info: func(p string) error { return errors.Join(write(good)(p), os.Truncate(p, 1<<30)) }, record: good, fails: true},
		{name: "a FUSE root", info: write(good), record: good, fails: true,
			mounts: "21 1 0:55 / / rw - fuse.sshfs me rw\n"},
		{name: "no mounts", info: write(good), record: good, fails: true, mounts: "missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			proc, runtime := t.TempDir(), t.TempDir()
			id := &identifier{runtime: runtime}
			if c.mounts == "" {
				c.mounts = plain
			}
			err := errors.Join(os.Mkdir(filepath.Join(proc, "root"), 0o700), c.info(filepath.Join(proc, "root", ".flatpak-info")))
			if c.mounts != "missing" {
				err = errors.Join(err, write(c.mounts)(filepath.Join(proc, "mountinfo")))
			}
			if c.record != "" {
				dir := filepath.Join(runtime, ".flatpak", "77")
				err = errors.Join(err, os.MkdirAll(dir, 0o700), write(c.record)(filepath.Join(dir, "info")))
			}
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			got, err := id.flatpak(proc)
			if got != c.id || (err != nil) != c.fails {
				t.Errorf("id %q, error %v", got, err)
			}
			if time.Since(began) > 2*time.Second {
				t.Error("it waits for what the sandbox serves")
			}
		})
	}
	if _, err := new(identifier).flatpak(t.TempDir() + "/gone"); err == nil {
		t.Error("a process that is gone is no Flatpak")
	}
}

func TestI15FakeSnap(t *testing.T) {
	id := new(identifier)
	p, err := readProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p.snap = "songs" // as a scope named snap.songs.player says
	app, boxed, err := id.sandbox(p, "unconfined\x00")
	if app != nil || !boxed || err != nil {
		t.Errorf("who only says that it is a Snap is %+v, boxed %v, %v", app, boxed, err)
	}
	p.exe.path = "/snap/songs/12/bin/songs" // but it lies on no squashfs
	if app, boxed, _ := id.sandbox(p, ""); app != nil || !boxed {
		t.Errorf("from a folder named like a Snap's it is %+v", app)
	}
	app, boxed, err = id.sandbox(p, "snap.songs.player (enforce)")
	if err != nil || !boxed || app == nil || app.Sandbox != "songs" || app.Key == "" {
		t.Errorf("with the kernel's label it is %+v, %v", app, err)
	}
	if app, _, _ := id.sandbox(p, "snap.songsabird.player (enforce)"); app != nil {
		t.Error("another Snap's label is taken")
	}
}

func TestStat(t *testing.T) {
	tail := strings.Repeat(" 0", 16)
	p, err := parseStat("12 (we) (ird) name) S 7 1" + tail + " 4711 0\n")
	if err != nil || p.name != "we) (ird) name" || p.parent != 7 || p.start != 4711 {
		t.Errorf("%+v %v", p, err)
	}
	for _, text := range []string{"", "12 (x", "12 x) S 7", "12 (x) S 7 1", "12 (x) S y 1" + tail + " 1 0", ")("} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, err := readStat(1 << 30); err == nil {
		t.Error("a process that is not there has a parent")
	}
}

func TestPidfd(t *testing.T) {
	if alive(-1) || pidOf(-1) != -1 {
		t.Error("no pidfd stands for a process")
	}
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := pidOf(int(f.Fd())); got != -1 {
		t.Errorf("a file is process %d", got)
	}
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if !alive(fd) || pidOf(fd) != os.Getpid() {
		t.Error("we are not alive")
	}
}
