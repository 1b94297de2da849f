//go:build unix

package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"dancecard/internal/secret"
)

func exportWord(t testing.TB, word string) ExportKey {
	t.Helper()
	return must(ExportPassphrase(secret.New(word)))
}

func exported(t testing.TB, v *Vault, key ExportKey) []byte {
	t.Helper()
	var out bytes.Buffer
	check(t, v.Export(context.Background(), &out, key))
	return out.Bytes()
}

// imports imports into a fresh folder; a refusal leaves nothing behind.
func imports(t testing.TB, file io.Reader, key ExportKey) (*Folder, *Vault, ExportInfo, error) {
	t.Helper()
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	v, info, err := f.Import(context.Background(), file, key, Passphrase(secret.New("here")))
	if err != nil {
		if left := readFiles(t, f.disk.dir); len(left) != 0 || v != nil {
			t.Fatalf("refused (%v), and %d files are left", err, len(left))
		}
		wants(t, func() error { _, err := f.Open(context.Background(), Passphrase(secret.New("here"))); return err }(), ErrNoVault)
	}
	return f, v, info, err
}

func TestExportAndImport(t *testing.T) {
	f, v, key := newVault(t)
	check(t, v.Commit(set("account/1", "one"), set("empty", ""), set("large", strings.Repeat("0123456789", 50_000))))
	check(t, v.Compact())
	want := state(t, v)
	pair := must(age.GenerateX25519Identity())
	for what, keys := range map[string][2]ExportKey{
		"passphrase": {exportWord(t, "a pässphrase"), exportWord(t, "a pa\u0308ssphrase")},
		"recipient":  {must(ExportRecipient(pair.Recipient().String())), must(ExportIdentity(secret.New(pair.String())))},
	} {
		file := exported(t, v, keys[0])
		if bytes.Contains(file, []byte("0123456789")) || bytes.Contains(file, []byte(v.ID())) {
			t.Error(what, "is not sealed")
		}
		f2, moved, info, err := imports(t, iotest.OneByteReader(bytes.NewReader(file)), keys[1])
		check(t, err)
		wantState(t, moved, want)
		if info.Vault != v.ID() || info.Generation != 2 || info.Made.IsZero() || moved.ID() == v.ID() || bytes.Equal(moved.keys.root, v.keys.root) {
			t.Errorf("%s: %+v", what, info)
		}
		here := Passphrase(secret.New("here"))
		for range 2 { // until somebody settles it
			if n := moved.Findings(); len(n) != 1 || n[0].Kind != FindingMoved {
				t.Fatalf("%s: %v", what, n)
			}
			moved = reopen(t, f2, moved, here)
		}
		check(t, moved.Commit(set("more", "x")))
		check(t, moved.Settle())
		moved = reopen(t, f2, moved, here)
		if n := moved.Findings(); len(n) != 0 {
			t.Error(n)
		}
		_, _, err = f2.Import(t.Context(), bytes.NewReader(file), keys[1], here)
		wants(t, err, ErrExists)
	}
	reopen(t, f, v, key)
}

