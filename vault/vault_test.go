//go:build unix

package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"dancecard/internal/secret"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails unless err is want.
func wants(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func newRecovery(t testing.TB) KeySource {
	t.Helper()
	text, err := NewRecoveryKey()
	check(t, err)
	key, err := RecoveryKey(text)
	check(t, err)
	return key
}

func claim(t testing.TB, dir string) *Folder {
	t.Helper()
	f, err := Claim(dir)
	check(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// newVault makes a vault with a recovery key.
func newVault(t testing.TB) (*Folder, *Vault, KeySource) {
	t.Helper()
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	key := newRecovery(t)
	v, err := f.Create(context.Background(), key)
	check(t, err)
	return f, v, key
}

func set(key, value string) Change { return Change{key, []byte(value)} }

// state is all of a vault's values.
func state(t testing.TB, v *Vault) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, k := range v.Keys("") {
		value, ok, err := v.Get(k)
		if err != nil || !ok {
			t.Fatalf("%s: %v %v", k, ok, err)
		}
		m[k] = string(value)
	}
	return m
}

func wantState(t testing.TB, v *Vault, want map[string]string) {
	t.Helper()
	if got := state(t, v); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func reopen(t testing.TB, f *Folder, v *Vault, key KeySource) *Vault {
	t.Helper()
	check(t, v.Close())
	return open(t, f, key)
}

func open(t testing.TB, f *Folder, key KeySource) *Vault {
	t.Helper()
	v, err := f.Open(context.Background(), key)
	check(t, err)
	return v
}

func TestCommitGetReopen(t *testing.T) {
	f, v, key := newVault(t)
	check(t, v.Commit(set("token/a", "one"), set("token/b", "two"), set("profile", "")))
	check(t, v.Commit(Change{Key: "token/a"}, set("token/c", "three")))
	want := map[string]string{"token/b": "two", "token/c": "three", "profile": ""}
	wantState(t, v, want)
	if got := v.Keys("token/"); !slices.Equal(got, []string{"token/b", "token/c"}) {
		t.Fatal(got)
	}
	if _, ok, err := v.Get("token/a"); ok || err != nil {
		t.Fatal(ok, err)
	}
	if b, ok, _ := v.Get("profile"); !ok || b == nil {
		t.Fatal("an empty value is one too")
	}
	v = reopen(t, f, v, key)
	wantState(t, v, want)
	check(t, v.Compact())
	wantState(t, v, want)
	check(t, v.Commit(set("late", "x")))
	want["late"] = "x"
	v = reopen(t, f, v, key)
	wantState(t, v, want)
	if len(v.Findings()) != 0 {
		t.Fatal(v.Findings())
	}
	for _, c := range [][]Change{nil, {{}}, {{Key: "\x00way"}}, {{Key: "a\nb"}}, {{"k", make([]byte, maxValue+1)}}} {
		if v.Commit(c...) == nil {
			t.Fatalf("%.40v was taken", c)
		}
	}
}

func TestWays(t *testing.T) {
	f, v, key := newVault(t)
	check(t, v.Commit(set("a", "1")))
	word := Passphrase(secret.New("correct horse"))
	info, err := v.AddWay(t.Context(), word)
	check(t, err)
	check(t, v.Verify(t.Context(), word))
	wants(t, v.Verify(t.Context(), Passphrase(secret.New("wrong"))), ErrWrongKey)
	check(t, v.Rekey(t.Context()))
	v = reopen(t, f, v, word)
	wantState(t, v, map[string]string{"a": "1"})
	v = reopen(t, f, v, key)
	check(t, v.RemoveWay(t.Context(), info.ID))
	wants(t, v.Verify(t.Context(), word), ErrWrongKey)
	wants(t, v.RemoveWay(t.Context(), v.Ways()[0].ID), ErrLastWay)
	v = reopen(t, f, v, key)
	wantState(t, v, map[string]string{"a": "1"})
	check(t, v.Close())
	_, err = f.Open(t.Context(), word)
	wants(t, err, ErrWrongKey)
}

func TestInbox(t *testing.T) {
	f, v, key := newVault(t)
	box := v.Inbox()
	check(t, v.Close())
	check(t, box.Put([]byte("one")))
	check(t, box.Put([]byte("two")))
	v = open(t, f, key)
	check(t, v.Rekey(t.Context()))
	check(t, box.Put([]byte("three")))
	items, err := v.Received()
	check(t, err)
	if string(bytes.Join(items, []byte(","))) != "one,two,three" {
		t.Fatalf("%q", items)
	}
	check(t, box.Put([]byte("four")))
	check(t, v.ClearReceived())
	items, err = v.Received()
	check(t, err)
	if len(items) != 1 || string(items[0]) != "four" {
		t.Fatalf("%q", items)
	}
	check(t, v.ClearReceived())
	if r, _, err := v.inboxRecord(); err != nil || len(r.Identities) != 1 {
		t.Fatal("an older key of the inbox stays although nothing needs it", err)
	}
}

func TestActivity(t *testing.T) {
	f, v, key := newVault(t)
	for i := range 5 {
		check(t, v.Log(fmt.Appendf(nil, "entry %d", i)))
	}
	check(t, v.Rekey(t.Context()))
	check(t, v.Log([]byte("after")))
	v = reopen(t, f, v, key)
	check(t, v.Log([]byte("last")))
	got, err := v.Activity(3)
	check(t, err)
	if string(bytes.Join(got, []byte(","))) != "last,after,entry 4" {
		t.Fatalf("%q", got)
	}
}

var silent = Keyring(KeyringConfig{})
