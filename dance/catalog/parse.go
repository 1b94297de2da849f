package catalog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"dancecard/dance"
)

// reader turns one file into a provider and gathers what is wrong with it.
type reader struct {
	file     string
	lines    map[string]int // where each key stands, by its dotted name
	twice    bool           // a key has two values
	problems []Problem
}

// maxProblems of one file are enough to begin with.
const maxProblems = 20

func (r *reader) add(key, reason, fix string) {
	if len(r.problems) >= maxProblems {
		return
	}
	r.problems = append(r.problems, Problem{File: r.file, Line: r.lines[key], Reason: reason, Fix: fix})
}

// parse reads a file's text; its name is the id.
func parse(file string, data []byte) (dance.Provider, []Problem) {
	r := &reader{file: file, lines: map[string]int{}}
	var p dance.Provider
	id := strings.TrimSuffix(filepath.Base(file), ".toml")
	if !validID(id) {
		r.add("", "the file's name is no id", "name it with small letters, digits and hyphens, such as my-company.toml")
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		r.add("", "the file is not UTF-8 text", "save it as UTF-8")
		return p, r.problems
	}
	if !r.keys(data) {
		return p, r.problems
	}
	if err := toml.Unmarshal(data, &p); err != nil {
		r.syntax(err)
		return p, r.problems
	}
	if p.ID != "" && p.ID != id {
		r.add("id", fmt.Sprintf("the id is %s, and the file's name says %s", quote(p.ID), quote(id)), "delete this line; the file's name is the id")
	}
	p.ID = id
	r.check(p)
	slices.SortFunc(r.problems, func(a, b Problem) int { // tables have no order
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Reason, b.Reason))
	})
	return p, r.problems
}

func validID(id string) bool {
	return id != "" && len(id) <= 63 && id[0] != '-' && !strings.ContainsFunc(id, func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z')
	})
}

// keys walks over the whole document, notes where each key stands and names
// the ones that do not exist. It reports false if the text is not TOML.
func (r *reader) keys(data []byte) bool {
	starts := []int{0} // offsets at which lines begin
	for i, b := range data {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	lineAt := func(offset uint32) int {
		i, found := slices.BinarySearch(starts, int(offset))
		if found {
			return i + 1
		}
		return i
	}
	var p unstable.Parser
	p.Reset(data)
	var table []string
	count := map[string]int{}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			var line int
			table, line = dotted(nil, e, lineAt)
			r.known(table, line)
			switch name := strings.Join(table, "."); {
			case isList(table) && e.Kind == unstable.Table:
				r.notAList(name)
			case isList(table):
				table = append(table, strconv.Itoa(count[name]))
				count[name]++
				r.known(table, line)
			}
		case unstable.KeyValue:
			r.keyValue(table, e, lineAt)
		}
	}
	if err := p.Error(); err != nil {
		// The decoder knows the line; the parser alone does not.
		var any map[string]any
		r.syntax(cmp.Or(toml.Unmarshal(data, &any), err))
		return false
	}
	return !r.twice
}

func (r *reader) keyValue(table []string, e *unstable.Node, lineAt func(uint32) int) {
	key, line := dotted(table, e, lineAt)
	name := strings.Join(key, ".")
	if first, seen := r.lines[name]; seen && isKey(key) {
		r.lines[name], r.twice = line, true
		r.add(name, fmt.Sprintf("%s stands here and in line %d", quote(name), first), "delete one of the two")
		return
	}
	if !r.known(key, line) {
		return
	}
	r.inside(key, line, e.Value(), lineAt)
}

// inside walks over the tables in a value.
func (r *reader) inside(key []string, line int, v *unstable.Node, lineAt func(uint32) int) {
	switch {
	case v.Kind == unstable.InlineTable && isList(key):
		r.notAList(strings.Join(key, "."))
	case v.Kind == unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			r.keyValue(key, it.Node(), lineAt)
		}
	case v.Kind == unstable.Array && isList(key):
		n := 0
		for it := v.Children(); it.Next(); n++ {
			element := append(slices.Clone(key), strconv.Itoa(n))
			r.known(element, line)
			r.inside(element, line, it.Node(), lineAt)
		}
	}
}

func (r *reader) notAList(name string) {
	r.add(name, quote(name)+" is a list of tables", "write [["+name+"]]")
}

// dotted is a key's full path and its line.
func dotted(table []string, e *unstable.Node, lineAt func(uint32) int) ([]string, int) {
	key, line := slices.Clone(table), 0
	for it := e.Key(); it.Next(); {
		if line == 0 {
			line = lineAt(it.Node().Raw.Offset)
		}
		key = append(key, string(it.Node().Data))
	}
	return key, line
}

// known notes a key, or says what is wrong with it. Below an unknown table
// one complaint is enough.
func (r *reader) known(key []string, line int) bool {
	name := strings.Join(key, ".")
	if _, seen := r.lines[name]; !seen {
		r.lines[name] = line
	}
	if isKey(key) {
		return true
	}
	for i := 1; i < len(key); i++ {
		if !isKey(key[:i]) {
			return false
		}
	}
	fix := "delete it"
	if like := nearest(key); like != "" {
		fix = "write " + like
	}
	r.add(name, "there is no key "+quote(plain(name)), fix)
	return false
}

// syntax is the decoder's error in words that do not speak of Go.
func (r *reader) syntax(err error) {
	e, ok := errors.AsType[*toml.DecodeError](err)
	if !ok {
		r.add("", "the file is not TOML", "look at its syntax")
		return
	}
	line, _ := e.Position()
	p := Problem{File: r.file, Line: line, Reason: "this is not TOML: " + clean(strings.TrimPrefix(e.Error(), "toml: ")), Fix: "correct the line; texts stand in quotes"}
	if key := e.Key(); len(key) > 0 && isKey(key) {
		p.Reason = "the value of " + quote(strings.Join(key, ".")) + " is of the wrong kind"
		p.Fix = "write " + kindOf(key)
	}
	r.problems = append(r.problems, p)
}

// kindOf says in words what a key's value must be.
func kindOf(key []string) string {
	t, _ := typeOf(key)
	switch {
	case t == nil:
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number without quotes"
	case isList(key):
		return "tables of its own: [[" + strings.Join(key, ".") + "]]"
	case t.Kind() == reflect.Slice:
		return `a list of texts, ["one", "two"]`
	case t.Kind() == reflect.Map, t.Kind() == reflect.Struct && t != secretType, t.Kind() == reflect.Pointer:
		return "a table: [" + strings.Join(key, ".") + "]"
	}
	return "a text in quotes"
}

// clean makes foreign text fit for one line on a screen.
func clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, s)
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}

func quote(s string) string { return "“" + clean(s) + "”" }
