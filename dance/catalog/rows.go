package catalog

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"dancecard/dance"
)

//go:embed rows/*.toml
var rowFiles embed.FS

// maxFiles is more provider files than anybody has.
const maxFiles = 1000

// builtIn are the embedded rows by id.
var builtIn = sync.OnceValue(readBuiltIn)

// readBuiltIn only decodes: the tests have checked every row that ships, and a
// start does not wait for it again. One that cannot be read is left out.
func readBuiltIn() map[string]Entry {
	rows := map[string]Entry{}
	names, err := fs.Glob(rowFiles, "rows/*.toml")
	if err != nil {
		return rows // the pattern is right
	}
	for _, name := range names {
		var p dance.Provider
		data, err := rowFiles.ReadFile(name)
		if err != nil || toml.Unmarshal(data, &p) != nil {
			continue
		}
		p.ID = strings.TrimSuffix(filepath.Base(name), ".toml")
		rows[p.ID] = Entry{Provider: p, BuiltIn: true}
	}
	return rows
}

// read is everything there is at this moment.
func read(folder string) (map[string]Entry, []Problem) {
	entries := maps.Clone(builtIn())
	if folder == "" {
		return entries, nil
	}
	files, problems := list(folder)
	for _, file := range files {
		p, wrong := Lint(file)
		if len(wrong) > 0 {
			problems = append(problems, wrong...)
			continue
		}
		entries[p.ID] = Entry{Provider: p, File: file}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return entries, problems
}

// list is the folder's provider files in order. What editors leave beside them
// (hidden files, backups) is passed over.
func list(folder string) ([]string, []Problem) {
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []Problem{{File: folder, Reason: "the folder cannot be read: " + reason(err)}}
	}
	if !info.IsDir() {
		return nil, []Problem{{File: folder, Reason: "this is not a folder", Fix: "put provider files into a folder of this name"}}
	}
	if p := owned(folder, info); p != nil {
		return nil, []Problem{*p}
	}
	found, err := os.ReadDir(folder)
	if err != nil {
		return nil, []Problem{{File: folder, Reason: "the folder cannot be read: " + reason(err)}}
	}
	var files []string
	for _, f := range found {
		if name := f.Name(); strings.HasSuffix(name, ".toml") && !strings.HasPrefix(name, ".") {
			files = append(files, filepath.Join(folder, name))
		}
	}
	if len(files) > maxFiles {
		return files[:maxFiles], []Problem{{File: folder, Reason: fmt.Sprintf("of more than %d provider files the rest is not read", maxFiles)}}
	}
	return files, nil
}

// Lint reads one file as Open would and explains what is wrong with it. The
// provider is of use only if there are no problems.
func Lint(file string) (dance.Provider, []Problem) {
	data, problem := readFile(file)
	if problem != nil {
		return dance.Provider{}, []Problem{*problem}
	}
	return LintText(file, data)
}

// LintText is [Lint] for a text that is not a file here, such as one that
// another program sent. Its name without ".toml" is the id.
func LintText(name string, data []byte) (dance.Provider, []Problem) {
	if len(data) > maxFile {
		return dance.Provider{}, []Problem{*tooLarge(name)}
	}
	p, problems := parse(name, data)
	if _, taken := builtIn()[p.ID]; taken {
		problems = append(problems, Problem{
			File: name, Reason: fmt.Sprintf("%q is the id of a provider that ships with Dancecard", p.ID),
			Fix: fmt.Sprintf("give the file another name, such as my-%s.toml", p.ID),
		})
	}
	return p, problems
}

func same(a, b map[string]Entry) bool { return reflect.DeepEqual(a, b) }

// reason is the system's word without the path, which Problem.File has.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
