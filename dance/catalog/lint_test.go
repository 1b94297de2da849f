package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const threeLines = `name = "Work"
issuer = "https://id.example.com"
client_id = "dancecard"
`

// write saves as editors do: the file is never there half.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	file, part := filepath.Join(folder, name), filepath.Join(folder, ".part-"+name)
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestThreeLinesMakeAProvider(t *testing.T) {
	p, problems := Lint(write(t, t.TempDir(), "work.toml", threeLines))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if p.ID != "work" || p.Name != "Work" || p.Issuer != "https://id.example.com" || p.ClientID != "dancecard" {
		t.Errorf("%+v", p)
	}
}

func TestClientSecretIsRead(t *testing.T) {
	p, problems := Lint(write(t, t.TempDir(), "work.toml", threeLines+"client_secret = \"s3cret\"\nauth_style = \"post\"\n"))
	if len(problems) > 0 || p.ClientSecret.Reveal() != "s3cret" {
		t.Fatal(problems, p.ClientSecret.IsZero())
	}
}

func TestLint(t *testing.T) {
	for name, test := range mistakes {
		t.Run(name, func(t *testing.T) {
			_, problems := Lint(write(t, t.TempDir(), "work.toml", test.text))
			if len(problems) == 0 {
				t.Fatal("no problem was found")
			}
			p := problems[0]
			if p.Line != test.line || !strings.Contains(p.Reason, test.reason) || !strings.Contains(p.Fix, test.fix) {
				t.Errorf("got line %d: %s (%s)", p.Line, p.Reason, p.Fix)
			}
			if len(problems) > 1 {
				t.Errorf("more than one problem: %v", problems)
			}
			if strings.Contains(p.Reason+p.Fix, "dance.") || strings.Contains(p.Reason+p.Fix, "struct") {
				t.Errorf("the words are Go's: %s", p.Reason)
			}
		})
	}
}

func TestAllProblemsOfAFileAreNamed(t *testing.T) {
	_, problems := Lint(write(t, t.TempDir(), "work.toml", "issuer = \"http://a.example\"\nnmae = \"x\"\n[tile]\nbrand = \"x\"\n"))
	if len(problems) != 4 {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
}

func TestBuiltInIDsAreTaken(t *testing.T) {
	_, problems := Lint(write(t, t.TempDir(), "github.toml", threeLines))
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, "ships") || !strings.Contains(problems[0].Fix, "my-github.toml") {
		t.Error(problems)
	}
	for _, name := range []string{"Work.toml", "a b.toml", "-x.toml", "é.toml"} {
		if _, problems := Lint(write(t, t.TempDir(), name, threeLines)); len(problems) != 1 || !strings.Contains(problems[0].Reason, "no id") {
			t.Error(name, problems)
		}
	}
}