func TestExportRefuses(t *testing.T) {
	_, v, _ := newVault(t)
	check(t, v.Commit(set("a", "1")))
	file := exported(t, v, exportWord(t, "right"))
	_, _, _, err := imports(t, bytes.NewReader(file), exportWord(t, "wrong"))
	wants(t, err, ErrWrongKey)
	pair := must(age.GenerateX25519Identity())
	_, _, _, err = imports(t, bytes.NewReader(file), must(ExportIdentity(secret.New(pair.String()))))
	wants(t, err, ErrWrongKey)
	only := must(ExportRecipient(pair.Recipient().String()))
	if _, _, _, err := imports(t, bytes.NewReader(file), only); err == nil {
		t.Error("opened by a recipient")
	}
	if v.Export(t.Context(), io.Discard, ExportKey{}) == nil {
		t.Error("exported to nobody")
	}
	for _, word := range []string{"", "age1qq", "AGE-SECRET-KEY-1QQ"} {
		if _, err := ExportRecipient(word); err == nil {
			t.Error(word)
		}
		if _, err := ExportIdentity(secret.New(word)); err == nil {
			t.Error(word)
		}
	}
	if _, err := ExportPassphrase(secret.String{}); err == nil {
		t.Error("an empty passphrase")
	}
	broken := errors.New("the disk is gone")
	_, _, _, err = imports(t, io.MultiReader(bytes.NewReader(file[:len(file)-5]), iotest.ErrReader(broken)), exportWord(t, "right"))
	wants(t, err, broken)
	if err := v.Export(t.Context(), failing{broken}, exportWord(t, "x")); !errors.Is(err, broken) {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	wants(t, v.Export(over, io.Discard, exportWord(t, "x")), context.Canceled)
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	_, _, err = f.Import(over, bytes.NewReader(file), exportWord(t, "right"), Passphrase(secret.New("here")))
	wants(t, err, context.Canceled)
	_, _, err = f.Import(t.Context(), bytes.NewReader(file), exportWord(t, "right"), silentRing)
	wants(t, err, ErrLastWay)
	check(t, v.Close())
	wants(t, v.Export(t.Context(), io.Discard, exportWord(t, "x")), ErrClosed)
}

var silentRing = Keyring(KeyringConfig{})

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestExportEndsWithTheVault: a lock in the middle leaves no whole export.
func TestExportEndsWithTheVault(t *testing.T) {
	_, v, _ := newVault(t)
	for i := range 20 {
		check(t, v.Commit(set(fmt.Sprint(i), strings.Repeat("x", 100_000))))
	}
	var out bytes.Buffer
	err := v.Export(t.Context(), writerFunc(func(b []byte) (int, error) {
		if out.Len() > 500_000 {
			check(t, v.Close())
		}
		return out.Write(b)
	}), exportWord(t, "x"))
	wants(t, err, ErrClosed)
	_, _, _, err = imports(t, &out, exportWord(t, "x"))
	wants(t, err, ErrDamaged)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestV37HostileImport: whatever was done to the file, or by whoever knows its
// passphrase, is refused in bounded memory and leaves nothing behind.
func TestV37HostileImport(t *testing.T) {
	_, v, _ := newVault(t)
	check(t, v.Commit(set("a", "1"), set("b", "2")))
	key := exportWord(t, "word")
	file := exported(t, v, key)
	refused := func(what string, data []byte, want error) {
		t.Helper()
		state := newMemory()
		if _, err := openExport(t.Context(), bytes.NewReader(data), key, state); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for size := range file {
		refused(fmt.Sprint("cut to ", size), file[:size], ErrDamaged)
	}
	for at := range file {
		mutant := bytes.Clone(file)
		mutant[at] ^= 1 << (at % 8)
		if bytes.Contains(mutant, []byte(" 4\n")) { // not another work factor
			state := newMemory()
			if _, err := openExport(t.Context(), bytes.NewReader(mutant), key, state); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrWrongKey) {
				t.Fatalf("byte %d: %v", at, err)
			}
		}
	}
	refused("appended", append(bytes.Clone(file), 0), ErrDamaged)
	for _, factor := range []string{"0", "21", "64", "18446744073709551620"} {
		refused("work factor "+factor, bytes.Replace(file, []byte(" 4\n"), []byte(" "+factor+"\n"), 1), ErrDamaged)
	}
	head := "dancecard export 1\n" + `{"vault":"` + strings.Repeat("ab", 16) + `","generation":7,"made":"2026-11-23T10:00:00Z"}` + "\n"
	record := string(appendChange(nil, set("a", "1")))
	for what, plain := range hostileExports(head, record) {
		want := ErrDamaged
		if strings.HasPrefix(what, "future") {
			want = ErrFuture
		}
		refused(what, must(ageSeal([]byte(plain), key.to)), want)
	}
	if _, err := readExport(strings.NewReader(head+record+"\x00\x01"), newMemory()); err != nil {
		t.Fatal("the hostile ones are not well made:", err)
	}
	_, _, _, err := imports(t, bytes.NewReader(file[:len(file)-1]), key)
	wants(t, err, ErrDamaged)
}

func hostileExports(head, record string) map[string]string {
	set := func(key, value string) string {
		return "\x01" + string(binary.AppendUvarint(nil, uint64(len(key)))) + key + string(binary.AppendUvarint(nil, uint64(len(value)))) + value
	}
	return map[string]string{
		"empty": "", "no head": record, "head alone": head, "no end": head + record, "too few": head + record + "\x00\x02", "too many": head + record + "\x00\x00",
		"after the end": head + record + "\x00\x01x", "twice": head + record + record + "\x00\x02", "out of order": head + set("b", "") + set("a", "") + "\x00\x02",
		"removal": head + "\x02\x01a\x00\x01", "own record": head + set("\x00inbox", "{}") + "\x00\x01", "control character": head + set("a\n", "") + "\x00\x01",
		"empty key": head + set("", "") + "\x00\x01", "key too long": head + set(strings.Repeat("k", maxKey+1), "") + "\x00\x01",
		"value beyond end": head + "\x01\x01a\xff\xff\x03x", "value huge": head + "\x01\x01a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "length overflows": head + "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"length not shortest": head + "\x01\x81\x00a\x00\x00\x01", "count not shortest": head + record + "\x00\x81\x00",
		"future 2": strings.Replace(head, "1\n", "2\n", 1) + "anything", "future 10": strings.Replace(head, "1\n", "10\n", 1),
		"version 0": strings.Replace(head, "1\n", "0\n", 1), "version 01": strings.Replace(head, "1\n", "01\n", 1), "version none": strings.Replace(head, "1\n", "\n", 1),
		"endless head": "dancecard export 1\n" + strings.Repeat("x", 100_000), "endless line": strings.Repeat("x", 100_000),
		"head not JSON": "dancecard export 1\nnull\n\x00\x00", "other member": strings.Replace(head, `"gen`, `"critical":1,"gen`, 1) + "\x00\x00",
		"short id": strings.Replace(head, "abab", "", 1) + "\x00\x00", "bad time": strings.Replace(head, "2026", "x", 1) + "\x00\x00",
	}
}

// TestV37ImportIsBounded: a small file that unpacks to more than a vault holds
// is refused on the way.
func TestV37ImportIsBounded(t *testing.T) {
	head := "dancecard export 1\n" + `{"vault":"` + strings.Repeat("ab", 16) + `","generation":7,"made":"2026-11-23T10:00:00Z"}` + "\n"
	value := make([]byte, 2<<20)
	n, rest := 0, []byte(nil)
	endless := readerFunc(func(b []byte) (int, error) {
		if len(rest) == 0 {
			n++
			rest = appendChange(nil, Change{fmt.Sprintf("%06d", n), value})
		}
		size := copy(b, rest)
		rest = rest[size:]
		return size, nil
	})
	state := newMemory()
	_, err := readExport(io.MultiReader(strings.NewReader(head), endless), state)
	wants(t, err, ErrDamaged)
	if state.size > maxState+maxValue+4096 {
		t.Error(state.size)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// FuzzImport: what is accepted is what Export would write of it.
func FuzzImport(f *testing.F) {
	head := "dancecard export 1\n" + `{"vault":"` + strings.Repeat("ab", 16) + `","generation":7,"made":"2026-11-23T10:00:00Z"}` + "\n"
	record := string(appendChange(nil, set("a", "1")))
	f.Add([]byte(head + record + "\x00\x01"))
	for _, plain := range hostileExports(head, record) {
		f.Add([]byte(plain))
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		state := newMemory()
		info, err := readExport(bytes.NewReader(plain), state)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFuture) {
				t.Fatal(err)
			}
			return
		}
		var again bytes.Buffer
		out := &exportWriter{w: &again}
		out.head(info)
		for _, key := range state.keys("") {
			value, _, err := state.get(key)
			check(t, err)
			out.record(Change{key, value})
		}
		out.end()
		if !bytes.Equal(again.Bytes(), plain) {
			t.Fatalf("accepted %q, writes %q", plain, again.Bytes())
		}
	})
}
