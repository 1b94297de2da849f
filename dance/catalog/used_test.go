package catalog

import (
	"slices"
	"testing"
)

// TestEveryKeyIsUsed: what no row uses has no place in the format. Left out is
// what only a user's own file can hold, and redirect.random_path: that a
// provider takes any path is sure for the demo provider, whose own file has it,
// and for a server that the user runs.
func TestEveryKeyIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, e := range usable() {
		data, err := rowFiles.ReadFile("rows/" + e.ID + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		r := &reader{file: e.ID, lines: map[string]int{}}
		r.keys(data)
		for key := range r.lines {
			used[plain(key)] = true
		}
	}
	own := []string{"id", "client_id", "client_secret", "redirect.port", "redirect.random_path"}
	for _, key := range allKeys() {
		if !used[key] && !slices.Contains(own, key) {
			t.Errorf("no row uses %s", key)
		}
	}
}
