//go:build unix

package vault

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	replayImages = flag.Int("images", 10_000, "how many images TestV18Replay opens; the race detector gets a twentieth")
	replaySeed   = flag.Uint64("seed", 1, "where TestV18Replay begins; a failure names the seed of its life")
)

// A disk that loses power keeps of a file's writes since its last sync any
// sectors, of a folder's changes of names since its last sync any, and all that
// was synced. A replay knows what a life has written, and makes such images.
type replay struct {
	l       *life
	t       testing.TB
	pending func() // notes the step before, once it is done

	now    *platter
	points []point
}

// A point is a moment between two steps.
type point struct {
	what        string
	disk        *platter
	sure, maybe map[string]string
	items       int
}

// A platter is what is certainly on the disk, and what may be.
type platter struct {
	files map[int]plate
	names map[string]int // path to file
	moves []move         // of names, not synced
}

// A plate is a file: what it held when it was synced, and after each write since.
type plate struct{ versions [][]byte }

func (p plate) last() []byte { return p.versions[len(p.versions)-1] }

// A move is one change of names in a folder: all of it happens or nothing.
type move struct {
	dir   string
	names map[string]int // 0 is gone
}

func (p *platter) clone() *platter {
	return &platter{maps.Clone(p.files), maps.Clone(p.names), slices.Clone(p.moves)}
}

// find is the file that name is now.
func (p *platter) find(name string) int {
	file := p.names[name]
	for _, m := range p.moves {
		if to, ok := m.names[name]; ok {
			file = to
		}
	}
	return file
}

func (m move) apply(names map[string]int) {
	for name, file := range m.names {
		if names[name] = file; file == 0 {
			delete(names, name)
		}
	}
}

func (r *replay) move(names map[string]int) {
	for name := range names {
		r.now.moves = append(r.now.moves, move{path.Dir(name), names})
		return
	}
}

// step is told before each step of the life, and so after the one before.
func (r *replay) step(op, name string) error {
	if r.pending != nil {
		r.now = r.now.clone()
		r.pending()
	}
	r.points = append(r.points, point{"before " + op + " " + name, r.now, r.l.sure, r.l.maybe, r.l.items})
	r.pending = func() { r.note(op, name) }
	return nil
}

func (r *replay) note(op, name string) {
	now := r.now
	file := now.find(name)
	switch op {
	case "create":
		file = len(now.files) + 1
		now.files[file] = plate{[][]byte{{}}}
		r.move(map[string]int{name: file})
	case "write", "truncate":
		data, err := os.ReadFile(filepath.Join(r.l.dir, name))
		if err != nil || file == 0 {
			r.t.Errorf("%s %s: file %d: %v", op, name, file, err)
		}
		if !bytes.Equal(data, now.files[file].last()) {
			now.files[file] = plate{append(slices.Clip(now.files[file].versions), data)}
		}
	case "fsync", "fdatasync":
		now.files[file] = plate{[][]byte{now.files[file].last()}}
	case "rename":
		to := strings.TrimSuffix(name, newSuffix)
		if name == activityFile {
			to = activityOld
		}
		if file != 0 {
			r.move(map[string]int{name: 0, to: file})
		}
	case "remove":
		if file != 0 {
			r.move(map[string]int{name: 0})
		}
	case "syncdir":
		now.moves = slices.DeleteFunc(now.moves, func(m move) bool {
			if m.dir == path.Dir(name) {
				m.apply(now.names)
				return true
			}
			return false
		})
	case "mkdir", "end":
	default:
		r.t.Errorf("step %s is not known here", op)
	}
}

// cut is what a disk holds after the power is gone at p.
func (p point) cut(dice *rand.Rand) files {
	keep := []float64{0, 1, dice.Float64(), dice.Float64()}[dice.IntN(4)]
	ordered := dice.IntN(3) == 0 // a journalling file system keeps the order of names
	names := maps.Clone(p.disk.names)
	for _, m := range p.disk.moves {
		if dice.Float64() < keep {
			m.apply(names)
		} else if ordered {
			break
		}
	}
	all := files{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all[name] = p.disk.files[names[name]].cut(dice)
	}
	return all
}

