package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"dancecard/internal/secret"
)

// TestV30FolderSwappedWhileOpening: somebody exchanges the folder with another
// vault's, and with a link to that, all the time. Each opening is of the one
// vault or refused; the other's files stay as they are.
func TestV30FolderSwappedWhileOpening(t *testing.T) {
	t.Parallel()
	tries := 3_000
	switch {
	case long():
		tries = 100_000
	case raceDetector:
		tries = 500
	}
	top := memoryDir(t)
	at := func(name string) string { return filepath.Join(top, name) }
	all, key, want := smallVault(t)
	other, _, _ := smallVault(t)
	all.place(t, at("p"))
	other.place(t, at("other"))
	other.place(t, at("linked"))
	check(t, os.Symlink(at("linked"), at("link")))
	var stop sync.WaitGroup
	done := make(chan struct{})
	stop.Go(func() {
		for i := 0; ; i++ {
			name := []string{"other", "link"}[i/2%2] // there and back
			if err := unix.Renameat2(unix.AT_FDCWD, at("p"), unix.AT_FDCWD, at(name), unix.RENAME_EXCHANGE); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-done:
				if i%2 == 1 {
					return // everything is in its place
				}
			default:
			}
		}
	})
	opened, stored := 0, 0
	for i := range tries {
		f, err := Claim(at("p"))
		if err != nil {
			if !errors.Is(err, ErrUnsafe) {
				t.Fatal(err)
			}
			continue
		}
		v, err := f.Open(t.Context(), key)
		switch {
		case err == nil:
			opened++
			if got := state(t, v); !maps.Equal(got, want) {
				t.Fatalf("opened another state: %v", got)
			}
			value := fmt.Sprint(i)
			if err := v.Commit(set("token/2", value)); err == nil {
				want["token/2"] = value
				stored++
			} else if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		case !errors.Is(err, ErrWrongKey):
			t.Fatal(err)
		}
		check(t, f.Close())
	}
	close(done)
	stop.Wait()
	t.Logf("%d openings, %d of the vault, %d changes", tries, opened, stored)
	if opened == 0 || opened == tries {
		t.Error("nothing was swapped")
	}
	for _, name := range []string{"other", "linked"} {
		if !maps.EqualFunc(readFiles(t, at(name)), other, bytes.Equal) {
			t.Errorf("%s was changed", name)
		}
	}
	v := open(t, claim(t, at("p")), key)
	wantState(t, v, want)
}

// TestV31AMillionRecords go in, and come back.
func TestV31AMillionRecords(t *testing.T) {
	t.Parallel()
	records := 1_000_000
	if raceDetector {
		records = 50_000
	}
	f := claim(t, filepath.Join(memoryDir(t), "p"))
	key := newRecovery(t)
	v, err := f.Create(t.Context(), key)
	check(t, err)
	var changes []Change
	for i := range records {
		changes = append(changes, set(fmt.Sprintf("key/%d", i), "value"))
		if len(changes) == 50_000 {
			check(t, v.Commit(changes...))
			changes = changes[:0]
		}
	}
	v = reopen(t, f, v, key)
	if n := len(v.Keys("key/")); n != records {
		t.Fatal(n)
	}
	check(t, v.Compact())
	v = reopen(t, f, v, key)
	value, ok, err := v.Get(fmt.Sprintf("key/%d", records-1))
	if n := len(v.Keys("key/")); n != records || !ok || string(value) != "value" {
		t.Fatal(n, ok, err)
	}
}

// accessFor is an access control list as the kernel keeps it (acl(5)): its owner
// everything, user 12345 too, others nothing.
func accessFor(mask uint16) []byte {
	list := []byte{2, 0, 0, 0}
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{0x01, 7, ^uint32(0)}, {0x02, 7, 12345}, {0x04, 0, ^uint32(0)}, {0x10, mask, ^uint32(0)}, {0x20, 0, ^uint32(0)}} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.perm)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	return list
}

