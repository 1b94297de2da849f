//go:build linux

package vault

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus/v5"

	"dancecard/internal/secret"
)

// startKeyring runs a real keyring daemon with an unlocked login keyring.
func startKeyring(t *testing.T) (*exec.Cmd, *dbus.Conn) {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	daemon := exec.Command("gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground")
	daemon.Stdin = strings.NewReader("pw")
	check(t, daemon.Start()) // package gnome-keyring
	t.Cleanup(func() {
		daemon.Process.Signal(syscall.SIGCONT)
		daemon.Process.Kill()
		daemon.Wait()
	})
	eventually(t, "the keyring daemon never came", func() bool {
		return KeyringAvailable(t.Context()) == nil
	})
	return daemon, conn
}

func eventually(t *testing.T, complaint string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(complaint)
		}
	}
}

func wantsWhy(t *testing.T, err error, why string, is error) {
	t.Helper()
	k, ok := errors.AsType[*KeyringError](err)
	if !ok || k.Why != why || !errors.Is(err, is) || err.Error() == "" {
		t.Fatalf("got %v, want a keyring that is %s", err, why)
	}
}

// TestKeyring walks a vault through the days of a real keyring.
func TestKeyring(t *testing.T) {
	f, v, key := newVault(t)
	wantsWhy(t, KeyringAvailable(t.Context()), KeyringNone, ErrNoKeyring)
	_, err := v.AddWay(t.Context(), silent)
	wantsWhy(t, err, KeyringNone, ErrNoKeyring)
	daemon, conn := startKeyring(t)

	check(t, v.Commit(set("a", "1")))
	_, err = v.AddWay(t.Context(), silent)
	check(t, err)
	v = reopen(t, f, v, silent)
	wantState(t, v, map[string]string{"a": "1"})
	check(t, v.Verify(t.Context(), silent))
	check(t, v.Rekey(t.Context()))
	v = reopen(t, f, v, silent)

	t.Run("log out and re-arm", func(t *testing.T) {
		check(t, v.Close())
		check(t, f.ForgetKeyring(t.Context()))
		check(t, f.ForgetKeyring(t.Context()))
		_, err := f.Open(t.Context(), silent)
		wantsWhy(t, err, KeyringMissing, ErrWrongKey)
		v = open(t, f, key)
		_, err = v.AddWay(t.Context(), silent)
		check(t, err)
		v = reopen(t, f, v, silent)
		if n := len(v.Ways()); n != 2 {
			t.Fatal(n, "ways; the keyring's old one stays")
		}
	})
	t.Run("K5 wrong items", func(t *testing.T) {
		for _, data := range []string{"", "{}", `{"wrap":"AGE-SECRET-KEY-1AAAA"}`} {
			check(t, v.Close())
			good := new(ringItem)
			check(t, ring{}.get(t.Context(), v.ID(), good))
			put(t, v.ID(), []byte(data))
			_, err := f.Open(t.Context(), silent)
			wants(t, err, ErrWrongKey)
			other := *good
			fresh, err := NewRecoveryKey()
			check(t, err)
			other.Wrap = identityPrefix + strings.ReplaceAll(fresh.Reveal(), "-", "")
			check(t, ring{}.set(t.Context(), v.ID(), other))
			_, err = f.Open(t.Context(), silent)
			wants(t, err, ErrWrongKey)
			check(t, ring{}.set(t.Context(), v.ID(), *good))
			v = open(t, f, silent)
		}
	})
	t.Run("V10 rolled back", func(t *testing.T) { rolledBack(t, f, &v, key) })
	t.Run("hung", func(t *testing.T) {
		check(t, v.Close())
		check(t, daemon.Process.Signal(syscall.SIGSTOP))
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := f.Open(ctx, silent)
		wantsWhy(t, err, KeyringHung, ErrNoKeyring)
		_, err = f.Open(ctx, Keyring(KeyringConfig{Interactive: true})) // waits for its turn
		wantsWhy(t, err, KeyringHung, ErrNoKeyring)
		called, stop := context.WithCancel(t.Context())
		stop()
		wantsWhy(t, KeyringAvailable(called), KeyringHung, ErrNoKeyring)
		check(t, daemon.Process.Signal(syscall.SIGCONT))
		v = open(t, f, silent)
	})
	t.Run("K3 locked", func(t *testing.T) {
		check(t, v.Close())
		lock(t, conn)
		wantsWhy(t, KeyringAvailable(t.Context()), KeyringLocked, ErrNoKeyring)
		_, err := f.Open(t.Context(), silent)
		wantsWhy(t, err, KeyringLocked, ErrNoKeyring)
		// Nobody shows the question here, which counts as dismissed.
		_, err = f.Open(t.Context(), Keyring(KeyringConfig{Interactive: true}))
		wantsWhy(t, err, KeyringLocked, ErrNoKeyring)
		if f.ForgetKeyring(t.Context()) == nil {
			t.Fatal("forgotten, although the keyring is locked")
		}
		v = open(t, f, key)
		wantState(t, v, map[string]string{"a": "1"})
		check(t, v.Compact()) // the keyring cannot be told; that is no error
		check(t, v.RemoveWay(t.Context(), v.Ways()[1].ID))
	})
}

