//go:build unix

package vault

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dancecard/internal/secret"
)

// files is a vault's folder as it lies on disk.
type files map[string][]byte

func readFiles(t testing.TB, dir string) files {
	t.Helper()
	all := files{}
	check(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			all[name], err = os.ReadFile(path)
		}
		return err
	}))
	delete(all, lockFile)
	return all
}

func (f files) write(t testing.TB, dir string) {
	t.Helper()
	for name, data := range f {
		path := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, data, 0o600))
	}
}

func (f files) with(name string, data []byte) files {
	f = maps.Clone(f)
	f[name] = data
	return f
}

// smallVault is a closed vault with a snapshot and three frames in its journal.
func smallVault(t testing.TB) (files, KeySource, map[string]string) {
	t.Helper()
	f, v, key := newVault(t)
	check(t, v.Commit(set("token/1", "in the snapshot")))
	check(t, v.Compact())
	check(t, v.Commit(set("token/2", "first")))
	check(t, v.Commit(set("token/2", "second")))
	check(t, v.Commit(set("token/3", "third"), Change{Key: "token/1"}))
	check(t, v.Inbox().Put([]byte("item")))
	want := state(t, v)
	check(t, f.Close())
	return readFiles(t, f.disk.dir), key, want
}

// damagedDir is the folder that mutants are opened in, one after the other.
func damagedDir(t testing.TB) string {
	dir := filepath.Join(memoryDir(t), "p")
	check(t, os.MkdirAll(dir, 0o700))
	return dir
}

// openFiles opens what all says. What it does to dir is undone by the next call.
func openFiles(t testing.TB, dir string, all files, key KeySource) (*Vault, error) {
	t.Helper()
	check(t, os.RemoveAll(dir))
	check(t, os.MkdirAll(dir, 0o700))
	all.write(t, dir)
	f, err := Claim(dir)
	check(t, err)
	t.Cleanup(func() { f.Close() })
	v, err := f.Open(t.Context(), key)
	if err != nil {
		check(t, f.Close())
		if after := readFiles(t, dir); !maps.EqualFunc(after, all, bytes.Equal) {
			t.Fatalf("refused (%v), yet the folder was changed", err)
		}
	}
	return v, err
}

// judge accepts a refusal that says what is wrong, or the very same state.
func judge(t testing.TB, what string, v *Vault, err error, want map[string]string) {
	t.Helper()
	if err != nil {
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFuture) && !errors.Is(err, ErrWrongKey) && !errors.Is(err, ErrNoVault) {
			t.Fatalf("%s: unclear refusal: %v", what, err)
		}
		return
	}
	defer v.folder.Close()
	if got := state(t, v); !maps.Equal(got, want) {
		t.Fatalf("%s: opens and holds %v", what, got)
	}
}

var everyBit = flag.Bool("vault.everybit", false, "TestV1 and TestV2 try every bit and offset of every file, not a spread of them (a minute)")

func TestV1EveryBitFlipped(t *testing.T) {
	t.Parallel()
	all, key, want := smallVault(t)
	dir := damagedDir(t)
	for name, data := range all {
		stride := 7 // prime to 8 and below it: every byte is hit, each bit in its turn
		if name != journalFile && name != headerFile {
			stride = 45
		}
		if *everyBit {
			stride = 1
		}
		for bit := 0; bit < len(data)*8; bit += stride {
			mutant := bytes.Clone(data)
			mutant[bit/8] ^= 1 << (bit % 8)
			v, err := openFiles(t, dir, all.with(name, mutant), key)
			judge(t, fmt.Sprintf("%s bit %d", name, bit), v, err, want)
			if err == nil && !strings.HasPrefix(name, inboxFolder) {
				t.Fatalf("%s bit %d: not noticed", name, bit)
			}
		}
	}
}

