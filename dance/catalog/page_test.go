package catalog

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const page = "../../docs/providers.md"

// TestPageExplainsEveryKey keeps the table of keys on the page true.
func TestPageExplainsEveryKey(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := bytes.Index(data, []byte("<!-- keys:")), bytes.Index(data, []byte("<!-- end of keys -->"))
	if begin < 0 || end < begin {
		t.Fatal("the page has no place for the keys")
	}
	begin += bytes.IndexByte(data[begin:], '\n') + 1
	var b bytes.Buffer
	b.Write(data[:begin])
	b.WriteString("\n| Key | Value | Meaning |\n|---|---|---|\n")
	for _, key := range allKeys() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", key, valueWord(key), strings.ReplaceAll(about[key], "|", `\|`))
	}
	b.WriteByte('\n')
	b.Write(data[end:])
	golden(t, page, b.Bytes())
}

// valueWord says what a key's value is.
func valueWord(key string) string {
	path := strings.Split(key, ".")
	if rule := rules[key]; rule.oneOf != nil && kindOf(path) == "a text in quotes" {
		return "`" + strings.ReplaceAll(strings.Join(named(rule.oneOf), "`, `"), "|", `\|`) + "`"
	}
	kind := kindOf(path)
	kind, _, _ = strings.Cut(kind, ":")
	kind, _, _ = strings.Cut(kind, ",")
	return strings.TrimSuffix(strings.TrimSuffix(kind, " in quotes"), " without quotes")
}

var example = regexp.MustCompile("(?s)### ([^\n]+)\n.*?```toml\n(.*?)```")

// TestExamplesOfThePage: what people copy is right, and what the prose says is
// in it.
func TestExamplesOfThePage(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found := example.FindAllSubmatch(data, -1)
	if len(found) != 3 {
		t.Fatalf("%d examples", len(found))
	}
	s := schema(t)
	for i, m := range found {
		p, problems := LintText("example.toml", m[2])
		for _, problem := range problems {
			t.Errorf("%s: line %d: %s; %s", m[1], problem.Line, problem.Reason, problem.Fix)
		}
		if err := s.Validate(asJSON(t, m[2])); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
		if lines := bytes.Count(m[2], []byte("\n")); i == 0 && lines != 3 {
			t.Errorf("three lines are %d", lines)
		}
		declared, err := staged(Entry{Provider: p})
		if err != nil {
			t.Error(err)
		}
		for _, s := range exercise(t.Context(), declared, declared) {
			if s.err != nil {
				t.Errorf("%s: %s: %v", m[1], s.name, s.err)
			}
		}
	}
}
