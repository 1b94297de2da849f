//go:build unix

package vault

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"dancecard/internal/secret"
)

const holdVar = "VAULT_TEST_HOLD"

// TestV24V25LockNamesItsHolderAndDiesWithIt holds the folder in another process
// and kills that.
func TestV24V25LockNamesItsHolderAndDiesWithIt(t *testing.T) {
	if dir := os.Getenv(holdVar); dir != "" {
		_, err := Claim(dir)
		check(t, err)
		fmt.Println("held")
		select {}
	}
	dir := filepath.Join(t.TempDir(), "p")
	cmd := exec.Command(os.Args[0], "-test.run=^TestV24V25")
	cmd.Env = append(os.Environ(), holdVar+"="+dir)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "held\n" {
		t.Fatal(line)
	}
	_, err = Claim(dir)
	held, ok := errors.AsType[*InUseError](err)
	if !ok || !errors.Is(err, ErrInUse) || held.PID != cmd.Process.Pid || !strings.Contains(err.Error(), fmt.Sprint(held.PID)) {
		t.Fatalf("%v, want process %d", err, cmd.Process.Pid)
	}
	check(t, cmd.Process.Signal(syscall.SIGKILL))
	cmd.Wait()
	f := claim(t, dir)
	_, err = Claim(dir)
	if held, ok := errors.AsType[*InUseError](err); !ok || held.PID != os.Getpid() {
		t.Fatal(err)
	}
	check(t, os.WriteFile(filepath.Join(dir, lockFile), []byte("nonsense"), 0o600))
	_, err = Claim(dir)
	if held, ok := errors.AsType[*InUseError](err); !ok || held.PID != 0 || err.Error() == "" {
		t.Fatal(err)
	}
	check(t, f.Close())
}

// TestLockIsFreeWhileAnotherProgramStarts: a fork keeps the lock's file open
// until it has become another program, and Close does not wait for that.
func TestLockIsFreeWhileAnotherProgramStarts(t *testing.T) {
	f, _, _ := newVault(t)
	inherited, err := unix.Dup(int(f.lock.Fd()))
	check(t, err)
	defer unix.Close(inherited)
	check(t, f.Close())
	claim(t, f.disk.dir)
}

const umaskVar = "VAULT_TEST_UMASK"

// TestV27Umask makes a vault in a process under each umask; it is the process's
// own, so a process of its own it is.
func TestV27Umask(t *testing.T) {
	if spec := os.Getenv(umaskVar); spec != "" {
		var mask int
		var dir string
		fmt.Sscanf(spec, "%o %s", &mask, &dir)
		unix.Umask(mask)
		f, err := Claim(dir)
		check(t, err)
		v, err := f.Create(t.Context(), newRecovery(t), Passphrase(secret.New("x")))
		check(t, err)
		check(t, v.Commit(set("a", "b")))
		check(t, v.Log([]byte("entry")))
		check(t, v.Inbox().Put([]byte("item")))
		check(t, v.Rekey(t.Context()))
		return
	}
	for _, mask := range []string{"000", "022", "077", "777"} {
		top := t.TempDir()
		dir := filepath.Join(top, "data", "p")
		cmd := exec.Command(os.Args[0], "-test.run=^TestV27Umask$")
		cmd.Env = append(os.Environ(), umaskVar+"="+mask+" "+dir, quickExit)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("umask %s: %v\n%s", mask, err, out)
		}
		seen := 0
		check(t, filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			check(t, err)
			info, err := d.Info()
			check(t, err)
			want := os.FileMode(0o600)
			if d.IsDir() {
				want = 0o700
			}
			if seen++; path != top && info.Mode().Perm() != want {
				t.Errorf("umask %s: %s has mode %v", mask, path, info.Mode())
			}
			return nil
		}))
		if seen < 10 {
			t.Fatal(seen)
		}
	}
}

func TestV28FolderOthersCouldChange(t *testing.T) {
	for mode, unsafe := range map[os.FileMode]bool{0o700: false, 0o750: true, 0o770: true, 0o701: true, 0o707: true} {
		dir := filepath.Join(t.TempDir(), "p")
		check(t, os.Mkdir(dir, 0o700))
		check(t, os.Chmod(dir, mode))
		f, err := Claim(dir)
		if errors.Is(err, ErrUnsafe) != unsafe {
			t.Errorf("mode %v: %v", mode, err)
		}
		if err == nil {
			f.Close()
		}
	}
	parent := filepath.Join(t.TempDir(), "parent")
	check(t, os.Mkdir(parent, 0o700))
	check(t, os.Chmod(parent, 0o777))
	_, err := Claim(filepath.Join(parent, "p"))
	wants(t, err, ErrUnsafe)
	check(t, os.Chmod(parent, 0o777|os.ModeSticky))
	f, err := Claim(filepath.Join(parent, "p"))
	check(t, err)
	f.Close()
	if os.Geteuid() == 0 { // only root can give a folder away
		check(t, os.Chown(filepath.Join(parent, "p"), 12345, 12345))
		_, err = Claim(filepath.Join(parent, "p"))
		wants(t, err, ErrUnsafe)
		check(t, os.Chown(parent, 12345, 12345))
		_, err = Claim(filepath.Join(parent, "q"))
		wants(t, err, ErrUnsafe)
	}
}