func TestV2TruncatedAtEveryOffset(t *testing.T) {
	t.Parallel()
	all, key, want := smallVault(t)
	dir := damagedDir(t)
	older := []map[string]string{
		{"token/1": "in the snapshot"},
		{"token/1": "in the snapshot", "token/2": "first"},
		{"token/1": "in the snapshot", "token/2": "second"},
		want,
	}
	for name, data := range all {
		for size := range data {
			if name != journalFile && size%3 != 0 && !*everyBit {
				continue
			}
			v, err := openFiles(t, dir, all.with(name, data[:size]), key)
			what := fmt.Sprintf("%s cut to %d", name, size)
			if name != journalFile || err != nil {
				judge(t, what, v, err, want)
				continue
			}
			got := state(t, v)
			if !slices.ContainsFunc(older, func(m map[string]string) bool { return maps.Equal(m, got) }) {
				t.Fatalf("%s: holds %v", what, got)
			}
			for _, finding := range v.Findings() {
				kept, err := os.ReadFile(filepath.Join(dir, finding.File))
				check(t, err)
				if finding.Kind != FindingTornTail || !bytes.HasSuffix(data[:size], kept[headSize:]) {
					t.Fatalf("%s: %+v keeps %q", what, finding, kept)
				}
			}
			check(t, v.folder.Close())
		}
	}
}

func TestV3GarbageAppended(t *testing.T) {
	all, key, want := smallVault(t)
	dir := damagedDir(t)
	for name, data := range all {
		for _, garbage := range []string{"x", "\x00", strings.Repeat("y", 300), strings.Repeat("\x00", 5000)} {
			v, err := openFiles(t, dir, all.with(name, append(bytes.Clone(data), garbage...)), key)
			judge(t, fmt.Sprintf("%s with %d bytes", name, len(garbage)), v, err, want)
		}
	}
}

func TestV4SectorsZeroed(t *testing.T) {
	f, v, key := newVault(t)
	for i := range 8 {
		check(t, v.Commit(set(fmt.Sprint(i), strings.Repeat("x", 700))))
	}
	want := state(t, v)
	check(t, f.Close())
	all, dir := readFiles(t, f.disk.dir), damagedDir(t)
	data := all[journalFile]
	for at := 0; at < len(data); at += sector {
		mutant := bytes.Clone(data)
		clear(mutant[at:min(at+sector, len(data))])
		v, err := openFiles(t, dir, all.with(journalFile, mutant), key)
		if err != nil {
			wants(t, err, ErrDamaged)
			continue
		}
		if len(v.Findings()) != 1 || len(state(t, v)) != len(want)-1 {
			t.Fatalf("sector at %d: %v", at, v.Findings())
		}
		if _, list := frames(t, data); at+sector <= len(data)-len(list[len(list)-1]) {
			t.Fatalf("sector at %d is no torn end, yet it was taken for one", at)
		}
		check(t, v.folder.Close())
	}
	_, list := frames(t, data)
	for start, i := headSize, 0; i < len(list)-1; start, i = start+len(list[i]), i+1 {
		mutant := bytes.Clone(data)
		clear(mutant[start : start+sector-start%sector])
		_, err := openFiles(t, dir, all.with(journalFile, mutant), key)
		wants(t, err, ErrDamaged) // a frame follows: no append was cut short here
	}
}

// frames cuts a journal into its head and frames.
func frames(t testing.TB, data []byte) (head []byte, list [][]byte) {
	t.Helper()
	head, data = data[:headSize], data[headSize:]
	for len(data) > 0 {
		n := frameHead + int(data[8])<<24 + int(data[9])<<16 + int(data[10])<<8 + int(data[11])
		list, data = append(list, data[:n:n]), data[n:]
	}
	return head, list
}

