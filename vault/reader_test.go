//go:build linux

package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"dancecard/internal/secret"
)

const (
	python = "/usr/bin/python3" // Debian's; others may lack python3-nacl
	reader = "testdata/reader/read.py"
)

// An answer is what the independent reader says of a vault.
type answer struct {
	Answer, Why                    string
	Records                        [][2]string
	Inbox, Bad, Findings, Activity []string
}

// lines is the answer in the words of a vector.
func (a answer) lines() (lines []string) {
	for _, r := range a.Records {
		lines = append(lines, "record: "+r[0]+"="+r[1])
	}
	for _, part := range []struct {
		name string
		all  []string
	}{{"inbox", a.Inbox}, {"bad", a.Bad}, {"finding", a.Findings}, {"activity", a.Activity}} {
		for _, text := range part.all {
			lines = append(lines, part.name+": "+text)
		}
	}
	return lines
}

func read(t *testing.T, stdin any, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(python, append([]string{reader}, args...)...)
	input, err := json.Marshal(stdin)
	check(t, err)
	cmd.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v (package python3-nacl): %s", err, &complaint)
	}
	return out
}

// TestReaderAgreesOnVectors: a program written from docs/vault-format.md alone
// gives every vector's answer.
func TestReaderAgreesOnVectors(t *testing.T) {
	paths, err := filepath.Glob("testdata/vectors/*.txt")
	check(t, err)
	decoder := json.NewDecoder(bytes.NewReader(read(t, nil, append([]string{"--vectors"}, paths...)...)))
	for _, path := range paths {
		var got answer
		check(t, decoder.Decode(&got))
		archive, err := txtar.ParseFile(path)
		check(t, err)
		var expect string
		var want []string
		for line := range strings.Lines(string(archive.Comment)) {
			line = strings.TrimSuffix(line, "\n")
			switch name, value, _ := strings.Cut(line, ": "); name {
			case "expect":
				expect = value
			case "record", "inbox", "bad", "finding", "activity":
				want = append(want, line)
			}
		}
		if got.Answer != expect || !slices.Equal(got.lines(), want) {
			t.Errorf("%s: the reader says %s %s %q, the vector %s %q", filepath.Base(path), got.Answer, got.Why, got.lines(), expect, want)
		}
	}
}

// TestReaderOpensWhatThisProgramWrites takes a vault through its life, and has
// the reader open it by two ways.
func TestReaderOpensWhatThisProgramWrites(t *testing.T) {
	text, err := NewRecoveryKey()
	check(t, err)
	key, err := RecoveryKey(text)
	check(t, err)
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	v, err := f.Create(t.Context(), key)
	check(t, err)
	const phrase = "eine Paßphrase mit Ärger"
	_, err = v.AddWay(t.Context(), Passphrase(secret.New(phrase)))
	check(t, err)
	compare := func(what string) {
		t.Helper()
		want := describe(t, v)
		for _, way := range []map[string]string{{"recovery": text.Reveal()}, {"passphrase": phrase}} {
			way["machine"] = testOnlyMachine
			var got answer
			check(t, json.Unmarshal(read(t, way, f.disk.dir), &got))
			if got.Answer != "ok" || !slices.Equal(got.lines(), want) {
				t.Errorf("%s: the reader says %s %s %d lines, we %d", what, got.Answer, got.Why, len(got.lines()), len(want))
			}
		}
	}
	compare("new")
	check(t, v.Commit(set("grün", "<&>\"\\"), set("empty", ""), set("large", strings.Repeat("0123456789", 100_000))))
	check(t, v.Log([]byte("entry")))
	check(t, v.Inbox().Put([]byte(strings.Repeat("item ", 20_000)))) // more than one chunk of age's
	compare("changed")
	for i := range 300 {
		check(t, v.Commit(set(fmt.Sprintf("k/%03d", i), strings.Repeat("x", 2000))))
	}
	check(t, v.Compact())
	compare("compacted")
	check(t, v.Rekey(t.Context()))
	check(t, v.Commit(Change{Key: "large"}))
	compare("re-keyed")
}

// answerOf is the word for what Open or Import returned.
func answerOf(t *testing.T, err error) string {
	t.Helper()
	for word, is := range expectations {
		if is != nil && errors.Is(err, is) {
			return word
		}
	}
	check(t, err)
	return "ok"
}

