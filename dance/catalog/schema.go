package catalog

import (
	"reflect"
	"strconv"
	"strings"

	"dancecard/dance"
	"dancecard/internal/secret"
)

var (
	providerType = reflect.TypeFor[dance.Provider]()
	secretType   = reflect.TypeFor[secret.String]()
)

// typeOf finds what a key's value is decoded into. A table of a list may be
// named with its number: options.0.id.
func typeOf(key []string) (reflect.Type, bool) {
	t := providerType
	for _, part := range key {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
			t = t.Elem()
			if _, err := strconv.Atoi(part); err == nil {
				continue
			}
		}
		switch {
		case t.Kind() == reflect.Map:
			t = t.Elem()
		case t.Kind() == reflect.Struct && t != secretType:
			f, ok := fieldOf(t, part)
			if !ok {
				return nil, false
			}
			t = f
		default:
			return nil, false
		}
	}
	return t, true
}

func isKey(key []string) bool {
	_, ok := typeOf(key)
	return ok
}

// isList reports keys that hold a list of tables.
func isList(key []string) bool {
	t, ok := typeOf(key)
	return ok && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for f := range t.Fields() {
		if name != "-" && f.Tag.Get("toml") == name {
			return f.Type, true
		}
	}
	return nil, false
}

// allKeys are the dotted names of all keys but those of free tables.
func allKeys() []string {
	var keys []string
	var walk func(prefix string, t reflect.Type)
	walk = func(prefix string, t reflect.Type) {
		if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == secretType {
			return
		}
		for f := range t.Fields() {
			if f.Tag.Get("toml") == "-" {
				continue
			}
			name := prefix + f.Tag.Get("toml")
			keys = append(keys, name)
			walk(name+".", f.Type)
		}
	}
	walk("", providerType)
	return keys
}

// nearest is the key that was probably meant, or "". A key of the same table
// wins; else the same word in another table ("token" is "endpoints.token").
func nearest(key []string) string {
	table, leaf := plain(strings.Join(key[:len(key)-1], ".")), strings.ToLower(key[len(key)-1])
	leaf = strings.ReplaceAll(leaf, "-", "_")
	short := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(leaf, "_endpoint"), "_url"), "_uri")
	best, score := "", 4 // the most that a suggestion may differ
	for _, k := range allKeys() {
		in, name := "", k
		if i := strings.LastIndexByte(k, '.'); i >= 0 {
			in, name = k[:i], k[i+1:]
		}
		d := min(distance(leaf, name), distance(short, name)+1)
		if in != table {
			if d > 1 {
				continue
			}
			d += 2
		} else if d > max(1, len(leaf)/2) {
			continue
		}
		if d < score {
			best, score = k, d
		}
	}
	return best
}

// distance is the number of letters to change, add or drop (Levenshtein).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