func TestV6V7V8FramesSwappedRemovedRepeated(t *testing.T) {
	all, key, _ := smallVault(t)
	dir := damagedDir(t)
	head, f := frames(t, all[journalFile])
	if len(f) != 3 {
		t.Fatal(len(f))
	}
	for what, list := range map[string][][]byte{
		"swapped":         {f[1], f[0], f[2]},
		"last swapped":    {f[0], f[2], f[1]},
		"first removed":   {f[1], f[2]},
		"middle removed":  {f[0], f[2]},
		"first repeated":  {f[0], f[0], f[1], f[2]},
		"last repeated":   {f[0], f[1], f[2], f[2]},
		"first at end":    {f[0], f[1], f[2], f[0]},
		"only the last":   {f[2]},
		"body of another": {f[0], append(bytes.Clone(f[1][:frameHead]), f[0][frameHead:]...), f[2]},
	} {
		data := append(bytes.Clone(head), bytes.Join(list, nil)...)
		if _, err := openFiles(t, dir, all.with(journalFile, data), key); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestV9V11SplicedFromElsewhere takes files and frames from an older copy of
// the vault and from another profile.
func TestV9V11SplicedFromElsewhere(t *testing.T) {
	f, v, key := newVault(t)
	check(t, v.Commit(set("a", "old")))
	old := readFiles(t, f.disk.dir)
	check(t, v.Compact())
	check(t, v.Commit(set("a", "new")))
	check(t, v.Commit(set("b", "new")))
	want := state(t, v)
	check(t, f.Close())
	all, dir := readFiles(t, f.disk.dir), damagedDir(t)
	other, _, _ := smallVault(t)
	head, list := frames(t, all[journalFile])
	_, oldList := frames(t, old[journalFile])
	_, otherList := frames(t, other[journalFile])
	for what, mutant := range map[string]files{
		"older journal":          all.with(journalFile, old[journalFile]),
		"older snapshot":         all.with(snapshotFile, old[snapshotFile]),
		"other's journal":        all.with(journalFile, other[journalFile]),
		"other's snapshot":       all.with(snapshotFile, other[snapshotFile]),
		"older frame first":      all.with(journalFile, slices.Concat(head, oldList[0], list[1])),
		"older frame last":       all.with(journalFile, slices.Concat(all[journalFile], oldList[0])),
		"other's frame last":     all.with(journalFile, slices.Concat(all[journalFile], otherList[0])),
		"snapshot as journal":    all.with(journalFile, all[snapshotFile]),
		"journal as snapshot":    all.with(snapshotFile, all[journalFile]),
		"journal removed":        remove(all, journalFile),
		"snapshot removed":       remove(all, snapshotFile),
		"slots removed":          {headerFile: all[headerFile], snapshotFile: all[snapshotFile], journalFile: all[journalFile]},
		"header removed":         remove(all, headerFile),
		"other's header":         all.with(headerFile, other[headerFile]),
		"empty journal":          all.with(journalFile, nil),
		"empty snapshot":         all.with(snapshotFile, nil),
		"empty header":           all.with(headerFile, nil),
		"journal is beyond size": all.with(journalFile, slices.Concat(all[journalFile], list[0][:frameHead+1])),
	} {
		v, err := openFiles(t, dir, mutant, key)
		if err == nil || !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil {
			judge(t, what, v, err, want)
		}
	}
}

func remove(all files, name string) files {
	all = maps.Clone(all)
	delete(all, name)
	return all
}

func TestV12WrongKeysAreOneError(t *testing.T) {
	f, v, _ := newVault(t)
	_, err := v.AddWay(t.Context(), Passphrase(secret.New("right")))
	check(t, err)
	check(t, v.Close())
	for _, way := range []KeySource{newRecovery(t), Passphrase(secret.New("wrong")), Passphrase(secret.String{}), Keyring(KeyringConfig{})} {
		_, err := f.Open(t.Context(), way)
		wants(t, err, ErrWrongKey)
	}
}

// TestV14SlotListChanged: whoever can write to the folder, and even knows a way
// in, cannot change the list of ways.
func TestV14SlotListChanged(t *testing.T) {
	f, v, key := newVault(t)
	_, err := v.AddWay(t.Context(), Passphrase(secret.New("word")))
	check(t, err)
	check(t, f.Close())
	all, dir := readFiles(t, f.disk.dir), damagedDir(t)
	change := func(edit func(h *header)) files {
		h, err := parseHeader(all[headerFile])
		check(t, err)
		edit(h)
		return all.with(headerFile, h.encode())
	}
	for what, mutant := range map[string]files{
		"removed":    change(func(h *header) { h.Ways = h.Ways[:1] }),
		"reordered":  change(func(h *header) { slices.Reverse(h.Ways) }),
		"renamed":    change(func(h *header) { h.Ways[1].Kind = WayKeyring }),
		"other time": change(func(h *header) { h.Ways[1].Added = h.Ways[1].Added.AddDate(1, 0, 0) }),
		"repeated":   change(func(h *header) { h.Ways = append(h.Ways, h.Ways[0]) }),
		"no mac":     change(func(h *header) { h.MAC = "" }),
		"no ways":    change(func(h *header) { h.Ways = nil }),
		"vault id":   change(func(h *header) { h.Vault = strings.Repeat("ab", 16) }),
		"bad id":     change(func(h *header) { h.Ways[0].ID = "../../etc" }),
		"bad root":   change(func(h *header) { h.Ways[0].Root = "../profile" }),
	} {
		if _, err := openFiles(t, dir, mutant, key); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestV19NeverAFreshVaultOverADamagedOne tries to create over each part.
func TestV19NeverAFreshVaultOverADamagedOne(t *testing.T) {
	all, key, _ := smallVault(t)
	for _, name := range []string{headerFile, snapshotFile, journalFile} {
		dir := filepath.Join(t.TempDir(), "p")
		check(t, os.Mkdir(dir, 0o700))
		left := files{name: all[name]}
		left.write(t, dir)
		f := claim(t, dir)
		if _, err := f.Create(t.Context(), key); !errors.Is(err, ErrExists) && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s is there: %v", name, err)
		}
		if _, err := f.Open(t.Context(), key); !errors.Is(err, ErrDamaged) {
			t.Errorf("only %s is there: %v", name, err)
		}
		if after := readFiles(t, dir); !maps.EqualFunc(after, left, bytes.Equal) {
			t.Errorf("%s: the folder was changed", name)
		}
	}
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	_, err := f.Open(t.Context(), key)
	wants(t, err, ErrNoVault)
	_, err = f.Ways()
	wants(t, err, ErrNoVault)
	wants(t, f.ForgetKeyring(t.Context()), ErrNoVault)
	_, err = f.Create(t.Context(), Keyring(KeyringConfig{}))
	wants(t, err, ErrLastWay)
	_, err = f.Create(t.Context())
	wants(t, err, ErrLastWay)
}

func TestV36FutureVersionIsLeftAlone(t *testing.T) {
	all, key, _ := smallVault(t)
	dir := damagedDir(t)
	future := func(name, from, to string) files {
		data := bytes.Replace(all[name], []byte(from), []byte(to), 1)
		if bytes.Equal(data, all[name]) {
			t.Fatal(name)
		}
		return all.with(name, data)
	}
	for _, mutant := range []files{
		future(headerFile, `"format": 1`, `"format": 2, "flag": true`),
		future(snapshotFile, "DCV1", "DCV2"),
		future(journalFile, "DCV1", "DCV3"),
	} {
		_, err := openFiles(t, dir, mutant, key)
		wants(t, err, ErrFuture)
	}
	_, err := openFiles(t, dir, future(headerFile, `"format": 1,`, `"format": 1, "critical": true,`), key)
	wants(t, err, ErrDamaged)
}

// TestV31Sizes: nothing, and far too much.
func TestV31Sizes(t *testing.T) {
	t.Parallel()
	f, v, key := newVault(t)
	check(t, v.Commit(set("a", "b")))
	check(t, f.Close())
	check(t, os.Truncate(filepath.Join(f.disk.dir, journalFile), 4<<30))
	f = claim(t, f.disk.dir)
	_, err := f.Open(t.Context(), key)
	wants(t, err, ErrDamaged)
	check(t, f.Close())

	f, v, key = newVault(t)
	changes := make([]Change, 0, 5_000)
	for i := range 20_000 {
		if changes = append(changes, set(fmt.Sprintf("key/%d", i), "value")); len(changes) == cap(changes) {
			check(t, v.Commit(changes...))
			changes = changes[:0]
		}
	}
	v = reopen(t, f, v, key)
	if n := len(v.Keys("key/")); n != 20_000 {
		t.Fatal(n)
	}
	v.memory.size = maxState - 1
	if v.Commit(set("one", "more")) == nil {
		t.Fatal("the vault never fills")
	}
}

// clear removes what write wrote.
func (f files) clear(t testing.TB, dir string) {
	t.Helper()
	for name := range f {
		check(t, os.Remove(filepath.Join(dir, name)))
	}
}
