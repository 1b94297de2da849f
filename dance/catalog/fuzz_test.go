package catalog

import (
	"strings"
	"testing"

	"dancecard/dance"
)

// FuzzProviderFile: no text crashes the reader, every problem has words, and
// what is accepted holds what the dance relies on.
func FuzzProviderFile(f *testing.F) {
	names, _ := rowFiles.ReadDir("rows")
	for _, n := range names {
		data, _ := rowFiles.ReadFile("rows/" + n.Name())
		f.Add(data)
	}
	f.Add([]byte(threeLines))
	f.Add([]byte("name = \"W\"\nissuer = \"{h}\"\n[instance]\nparam = \"h\"\nlabel = \"H\"\nexample = \"https://a.example\"\n"))
	f.Add([]byte("tile = { brand = { brand = 1 } }\n[[tile]]\n"))
	f.Add([]byte("[scope_words]\n\"a.b\" = \"x\"\n\"\" = 1\n"))
	for _, table := range []string{
		"[[options]]\nid = \"a\"\nlabel = \"A\"\nparam = \"a\"\n[[options]]\n", "options = [{ id = \"a\" }, 1, [{ id = 2 }]]\n",
		"[options]\n[options.0]\nid = 1\n", "[[options.id]]\n", "[[redirect]]\nmode = \"paste\"\nuri = \"urn:ietf:wg:oauth:2.0:oob\"\n",
		"[redirect]\nmode = \"paste\"\nuri = \"urn:ietf:wg:oauth:2.0:oob\"\nkeep = [\"a\"]\nhost_param = \"h\"\nhosts = [\"a.example\"]\n",
		"[endpoints]\nrevocation = \"https://a.example/{id}/{extra.x}?t={access_token}\"\n[revocation]\nstyle = \"request\"\nlookup = { url = \"https://a.example/\", match = \"token\", id = \"id\" }\n",
		"[identity]\nurl = \"https://a.example/{access_token}\"\nmethod = \"POST\"\nbody = \"{}\"\n",
		"[api]\nheader = \"X-A\"\nbase_from = \"a.b\"\nbase_under = [\".a.example\"]\n", "[device]\nscope_param = \"scopes\"\n",
		"registration_methods = [\"document\", \"dynamic\"]\nresource = \"https://a.example\"\ndpop = \"required\"\n",
	} {
		f.Add([]byte(threeLines + table))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFile {
			return
		}
		p, problems := parse("work.toml", data)
		lines := strings.Count(string(data), "\n") + 1
		for _, problem := range problems {
			if problem.File != "work.toml" || problem.Reason == "" || problem.Fix == "" || problem.Line < 0 || problem.Line > lines {
				t.Errorf("%+v", problem)
			}
			if strings.ContainsAny(problem.Reason+problem.Fix, "\n\r\x1b") {
				t.Errorf("more than a line: %q", problem.Reason)
			}
		}
		if len(problems) > 0 {
			return
		}
		accepted(t, p)
	})
}

func accepted(t *testing.T, p dance.Provider) {
	if p.ID != "work" || p.Name == "" {
		t.Errorf("id %q, name %q", p.ID, p.Name)
	}
	value := ""
	if p.Instance != nil && p.Instance.Default == "" {
		value = p.Instance.Example
	}
	filled, err := Entry{Provider: p}.WithInstance(value)
	if err != nil {
		t.Fatalf("accepted, and its own example does not fit: %v", err)
	}
	if e := filled.Endpoints; filled.Issuer == "" && (e.Authorization == "" && e.DeviceAuthorization == "" || e.Token == "") {
		t.Error("accepted without addresses")
	}
	for key, address := range addresses(&filled) {
		if *address != "" && (checkURL(key, withoutPlaceholders(*address, standIns(key))) != nil || checkBlanks(key, *address) != nil) {
			t.Errorf("accepted %s = %q", key, *address)
		}
	}
	for _, h := range filled.API.Hosts {
		if strings.ContainsAny(h, "*/@ ") {
			t.Errorf("accepted the host %q", h)
		}
	}
}
