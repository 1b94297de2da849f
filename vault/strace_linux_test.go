package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dancecard/internal/secret"
)

// longVar asks for the whole of what make test takes samples of.
const longVar = "VAULT_TEST_LONG"

func long() bool { return os.Getenv(longVar) != "" }

// writing are the system calls that change a disk, or promise to have.
var writing = []string{
	"openat", "write", "pwrite64", "writev", "pwritev", "ftruncate", "fallocate", "fsync", "fdatasync",
	"rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "chmod", "fchmod", "fchmodat", "fchmodat2",
	"link", "linkat", "symlinkat",
}

// A scene is one operation that a program under strace performs on a real folder.
type scene struct {
	name string
	ways []KeySource // into the vault before, besides the recovery key; without a vault none
	make func(t *testing.T, v *Vault)
	mar  func(t *testing.T, dir string) // spoils the closed folder
	open bool                           // Claim and Open are the operation
	act  func(v *Vault) error

	before, after map[string]string
	exported      map[string]string // from another vault, which the operation imports
	items         int               // promised by the operation
	judge         func(t *testing.T, p *prepared, v *Vault, done bool)
}

var traceWord = Passphrase(secret.New("pass"))

// waysFit and rootFits are the scenes' own oracles; values and inbox items are
// compared for all. Unless it is done, either may be.
func waysFit(t *testing.T, p *prepared, v *Vault, done bool) {
	listed := slices.ContainsFunc(v.Ways(), func(w WayInfo) bool { return w.Kind == WayPassphrase })
	opens := v.Verify(t.Context(), traceWord)
	if listed != (opens == nil) || opens != nil && !errors.Is(opens, ErrWrongKey) {
		t.Errorf("the passphrase is listed: %v, and opens: %v", listed, opens)
	}
	if want := p.name == "add way"; done && listed != want {
		t.Errorf("%s: the passphrase is listed: %v", p.name, listed)
	}
}

func rootFits(t *testing.T, p *prepared, v *Vault, done bool) {
	if done && v.keys.rootHash() == p.root {
		t.Error("the root key is the old one")
	}
}

func passphraseID(v *Vault) string {
	for _, w := range v.Ways() {
		if w.Kind == WayPassphrase {
			return w.ID
		}
	}
	return ""
}

var (
	traceOld   = map[string]string{"a": "one", "b": strings.Repeat("two ", 1000)}
	traceNew   = map[string]string{"a": "three", "c": "four"}
	traceScene = []*scene{
		{name: "create", open: true},
		{name: "import", open: true, exported: traceNew, after: traceNew},
		{name: "commit", before: traceOld, after: traceNew, act: func(v *Vault) error {
			return v.Commit(set("a", "three"), set("c", "four"), Change{Key: "b"})
		}},
		{name: "compact", before: traceOld, act: (*Vault).Compact},
		{name: "re-key", before: traceOld, ways: []KeySource{traceWord}, judge: rootFits,
			make: func(t *testing.T, v *Vault) { check(t, v.Log([]byte("entry"))) },
			act:  func(v *Vault) error { return v.Rekey(context.Background()) }},
		{name: "add way", before: traceOld, judge: waysFit, act: func(v *Vault) error {
			if passphraseID(v) != "" { // the error was that it may not last
				return nil
			}
			_, err := v.AddWay(context.Background(), traceWord)
			return err
		}},
		{name: "remove way", before: traceOld, ways: []KeySource{traceWord}, judge: waysFit, act: func(v *Vault) error {
			if id := passphraseID(v); id != "" {
				return v.RemoveWay(context.Background(), id)
			}
			return nil
		}},
		{name: "put", before: traceOld, items: 1, act: func(v *Vault) error { return v.Inbox().Put([]byte("item")) }},
		{name: "clear", before: traceOld,
			make: func(t *testing.T, v *Vault) { check(t, v.Inbox().Put([]byte("item"))) },
			act: func(v *Vault) error {
				if _, err := v.Received(); err != nil {
					return err
				}
				return v.ClearReceived()
			}},
		{name: "mend", before: traceOld, open: true, mar: func(t *testing.T, dir string) {
			journal := filepath.Join(dir, journalFile)
			data := must(os.ReadFile(journal))
			check(t, os.WriteFile(journal, append(data, make([]byte, 700)...), 0o600))
			check(t, os.Rename(journal, journal+newSuffix))
			check(t, os.Rename(filepath.Join(dir, snapshotFile), filepath.Join(dir, snapshotFile+newSuffix)))
			check(t, os.WriteFile(filepath.Join(dir, headerFile+newSuffix), []byte("left over"), 0o600))
		}},
	}
)