// TestV29NotAFileOfOurs puts a link, a hard link, a FIFO, a folder, a readable
// file and a foreign one in the place of each file.
func TestV29NotAFileOfOurs(t *testing.T) {
	all, key, _ := smallVault(t)
	kinds := map[string]func(path, elsewhere string) error{
		"symlink":  func(path, elsewhere string) error { return os.Symlink(elsewhere, path) },
		"dangling": func(path, elsewhere string) error { return os.Symlink(elsewhere+".none", path) },
		"hardlink": func(path, elsewhere string) error { return os.Link(elsewhere, path) },
		"fifo":     func(path, _ string) error { return unix.Mkfifo(path, 0o600) },
		"folder":   func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"readable": func(path, _ string) error { check(t, os.WriteFile(path, nil, 0o600)); return os.Chmod(path, 0o644) },
	}
	names := append([]string{slotsFolder, inboxFolder}, ours...)
	for name := range all {
		if strings.HasPrefix(name, slotsFolder) {
			names = append(names, name)
		}
	}
	for kind, place := range kinds {
		for _, name := range names {
			if (name == slotsFolder || name == inboxFolder) && kind == "folder" || kind == "hardlink" && name == inboxFolder {
				continue
			}
			top := t.TempDir()
			dir, elsewhere := filepath.Join(top, "p"), filepath.Join(top, "elsewhere")
			check(t, os.Mkdir(dir, 0o700))
			check(t, os.WriteFile(elsewhere, []byte("precious"), 0o600))
			all.write(t, dir)
			path := filepath.Join(dir, name)
			check(t, os.RemoveAll(path))
			check(t, place(path, elsewhere))
			f, err := Claim(dir)
			if err == nil {
				_, err = f.Open(t.Context(), key)
				f.Close()
			}
			if !errors.Is(err, ErrUnsafe) {
				t.Errorf("%s for %s: %v", kind, name, err)
			}
			if b, _ := os.ReadFile(elsewhere); string(b) != "precious" {
				t.Errorf("%s for %s: wrote through it", kind, name)
			}
		}
	}
	top := t.TempDir()
	check(t, os.Symlink(t.TempDir(), filepath.Join(top, "p")))
	_, err := Claim(filepath.Join(top, "p"))
	wants(t, err, ErrUnsafe)
	check(t, os.WriteFile(filepath.Join(top, "file"), nil, 0o600))
	_, err = Claim(filepath.Join(top, "file"))
	wants(t, err, ErrUnsafe)
	_, err = Claim(filepath.Join(top, "file", "p"))
	if err == nil {
		t.Fatal("a folder below a file")
	}
}

// meddlers change the folder of an open vault so that Commit notices it.
var meddlers = map[string]func(dir string) error{
	"journal replaced": func(dir string) error {
		return again(filepath.Join(dir, journalFile))
	},
	"journal removed": func(dir string) error { return os.Remove(filepath.Join(dir, journalFile)) },
	"journal grown": func(dir string) error {
		f := must(os.OpenFile(filepath.Join(dir, journalFile), os.O_APPEND|os.O_WRONLY, 0))
		defer f.Close()
		_, err := f.WriteString("x")
		return err
	},
	"folder replaced": func(dir string) error {
		return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700))
	},
}

// again replaces a file with one that holds the same.
func again(path string) error {
	data := must(os.ReadFile(path))
	return errors.Join(os.Remove(path), os.WriteFile(path, data, 0o600))
}

// TestV32ReplacedWhileOpen: Commit and Compact notice that the files are no
// longer ours, and write nothing more.
func TestV32ReplacedWhileOpen(t *testing.T) {
	for what, meddle := range meddlers {
		f, v, _ := newVault(t)
		check(t, v.Commit(set("a", "1")))
		check(t, meddle(f.disk.dir))
		before := readFiles(t, f.disk.dir)
		wants(t, v.Commit(set("a", "2")), ErrDamaged)
		wants(t, v.Compact(), ErrDamaged)
		wants(t, v.Rekey(t.Context()), ErrDamaged)
		wants(t, v.Settle(), ErrDamaged)
		wantState(t, v, map[string]string{"a": "1"})
		if !maps.EqualFunc(before, readFiles(t, f.disk.dir), bytes.Equal) {
			t.Errorf("%s: something was written", what)
		}
	}
}

