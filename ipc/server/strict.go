package server

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a body.
const maxDepth = 16

// decode reads one JSON object into v and refuses whatever two readers could
// understand differently: unknown or repeated names (in any case, as
// encoding/json matches them), bad UTF-8, something after the object. An empty
// body leaves v as it is. Its errors do not quote the body.
func decode(data []byte, v any) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if !utf8.Valid(data) {
		return badRequest("The body is not UTF-8.")
	}
	if err := checkShape(data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badRequest("The body has a field that this route does not know, or a value of the wrong type.")
	}
	return nil
}

// checkShape walks over the tokens of one object.
func checkShape(data []byte) error {
	malformed := badRequest("The body is not one JSON object.")
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var open []map[string]bool // names seen in each open object; nil for an array
	name := false              // the next string is a name
	for {
		t, err := d.Token()
		if err == io.EOF && len(open) == 0 {
			return malformed
		}
		if err != nil {
			return malformed
		}
		switch t := t.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			if len(open) > maxDepth {
				return badRequest("The body is nested too deeply.")
			}
		case string:
			if name {
				seen, folded := open[len(open)-1], strings.ToLower(t)
				if seen[folded] {
					return badRequest("The body has the same field twice.")
				}
				seen[folded] = true
				name = false
				continue
			}
		}
		if len(open) == 0 {
			break
		}
		name = open[len(open)-1] != nil
	}
	if t := bytes.TrimSpace(data); t[0] != '{' {
		return malformed
	}
	if _, err := d.Token(); err != io.EOF {
		return badRequest("The body goes on after its JSON object.")
	}
	return nil
}
