//go:build linux

package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dancecard/internal/secret"
)

// benchValue is an account: tokens, an ID token, what it may do.
var benchValue = bytes.Repeat([]byte("account "), 4<<10/8)

func accountKey(i int) string { return fmt.Sprintf("account/%08x", i) }

// newAccounts makes a vault with n accounts of 4 KB in its snapshot.
func newAccounts(b testing.TB, n int) (*Folder, *Vault, secret.String) {
	text := must(NewRecoveryKey())
	f := claim(b, filepath.Join(b.TempDir(), "p"))
	v, err := f.Create(b.Context(), must(RecoveryKey(text)))
	check(b, err)
	var changes []Change
	for i := range n {
		changes = append(changes, Change{accountKey(i), benchValue})
		if len(changes) == 1000 || i == n-1 {
			check(b, v.Commit(changes...))
			changes = changes[:0]
		}
	}
	check(b, v.Compact())
	return f, v, text
}

// reportRatio reports what the vault takes as a multiple of what must be done
// at least. Medians count: other programs use the machine and its disk too.
func reportRatio(b *testing.B, took, least []time.Duration) {
	slices.Sort(took)
	slices.Sort(least)
	t, l := took[len(took)/2], least[len(least)/2]
	b.ReportMetric(float64(t.Nanoseconds()), "median-ns/op")
	b.ReportMetric(float64(l.Nanoseconds()), "least-ns/op")
	b.ReportMetric(float64(t)/float64(l), "ratio")
}

// BenchmarkChange makes one account's change durable, and in turn appends as
// many bytes to a file and syncs that. The goal is a ratio of at most 1.6 at
// every size.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("accounts=%d", n), func(b *testing.B) {
			_, v, _ := newAccounts(b, n)
			raw, err := os.Create(filepath.Join(b.TempDir(), "raw"))
			check(b, err)
			defer raw.Close()
			frame := v.journal.strip.seal(1, appendChange(nil, Change{accountKey(0), benchValue}))
			var took, least []time.Duration
			at := 0
			for b.Loop() {
				began := time.Now()
				check(b, v.Commit(Change{accountKey(at % n), benchValue}))
				took = append(took, time.Since(began))
				at++
				b.StopTimer()
				began = time.Now()
				_, err := raw.Write(frame)
				check(b, err)
				check(b, unix.Fdatasync(int(raw.Fd())))
				least = append(least, time.Since(began))
				b.StartTimer()
			}
			reportRatio(b, took, least)
		})
	}
}

// BenchmarkOpen opens 10,000 accounts, and in turn reads and decrypts the same
// bytes. The goal is a ratio of at most 1.3.
func BenchmarkOpen(b *testing.B) {
	f, v, text := newAccounts(b, 10_000)
	key := must(RecoveryKey(text))
	snapshot := filepath.Join(f.disk.dir, snapshotFile)
	k := deriveKeys(v.keys.vault, bytes.Clone(v.keys.root))
	check(b, v.Close())
	var took, least []time.Duration
	for b.Loop() {
		runtime.GC()
		began := time.Now()
		v := open(b, f, key)
		took = append(took, time.Since(began))
		b.StopTimer()
		check(b, v.Close())
		runtime.GC()
		began = time.Now()
		decryptAll(b, snapshot, k)
		least = append(least, time.Since(began))
		b.StartTimer()
	}
	reportRatio(b, took, least)
}

// decryptAll is the least that opening needs: one buffer, one pass, nothing kept.
func decryptAll(b testing.TB, path string, k *keys) {
	data, err := os.ReadFile(path)
	check(b, err)
	var plain []byte
	total := 0
	head, data := data[:headSize], data[headSize:]
	for len(data) > 0 {
		size := frameHead + int(binary.BigEndian.Uint32(data[8:]))
		place := append(bytes.Clone(head), data[:12]...)
		plain, err = k.state.Open(plain[:0], data[12+checkSize:frameHead], data[frameHead:size], place)
		check(b, err)
		total += len(plain)
		data = data[size:]
	}
	if total < 10_000*len(benchValue) {
		b.Fatal(total)
	}
}

const memoryVar = "VAULT_TEST_MEMORY"

// BenchmarkMemory is what a process needs that opens 10,000 accounts, reads each
// and compacts: at most, and after that. The goal is at most 120 MB.
func BenchmarkMemory(b *testing.B) {
	if spec := os.Getenv(memoryVar); spec != "" {
		dir, text, _ := strings.Cut(spec, " ")
		v := open(b, claim(b, dir), must(RecoveryKey(secret.New(text))))
		for _, key := range v.Keys("account/") {
			value, _, err := v.Get(key)
			check(b, err)
			clear(value)
		}
		check(b, v.Compact())
		status := string(must(os.ReadFile("/proc/self/status")))
		for _, field := range []string{"VmHWM:", "VmRSS:"} {
			_, kb, _ := strings.Cut(status, field)
			fmt.Println(field, strings.Fields(kb)[0])
		}
		os.Exit(0)
	}
	f, _, text := newAccounts(b, 10_000)
	check(b, f.Close())
	for b.Loop() {
		cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkMemory$")
		cmd.Env = append(os.Environ(), memoryVar+"="+f.disk.dir+" "+text.Reveal())
		out, err := cmd.Output()
		check(b, err)
		for field, unit := range map[string]string{"VmHWM:": "MB-most", "VmRSS:": "MB-open"} {
			_, kb, _ := strings.Cut(string(out), field)
			b.ReportMetric(float64(must(strconv.Atoi(strings.Fields(kb)[0])))/1000, unit)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	_, v, _ := newVault(b)
	check(b, v.Commit(Change{"token/ab12", benchValue}))
	for b.Loop() {
		value, _, err := v.Get("token/ab12")
		check(b, err)
		clear(value)
	}
}
