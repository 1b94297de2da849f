package world

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// request is one as it came, its body read by its content type.
type request struct {
	*http.Request
	query url.Values
	form  url.Values
	json  map[string]any
	body  string
}

func read(hr *http.Request) (*request, error) {
	r := &request{Request: hr, query: hr.URL.Query()}
	data, err := io.ReadAll(io.LimitReader(hr.Body, 1<<20))
	if err != nil {
		return r, err
	}
	r.body = string(data)
	kind, _, _ := mime.ParseMediaType(hr.Header.Get("Content-Type"))
	switch {
	case kind == "application/json" && len(data) > 0:
		err = json.Unmarshal(data, &r.json)
	case kind == "application/x-www-form-urlencoded":
		r.form, err = url.ParseQuery(r.body)
	}
	return r, err
}

// value is a parameter of the body, however it was sent.
func (r *request) value(name string) string {
	if r.json != nil {
		if v, ok := r.json[name]; ok {
			return fmt.Sprint(v)
		}
		return ""
	}
	return r.form.Get(name)
}

func (r *request) has(name string) bool {
	_, inJSON := r.json[name]
	return inJSON || r.form.Has(name)
}

func (r *request) address() string { return "https://" + r.Host + r.URL.EscapedPath() }

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func writeJSON(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(doc)
}

// put sets a value at a path of names and list places ("data.0.id").
func put(doc any, path string, value any) any {
	if path == "" {
		return value
	}
	name, rest, _ := strings.Cut(path, ".")
	var index int
	if n, err := fmt.Sscanf(name, "%d", &index); n == 1 && err == nil && fmt.Sprint(index) == name {
		list, _ := doc.([]any)
		for len(list) <= index {
			list = append(list, nil)
		}
		list[index] = put(list[index], rest, value)
		return list
	}
	object, _ := doc.(map[string]any)
	if object == nil {
		object = map[string]any{}
	}
	object[name] = put(object[name], rest, value)
	return object
}
