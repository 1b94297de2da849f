//go:build unix

package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/age"

	"dancecard/internal/secret"
)

// FuzzHeader: what is accepted is written back to the byte.
func FuzzHeader(f *testing.F) {
	all, _, _ := smallVault(f)
	f.Add(all[headerFile])
	f.Add([]byte(`{"format": 2}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := parseHeader(text)
		if err != nil {
			if h != nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFuture) {
				t.Fatal(h, err)
			}
			return
		}
		if !bytes.Equal(h.encode(), text) {
			t.Fatalf("accepted %q, writes %q", text, h.encode())
		}
	})
}

// FuzzRecords: what is accepted is written back to the byte.
func FuzzRecords(f *testing.F) {
	f.Add(appendChange(appendChange(nil, set("token/1", "value")), Change{Key: "gone"}))
	f.Add([]byte{opSet, 1, 'k', 0x80, 0})
	f.Add([]byte{opEnd, 1})
	f.Fuzz(func(t *testing.T, plain []byte) {
		changes, err := parseChanges(plain)
		if err != nil {
			if changes != nil {
				t.Fatal("records with an error")
			}
			return
		}
		var again []byte
		for _, c := range changes {
			again = appendChange(again, c)
		}
		if !bytes.Equal(again, plain) {
			t.Fatalf("accepted %x, writes %x", plain, again)
		}
	})
}

// FuzzFrame: a journal that was changed gives batches that were written, in
// order and from the first, or an error.
func FuzzFrame(f *testing.F) {
	k := deriveKeys([idSize]byte{1}, bytes.Repeat([]byte{2}, keySize))
	s := k.newStrip(kindJournal, 7)
	file := bytes.Clone(s.head)
	written := []string{"one", "two", "three"}
	for i, value := range written {
		file = append(file, s.seal(uint64(i+1), appendChange(nil, set("k", value)))...)
	}
	f.Add(file)
	f.Add(file[:len(file)-7])
	f.Add(append(bytes.Clone(file), make([]byte, 600)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		strip, generation, err := k.openStrip(kindJournal, data)
		if err != nil {
			return
		}
		if generation != 7 {
			t.Fatalf("a head of generation %d was forged", generation)
		}
		var got []string
		size, last, tail, err := readJournal(data, strip, generation, func(c []Change) { got = append(got, string(c[0].Value)) })
		if len(got) > len(written) || !slices.Equal(got, written[:len(got)]) {
			t.Fatalf("read %q", got)
		}
		if err == nil && (last != uint64(len(got)) || (tail == nil) != (size == int64(len(data)))) {
			t.Fatal(size, last, tail)
		}
	})
}

// FuzzSnapshot: a snapshot that was changed gives all that was written or an
// error, and says where.
func FuzzSnapshot(f *testing.F) {
	k := deriveKeys([idSize]byte{1}, bytes.Repeat([]byte{2}, keySize))
	s := k.newStrip(kindSnapshot, 7)
	written := []string{"one", "two", "three"}
	var file []byte
	for i, value := range written {
		file = append(file, s.seal(uint64(i+1), appendChange(nil, set("k", value)))...)
	}
	file = append(file, s.seal(4, []byte{opEnd, 3})...)
	f.Add(file)
	f.Add(file[:len(file)-70])
	f.Add(append(bytes.Clone(file), 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got []string
		size := int64(headSize + len(data))
		err := readSnapshot(bytes.NewReader(data), size, s, func(c []Change) { got = append(got, string(c[0].Value)) })
		if err == nil && len(got) < len(written) {
			t.Fatalf("accepted, and %q is all there is", got)
		}
		if d, ok := errors.AsType[*DamagedError](err); err != nil && (!ok || d.Offset < headSize || d.Offset > size) {
			t.Fatal(err)
		}
		if len(got) > len(written) || !slices.Equal(got, written[:len(got)]) {
			t.Fatalf("read %q", got)
		}
	})
}

// FuzzSlot: an age file that was changed gives the root key or an error. Its
// scrypt cost is bounded before anything is computed.
func FuzzSlot(f *testing.F) {
	identity, err := age.ParseX25519Identity("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")
	check(f, err)
	root := bytes.Repeat([]byte{3}, keySize)
	good, err := ageSeal(root, identity.Recipient())
	check(f, err)
	word := Passphrase(secret.New("word"))
	a, err := word.arm(f.Context(), "")
	check(f, err)
	f.Add(good)
	f.Add(a.identity)
	costly := bytes.Replace(a.identity, []byte(" 4\n"), []byte(" 30\n"), 1)
	f.Add(costly)
	if _, _, err := word.identity(f.Context(), "", costly); err == nil {
		f.Fatal("a gigabyte for the asking")
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := ageOpen(file, identity)
		if err == nil && !bytes.Equal(got, root) {
			t.Fatalf("opens to %x", got)
		}
		if bytes.Contains(file, []byte(" 4\n")) || !bytes.Contains(file, []byte("scrypt")) {
			word.identity(t.Context(), "", file)
		}
	})
}

// FuzzInbox: an item's file that was changed gives the item or an error.
func FuzzInbox(f *testing.F) {
	all, key, _ := smallVault(f)
	dir := filepath.Join(memoryDir(f), "p")
	check(f, os.Mkdir(dir, 0o700))
	all.write(f, dir)
	folder, err := Claim(dir)
	check(f, err)
	defer folder.Close()
	v, err := folder.Open(f.Context(), key)
	check(f, err)
	_, keys, err := v.inboxRecord()
	check(f, err)
	d, err := v.disk.sub(inboxFolder)
	check(f, err)
	f.Add(all[filepath.Join(inboxFolder, itemName(1))])
	forged := append(bytes.Clone(v.keys.vault[:]), binary.BigEndian.AppendUint64(nil, 2)...)
	renumbered, err := ageSeal(append(forged, "item"...), keys[0].Recipient())
	check(f, err)
	f.Add(renumbered)
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, d.write("fuzzed", data))
		item, err := v.readItem(d, "fuzzed", 1, keys)
		if err == nil && string(item) != "item" {
			t.Fatalf("opens to %q", item)
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

// FuzzRecoveryKey: what is accepted is a key, however it is typed, and the error
// never repeats what was typed.
func FuzzRecoveryKey(f *testing.F) {
	text, err := NewRecoveryKey()
	check(f, err)
	f.Add(text.Reveal())
	f.Add("age-secret-key-1 qqqq")
	f.Fuzz(func(t *testing.T, typed string) {
		key, err := RecoveryKey(secret.New(typed))
		if (key == nil) != (err != nil) {
			t.Fatal(key, err)
		}
	})
}