// TestReaderAgreesOnMutants compares the two programs on files that nobody chose.
func TestReaderAgreesOnMutants(t *testing.T) {
	text, err := NewRecoveryKey()
	check(t, err)
	key, err := RecoveryKey(text)
	check(t, err)
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	v, err := f.Create(t.Context(), key)
	check(t, err)
	check(t, v.Commit(set("a", strings.Repeat("a", 900))))
	check(t, v.Compact())
	for i := range 5 {
		check(t, v.Commit(set(fmt.Sprint("b", i), strings.Repeat("b", 100+300*i))))
	}
	check(t, v.Log([]byte("one")))
	check(t, v.Log([]byte("two")))
	check(t, v.Inbox().Put([]byte("item")))
	check(t, f.Close())
	all := readFiles(t, f.disk.dir)
	names := slices.Sorted(maps.Keys(all))
	names = append(names, journalFile, journalFile, journalFile, snapshotFile, activityFile) // where most depends on
	out, dir := t.TempDir(), damagedDir(t)
	r := mathrand.New(mathrand.NewPCG(4, 2))
	var paths, wants []string
	for i := range 400 {
		name := names[r.IntN(len(names))]
		mutant := all.with(name, mutate(r, all[name]))
		v, err := openFiles(t, dir, mutant, key)
		want := answerOf(t, err)
		if err == nil {
			want += "\n" + strings.Join(describe(t, v), "\n")
			check(t, v.folder.Close())
		}
		path := filepath.Join(out, fmt.Sprintf("%d-%s.txt", i, filepath.Base(name)))
		check(t, os.WriteFile(path, txtar.Format(packed("recovery: "+text.Reveal(), mutant)), 0o600))
		paths, wants = append(paths, path), append(wants, want)
	}
	decoder := json.NewDecoder(bytes.NewReader(read(t, nil, append([]string{"--vectors"}, paths...)...)))
	for i, want := range wants {
		var got answer
		check(t, decoder.Decode(&got))
		if text := strings.Join(append([]string{got.Answer}, got.lines()...), "\n"); text != want {
			t.Errorf("%s: the reader says %.200q %s, we %.200q", filepath.Base(paths[i]), text, got.Why, want)
		}
	}
}

// mutate does one of the things that happen to files.
func mutate(r *mathrand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
	at := r.IntN(len(data))
	to := min(at+1+r.IntN(700), len(data))
	switch r.IntN(6) {
	case 0:
		data[at] ^= 1 << r.IntN(8)
	case 1:
		return data[:at]
	case 2:
		clear(data[at:to])
	case 3:
		clear(data[at/sector*sector : min(at/sector*sector+sector, len(data))])
	case 4:
		return append(data, make([]byte, r.IntN(1200))...)
	default:
		return slices.Delete(data, at, to)
	}
	return data
}

// TestReaderReadsExports compares the two programs on exports, good and hostile.
func TestReaderReadsExports(t *testing.T) {
	_, v, _ := newVault(t)
	check(t, v.Commit(set("a", "1"), set("large", strings.Repeat("large", 50_000))))
	key := exportWord(t, "wört")
	files := map[string][]byte{"good": exported(t, v, key)}
	files["cut"] = files["good"][:len(files["good"])-1]
	head := "dancecard export 1\n" + `{"vault":"` + strings.Repeat("ab", 16) + `","generation":7,"made":"2026-11-23T10:00:00Z"}` + "\n"
	for name, plain := range hostileExports(head, string(appendChange(nil, set("a", "1")))) {
		files[name] = must(ageSeal([]byte(plain), key.to))
	}
	dir := t.TempDir()
	var paths []string
	for i, name := range slices.Sorted(maps.Keys(files)) {
		paths = append(paths, filepath.Join(dir, fmt.Sprint(i, " ", name)))
		check(t, os.WriteFile(paths[i], files[name], 0o600))
	}
	for _, words := range []string{"wört", "wort"} {
		decoder := json.NewDecoder(bytes.NewReader(read(t, map[string]string{"passphrase": words}, append([]string{"--exports"}, paths...)...)))
		for _, path := range paths {
			var got answer
			check(t, decoder.Decode(&got))
			state := newMemory()
			_, err := openExport(t.Context(), bytes.NewReader(must(os.ReadFile(path))), exportWord(t, words), state)
			want := answerOf(t, err)
			if got.Answer != want || err == nil && len(got.Records) != len(state.values) {
				t.Errorf("%s: the reader says %s %s, we %s %v", filepath.Base(path), got.Answer, got.Why, want, err)
			}
		}
	}
}