// TestV34V35CanaryIsGone: a value is never plain on disk, and after Compact not
// even sealed: no frame with its length is left.
func TestV34V35CanaryIsGone(t *testing.T) {
	f, v, _ := newVault(t)
	canary := "CANARY-7f3a-refresh-token"
	check(t, v.Commit(set("token/canary-key", canary)))
	sealed, _ := os.ReadFile(filepath.Join(f.disk.dir, journalFile))
	check(t, v.Log([]byte(canary)))
	check(t, v.Inbox().Put([]byte(canary)))
	check(t, v.Compact())
	check(t, v.Commit(Change{Key: "token/canary-key"}))
	check(t, v.Compact())
	check(t, v.Rekey(t.Context()))
	frame := sealed[headSize+frameHead:]
	for name, data := range readFiles(t, f.disk.dir) {
		if bytes.Contains(data, []byte(canary)) || bytes.Contains(data, []byte("canary-key")) {
			t.Errorf("%s holds the canary in plain", name)
		}
		if bytes.Contains(data, frame[:32]) {
			t.Errorf("%s holds the sealed canary", name)
		}
	}
	if got := fmt.Sprintf("%v %+v", v.Findings(), v.Ways()); strings.Contains(got, canary) {
		t.Error(got)
	}
}

// TestV38ClosedVaultIsWiped looks at what Close leaves of keys and values.
func TestV38ClosedVaultIsWiped(t *testing.T) {
	_, v, _ := newVault(t)
	check(t, v.Commit(set("a", "secret")))
	root, lists, sealed := v.keys.root, v.keys.lists, v.memory.values["a"]
	check(t, v.Close())
	for _, b := range [][]byte{root, lists, sealed} {
		if !allZero(b) {
			t.Error("not wiped")
		}
	}
	check(t, v.Close())
	_, _, err := v.Get("a")
	_, err2 := v.AddWay(t.Context(), newRecovery(t))
	_, err3 := v.Received()
	_, err4 := v.Activity(1)
	for i, err := range []error{err, err2, err3, err4, v.Commit(set("a", "b")), v.Compact(), v.Rekey(t.Context()),
		v.Verify(t.Context(), newRecovery(t)), v.Log(nil), v.ClearReceived(), v.Settle()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d on a closed vault: %v", i, err)
		}
	}
	if v.Keys("") != nil || v.ID() == "" {
		t.Error("Keys or ID")
	}
}

// TestV39ReadersAndAWriter is for the race detector, and for readers that see
// half a batch.
func TestV39ReadersAndAWriter(t *testing.T) {
	f, v, key := newVault(t)
	var wg sync.WaitGroup
	stop, cancel := context.WithCancel(t.Context())
	for range 64 {
		wg.Go(func() {
			for stop.Err() == nil {
				if _, _, err := v.Get("x"); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				v.Keys("")
				v.Ways()
				v.Findings()
			}
		})
	}
	for i := range 100 {
		check(t, v.Commit(set("x", fmt.Sprint(i)), set(fmt.Sprintf("y/%d", i), "y")))
		if i%25 == 0 {
			check(t, v.Rekey(t.Context()))
			check(t, v.Log([]byte("entry")))
		}
	}
	check(t, v.Close())
	cancel()
	wg.Wait()
	v = open(t, f, key)
	if n := len(v.Keys("y/")); n != 100 {
		t.Fatal(n)
	}
}

// TestMovedToAnotherMachine is noticed at each Open until Settle.
func TestMovedToAnotherMachine(t *testing.T) {
	f, v, key := newVault(t)
	check(t, v.Close())
	testOnlyMachine = "machine two"
	defer func() { testOnlyMachine = "machine one" }()
	for range 2 {
		v = open(t, f, key)
		if len(v.Findings()) != 1 || v.Findings()[0].Kind != FindingMoved {
			t.Fatal(v.Findings())
		}
		check(t, v.Close())
	}
	v = open(t, f, key)
	check(t, v.Settle())
	if len(v.Findings()) != 0 {
		t.Fatal(v.Findings())
	}
	v = reopen(t, f, v, key)
	if len(v.Findings()) != 0 {
		t.Fatal(v.Findings())
	}
}
