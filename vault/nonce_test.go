//go:build unix

package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

type nonce [chacha20poly1305.NonceSizeX]byte

// noncesIn are those of a file made of frames.
func noncesIn(data []byte) (all []nonce) {
	for data = data[headSize:]; len(data) > 0; {
		all = append(all, nonce(data[12+checkSize:frameHead]))
		data = data[frameHead+int(binary.BigEndian.Uint32(data[8:])):]
	}
	return all
}

// TestV16NoncesNeverRepeat: not in a million frames, nor where a crash throws a
// vault back again and again and the same change takes the same place.
func TestV16NoncesNeverRepeat(t *testing.T) {
	t.Parallel()
	writes, crashes := 1_000_000, 200
	if raceDetector {
		writes, crashes = 50_000, 50
	}
	k := deriveKeys([idSize]byte{1}, bytes.Repeat([]byte{2}, keySize))
	s := k.newStrip(kindJournal, 7)
	all := make([]nonce, 0, writes)
	for i := range writes {
		frame := s.seal(uint64(i), []byte("t"))
		all = append(all, nonce(frame[12+checkSize:frameHead]))
	}
	before, key, _ := smallVault(t)
	dir := filepath.Join(memoryDir(t), "p")
	was := nonce{}
	for range crashes {
		before.place(t, dir)
		f := claim(t, dir)
		v := open(t, f, key)
		check(t, v.Commit(set("token/2", "the same")))
		journal := noncesIn(must(os.ReadFile(filepath.Join(dir, journalFile))))
		if len(journal) != 4 || journal[3] == was {
			t.Fatal(len(journal), "frames, or the same nonce again")
		}
		was = journal[3]
		check(t, v.Compact())
		check(t, v.Log([]byte("entry")))
		check(t, f.Close())
		for _, name := range []string{snapshotFile, activityFile} {
			all = append(all, noncesIn(must(os.ReadFile(filepath.Join(dir, name))))...)
		}
		all = append(all, was)
	}
	slices.SortFunc(all, func(a, b nonce) int { return bytes.Compare(a[:], b[:]) })
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("%d of %d nonces are not the first of their kind", len(all)-n, len(all))
	}
}

// TestV16NumbersInMemoryNeverRepeat: nor do those of values sealed in memory.
func TestV16NumbersInMemoryNeverRepeat(t *testing.T) {
	m, seen := newMemory(), map[string]bool{}
	for i := range 10_000 {
		key := fmt.Sprint(i % 7)
		m.apply([]Change{set(key, "v"), set("other", "v")})
		for _, sealed := range []string{string(m.values[key]), string(m.values["other"])} {
			if number := sealed[:numberSize]; seen[number] {
				t.Fatalf("number %x again", number)
			} else {
				seen[number] = true
			}
		}
	}
	a, b := newMemory(), newMemory()
	a.apply([]Change{set("k", "v")})
	b.apply([]Change{set("k", "v")})
	if bytes.Equal(a.values["k"], b.values["k"]) {
		t.Error("two vaults seal with one key")
	}
}

// TestV33OldKeyOpensNothing: after a re-keying nothing in the folder opens with
// the old root key, and no part of what it sealed is left.
func TestV33OldKeyOpensNothing(t *testing.T) {
	f, v, key := newVault(t)
	for i := range 30 {
		check(t, v.Commit(set(fmt.Sprintf("token/%d", i%5), fmt.Sprint("value ", i))))
		check(t, v.Log(fmt.Appendf(nil, "entry %d", i)))
	}
	v.activity.mu.Lock()
	v.activity.rotateLocked()
	v.activity.mu.Unlock()
	check(t, v.Log([]byte("entry in the next file")))
	check(t, v.Compact())
	check(t, v.Commit(set("late", "value")))
	old := deriveKeys(v.keys.vault, bytes.Clone(v.keys.root))
	before := readFiles(t, f.disk.dir)
	check(t, v.Rekey(t.Context()))
	after := readFiles(t, f.disk.dir)
	for name, data := range after {
		if at := shares(before, data, 24); at >= 0 && name != headerFile {
			t.Errorf("%s holds at %d what was sealed before", name, at)
		}
	}
	for _, kind := range []string{snapshotFile, journalFile, activityFile} {
		if _, _, err := old.openStrip(map[string]string{snapshotFile: kindSnapshot, journalFile: kindJournal, activityFile: kindActivity}[kind], after[kind]); err != errHeadKey {
			t.Errorf("%s with the old key: %v", kind, err)
		}
	}
	if _, ok := after[activityOld]; ok {
		t.Error("the older activity stays")
	}
	h := must(parseHeader(after[headerFile]))
	if h.verify(old) == nil {
		t.Error("the old key signs the list of ways in")
	}
	check(t, f.Close())
	// With the header and the slots of before, the old key gets no further.
	mixed := maps.Clone(after)
	for name, data := range before {
		if name == headerFile || filepath.Dir(name) == slotsFolder {
			mixed[name] = data
		}
	}
	_, err := openFiles(t, filepath.Join(t.TempDir(), "mixed"), mixed, key)
	wants(t, err, ErrDamaged)
}

// shares finds n bytes in a row of data that lie in one of the files too; what a
// reader of the folder knows anyway (heads up to the key's id, age's own words)
// is not looked at.
func shares(all files, data []byte, n int) int {
	seen := map[string]bool{}
	for _, old := range all {
		for i := 0; i+n <= len(old); i++ {
			seen[string(old[i:i+n])] = true
		}
	}
	known := []byte("age-encryption.org/v1\n-> X25519 ")
	for i := 0; i+n <= len(data); i++ {
		part := data[i : i+n]
		public := i < 24 || bytes.Contains(known, part[:16])
		if seen[string(part)] && !public {
			return i
		}
	}
	return -1
}