// prepared is what a scene begins with.
type prepared struct {
	*scene
	text   secret.String // recovery key
	files  files
	root   string
	export []byte
}

func (s *scene) prepare(t *testing.T) *prepared {
	p := &prepared{scene: s, text: must(NewRecoveryKey()), files: files{}}
	if s.exported != nil {
		p.export = exportOf(t, s.exported, p.text)
	}
	if s.before == nil {
		return p
	}
	dir := filepath.Join(memoryDir(t), "p")
	f := claim(t, dir)
	v, err := f.Create(t.Context(), append([]KeySource{must(RecoveryKey(p.text))}, s.ways...)...)
	check(t, err)
	for _, key := range slices.Sorted(maps.Keys(s.before)) {
		check(t, v.Commit(set(key, s.before[key])))
	}
	if s.make != nil {
		s.make(t, v)
	}
	p.root = v.keys.rootHash()
	check(t, f.Close())
	if s.mar != nil {
		s.mar(t, dir)
	}
	p.files = readFiles(t, dir)
	return p
}

func exportOf(t *testing.T, records map[string]string, text secret.String) []byte {
	_, v, _ := newVault(t)
	for key, value := range records {
		check(t, v.Commit(set(key, value)))
	}
	var out bytes.Buffer
	check(t, v.Export(t.Context(), &out, must(ExportIdentity(text))))
	return out.Bytes()
}

// The stages of a program under strace, which it notes in a file mapped to its
// memory: that takes no system call.
const (
	begun = iota + 1
	succeeded
	secondTry // the first failed, the second succeeded
	failedTwice
)

const traceVar = "VAULT_TEST_TRACE"

