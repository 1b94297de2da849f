//go:build unix

package vault

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"dancecard/internal/secret"
)

// A life runs a vault through everything that writes, and keeps count of what
// must be in it.
type life struct {
	dir  string
	key  KeySource
	word KeySource

	folder *Folder
	vault  *Vault
	fault  func(op, name string) error

	sure  map[string]string // what the last call that returned nil left
	maybe map[string]string // what the call under way would leave; nil between calls
	items int               // inbox items that Put promised
	news  func(l *life)     // told before and after each call
}

func newLife(t testing.TB, dir string) *life {
	text, err := NewRecoveryKey()
	check(t, err)
	return lifeWith(t, dir, text)
}

func lifeWith(t testing.TB, dir string, text secret.String) *life {
	key, err := RecoveryKey(text)
	check(t, err)
	return &life{dir: dir, key: key, word: Passphrase(secret.New("pass")), sure: map[string]string{}, news: func(*life) {}}
}

// do makes one call and keeps count.
func (l *life) do(call func() error, change func(map[string]string)) error {
	l.maybe = maps.Clone(l.sure)
	if change != nil {
		change(l.maybe)
	}
	l.news(l)
	err := call()
	if err == nil {
		l.sure = l.maybe
	}
	l.maybe = nil
	l.news(l)
	return err
}

func (l *life) start() error {
	f, err := Claim(l.dir)
	if err != nil {
		return err
	}
	l.folder = f
	f.disk.testOnlyFault = l.fault
	return nil
}

func (l *life) openOrCreate() (err error) {
	if l.folder.Exists() {
		l.vault, err = l.folder.Open(context.Background(), l.key)
	} else {
		l.vault, err = l.folder.Create(context.Background(), l.key)
	}
	return err
}

// steps are the calls of a life after the vault is open.
func (l *life) steps() []func() error {
	commit := func(key, value string) func() error {
		return func() error {
			return l.do(func() error { return l.vault.Commit(set(key, value), set("also/"+key, value)) },
				func(m map[string]string) { m[key], m["also/"+key] = value, value })
		}
	}
	plain := func(call func() error) func() error { return func() error { return l.do(call, nil) } }
	return []func() error{
		commit("a", strings.Repeat("first ", 300)),
		commit("b", "second"),
		plain(func() error { return l.vault.Log([]byte("entry")) }),
		plain(func() error { _, err := l.vault.AddWay(context.Background(), l.word); return err }),
		commit("a", "again"),
		plain(func() error {
			if err := l.vault.Inbox().Put([]byte("item")); err != nil {
				return err
			}
			l.items++
			return nil
		}),
		plain(func() error { return l.vault.Compact() }),
		func() error {
			return l.do(func() error { return l.vault.Commit(Change{Key: "b"}) }, func(m map[string]string) { delete(m, "b") })
		},
		plain(func() error { return l.vault.Rekey(context.Background()) }),
		commit("c", "third"),
		plain(func() error {
			if _, err := l.vault.Received(); err != nil {
				return err
			}
			l.items = 0
			return l.vault.ClearReceived()
		}),
		plain(func() error {
			for _, w := range l.vault.Ways() {
				if w.Kind == WayPassphrase {
					if err := l.vault.RemoveWay(context.Background(), w.ID); err != nil {
						return err
					}
				}
			}
			return nil
		}),
		commit("d", "fourth"),
		plain(func() error { return l.vault.Settle() }),
	}
}

