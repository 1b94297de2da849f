//go:build unix

package vault

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dancecard/internal/secret"
)

// watch runs Watch and gives its word.
func watch(t *testing.T, v *Vault) <-chan error {
	word := make(chan error, 1)
	go func() { word <- v.Watch(t.Context()) }()
	return word
}

func await(t *testing.T, what string, word <-chan error) error {
	t.Helper()
	select {
	case err := <-word:
		return err
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nobody noticed", what)
		return nil
	}
}

// TestV32WatchTells: what replaces or removes the vault's files is told at once,
// also where no change is made.
func TestV32WatchTells(t *testing.T) {
	all := maps.Clone(meddlers)
	in := func(name string, do func(path string) error) func(string) error {
		return func(dir string) error { return do(filepath.Join(dir, name)) }
	}
	all["header removed"] = in(headerFile, os.Remove)
	all["header emptied"] = in(headerFile, func(path string) error { return os.Truncate(path, 0) })
	all["snapshot removed"] = in(snapshotFile, os.Remove)
	all["snapshot of another"] = in(snapshotFile, func(path string) error { return os.WriteFile(path, make([]byte, 500), 0o600) })
	all["snapshot linked"] = in(snapshotFile, func(path string) error { return os.Link(path, path+".link") })
	all["folder removed"] = os.RemoveAll
	for what, meddle := range all {
		f, v, _ := newVault(t)
		check(t, v.Commit(set("a", "1")))
		word := watch(t, v)
		check(t, meddle(f.disk.dir))
		if err := await(t, what, word); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestV32WatchKnowsItsOwn: nothing that the vault does itself is told.
func TestV32WatchKnowsItsOwn(t *testing.T) {
	_, v, _ := newVault(t)
	word := watch(t, v)
	info, err := v.AddWay(t.Context(), Passphrase(secret.New("pass")))
	check(t, err)
	for range 20 {
		check(t, v.Commit(set("a", "1")))
		check(t, v.Log([]byte("entry")))
		check(t, v.Inbox().Put([]byte("item")))
		check(t, v.Compact())
		check(t, v.Rekey(t.Context()))
		check(t, v.Settle())
	}
	check(t, v.RemoveWay(t.Context(), info.ID))
	select {
	case err := <-word:
		t.Fatal(err)
	default:
	}
	check(t, v.Close())
	wants(t, await(t, "close", word), ErrClosed)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, v, _ = newVault(t)
	wants(t, v.Watch(over), context.Canceled)
}
