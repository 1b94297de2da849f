//go:build unix

package vault

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"dancecard/internal/secret"
)

var writeVectors = flag.Bool("vectors.write", false, "write the vectors that are missing from testdata/vectors; published ones are not changed without a new format")

// expectations are the words of a vector's expect: line.
var expectations = map[string]error{
	"ok": nil, "wrong key": ErrWrongKey, "damaged": ErrDamaged, "future": ErrFuture, "no vault": ErrNoVault,
}

// TestVectors opens each folder in testdata/vectors and compares it with what
// the file's head says: expect, the way in, and for ok the records, inbox items
// and findings.
func TestVectors(t *testing.T) {
	if *writeVectors {
		makeVectors(t)
		makeCrafted(t)
	}
	paths, err := filepath.Glob("testdata/vectors/*.txt")
	check(t, err)
	if len(paths) < 150 {
		t.Fatalf("%d vectors", len(paths))
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			check(t, err)
			all := files{}
			for _, f := range archive.Files {
				all[f.Name] = must64(t, f.Data)
			}
			runVector(t, archive.Comment, all)
		})
	}
}

func must64(t testing.TB, text []byte) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	check(t, err)
	return data
}

func runVector(t *testing.T, head []byte, all files) {
	var way KeySource
	var expect string
	var want, got []string
	for lines := bufio.NewScanner(bytes.NewReader(head)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "expect":
			expect = value
		case "recovery":
			key, err := RecoveryKey(secret.New(value))
			check(t, err)
			way = key
		case "passphrase":
			way = Passphrase(secret.New(value))
		case "record", "inbox", "bad", "finding", "activity":
			want = append(want, lines.Text())
		case "note":
		default:
			t.Fatalf("line %q", lines.Text())
		}
	}
	wantErr, ok := expectations[expect]
	if !ok {
		t.Fatalf("expect: %q", expect)
	}
	v, err := openFiles(t, damagedDir(t), all, way)
	if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		t.Fatalf("got %v, want %s", err, expect)
	}
	if err == nil {
		got = describe(t, v)
		check(t, v.folder.Close())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// describe tells what a vault holds in the words of a vector.
func describe(t testing.TB, v *Vault) (lines []string) {
	t.Helper()
	for _, key := range v.Keys("") {
		value, _, err := v.Get(key)
		check(t, err)
		lines = append(lines, fmt.Sprintf("record: %s=%s", key, value))
	}
	items, err := v.Received()
	for _, item := range items {
		lines = append(lines, fmt.Sprintf("inbox: %s", item))
	}
	for _, err := range each(err) {
		bad, ok := errors.AsType[*DamagedError](err)
		if !ok {
			t.Fatal(err)
		}
		lines = append(lines, "bad: "+bad.File)
	}
	for _, f := range v.Findings() {
		lines = append(lines, "finding: "+f.Kind)
	}
	entries, err := v.Activity(1000)
	check(t, err)
	for _, entry := range entries {
		lines = append(lines, fmt.Sprintf("activity: %s", entry))
	}
	return lines
}

// each takes joined errors apart.
func each(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// A vectorMaker writes vectors about one vault.
type vectorMaker struct {
	t   *testing.T
	way string // "recovery: …"
}

func (m vectorMaker) write(name, note, expect string, all files, lines ...string) {
	m.writeWith(m.way, name, note, expect, all, lines...)
}

func (m vectorMaker) writeWith(way, name, note, expect string, all files, lines ...string) {
	m.t.Helper()
	path := filepath.Join("testdata/vectors", name+".txt")
	if _, err := os.Stat(path); err == nil {
		return // published
	}
	head := strings.Join(append([]string{"note: " + note, "expect: " + expect, way}, lines...), "\n")
	check(m.t, os.WriteFile(path, txtar.Format(packed(head, all)), 0o644))
}

// packed is a vector's text.
func packed(head string, all files) *txtar.Archive {
	archive := &txtar.Archive{Comment: []byte(head + "\n")}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var text strings.Builder
		for chunk := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(all[name])), 76) {
			text.Write(chunk)
			text.WriteByte('\n')
		}
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text.String())})
	}
	return archive
}

