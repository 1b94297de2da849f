package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// line makes foreign text fit to be shown in one line: what a terminal would
// obey (escapes, controls, text that runs the other way) is dropped, and every
// run of space becomes one.
func line(text string) string {
	var b strings.Builder
	escape := escapeNone
	for _, r := range text {
		if escape = escape.next(r); escape != escapeNone {
			continue
		}
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// escapeState is how far into a terminal's escape sequence a text is.
type escapeState int

const (
	escapeNone escapeState = iota
	escapeBegun
	escapeCSI    // ESC [ ... up to a letter
	escapeString // ESC ] ... up to BEL or ESC \
	escapeEnd    // the last character of a sequence
)

func (s escapeState) next(r rune) escapeState {
	if r == '\x1b' {
		return escapeBegun
	}
	switch s {
	case escapeBegun:
		switch r {
		case '[':
			return escapeCSI
		case ']', 'P', '_', '^', 'X':
			return escapeString
		}
		return escapeEnd
	case escapeCSI:
		if r >= 0x40 && r <= 0x7e {
			return escapeEnd
		}
		return s
	case escapeString:
		if r == '\a' || r == 0x9c {
			return escapeEnd
		}
		return s
	}
	switch r {
	case 0x9b:
		return escapeCSI
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
		return escapeString
	}
	return escapeNone
}

// cells is how many columns of a terminal a line takes.
func cells(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case isWide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

func isWide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// maxCells is how much of one value a table shows.
const maxCells = 60

// clip cuts a line to n columns, with an ellipsis where something is missing.
func clip(text string, n int) string {
	if cells(text) <= n {
		return text
	}
	used := 0
	for i, r := range text {
		if used += cells(string(r)); used > n-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// table writes rows in columns that line up. The first row is the head. A
// column that is empty in all other rows is left out.
func table(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for i, row := range rows {
		for c, value := range row {
			rows[i][c] = clip(line(value), maxCells)
			if i > 0 && rows[i][c] != "" {
				widths[c] = max(widths[c], cells(rows[0][c]), cells(rows[i][c]))
			}
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for c, value := range row {
			if widths[c] > 0 {
				b.WriteString(value + strings.Repeat(" ", widths[c]-cells(value)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// printJSON writes a value as the API has it. What a terminal would obey is
// written as an escape of JSON's.
func printJSON(w io.Writer, value any, indent string) error {
	var raw strings.Builder
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(value); err != nil {
		return err
	}
	var b strings.Builder
	for _, r := range raw.String() {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
