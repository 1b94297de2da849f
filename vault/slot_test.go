//go:build unix

package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"dancecard/internal/secret"
)

func TestRecoveryKeyAsPeopleTypeIt(t *testing.T) {
	text, err := NewRecoveryKey()
	check(t, err)
	good := text.Reveal()
	for _, typed := range []string{
		good, strings.ToLower(good), strings.ReplaceAll(good, "-", " "), strings.ReplaceAll(good, "-", ""),
		"\n " + strings.ReplaceAll(good, "-", " – ") + "\t", identityPrefix + strings.ReplaceAll(good, "-", ""),
	} {
		if _, err := RecoveryKey(secret.New(typed)); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
	if _, err := age.ParseX25519Identity(identityPrefix + strings.ReplaceAll(good, "-", "")); err != nil {
		t.Error("no age identity:", err)
	}
	other := func(c byte) byte {
		if c == 'Q' {
			return 'P'
		}
		return 'Q'
	}
	for _, at := range []int{0, 6, 70, len(good) - 1} { // group 1, 2, 15
		typo := []byte(good)
		typo[at] = other(typo[at])
		_, err := RecoveryKey(secret.New(string(typo)))
		if want := fmt.Sprintf("group %d ", at/5+1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("letter %d: %v, want %q", at, err, want)
		}
		if err != nil && strings.Contains(err.Error(), string(typo[:9])) {
			t.Errorf("the error tells the key: %v", err)
		}
	}
	swapped := []byte(good)
	for i := range 3 {
		if swapped[i] != swapped[i+1] {
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			break
		}
	}
	many := []byte(good)
	for _, at := range []int{0, 10, 20, 30, 40} {
		many[at] = other(many[at])
	}
	for typed, want := range map[string]string{
		string(swapped):                "group 1 ",
		string(many):                   "more than one",
		good[:50]:                      "all 58 are needed",
		good + "-QQQQ":                 "all 58 are needed",
		"":                             "has 0 letters",
		good[:5] + "I" + good[6:]:      "group 2 ",
		good[:10] + "\x00" + good[11:]: "group 3 ",
	} {
		_, err := RecoveryKey(secret.New(typed))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", typed, err, want)
		}
	}
}

