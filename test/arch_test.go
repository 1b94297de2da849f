package test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

type rule struct {
	pkg   string
	may   []string
	their []string // packages of others that it is held to; nil: any but Fyne
}

// of reports whether the rule is the one for pkg.
func (r rule) of(pkg string) bool { return r.pkg == pkg || r.pkg != "" && within(pkg, r.pkg) }

// allows reports whether pkg may import our package to.
func (r rule) allows(pkg, to string) bool {
	return slices.Contains(r.may, "...") || slices.Contains(r.may, to) || to == pkg
}

// mayImport is the table of imports: the first row whose package is the
// importing one or holds it counts. "..." stands for all.
var mayImport = []rule{
	{pkg: "", may: []string{"..."}},
	{pkg: "ui", may: []string{"accounts", "dance", "internal/secret", "internal/bus"}, their: []string{"..."}},
	{pkg: "ipc/server", may: []string{"ipc", "accounts", "internal/secret"}},
	{pkg: "ipc/agent", may: []string{"ipc", "accounts", "internal/secret"}},
	{pkg: "ipc", may: []string{"internal/secret"}, their: []string{"golang.org/x/oauth2"}},
	{pkg: "accounts", may: []string{"dance", "dance/catalog", "vault", "internal/secret"}},
	{pkg: "dance/catalog", may: []string{"dance", "internal/secret"}},
	{pkg: "dance/dancetest", may: []string{"dance", "internal/secret"}},
	{pkg: "dance", may: []string{"internal/secret"}},
	{pkg: "vault", may: []string{"internal/secret", "internal/bus"}},
	{pkg: "cmd/dancectl", may: []string{"ipc"}},
	{pkg: "cmd/demo-provider", may: []string{"dance/dancetest"}},
	{pkg: "internal", may: nil},
	{pkg: "test/tour", may: []string{"test", "ipc", "dance/dancetest"}},
	{pkg: "test", may: []string{"ipc", "dance/dancetest"}},
}

// core builds and tests without C.
var core = []string{"accounts", "dance", "vault", "ipc", "cmd/dancectl", "internal"}

type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	CgoFiles                           []string
	Standard                           bool
	Doc                                string
}

func goList(t *testing.T, env []string, args ...string) []listed {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-tags", "gles", "-json=ImportPath,Imports,TestImports,XTestImports,CgoFiles,Standard,Doc"}, args...)...)
	list.Dir = Root()
	list.Env = append(os.Environ(), env...)
	list.Stderr = os.Stderr
	out, err := list.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Start(); err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(out); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := list.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

// ours is the path below the module: "" for main, false for others' packages.
func ours(path string) (string, bool) {
	path, _, _ = strings.Cut(path, " [") // a test variant
	if path == "dancecard" {
		return "", true
	}
	return strings.CutPrefix(path, "dancecard/")
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

func TestImportsPointOneWay(t *testing.T) {
	for _, env := range [][]string{nil, {"GOOS=darwin", "CGO_ENABLED=1"}, {"GOOS=windows", "CGO_ENABLED=1"}} {
		for _, p := range goList(t, env, "./...") {
			pkg, _ := ours(p.ImportPath)
			i := slices.IndexFunc(mayImport, func(r rule) bool { return r.of(pkg) })
			if i < 0 {
				t.Errorf("the table of imports does not know %s", pkg)
				continue
			}
			row := mayImport[i]
			imports := p.Imports
			if pkg == "test" {
				imports = slices.Concat(imports, p.TestImports, p.XTestImports)
			}
			for _, imported := range imports {
				if to, own := ours(imported); own {
					if !row.allows(pkg, to) {
						t.Errorf("%s may not import %s", p.ImportPath, imported)
					}
					continue
				}
				checkTheirs(t, p.ImportPath, imported, row.pkg, row.their)
			}
		}
	}
}

func checkTheirs(t *testing.T, from, imported, pkg string, allowed []string) {
	t.Helper()
	if !strings.Contains(strings.Split(imported, "/")[0], ".") || imported == "C" {
		return // standard library
	}
	if pkg != "" && pkg != "ui" && strings.HasPrefix(imported, "fyne.io/") {
		t.Errorf("%s may not import %s: Fyne is for ui", from, imported)
	}
	if allowed != nil && !slices.Contains(allowed, "...") && !slices.Contains(allowed, imported) {
		t.Errorf("%s may not import %s", from, imported)
	}
}

func TestCoreIsFreeOfC(t *testing.T) {
	var patterns []string
	for _, c := range core {
		patterns = append(patterns, "./"+c+"/...")
	}
	for _, p := range goList(t, []string{"CGO_ENABLED=1", "GOOS=linux"}, append([]string{"-deps"}, patterns...)...) {
		if !p.Standard && len(p.CgoFiles) > 0 {
			t.Errorf("%s has C in %q", p.ImportPath, p.CgoFiles)
		}
		if strings.HasPrefix(p.ImportPath, "fyne.io/") {
			t.Errorf("the core depends on %s", p.ImportPath)
		}
	}
}

func TestCommandLineIsSmall(t *testing.T) {
	for _, p := range goList(t, nil, "-deps", "./cmd/dancectl") {
		for _, heavy := range []string{"fyne.io/", "github.com/99designs/keyring", "github.com/godbus/", "dancecard/accounts", "dancecard/vault"} {
			if strings.HasPrefix(p.ImportPath, heavy) {
				t.Errorf("dancectl depends on %s", p.ImportPath)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range goList(t, nil, "./...") {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
