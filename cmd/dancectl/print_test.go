package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"dancecard/ipc"
)

func TestI36TerminalEscapesAreStripped(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                            "plain",
		"Ōkafor 東京 🎉":                      "Ōkafor 東京 🎉",
		"\x1b[31mred\x1b[0m":               "red",
		"\x1b]0;title\x07after":            "after",
		"\x1b]8;;http://x\x1b\\link":       "link",
		"\x1bcreset":                       "reset",
		"\u009b2Jcleared":                  "cleared",
		"\u009d0;t\u009cafter":             "after",
		"a\nb\r\nc\td":                     "a b c d",
		"bell\aback\b\x00":                 "bellback",
		"\u202egnp.exe\u2066":              "gnp.exe",
		"zero\u200bwidth\ufeff":            "zerowidth",
		"line\u2028two\u2029three":         "line two three",
		"  spaces \u00a0 around  ":         "spaces around",
		"\x1bP1;payload\x1b\\ok":           "ok",
		"\x1b[31":                          "",
		"\xff\xfe":                         "\ufffd\ufffd",
		"\x1b[1m\x1b]0;\x1b[2mnested\x07x": "nestedx",
	} {
		if got := line(in); got != want {
			t.Errorf("line(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m \u202e")
	f.Add("\u009d0;t\u009cafter")
	f.Fuzz(func(t *testing.T, in string) {
		out := line(in)
		for _, r := range out {
			if r != ' ' && !unicode.IsPrint(r) || r == '\u00a0' {
				t.Fatalf("line(%q) = %q has %U", in, out, r)
			}
		}
		if line(out) != out {
			t.Fatalf("line(%q) = %q changes again", in, out)
		}
		if strings.TrimSpace(in) == in && strings.ContainsFunc(in, unicode.IsSpace) == false &&
			!strings.ContainsFunc(in, func(r rune) bool { return !unicode.IsPrint(r) }) && strings.ToValidUTF8(in, "\ufffd") == in && out != in {
			t.Fatalf("line(%q) = %q, though nothing was wrong with it", in, out)
		}
	})
}

func TestTableLinesUp(t *testing.T) {
	var out bytes.Buffer
	table(&out, [][]string{
		{"NAME", "EMPTY", "STATE"},
		{"東京", "", "ready"},
		{"mira\x1b[2J", "", "offline"},
		{strings.Repeat("x", 80), "", ""},
	})
	long := strings.Repeat("x", 59) + "…"
	want := "NAME" + strings.Repeat(" ", 58) + "STATE\n" +
		"東京" + strings.Repeat(" ", 58) + "ready\n" +
		"mira" + strings.Repeat(" ", 58) + "offline\n" +
		long + "\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestI36JSONHoldsNothingATerminalObeys(t *testing.T) {
	in := map[string]string{"name": "\x1b[31m \u009b2J \u202e \u200b \U000e0041 東京 <a&b> 🎉"}
	var out bytes.Buffer
	if err := printJSON(&out, in, "  "); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%U in %s", r, out.String())
		}
	}
	if !strings.Contains(out.String(), "東京 <a&b> 🎉") {
		t.Errorf("harmless text is not as it was: %s", out.String())
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["name"] != in["name"] {
		t.Errorf("%q came back, %v", back["name"], err)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "0 s",
		1500 * time.Millisecond:        "1 s",
		59 * time.Second:               "59 s",
		100 * time.Second:              "1 min 40 s",
		12*time.Minute + 5*time.Second: "12 min",
		7*time.Hour + 25*time.Minute:   "7 h 25 min",
		2 * time.Hour:                  "2 h",
		25 * time.Hour:                 "1 d 1 h",
		90*24*time.Hour + time.Hour:    "90 d",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestLifeAndClock(t *testing.T) {
	now := time.Date(2026, 5, 4, 14, 20, 0, 0, time.Local)
	for _, c := range []struct{ got, want string }{
		{life(time.Time{}, now, true), "does not expire"},
		{life(time.Time{}, now, false), "no end is known"},
		{life(now, now, false), "expired"},
		{life(now.Add(time.Minute), now, false), "1 min left"},
		{clock(time.Time{}, now), ""},
		{clock(now.Add(-time.Hour), now), "13:20"},
		{clock(now.AddDate(-1, 0, 0), now), "2025-05-04 14:20"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// A name in a list is one that the other commands take, for this account only.
func TestNamesAreUnique(t *testing.T) {
	login := func(id, login string) ipc.AccountDetail {
		return mira(func(a *ipc.AccountDetail) { a.ID, a.Login = id, login })
	}
	got := names([]ipc.AccountDetail{login("a1", "mira"), login("a2", "jo"), login("a3", "jo"), login("a4", ""), login("a5", "x\x1b[2Jy"), login("a6", "a b")})
	want := map[string]string{"a1": "demo:mira", "a2": "a2", "a3": "a3", "a4": "a4", "a5": "a5", "a6": "demo:a b"}
	for id := range want {
		if got[id] != want[id] {
			t.Errorf("%s is called %q, want %q", id, got[id], want[id])
		}
	}
}

func TestPerson(t *testing.T) {
	for _, c := range [][5]string{
		{"mira-o", "Mira Okafor", "m@example.org", "1", "Mira Okafor (mira-o, m@example.org)"},
		{"mira-o", "", "", "1", "mira-o"},
		{"mira", "mira", "", "1", "mira"},
		{"", "", "", "1", "1"},
		{"\x1b[2J", "", "m@example.org", "1", "m@example.org"},
	} {
		if got := person(c[0], c[1], c[2], c[3]); got != c[4] {
			t.Errorf("person(%q) = %q", c, got)
		}
	}
}
