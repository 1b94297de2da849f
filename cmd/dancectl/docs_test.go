package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the README tells to type is there, and every command is in its table.
func TestReadmeTellsTheCommands(t *testing.T) {
	readme := document(t, "README.md")
	root := new(tool).root()
	root.InitDefaultCompletionCmd()
	mentioned := map[string]bool{}
	for _, m := range regexp.MustCompile("dancectl ([a-z-]+)((?: --?[a-z-]+| [a-z-]+)*)").FindAllStringSubmatch(readme, -1) {
		cmd, _, err := root.Find(append([]string{m[1]}, words(m[2])...))
		if err != nil || cmd == root {
			t.Errorf("README: %q is no command", m[0])
			continue
		}
		mentioned[m[1]] = true
		for _, word := range strings.Fields(m[2]) {
			if flag, ok := strings.CutPrefix(word, "--"); ok && cmd.Flags().Lookup(flag) == nil {
				t.Errorf("README: %s has no --%s", cmd.CommandPath(), flag)
			}
		}
	}
	for _, m := range regexp.MustCompile("`(accounts|apps|profile|providers) ([a-z-]+)").FindAllStringSubmatch(readme, -1) {
		if cmd, _, err := root.Find(m[1:]); err != nil || cmd.Name() != m[2] {
			t.Errorf("README: %q is no command", m[0])
		}
	}
	for _, cmd := range root.Commands() {
		if cmd.Runnable() && !mentioned[cmd.Name()] {
			t.Errorf("README does not tell of dancectl %s", cmd.Name())
		}
	}
}

func words(text string) []string {
	var words []string
	for _, w := range strings.Fields(text) {
		if strings.HasPrefix(w, "-") {
			break
		}
		words = append(words, w)
	}
	return words
}

func TestReadmeTellsTheExitCodes(t *testing.T) {
	readme := document(t, "README.md")
	for _, m := range regexp.MustCompile(`(?m)^ +(\d+)  `).FindAllStringSubmatch(exitCodesHelp, -1) {
		if !strings.Contains(readme, "\n| "+m[1]+" | ") {
			t.Errorf("README does not tell of exit code %s", m[1])
		}
	}
}

// The flag --json is where the README says, and nowhere else.
func TestReadmeTellsWhereJSONIs(t *testing.T) {
	line, _, _ := strings.Cut(document(t, "README.md"), " take `--json`")
	line = line[strings.LastIndex(line, "\n")+1:]
	for _, cmd := range new(tool).root().Commands() {
		if has := cmd.Flags().Lookup("json") != nil; has != strings.Contains(line, "`"+cmd.Name()+"`") {
			t.Errorf("%s: --json is %v, README says otherwise", cmd.Name(), has)
		}
	}
}

func TestP18WhatIsNotDefendedIsSaid(t *testing.T) {
	security := document(t, "SECURITY.md")
	for _, word := range []string{"`LD_PRELOAD`", "ptrace of that program", "X11", "log your passphrase", "unlocked keyring", "root"} {
		if !strings.Contains(security, word) {
			t.Errorf("SECURITY.md does not speak of %s", word)
		}
	}
}

// A case that SECURITY.md says has no test must have none here, and the list
// must be one line a case.
func TestSecurityListsCasesOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ((?:[DORVIPK]\d+(?:, )?)+)`).FindAllStringSubmatch(document(t, "SECURITY.md"), -1) {
		for c := range strings.SplitSeq(m[1], ", ") {
			if seen[c] && c != "O30" {
				t.Errorf("%s is listed twice", c)
			}
			seen[c] = true
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d cases are listed", len(seen))
	}
}
