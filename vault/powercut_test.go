//go:build unix

package vault

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A powerCut follows a life's steps and knows at each what a disk must have
// kept: of a file what it held when it was last synced, of a folder the names it
// had then.
type powerCut struct {
	t      *testing.T
	l      *life
	bytes  map[uint64][]byte // by inode
	names  map[string]uint64 // path to inode
	last   func()            // what the step before has done, once it is done
	seen   map[[32]byte]bool
	images []image
}

type image struct {
	what        string
	files       files
	sure, maybe map[string]string
	items       int
}

func (p *powerCut) inode(name string) (uint64, bool) {
	var st unix.Stat_t
	err := unix.Lstat(filepath.Join(p.l.dir, name), &st)
	return st.Ino, err == nil
}

// step is told before each step, and so after the one before.
func (p *powerCut) step(op, name string) error {
	if p.last != nil {
		p.last()
	}
	p.last = nil
	switch op {
	case "create":
		p.last = func() { ino, _ := p.inode(name); p.bytes[ino] = nil }
	case "fsync", "fdatasync":
		p.last = func() {
			if ino, ok := p.inode(name); ok {
				p.bytes[ino], _ = os.ReadFile(filepath.Join(p.l.dir, name))
			} else if ino, ok := p.inode(name + newSuffix); ok {
				p.bytes[ino], _ = os.ReadFile(filepath.Join(p.l.dir, name+newSuffix))
			}
		}
	case "syncdir":
		p.last = func() {
			dir := path.Dir(name)
			maps.DeleteFunc(p.names, func(name string, _ uint64) bool { return path.Dir(name) == dir })
			maps.Copy(p.names, p.namesIn(dir))
		}
	}
	now := map[string]uint64{}
	for _, dir := range []string{".", slotsFolder, inboxFolder} {
		maps.Copy(now, p.namesIn(dir))
	}
	p.cut(fmt.Sprintf("names as synced, before %s %s", op, name), p.names)
	p.cut(fmt.Sprintf("names as they are, before %s %s", op, name), now)
	return nil
}

func (p *powerCut) namesIn(dir string) map[string]uint64 {
	found := map[string]uint64{}
	entries, _ := os.ReadDir(filepath.Join(p.l.dir, dir))
	for _, e := range entries {
		if name := path.Join(dir, e.Name()); !e.IsDir() && name != lockFile {
			found[name], _ = p.inode(name)
		}
	}
	return found
}

// cut notes what would be left, once for each different thing.
func (p *powerCut) cut(what string, names map[string]uint64) {
	i := image{what, files{}, p.l.sure, p.l.maybe, p.l.items}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		i.files[name] = p.bytes[names[name]]
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(i.files[name]))
	}
	fmt.Fprintln(h, i.sure, i.maybe, i.items)
	if sum := [32]byte(h.Sum(nil)); !p.seen[sum] {
		p.seen[sum] = true
		p.images = append(p.images, i)
	}
}

// TestV18PowerCut opens what a disk that keeps nothing unsynced would hold at
// each moment of a life.
func TestV18PowerCut(t *testing.T) {
	t.Parallel()
	root := memoryDir(t)
	l := newLife(t, filepath.Join(root, "life"))
	p := &powerCut{t: t, l: l, bytes: map[uint64][]byte{}, names: map[string]uint64{}, seen: map[[32]byte]bool{}}
	l.fault = p.step
	check(t, l.start())
	check(t, l.do(l.openOrCreate, nil))
	for _, step := range l.steps() {
		check(t, step())
	}
	check(t, p.step("end", ""))
	check(t, l.folder.Close())
	if len(p.images) < 60 {
		t.Fatalf("only %d images", len(p.images))
	}
	inParallel(len(p.images), func(at int) {
		i := p.images[at]
		after := &life{dir: filepath.Join(root, fmt.Sprint(at)), key: l.key, word: l.word, sure: i.sure, maybe: i.maybe, items: i.items}
		check(t, os.Mkdir(after.dir, 0o700))
		i.files.write(t, after.dir)
		after.verify(t, strings.ReplaceAll(i.what, root, ""))
	})
}