// verify opens the vault afresh and compares it with what must be in it.
func (l *life) verify(t testing.TB, what string) {
	t.Helper()
	l.fault = nil
	check(t, l.start())
	defer l.folder.Close()
	if !l.folder.Exists() {
		if len(l.sure) > 0 {
			t.Fatalf("%s: the vault is gone", what)
		}
		v, err := l.folder.Create(t.Context(), l.key)
		if err != nil {
			t.Fatalf("%s: after an interrupted creation: %v", what, err)
		}
		check(t, v.Close())
		return
	}
	v, err := l.folder.Open(t.Context(), l.key)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	got := state(t, v)
	if !maps.Equal(got, l.sure) && !(l.maybe != nil && maps.Equal(got, l.maybe)) {
		t.Fatalf("%s: holds %v\nsure %v\nmaybe %v", what, slices.Collect(maps.Keys(got)), slices.Collect(maps.Keys(l.sure)), l.maybe)
	}
	if items, err := v.Received(); err != nil || len(items) < l.items {
		t.Fatalf("%s: inbox holds %d items, want %d: %v", what, len(items), l.items, err)
	}
	check(t, v.Commit(set("after", "crash")))
	check(t, v.Rekey(t.Context()))
	v = reopen(t, l.folder, v, l.key)
	if value, ok, err := v.Get("after"); string(value) != "crash" {
		t.Fatalf("%s: %v %v", what, ok, err)
	}
	names, err := l.folder.disk.list()
	check(t, err)
	if i := slices.IndexFunc(names, leftover); i >= 0 {
		t.Fatalf("%s: left over: %s", what, names[i])
	}
}

// listSteps names the steps of a whole life, by means of a fault that never comes.
func listSteps(t testing.TB) (ops []string) {
	l := newLife(t, filepath.Join(t.TempDir(), "p"))
	l.fault = func(op, _ string) error { ops = append(ops, op); return nil }
	check(t, l.start())
	check(t, l.do(l.openOrCreate, nil))
	for _, step := range l.steps() {
		check(t, step())
	}
	check(t, l.folder.Close())
	l.verify(t, "no fault")
	if len(ops) < 150 {
		t.Fatalf("only %d steps", len(ops))
	}
	return ops
}

// inParallel runs each case of n; a fault of one is told with its number.
func inParallel(n int, run func(i int)) {
	var wg sync.WaitGroup
	turn := make(chan struct{}, 4)
	for i := range n {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			run(i)
		})
	}
	wg.Wait()
}

// memoryDir is on a disk of memory where there is one: a sync costs nothing there.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "vault")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

type crash struct{}

// TestV17CrashAtEveryStep stops a life before each of its writing steps, and in
// the middle of each write, as a crash would, and opens what is left.
func TestV17CrashAtEveryStep(t *testing.T) {
	t.Parallel()
	ops := listSteps(t)
	for _, half := range []bool{false, true} {
		t.Run(fmt.Sprintf("half=%v", half), func(t *testing.T) {
			root := memoryDir(t)
			inParallel(len(ops), func(at int) {
				if half && ops[at] != "write" {
					return
				}
				l := newLife(t, filepath.Join(root, fmt.Sprint(at)))
				n, what := 0, ""
				l.fault = func(op, name string) error {
					n++
					if n == at+1 && half {
						what = fmt.Sprintf("half of step %d, %s %s", at, op, name)
						return &shortWrite{700, syscall.EIO}
					}
					if n > at {
						if what == "" {
							what = fmt.Sprintf("step %d, %s %s", at, op, name)
						}
						panic(crash{})
					}
					return nil
				}
				l.runToCrash(t)
				l.verify(t, what)
			})
		})
	}
}

// runToCrash leaves everything as it lies, but lets go of the lock.
func (l *life) runToCrash(t testing.TB) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crash); !ok {
				panic(p)
			}
		}
		l.folder.disk.release(l.folder.lock)
	}()
	if err := l.start(); err != nil {
		t.Error(err)
		return
	}
	if l.do(l.openOrCreate, nil) != nil {
		l.fault("", "")
	}
	for _, step := range l.steps() {
		step()
	}
}