func rolledBack(t *testing.T, f *Folder, v **Vault, key KeySource) {
	old := readFiles(t, f.disk.dir)
	check(t, (*v).Compact())
	check(t, (*v).Close())
	newer := readFiles(t, f.disk.dir)
	newer.clear(t, f.disk.dir)
	old.write(t, f.disk.dir)
	for _, way := range []KeySource{silent, key, silent} {
		*v = open(t, f, way)
		if got := (*v).Findings(); len(got) != 1 || got[0].Kind != FindingOlderCopy {
			t.Fatal(got)
		}
		check(t, (*v).Compact()) // must not lower what the keyring knows
		check(t, (*v).Close())
		old.clear(t, f.disk.dir)
		old.write(t, f.disk.dir)
	}
	*v = open(t, f, silent)
	check(t, (*v).Settle())
	*v = reopen(t, f, *v, silent)
	if got := (*v).Findings(); len(got) != 0 {
		t.Fatal(got)
	}
}

// put stores data as vault's item, whatever it is.
func put(t *testing.T, vault string, data []byte) {
	t.Helper()
	_, err := ring{}.use(t.Context(), func(k keyring.Keyring) ([]byte, error) {
		return nil, k.Set(keyring.Item{Key: ringKey(vault), Data: data})
	})
	check(t, err)
}

func lock(t *testing.T, conn *dbus.Conn) {
	t.Helper()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	check(t, conn.Object(secretsName, "/org/freedesktop/secrets").
		Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{"/org/freedesktop/secrets/collection/login"}).
		Store(&locked, &prompt))
}

// TestCreateWithKeyring makes the first start's vault: keyring and passphrase.
func TestCreateWithKeyring(t *testing.T) {
	startKeyring(t)
	f := claim(t, t.TempDir()+"/p")
	word := Passphrase(secret.New("word"))
	v, err := f.Create(t.Context(), silent, word)
	check(t, err)
	item := new(ringItem)
	check(t, ring{}.get(t.Context(), v.ID(), item))
	if text, _ := json.Marshal(item); item.Generation != 1 || item.RootHash != v.keys.rootHash() {
		t.Fatalf("%s", text)
	}
	check(t, v.Compact())
	check(t, ring{}.get(t.Context(), v.ID(), item))
	if item.Generation != 2 {
		t.Fatal("the keyring was not told of the new generation")
	}
	v = reopen(t, f, v, silent)
	ways, err := f.Ways()
	check(t, err)
	if len(ways) != 2 || ways[0].Kind != WayKeyring || ways[1].Kind != WayPassphrase {
		t.Fatal(ways)
	}
	wants(t, v.RemoveWay(t.Context(), ways[1].ID), ErrLastWay)
	check(t, v.RemoveWay(t.Context(), ways[0].ID))
	wantsWhy(t, ring{}.get(t.Context(), v.ID(), item), KeyringMissing, ErrWrongKey)
	reopen(t, f, v, word)
}

// TestKeyringThatPanics: the library's backends do, on answers they do not expect.
func TestKeyringThatPanics(t *testing.T) {
	startKeyring(t)
	_, err := ring{}.use(t.Context(), func(keyring.Keyring) ([]byte, error) { panic("odd answer") })
	wantsWhy(t, err, KeyringFailed, ErrNoKeyring)
	_, err = ring{}.use(t.Context(), func(keyring.Keyring) ([]byte, error) { return nil, errors.New("odd") })
	wantsWhy(t, err, KeyringFailed, ErrNoKeyring)
}
