package accounts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dancecard/dance/dancetest"
)

const buryVar = "ACCOUNTS_TEST_BURY"

// TestBurial is the process that TestACrashLeavesTheProfileOrNothing kills.
func TestBurial(t *testing.T) {
	dir := os.Getenv(buryVar)
	if dir == "" {
		return
	}
	runtime.LockOSThread() // strace counts the calls of a thread
	if err := bury(dir, dir+".json", func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// The process is killed at every system call that changes the disk, and the
// next start finds the whole profile or nothing at all.
func TestACrashLeavesTheProfileOrNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	id := r.Snapshot().Current
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	stayed, gone := 0, 0
	const calls = "rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync"
	for n := 1; ; n++ {
		dir := filepath.Join(t.TempDir(), "data")
		if err := exec.Command("cp", "-a", r.opts.Dir, dir).Run(); err != nil {
			t.Fatal(err)
		}
		child := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+calls, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", calls, n),
			os.Args[0], "-test.run=^TestBurial$", "-test.count=1")
		child.Env = append(os.Environ(), buryVar+"="+filepath.Join(dir, "profiles", id))
		out, err := child.CombinedOutput()
		if err != nil && strings.Contains(string(out), "FAIL") {
			t.Fatalf("%v: %s", err, out)
		}
		killed := err != nil
		if whole := r.wholeOrNothing(dir, a.ID); whole {
			stayed++
		} else {
			gone++
		}
		if !killed {
			break
		}
		if n > 100 {
			t.Fatal("it never ends")
		}
	}
	if stayed < 1 || gone < 4 {
		t.Fatalf("it stayed %d times and was gone %d times", stayed, gone)
	}
}

// wholeOrNothing opens a folder of profiles as the next start does.
func (r *rig) wholeOrNothing(dir, account string) (whole bool) {
	r.t.Helper()
	o := r.opts
	o.Dir = dir
	b, err := Open(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	defer b.Close()
	if len(b.Snapshot().Profiles) == 0 {
		if entries, _ := os.ReadDir(filepath.Join(dir, "profiles")); len(entries) != 0 {
			r.t.Fatalf("left of a deleted profile: %v", entries)
		}
		return false
	}
	if err := b.Unlock(r.t.Context(), "", WayRecovery, r.key); err != nil {
		r.t.Fatal(err)
	}
	if _, ok := b.Snapshot().Account(account); !ok {
		r.t.Fatal("the account is missing")
	}
	return true
}
