package test

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	documents    = []string{"README.md", "SECURITY.md", "CONTRIBUTING.md"}
	makeCommand  = regexp.MustCompile("(?m)(?:^\\s*(?:\\$ )?|`)make ([a-z]+)")
	ctlCommand   = regexp.MustCompile("(?m)(?:^\\s*(?:\\$ )?|`|\\(|\\| *)dancectl ([a-z-]+)([^`\n]*)")
	longFlag     = regexp.MustCompile(`(?:^| )(--[a-z-]+)`)
	testOfCase   = regexp.MustCompile(`(?m)^func Test([DO]\d+)[A-Z]|"([DO]\d+):? [^"]*"`)
	caseInTable  = regexp.MustCompile(`(?m)^\| ((?:[A-Z]\d+(?:, )?)+) `)
	relativeLink = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDocumentsNameWhatExists holds the papers to make's targets, dancectl's
// commands and flags, and the files that they link to.
func TestDocumentsNameWhatExists(t *testing.T) {
	targets := "\n" + document(t, "Makefile")
	for _, name := range documents {
		text := document(t, name)
		for _, m := range makeCommand.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(targets, "\n"+m[1]+":") {
				t.Errorf("%s: there is no make %s", name, m[1])
			}
		}
		for _, m := range ctlCommand.FindAllStringSubmatch(text, -1) {
			out, err := exec.Command(Binary("dancectl"), m[1], "--help").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "dancectl "+m[1]) {
				t.Errorf("%s: there is no dancectl %s", name, m[1])
				continue
			}
			command, _, _ := strings.Cut(m[2], "|")
			for _, f := range longFlag.FindAllStringSubmatch(command, -1) {
				if !strings.Contains(string(out), f[1]) {
					t.Errorf("%s: dancectl %s has no %s", name, m[1], f[1])
				}
			}
		}
		for _, m := range relativeLink.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(Root(), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
	readme := document(t, "README.md")
	for _, must := range []string{"make run", "make tour"} {
		if !strings.Contains(readme, must) {
			t.Errorf("README.md does not say %s", must)
		}
	}
}

// TestSecurityKnowsEveryCase holds the dance's and OpenID's cases to one of
// two places: a test that is named after the case, or SECURITY.md's table of
// those that have none.
func TestSecurityKnowsEveryCase(t *testing.T) {
	tested, listed := map[string]string{}, map[string]bool{}
	err := filepath.WalkDir(Root(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "build" || strings.HasPrefix(d.Name(), ".") && path != Root()) {
			return cmp.Or(err, fs.SkipDir)
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range testOfCase.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[0], "%") {
				continue // the text of a complaint, not the name of a test
			}
			tested[m[1]+m[2]] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range caseInTable.FindAllStringSubmatch(document(t, "SECURITY.md"), -1) {
		for _, c := range strings.Split(m[1], ", ") {
			listed[c] = true
		}
	}
	for letter, last := range map[string]int{"D": 64, "O": 41} {
		for n := 1; n <= last; n++ {
			c := fmt.Sprint(letter, n)
			switch {
			case tested[c] == "" && !listed[c]:
				t.Errorf("%s has no test, and SECURITY.md does not say why", c)
			case tested[c] != "" && listed[c]:
				t.Errorf("%s is tested in %s, and SECURITY.md says that it is not", c, tested[c])
			}
		}
	}
}
