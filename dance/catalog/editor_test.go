package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("provider.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("provider.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is a TOML text as an editor sees it.
func asJSON(t *testing.T, data []byte) any {
	t.Helper()
	var doc map[string]any
	if err := toml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaIsTheOneInDocs(t *testing.T) {
	golden(t, "../../docs/provider.schema.json", Schema())
}

func TestEveryKeyIsExplained(t *testing.T) {
	keys := allKeys()
	if found := slices.Sorted(maps.Keys(about)); !slices.Equal(found, slices.Sorted(slices.Values(keys))) {
		for _, k := range keys {
			if about[k] == "" {
				t.Errorf("%s is not explained", k)
			}
			delete(about, k)
		}
		t.Errorf("explained, and no key: %v", slices.Sorted(maps.Keys(about)))
	}
	for key := range rules {
		if !isKey(strings.Split(key, ".")) {
			t.Errorf("there is a rule for %s, which is no key", key)
		}
	}
}

func TestRowsFitTheSchema(t *testing.T) {
	s := schema(t)
	for _, e := range usable() {
		data, err := rowFiles.ReadFile("rows/" + e.ID + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(asJSON(t, data)); err != nil {
			t.Errorf("%s: %v", e.ID, err)
		}
	}
	if err := s.Validate(asJSON(t, []byte(threeLines))); err != nil {
		t.Error(err)
	}
}

// TestSchemaRefuses: what an editor can know to be wrong it shows.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	for name, text := range map[string]string{
		"no name":               "issuer = \"https://id.example.com\"\n",
		"empty name":            "name = \"\"\nissuer = \"https://id.example.com\"\n",
		"neither":               "name = \"W\"\n",
		"unknown key":           threeLines + "clinet_secret = \"x\"\n",
		"unknown key in table":  threeLines + "[tile]\ncolour = \"#123456\"\n",
		"wrong kind":            threeLines + "scopes = \"openid\"\n",
		"number as text":        threeLines + "[redirect]\nport = \"8080\"\n",
		"low port":              threeLines + "[redirect]\nport = 80\n",
		"plain http":            "name = \"W\"\nissuer = \"http://id.example.com\"\n",
		"http that looks local": "name = \"W\"\nissuer = \"http://localhost.example.com\"\n",
		"protocol":              threeLines + "protocol = \"saml\"\n",
		"pkce":                  threeLines + "pkce = \"s256\"\n",
		"two scopes in one":     threeLines + "scopes = [\"openid email\"]\n",
		"scope twice":           threeLines + "scopes = [\"openid\", \"openid\"]\n",
		"colour":                threeLines + "[tile]\nbrand = \"red\"\n",
		"path":                  threeLines + "[identity]\nsubject = \"data..id\"\n",
		"option without param":  threeLines + "[[options]]\nid = \"a\"\nlabel = \"A\"\n",
		"options as a table":    threeLines + "[options]\nid = \"a\"\nlabel = \"A\"\nparam = \"a\"\n",
		"instance half":         threeLines + "[instance]\nparam = \"host\"\n",
		"oauth1 half":           "name = \"W\"\nprotocol = \"oauth1\"\n[endpoints]\nauthorization = \"https://a.example\"\ntoken = \"https://a.example/t\"\n",
		"method of revocation":  threeLines + "[revocation]\nmethod = \"delete\"\n",
	} {
		if s.Validate(asJSON(t, []byte(text))) == nil {
			t.Errorf("%s is not refused", name)
		}
		if _, problems := LintText("work.toml", []byte(text)); len(problems) == 0 {
			t.Errorf("%s is refused by the schema alone", name)
		}
	}
}