// cut takes each sector as it was at some moment since the last sync; the file
// ends at a sector's edge, or where it ended at one of these moments. What was
// never written reads as zero.
func (p plate) cut(dice *rand.Rand) []byte {
	n := len(p.versions)
	if n == 1 {
		return p.versions[0]
	}
	some := func() []byte { return p.versions[dice.IntN(n)] }
	if dice.IntN(3) == 0 {
		return some()
	}
	size, longest := len(some()), 0
	for _, v := range p.versions {
		longest = max(longest, len(v))
	}
	if least := len(p.versions[0]); longest > least && dice.IntN(2) == 0 {
		size = min((least+dice.IntN(longest-least)+sector-1)/sector*sector, longest)
	}
	first, keep := p.versions[0], dice.Float64()
	data := make([]byte, size)
	for at := 0; at < size; at += sector {
		from := first
		if dice.Float64() < keep {
			from = some()
		}
		if at < len(from) {
			copy(data[at:min(at+sector, size)], from[at:])
		}
	}
	return data
}

// wander runs l through steps that dice choose.
func (l *life) wander(t testing.TB, dice *rand.Rand, steps int) {
	commit := func() error {
		var changes []Change
		change := map[string]string{}
		for range 1 + dice.IntN(3) {
			key := string(rune('a' + dice.IntN(6)))
			size := []int{dice.IntN(40), 200 + dice.IntN(400), 5000, 20_000}[dice.IntN(4)]
			change[key] = strings.Repeat(string(rune('A'+dice.IntN(26))), size)
			changes = append(changes, set(key, change[key]))
		}
		return l.do(func() error { return l.vault.Commit(changes...) }, func(m map[string]string) { maps.Copy(m, change) })
	}
	reopen := func() error {
		return l.do(func() error {
			if err := l.vault.Close(); err != nil {
				return err
			}
			return l.openOrCreate()
		}, nil)
	}
	all := l.steps()
	add, remove := all[3], all[11]
	for range steps {
		step := []func() error{commit, commit, commit, reopen, add, remove, all[2], all[5], all[6], all[7], all[8], all[10]}[dice.IntN(12)]
		check(t, step())
	}
}

// record lives a life and notes its points. It begins with what lies in dir, if
// anything does.
func record(t testing.TB, l *life, dice *rand.Rand, steps int) *replay {
	r := &replay{l: l, t: t, now: &platter{files: map[int]plate{}, names: map[string]int{}}}
	if _, err := os.Stat(l.dir); err == nil {
		for name, data := range readFiles(t, l.dir) {
			file := len(r.now.files) + 1
			r.now.files[file], r.now.names[name] = plate{[][]byte{data}}, file
		}
	}
	l.fault = r.step
	check(t, l.start())
	defer l.folder.Close()
	sure, maybe := l.sure, l.maybe
	check(t, l.do(l.openOrCreate, func(m map[string]string) {
		if maybe != nil {
			clear(m)
			maps.Copy(m, maybe)
		}
	}))
	l.sure = state(t, l.vault)
	if !maps.Equal(l.sure, sure) && !maps.Equal(l.sure, maybe) {
		t.Fatalf("holds neither the old nor the new state")
	}
	l.wander(t, dice, steps)
	check(t, r.step("end", ""))
	lies := readFiles(t, l.dir)
	for name, data := range lies {
		if file := r.now.find(name); file == 0 || !bytes.Equal(r.now.files[file].last(), data) {
			t.Fatalf("%s is not what was recorded", name)
		}
	}
	return r
}

