package dance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const deepest = 32 // levels of a document that are read

var errNotJSON = errors.New("it is not valid JSON")

// parseJSON reads one JSON value and nothing after it. A name twice in one
// object is refused; with fold, also a name that differs by case alone, which
// other readers take for the same one. Numbers stay as they were written.
func parseJSON(data []byte, fold bool) (any, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotJSON
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := value(dec, fold, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNotJSON
	}
	return v, nil
}

// parseObject is parseJSON for a document that must be an object.
func parseObject(data []byte, fold bool) (map[string]any, error) {
	v, err := parseJSON(data, fold)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	return object, nil
}

func value(dec *json.Decoder, fold bool, depth int) (any, error) {
	if depth > deepest {
		return nil, errors.New("it is nested too deeply")
	}
	token, err := dec.Token()
	if err != nil {
		return nil, errNotJSON
	}
	switch token {
	case json.Delim('{'):
		return object(dec, fold, depth)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := value(dec, fold, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	}
	return token, nil
}

func object(dec *json.Decoder, fold bool, depth int) (any, error) {
	found := map[string]any{}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, errNotJSON
		}
		name, _ := token.(string)
		known := name
		if fold {
			known = strings.ToLower(name)
		}
		if seen[known] {
			return nil, fmt.Errorf("it names %q twice", clean(name, 40))
		}
		seen[known] = true
		if found[name], err = value(dec, fold, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return found, err
}

// at follows a path of names and list positions joined by dots.
func at(doc any, path string) any {
	if path == "" {
		return nil
	}
	for step := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			doc = v[i]
		default:
			return nil
		}
	}
	return doc
}

// text is the string, or the whole number as it was written, at path.
func text(doc any, path string) string {
	switch v := at(doc, path).(type) {
	case string:
		return v
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
	}
	return ""
}

// stringAt is the string at path; anything else is "".
func stringAt(doc any, path string) string {
	s, _ := at(doc, path).(string)
	return s
}

// stringsAt is the list of strings at path.
func stringsAt(doc any, path string) []string {
	list, _ := at(doc, path).([]any)
	var found []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			found = append(found, s)
		}
	}
	return found
}
