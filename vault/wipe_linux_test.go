package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"dancecard/internal/secret"
)

const wipeVar = "VAULT_TEST_WIPE"

// TestV38NoKeyInMemoryAfterLock opens a vault in a process of its own, uses it,
// locks it, and looks for its keys and a token in all of that process's memory.
// Where the runtime wipes what it frees (runtime/secret) there are none. Elsewhere
// the ciphers' own copies, and what age held, stay until their memory is used
// again.
func TestV38NoKeyInMemoryAfterLock(t *testing.T) {
	if spec := os.Getenv(wipeVar); spec != "" {
		dir, text, _ := strings.Cut(spec, " ")
		lookForKeys(t, dir, text)
		return
	}
	text := must(NewRecoveryKey())
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	v, err := f.Create(t.Context(), must(RecoveryKey(text)))
	check(t, err)
	for i := range 50 {
		check(t, v.Commit(set(fmt.Sprint("token/", i), "value")))
	}
	check(t, f.Close())
	cmd := exec.Command(os.Args[0], "-test.run=^TestV38NoKeyInMemoryAfterLock$", "-test.v")
	cmd.Env = append(os.Environ(), wipeVar+"="+f.disk.dir+" "+text.Reveal(), quickExit)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	check(t, err)
}

// A needle is a secret that is kept hidden, so that it does not find itself.
type needle struct {
	name   string
	hidden []byte
}

const mask = 0x5a

func hide(name string, text []byte) needle {
	n := needle{name, bytes.Repeat([]byte{mask}, len(text))}
	subtle.XORBytes(n.hidden, n.hidden, text)
	return n
}

func lookForKeys(t *testing.T, dir, text string) {
	needles := useVault(t, dir, text)
	for range 3 {
		runtime.GC()
	}
	for name, n := range countCopies(t, needles) {
		t.Logf("copies of %s: %d", name, n)
		most := copiesLeft
		if name == "token" {
			most = 0
		}
		if n > most {
			t.Errorf("that is more than %d", most)
		}
	}
}

// useVault opens, reads, changes and locks.
//
//go:noinline
func useVault(t *testing.T, dir, text string) (needles []needle) {
	f := claim(t, dir)
	v := open(t, f, must(RecoveryKey(secret.New(text))))
	token := make([]byte, 40)
	rand.Read(token)
	check(t, v.Commit(Change{"token/new", token}))
	needles = append(needles, hide("token", token), hide("root key", v.keys.root), hide("list key", v.keys.lists), hide("head key", v.keys.heads))
	forgetting(func() {
		for _, purpose := range []string{"state", "activity"} {
			key := v.keys.derive(purpose, keySize)
			needles = append(needles, hide(purpose+" key", key))
			clear(key)
		}
	})
	value, _, err := v.Get("token/new")
	check(t, err)
	if !bytes.Equal(value, token) {
		t.Fatal("another token")
	}
	clear(value)
	clear(token)
	check(t, v.Log([]byte("entry")))
	if n := countCopies(t, needles)["root key"]; n == 0 {
		t.Error("the root key of an open vault is not found: this test sees nothing")
	}
	check(t, v.Close())
	return needles
}

// countCopies looks through the process's writable memory.
func countCopies(t *testing.T, needles []needle) map[string]int {
	const chunk, overlap = 1 << 20, 64
	buffer, err := unix.Mmap(-1, 0, chunk+overlap, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	check(t, err)
	maps := string(must(os.ReadFile("/proc/self/maps")))
	mem := must(os.Open("/proc/self/mem"))
	defer mem.Close()
	count, hiding := map[string]int{}, bytes.Repeat([]byte{mask}, chunk+overlap)
	for line := range strings.Lines(maps) {
		var from, to int64
		var mode string
		fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode)
		if !strings.HasPrefix(mode, "rw") || strings.Contains(line, "[vvar") {
			continue
		}
		if raceDetector && to-from > 256<<20 {
			continue // what the detector knows of each address
		}
		for at := from; at < to; at += chunk {
			size := min(chunk+overlap, to-at)
			n, _ := mem.ReadAt(buffer[:size], at)
			subtle.XORBytes(buffer[:n], buffer[:n], hiding)
			for _, needle := range needles {
				count[needle.name] += bytes.Count(buffer[:min(n, chunk+len(needle.hidden)-1)], needle.hidden)
			}
			clear(buffer)
		}
	}
	return count
}