// makeVectors builds one vault, and what may happen to it.
func makeVectors(t *testing.T) {
	check(t, os.MkdirAll("testdata/vectors", 0o755))
	text, err := NewRecoveryKey()
	check(t, err)
	key, err := RecoveryKey(text)
	check(t, err)
	m := vectorMaker{t, "recovery: " + text.Reveal()}
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	v, err := f.Create(t.Context(), key, Passphrase(secret.New("a pässphrase")))
	check(t, err)
	now := func() files { return readFiles(t, f.disk.dir) }
	m.write("empty", "a vault just made", "ok", now())
	check(t, v.Commit(set("account/1", "one"), set("token/1", "first")))
	older := now()
	check(t, v.Compact())
	check(t, v.Commit(set("token/1", "second")))
	check(t, v.Commit(set("token/2", "other"), set("empty", "")))
	check(t, v.Commit(Change{Key: "token/2"}))
	check(t, v.Inbox().Put([]byte("arrived")))
	all := now()
	records := []string{"record: account/1=one", "record: empty=", "record: token/1=second", "inbox: arrived"}
	m.write("ok", "snapshot, three frames, an inbox item", "ok", all, records...)
	m.writeWith("passphrase: a pässphrase", "passphrase", "opened by the passphrase, precomposed", "ok", all, records...)
	m.writeWith("passphrase: a pa\u0308ssphrase", "passphrase-nfd", "the same letters, decomposed", "ok", all, records...)
	m.writeWith("passphrase: a passphrase", "wrong-passphrase", "an umlaut is missing", "wrong key", all)
	other, err := NewRecoveryKey()
	check(t, err)
	m.writeWith("recovery: "+other.Reveal(), "wrong-recovery", "another vault's key", "wrong key", all)
	m.damagedVectors(all, older)

	flip := func(name string, at int) files {
		data := bytes.Clone(all[name])
		data[at] ^= 1
		return all.with(name, data)
	}
	m.write("flipped-snapshot", "one bit of the snapshot's first frame", "damaged", flip(snapshotFile, headSize+frameHead+5))
	m.write("flipped-last-frame", "one bit of the journal's last frame: no crash does that", "damaged", flip(journalFile, len(all[journalFile])-3))
	m.write("flipped-header", "one digit of the vault's id", "damaged", flip(headerFile, 30))

	m.interruptedVectors(f, v, all)
}

func (m vectorMaker) damagedVectors(all, older files) {
	t := m.t
	head, list := frames(t, all[journalFile])
	journal := func(list ...[]byte) files {
		return all.with(journalFile, slices.Concat(head, slices.Concat(list...)))
	}
	m.write("torn-tail", "the last frame is cut short", "ok", journal(list[0], list[1], list[2][:60]),
		"record: account/1=one", "record: empty=", "record: token/1=second", "record: token/2=other", "inbox: arrived", "finding: torn-tail")
	m.write("torn-zeros", "the last frame was never written, but the file is long enough", "ok", journal(list[0], list[1], make([]byte, len(list[2]))),
		"record: account/1=one", "record: empty=", "record: token/1=second", "record: token/2=other", "inbox: arrived", "finding: torn-tail")
	m.write("swapped", "two frames swapped", "damaged", journal(list[1], list[0], list[2]))
	m.write("removed", "a frame removed", "damaged", journal(list[0], list[2]))
	m.write("repeated", "a frame repeated", "damaged", journal(list[0], list[1], list[1], list[2]))
	m.write("truncated-snapshot", "the snapshot lacks its last frame", "damaged", all.with(snapshotFile, all[snapshotFile][:len(all[snapshotFile])-60]))
	m.write("older-journal", "the journal of the generation before", "damaged", all.with(journalFile, older[journalFile]))
	m.write("older-snapshot", "the snapshot of the generation before", "damaged", all.with(snapshotFile, older[snapshotFile]))
	stranger, _, _ := smallVault(t)
	m.write("strangers-journal", "another profile's journal", "damaged", all.with(journalFile, stranger[journalFile]))
	m.write("no-journal", "the journal is missing", "damaged", remove(all, journalFile))
	m.write("no-header", "the header is missing", "damaged", remove(all, headerFile))
	m.write("nothing", "an empty folder", "no vault", files{})
	m.write("future-header", "a newer format", "future", all.with(headerFile, bytes.Replace(all[headerFile], []byte(`"format": 1`), []byte(`"format": 2`), 1)))
	m.write("future-journal", "a newer journal", "future", all.with(journalFile, bytes.Replace(all[journalFile], []byte("DCV1"), []byte("DCV2"), 1)))
	h, err := parseHeader(all[headerFile])
	check(t, err)
	h.Ways = h.Ways[:1]
	m.write("way-removed", "somebody removed the passphrase from the list", "damaged", all.with(headerFile, h.encode()))
	m.write("no-slot", "the slot's file is missing", "damaged", remove(all, slotsFolder+"/"+h.Ways[0].Root+slotSuffix))
}

// interruptedVectors stop a Compact and a Rekey right after what commits them.
func (m vectorMaker) interruptedVectors(f *Folder, v *Vault, all files) {
	t := m.t
	records := describe(t, v)
	stopAfter := func(commit string, call func() error) files {
		f.disk.testOnlyFault = func(op, name string) error {
			if op == "rename" && name == commit {
				f.disk.testOnlyFault = func(op, name string) error { return errors.New("stop") }
			}
			return nil
		}
		if call() == nil {
			t.Fatal("not stopped")
		}
		f.disk.testOnlyFault = nil
		return readFiles(t, f.disk.dir)
	}
	m.write("half-compacted", "the new snapshot is in place, the new journal is not", "ok", stopAfter(snapshotFile+newSuffix, v.Compact), records...)
	check(t, v.Commit(set("last", "x")))
	records = describe(t, v)
	m.write("half-rekeyed", "the new header is in place, the rest is not", "ok",
		stopAfter(headerFile+newSuffix, func() error { return v.Rekey(t.Context()) }), records...)
	m.write("leftovers", "files of a change that was not committed", "ok",
		all.with(snapshotFile+newSuffix, []byte("half")).with(journalFile+newSuffix, nil),
		"record: account/1=one", "record: empty=", "record: token/1=second", "inbox: arrived")
}