func TestPassphraseEdges(t *testing.T) {
	_, v, _ := newVault(t)
	if _, err := v.AddWay(t.Context(), Passphrase(secret.String{})); err == nil {
		t.Error("an empty passphrase was taken")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, way := range []KeySource{Passphrase(secret.New("x")), newRecovery(t), silent} {
		if _, err := v.AddWay(over, way); err == nil {
			t.Errorf("%s was added after the caller gave up", way.Kind())
		}
		if v.Verify(over, way) == nil {
			t.Errorf("%s was verified after the caller gave up", way.Kind())
		}
	}
	if v.Rekey(over) == nil {
		t.Error("re-keyed after the caller gave up")
	}
	if len(v.Ways()) != 1 {
		t.Error(v.Ways())
	}
	if err := v.RemoveWay(t.Context(), "nobody"); err == nil {
		t.Error("removed a way that is not there")
	}
	if slotErr := slotError("x", fmt.Errorf("%w: odd", errAge)); !errors.Is(slotErr, ErrDamaged) {
		t.Error(slotErr)
	}
	cheap := must(age.NewScryptRecipient("x"))
	cheap.SetWorkFactor(testOnlyWorkFactor)
	sealed, err := ageSeal([]byte("no identity"), cheap)
	check(t, err)
	if _, _, err := Passphrase(secret.New("x")).identity(t.Context(), "", sealed); !errors.Is(err, errAge) {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestWayWhoseRecipientIsLost cannot be carried over, but can be removed.
func TestWayWhoseRecipientIsLost(t *testing.T) {
	f, v, key := newVault(t)
	info, err := v.AddWay(t.Context(), Passphrase(secret.New("x")))
	check(t, err)
	check(t, v.commitLocked([]Change{{Key: wayKey(info.ID)}}))
	if err := v.Rekey(t.Context()); err == nil || !strings.Contains(err.Error(), "add it again") {
		t.Fatal(err)
	}
	check(t, v.RemoveWay(t.Context(), info.ID))
	reopen(t, f, v, key)
}

func TestErrorsAreSentences(t *testing.T) {
	for _, err := range []error{
		&InUseError{Dir: "/p", PID: 7}, &InUseError{Dir: "/p"}, &UnsafeError{"/p", "wrong"},
		&DamagedError{File: "journal", Offset: 64, What: "bad"}, damaged("journal", "bad"),
		&KeyringError{KeyringNone, "detail"}, &KeyringError{KeyringMissing, ""},
	} {
		if text := err.Error(); len(text) < 15 || strings.Contains(text, "%!") {
			t.Errorf("%q", text)
		}
	}
}

// TestInboxOddItems: what cannot be read is told, does not hide the rest, and is
// set aside; what was cleared does not come back.
func TestInboxOddItems(t *testing.T) {
	f, v, key := newVault(t)
	box := v.Inbox()
	check(t, box.Put([]byte("one")))
	check(t, box.Put([]byte("two")))
	path := func(name string) string { return filepath.Join(f.disk.dir, inboxFolder, name) }
	one := must(os.ReadFile(path(itemName(1))))
	check(t, os.WriteFile(path(itemName(7)), one, 0o600)) // renamed
	check(t, os.WriteFile(path(itemName(8)), []byte("junk"), 0o600))
	check(t, os.WriteFile(path(itemName(9)+newSuffix), []byte("half an item"), 0o600))
	check(t, os.WriteFile(path(itemName(10)+newSuffix), nil, 0o600))
	check(t, os.WriteFile(path("notes"), []byte("the user's"), 0o600))
	v = reopen(t, f, v, key)
	if n := len(v.Findings()); n != 1 {
		t.Fatal(v.Findings())
	}
	items, err := v.Received()
	wants(t, err, ErrDamaged)
	if fmt.Sprintf("%s", items) != "[one two]" {
		t.Fatalf("%s", items)
	}
	check(t, v.ClearReceived())
	check(t, v.ClearReceived())
	if n := len(v.Findings()); n != 3 {
		t.Fatal(v.Findings())
	}
	for _, finding := range v.Findings() {
		if _, err := os.Stat(filepath.Join(f.disk.dir, finding.File)); err != nil {
			t.Error(err)
		}
	}
	check(t, os.WriteFile(path(itemName(1)), one, 0o600)) // somebody puts it back
	v = reopen(t, f, v, key)
	items, err = v.Received()
	check(t, err)
	if len(items) != 0 {
		t.Fatalf("%s came back", items)
	}
	check(t, box.Put([]byte("new")))
	items, err = v.Received()
	check(t, err)
	if len(items) != 1 {
		t.Fatalf("%s", items)
	}
	if box.Put(make([]byte, maxItem+1)) == nil {
		t.Error("too large")
	}
	check(t, f.Close())
	check(t, f.Close())
	wants(t, box.Put([]byte("late")), ErrClosed)
	_, err = f.Open(t.Context(), key)
	wants(t, err, ErrClosed)
	_, err = f.Create(t.Context(), key)
	wants(t, err, ErrClosed)
	if fresh := claim(t, filepath.Join(t.TempDir(), "p")); fresh.inbox.Put(nil) == nil {
		t.Error("put to nobody")
	}
}

func TestActivityIsBoundedAndNeverInTheWay(t *testing.T) {
	f, v, key := newVault(t)
	entry := make([]byte, 8<<10)
	for i := range 200 {
		copy(entry, fmt.Sprintf("%04d", i))
		check(t, v.Log(entry))
	}
	got, err := v.Activity(1000)
	check(t, err)
	if len(got) < 64 || len(got) > 160 || string(got[0][:4]) != "0199" {
		t.Fatal(len(got), string(got[0][:4]))
	}
	if v.Log(make([]byte, maxEntry+1)) == nil {
		t.Error("too large")
	}
	for _, data := range [][]byte{nil, []byte("junk"), make([]byte, 5000)} {
		check(t, v.Close())
		check(t, os.WriteFile(filepath.Join(f.disk.dir, activityFile), data, 0o600))
		v = open(t, f, key)
		check(t, v.Log([]byte("on we go")))
		got, err = v.Activity(1)
		check(t, err)
		if len(got) != 1 || string(got[0]) != "on we go" {
			t.Fatalf("%s", got)
		}
	}
	if _, err := f.Open(t.Context(), key); err == nil {
		t.Error("opened twice")
	}
}

// TestCompactsByItself: a journal that grows without the values growing is
// written anew.
func TestCompactsByItself(t *testing.T) {
	f, v, key := newVault(t)
	for i := range 200 {
		check(t, v.Commit(set("token", strings.Repeat(fmt.Sprint(i%10), 2000))))
	}
	if info := must(os.Stat(filepath.Join(f.disk.dir, journalFile))); info.Size() > 2*compactAt {
		t.Error("the journal has", info.Size(), "bytes")
	}
	if v.generation == 1 {
		t.Error("never compacted")
	}
	v = reopen(t, f, v, key)
	wantState(t, v, map[string]string{"token": strings.Repeat("9", 2000)})
}
