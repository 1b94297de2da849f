//go:build linux

package vault

import (
	"bytes"
	"encoding/json"
	"fmt"
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