// glance opens the image in dir and compares; it is verify without what comes
// after.
func (l *life) glance() error {
	f, err := Claim(l.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if !f.Exists() {
		if len(l.sure) > 0 {
			return errors.New("the vault is gone")
		}
		_, err := f.Create(context.Background(), l.key)
		return err
	}
	v, err := f.Open(context.Background(), l.key)
	if err != nil {
		return err
	}
	if !v.holds(l.sure) && (l.maybe == nil || !v.holds(l.maybe)) {
		return fmt.Errorf("holds %v: neither the old nor the new state", v.Keys(""))
	}
	if l.items == 0 {
		return nil
	}
	items, err := v.Received()
	if err == nil && len(items) < l.items {
		err = fmt.Errorf("the inbox holds %d items of %d", len(items), l.items)
	}
	return err
}

func (v *Vault) holds(want map[string]string) bool {
	for key, value := range want {
		got, ok, err := v.Get(key)
		if !ok || err != nil || string(got) != value {
			return false
		}
	}
	return len(v.Keys("")) == len(want)
}

// A tally counts images that differ.
type tally struct {
	seed  maphash.Seed
	mu    sync.Mutex
	seen  map[uint64]bool
	torn  atomic.Int64
	lives atomic.Int64
}

func (c *tally) fresh(all files, p point) bool {
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&h, "%s %d ", name, len(all[name]))
		h.Write(all[name])
	}
	fmt.Fprintf(&h, "%p %p %d", p.sure, p.maybe, p.items)
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := h.Sum64()
	if c.seen[sum] {
		return false
	}
	c.seen[sum] = true
	return true
}

func (c *tally) images() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// TestV18Replay opens what a disk may hold after power is lost at any moment of
// many lives: every prefix of what was written, reorders between two syncs, torn
// sectors, lost names. Half of the lives begin with such an image, so that
// power is lost again while a loss is being mended.
func TestV18Replay(t *testing.T) {
	t.Parallel()
	root := memoryDir(t)
	text := must(NewRecoveryKey())
	count := &tally{seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
	want := *replayImages
	if raceDetector {
		want /= 20
	}
	began := time.Now()
	soon := func() bool { end, ok := t.Deadline(); return ok && time.Until(end) < 20*time.Second }
	inParallel(4, func(worker int) {
		for number := uint64(worker); count.images() < want && !soon() && !t.Failed(); number += 4 {
			count.live(t, filepath.Join(root, fmt.Sprint(worker)), lifeWith(t, "", text), *replaySeed+number)
		}
	})
	took := time.Since(began)
	t.Logf("%d images of %d lives in %v: %.0f a second; %d with a torn end",
		count.images(), count.lives.Load(), took.Round(time.Second), float64(count.images())/took.Seconds(), count.torn.Load())
	if n := count.images(); n < want {
		t.Errorf("the time was enough for %d images, not for %d", n, want)
	}
}

// live lives one life, opens its images, and lives on from one of them.
func (c *tally) live(t *testing.T, dir string, l *life, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 0))
	check(t, os.MkdirAll(dir, 0o700))
	defer os.RemoveAll(dir)
	l.dir = filepath.Join(dir, "life")
	for generation := range 2 {
		c.lives.Add(1)
		r := record(t, l, dice, 12)
		if t.Failed() {
			t.Logf("seed %d, generation %d", seed, generation)
			return
		}
		after := &life{dir: filepath.Join(dir, "image"), key: l.key, word: l.word}
		for at, p := range r.points {
			for range 10 {
				all := p.cut(dice)
				if !c.fresh(all, p) {
					continue
				}
				after.sure, after.maybe, after.items = p.sure, p.maybe, p.items
				all.place(t, after.dir)
				what := fmt.Sprintf("seed %d, generation %d, point %d, %s", seed, generation, at, p.what)
				if err := after.glance(); err != nil {
					t.Errorf("%s: %v", what, err)
					return
				}
				if torn, _ := filepath.Glob(after.dir + "/torn-*"); len(torn) > 0 {
					c.torn.Add(1)
				}
				if dice.IntN(50) == 0 {
					all.place(t, after.dir)
					after.verify(t, what)
				}
			}
		}
		p := r.points[dice.IntN(len(r.points))]
		check(t, os.RemoveAll(l.dir))
		p.cut(dice).place(t, l.dir)
		l = &life{dir: l.dir, key: l.key, word: l.word, sure: p.sure, maybe: p.maybe, items: p.items, news: func(*life) {}}
	}
}

// place makes dir hold all and nothing else.
func (f files) place(t testing.TB, dir string) {
	check(t, os.RemoveAll(dir))
	check(t, os.Mkdir(dir, 0o700))
	f.write(t, dir)
}