// init runs a scene on the first thread, before any test: strace counts each
// thread's calls.
func init() {
	spec := os.Getenv(traceVar)
	if spec == "" {
		return
	}
	runtime.LockOSThread()
	testOnlyWorkFactor, testOnlyMachine = 4, "machine one"
	part := strings.Split(spec, "|")
	if err := performScene(part[0], part[1], part[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(0)
}

// The scene lies between these two calls in strace's log.
const sceneBegins, sceneEnds = "/scene-begins", "/scene-ends"

func performScene(name, dir, text string) error {
	i := slices.IndexFunc(traceScene, func(s *scene) bool { return s.name == name })
	s := traceScene[i]
	key, err := RecoveryKey(secret.New(text))
	if err != nil {
		return err
	}
	news, err := os.OpenFile(dir+".news", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	stage, err := unix.Mmap(int(news.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	l := &life{dir: dir, key: key}
	act := func() error { return s.act(l.vault) }
	if s.exported != nil {
		act = func() error { return l.startAndImport(secret.New(text)) }
	} else if s.open {
		act = l.startAndOpen
	} else if err := l.startAndOpen(); err != nil {
		return err
	}
	unix.Unlink(sceneBegins)
	stage[0] = begun
	err = act()
	switch {
	case err == nil:
		stage[0] = succeeded
	case act() == nil:
		stage[0] = secondTry
	default:
		stage[0] = failedTwice
	}
	unix.Unlink(sceneEnds)
	return nil
}

func (l *life) startAndOpen() error {
	if l.folder == nil {
		if err := l.start(); err != nil {
			return err
		}
	}
	return l.openOrCreate()
}

func (l *life) startAndImport(text secret.String) error {
	if l.folder == nil {
		if err := l.start(); err != nil {
			return err
		}
	}
	if l.folder.Exists() { // the first try got so far
		return l.openOrCreate()
	}
	export, err := os.ReadFile(l.dir + ".export")
	if err != nil {
		return err
	}
	key, err := ExportIdentity(text)
	if err != nil {
		return err
	}
	l.vault, _, err = l.folder.Import(context.Background(), bytes.NewReader(export), key, l.key)
	return err
}

// A call is one writing system call of a scene.
type call struct {
	name   string
	number int            // among the thread's calls of this name, from 1
	before map[string]int // calls of each name before it
	text   string         // as strace tells it
}

// run performs the scene in a fresh folder under strace and gives its log.
func (p *prepared) run(t *testing.T, dir string, inject ...string) (stage byte, lines string) {
	t.Helper()
	if len(p.files) > 0 {
		check(t, os.Mkdir(dir, 0o700))
		p.files.write(t, dir)
	}
	check(t, os.WriteFile(dir+".news", []byte{0}, 0o600))
	if p.export != nil {
		check(t, os.WriteFile(dir+".export", p.export, 0o600))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := []string{"-f", "-qq", "-o", dir + ".log", "-e", "trace=flock,?" + strings.Join(writing, ",?")}
	for _, i := range inject {
		args = append(args, "-e", "inject="+i)
	}
	cmd := exec.CommandContext(ctx, "strace", append(args, os.Args[0])...)
	cmd.Env = append(os.Environ(), traceVar+"="+p.name+"|"+dir+"|"+p.text.Reveal(), quickExit, "DBUS_SESSION_BUS_ADDRESS=unix:path=/none")
	out, err := cmd.CombinedOutput()
	log, _ := os.ReadFile(dir + ".log")
	lines = string(log)
	if ctx.Err() != nil {
		t.Fatalf("%s %q: hangs\n%s", p.name, inject, lines)
	}
	killed := false
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		status, _ := ended.Sys().(syscall.WaitStatus)
		killed = status.Signaled() && status.Signal() == syscall.SIGKILL
	}
	if err != nil && !killed {
		t.Fatalf("%s %q: %v\n%s\n%s", p.name, inject, err, out, lines)
	}
	return must(os.ReadFile(dir + ".news"))[0], lines
}

var logLine = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)

// calls performs the scene untouched and lists what it writes.
func (p *prepared) calls(t *testing.T, dir string) (list []call) {
	stage, log := p.run(t, dir)
	if stage != succeeded {
		t.Fatalf("%s: stage %d", p.name, stage)
	}
	first, within := "", false
	count := map[string]int{}
	for line := range strings.Lines(log) {
		m := logLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if first == "" {
			first = m[1]
		}
		name, args := m[2], m[3]
		if m[1] != first {
			if within && strings.Contains(args, dir) {
				t.Fatalf("%s: written by another thread: %s", p.name, line)
			}
			continue
		}
		before := maps.Clone(count)
		count[name]++
		switch {
		case strings.Contains(args, sceneBegins):
			within = true
		case strings.Contains(args, sceneEnds):
			return list
		case within && (name != "openat" || strings.Contains(args, "O_RDWR") || strings.Contains(args, "O_CREAT")):
			list = append(list, call{name, count[name], before, name + "(" + args})
		}
	}
	t.Fatalf("%s: its end is not in the log:\n%s", p.name, log)
	return nil
}

// since makes every writing call from c on fail.
func (c call) since(errno string) (inject []string) {
	for _, name := range writing {
		if name != "openat" { // what is read is no part of this
			inject = append(inject, fmt.Sprintf("?%s:error=%s:when=%d+", name, errno, c.before[name]+1))
		}
	}
	return inject
}

// TestV17V20V21SystemCallsFail lets each writing system call of each scene kill
// the program, fail once, or fail with all that follow. Then the folder holds
// what was before or what was to be; after a success, the latter.
func TestV17V20V21SystemCallsFail(t *testing.T) {
	t.Parallel()
	every := 3
	switch {
	case long():
		every = 1
	case raceDetector:
		every = 10
	}
	root := memoryDir(t)
	var cases, hit atomic.Int32
	for at, s := range traceScene {
		p := s.prepare(t)
		list := p.calls(t, filepath.Join(root, fmt.Sprint(at)))
		least := map[string]int{"create": 40, "commit": 2, "re-key": 40}[s.name]
		if len(list) < max(least, 2) {
			t.Fatalf("%s: only %d calls", s.name, len(list))
		}
		type fault struct {
			call
			kind   string
			inject []string
		}
		var faults []fault
		for _, c := range list {
			once := fmt.Sprintf("%s:%%s:when=%d", c.name, c.number)
			faults = append(faults,
				fault{c, "killed at", []string{fmt.Sprintf(once, "signal=KILL")}},
				fault{c, "EIO at", []string{fmt.Sprintf(once, "error=EIO")}},
				fault{c, "ENOSPC at", []string{fmt.Sprintf(once, "error=ENOSPC")}},
				fault{c, "EIO from", c.since("EIO")},
				fault{c, "ENOSPC from", c.since("ENOSPC")})
		}
		inParallel(len(faults), func(i int) {
			if few := len(list) < 4; !few && (i+at)%every != 0 {
				return
			}
			f := faults[i]
			what := fmt.Sprintf("%s: %s %s", s.name, f.kind, f.text)
			dir := filepath.Join(root, fmt.Sprintf("%d-%d", at, i))
			stage, log := p.run(t, dir, f.inject...)
			cases.Add(1)
			if strings.Contains(log, "(INJECTED)") || strings.Contains(log, "killed by SIGKILL") {
				hit.Add(1)
			}
			p.verify(t, what, dir, stage, f.kind)
			os.RemoveAll(dir)
		})
	}
	t.Logf("%d faults, of which %d came about", cases.Load(), hit.Load())
	if hit.Load() < cases.Load()*9/10 {
		t.Error("strace did not do as it was told")
	}
}

// verify opens what a scene left and compares.
func (p *prepared) verify(t *testing.T, what, dir string, stage byte, kind string) {
	killed, lasting := kind == "killed at", strings.HasSuffix(kind, "from")
	if killed && stage > begun || !killed && stage < succeeded {
		t.Errorf("%s: stage %d", what, stage)
		return
	}
	if stage == failedTwice && !lasting {
		t.Errorf("%s: fails again, though the disk is well", what)
		return
	}
	done := stage == succeeded || stage == secondTry
	l := &life{dir: dir, key: must(RecoveryKey(p.text)), word: traceWord, sure: p.before}
	after := p.after
	if after == nil {
		after = p.before
	}
	if done {
		l.sure, l.items = after, p.items
	} else {
		l.maybe = after
	}
	if l.sure == nil {
		l.sure = map[string]string{}
	}
	if _, err := os.Stat(filepath.Join(dir, headerFile)); err == nil && p.exported != nil {
		l.sure = p.exported // where there is a vault, it is the whole one
		l.maybe = nil
	}
	if p.before == nil && done {
		if _, err := os.Stat(filepath.Join(dir, headerFile)); err != nil {
			t.Errorf("%s: there is no vault, though Create said so: %v", what, err)
			return
		}
	}
	if p.judge != nil {
		check(t, l.start())
		v, err := l.folder.Open(t.Context(), l.key)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		p.judge(t, p, v, done)
		check(t, l.folder.Close())
	}
	l.verify(t, what)
}

// TestV26NoFlock: where the system cannot lock, the folder is refused.
func TestV26NoFlock(t *testing.T) {
	p := traceScene[0].prepare(t)
	for _, errno := range []string{"ENOSYS", "EOPNOTSUPP", "ENOLCK", "EINVAL"} {
		dir := filepath.Join(t.TempDir(), "p")
		stage, _ := p.run(t, dir, "flock:error="+errno+":when=1+")
		if stage != failedTwice {
			t.Errorf("%s: stage %d", errno, stage)
		}
		if files := readFiles(t, dir); len(files) > 0 {
			t.Errorf("%s: something was made: %v", errno, slices.Collect(maps.Keys(files)))
		}
	}
}

// TestV22ReadOnlyFileSystem: nothing that writes succeeds, and nothing changes.
func TestV22ReadOnlyFileSystem(t *testing.T) {
	for _, s := range traceScene {
		p := s.prepare(t)
		dir := filepath.Join(t.TempDir(), "p")
		list := p.calls(t, dir+"0")
		stage, _ := p.run(t, dir, list[0].since("EROFS")...)
		if stage != failedTwice && s.name != "mend" {
			t.Errorf("%s: stage %d", s.name, stage)
		}
		if len(p.files) > 0 && !maps.EqualFunc(p.files, readFiles(t, dir), bytes.Equal) {
			t.Errorf("%s: something was written", s.name)
		}
	}
}