// TestV20FullDiskAndV21BadDisk lets each step fail once, with all or half of a
// write missing: the call fails or succeeds, the vault says the same before and
// after it is opened again, and the next call works.
func TestV20FullDiskAndV21BadDisk(t *testing.T) {
	t.Parallel()
	ops := listSteps(t)
	for _, half := range []bool{false, true} {
		root := memoryDir(t)
		inParallel(len(ops), func(at int) {
			if half && ops[at] != "write" {
				return
			}
			var errno error = []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT}[at%3]
			if half {
				errno = &shortWrite{100, errno}
			}
			l := newLife(t, filepath.Join(root, fmt.Sprint(at)))
			n, what := 0, ""
			l.fault = func(op, name string) error {
				n++
				if n == at+1 {
					what = fmt.Sprintf("%v at step %d, %s %s", errno, at, op, name)
					return errno
				}
				return nil
			}
			check(t, l.start())
			if l.do(l.openOrCreate, nil) != nil {
				if err := l.do(l.openOrCreate, nil); err != nil {
					t.Errorf("%s: second creation: %v", what, err)
					return
				}
			}
			for i, step := range l.steps() {
				if err := step(); err != nil {
					if errors.Is(err, ErrDamaged) {
						t.Errorf("%s: call %d: %v", what, i, err)
					}
					if err := step(); err != nil {
						t.Errorf("%s: call %d fails again: %v", what, i, err)
					}
				}
				if got := state(t, l.vault); !maps.Equal(got, l.sure) {
					t.Errorf("%s: call %d: holds %v, want %v", what, i, got, l.sure)
				}
			}
			check(t, l.folder.Close())
			l.verify(t, what)
		})
	}
}

// TestV23FailedSyncIsNeverSuccess: after a sync that failed, what Commit
// promises lies in files that were synced without a fault.
func TestV23FailedSyncIsNeverSuccess(t *testing.T) {
	f, v, key := newVault(t)
	check(t, v.Commit(set("a", "1")))
	before := v.generation
	fail := true
	f.disk.testOnlyFault = func(op, name string) error {
		if op == "fdatasync" && fail {
			return syscall.EIO
		}
		return nil
	}
	check(t, v.Commit(set("a", "2")))
	if v.generation != before+1 {
		t.Fatal("the journal whose sync failed is still in use")
	}
	f.disk.testOnlyFault = func(op, name string) error {
		if op == "fdatasync" || op == "create" {
			return syscall.EIO
		}
		return nil
	}
	if v.Commit(set("a", "3")) == nil {
		t.Fatal("nothing could be synced, yet Commit was content")
	}
	wantState(t, v, map[string]string{"a": "2"})
	f.disk.testOnlyFault = func(op, name string) error {
		if op == "fdatasync" {
			t.Error("the journal is synced again after a sync failed")
		}
		return nil
	}
	check(t, v.Commit(set("b", "4")))
	f.disk.testOnlyFault = nil
	v = reopen(t, f, v, key)
	wantState(t, v, map[string]string{"a": "2", "b": "4"})
}

const killVar = "VAULT_TEST_KILL"

// TestV17KillProcess kills a real process at steps spread over a life, which
// also shows V25: the kernel lets go of its lock.
func TestV17KillProcess(t *testing.T) {
	if spec := os.Getenv(killVar); spec != "" {
		liveUntilKilled(t, spec)
		return
	}
	total := len(listSteps(t))
	text, err := NewRecoveryKey()
	check(t, err)
	root := memoryDir(t)
	const runs = 24
	inParallel(runs, func(i int) {
		at := i * total / runs
		l := lifeWith(t, filepath.Join(root, fmt.Sprint(at)), text)
		cmd := exec.Command(os.Args[0], "-test.run=^TestV17KillProcess$", "-test.count=1")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s %s", killVar, at, l.dir, text.Reveal()))
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var news lifeNews
			if json.Unmarshal(lines.Bytes(), &news) == nil {
				l.sure, l.maybe, l.items = news.Sure, news.Maybe, news.Items
			}
		}
		err = cmd.Wait()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
			t.Errorf("step %d: not killed: %v", at, err)
			return
		}
		l.verify(t, fmt.Sprintf("killed at step %d", at))
	})
}

type lifeNews struct {
	Sure, Maybe map[string]string
	Items       int
}

func liveUntilKilled(t *testing.T, spec string) {
	var at int
	var dir, text string
	fmt.Sscan(spec, &at, &dir, &text)
	l := lifeWith(t, dir, secret.New(text))
	n := 0
	l.fault = func(string, string) error {
		if n++; n > at {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	l.news = func(l *life) {
		line, _ := json.Marshal(lifeNews{l.sure, l.maybe, l.items})
		os.Stdout.Write(append(line, '\n'))
	}
	check(t, l.start())
	check(t, l.do(l.openOrCreate, nil))
	for _, step := range l.steps() {
		check(t, step())
	}
}