// TestV28AccessControlLists: a folder or file that a list opens to somebody else
// is refused, and a list that a parent hands down opens nothing of ours.
func TestV28AccessControlLists(t *testing.T) {
	all, key, _ := smallVault(t)
	for _, name := range []string{".", headerFile, snapshotFile, journalFile, slotsFolder} {
		dir := filepath.Join(t.TempDir(), "p")
		all.place(t, dir)
		check(t, unix.Setxattr(filepath.Join(dir, name), "system.posix_acl_access", accessFor(7), 0))
		f, err := Claim(dir)
		if err == nil {
			_, err = f.Open(t.Context(), key)
			f.Close()
		}
		if !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s is open to another user: %v", name, err)
		}
	}
	top := t.TempDir()
	check(t, unix.Setxattr(top, "system.posix_acl_default", accessFor(7), 0))
	f := claim(t, filepath.Join(top, "p"))
	v, err := f.Create(t.Context(), key)
	check(t, err)
	check(t, v.Inbox().Put([]byte("item")))
	check(t, v.Log([]byte("entry")))
	check(t, filepath.WalkDir(f.disk.dir, func(path string, d fs.DirEntry, err error) error {
		check(t, err)
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 { // the group's bits are the list's mask
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}

const readOnlyVar = "VAULT_TEST_READONLY"

// TestV22ReadOnlyFiles: a file or folder that cannot be written to is told; what
// is in it is left as it is. Root may write everywhere, so this is done as
// somebody else.
func TestV22ReadOnlyFiles(t *testing.T) {
	if os.Getenv(readOnlyVar) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestV22ReadOnlyFiles$", "-test.v")
		cmd.Env = append(os.Environ(), readOnlyVar+"="+"1", quickExit)
		if os.Geteuid() == 0 {
			dir, err := os.MkdirTemp("/tmp", "vault")
			check(t, err)
			defer os.RemoveAll(dir)
			check(t, os.Chmod(dir, 0o755))
			program := filepath.Join(dir, "test")
			check(t, os.WriteFile(program, must(os.ReadFile(os.Args[0])), 0o755))
			home := filepath.Join(dir, "home")
			check(t, os.Mkdir(home, 0o700))
			check(t, os.Chown(home, 65534, 65534))
			cmd.Path, cmd.Dir = program, home
			cmd.Env = append(cmd.Env, "TMPDIR="+home, "HOME="+home, "DBUS_SESSION_BUS_ADDRESS=unix:path=/none")
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	all, key, _ := smallVault(t)
	for _, name := range []string{".", lockFile, journalFile, snapshotFile, headerFile, slotsFolder, inboxFolder} {
		dir := filepath.Join(t.TempDir(), "p")
		all.with(lockFile, nil).place(t, dir)
		path := filepath.Join(dir, name)
		info := must(os.Stat(path))
		check(t, os.Chmod(path, info.Mode().Perm()&0o500))
		before := readFiles(t, dir)
		err := useAll(t, dir, key)
		check(t, os.Chmod(path, info.Mode().Perm()))
		if (name == snapshotFile || name == headerFile) != (err == nil) { // these are replaced, never written to
			t.Errorf("%s is read-only: %v", name, err)
		}
		if name != snapshotFile && name != headerFile && errors.Is(err, ErrDamaged) {
			t.Errorf("%s is read-only, and called damaged: %v", name, err)
		}
		if name == lockFile || name == journalFile {
			if !maps.EqualFunc(before, readFiles(t, dir), bytes.Equal) {
				t.Errorf("%s is read-only: something was written", name)
			}
		}
		v := open(t, claim(t, dir), key)
		if value, _, err := v.Get("token/3"); string(value) != "third" {
			t.Errorf("%s was read-only: token/3 is %q, %v", name, value, err)
		}
	}
}

// useAll opens the vault in dir and lets it write each of its files.
func useAll(t *testing.T, dir string, key KeySource) error {
	f, err := Claim(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	v, err := f.Open(t.Context(), key)
	if err != nil {
		return err
	}
	_, err = v.AddWay(t.Context(), Passphrase(secret.New("pass")))
	return errors.Join(v.Commit(set("a", "b")), v.Inbox().Put([]byte("item")), err, v.Compact(), v.Rekey(t.Context()))
}

// TestV29Devices: a device in the place of a file is refused unopened. Only root
// can make one; for others /dev/null stands in, whose owner is refused first.
func TestV29Devices(t *testing.T) {
	all, key, _ := smallVault(t)
	for _, name := range ours {
		dir := filepath.Join(t.TempDir(), "p")
		all.place(t, dir)
		path := filepath.Join(dir, name)
		check(t, os.RemoveAll(path))
		err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
		if errors.Is(err, unix.EPERM) {
			err = os.Symlink("/dev/null", path)
		}
		check(t, err)
		f, err := Claim(dir)
		if err == nil {
			_, err = f.Open(t.Context(), key)
			f.Close()
		}
		wants(t, err, ErrUnsafe)
	}
}
