//go:build unix

package accounts

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dancecard/dance/dancetest"
)

func TestCardsAreNotTrusted(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	id := r.Snapshot().Current
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(r.opts.Dir, "profiles")
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(id+".json", `{"name":"Ho`+"\\u202e"+`me\n","current":true}`)
	write(".json", `{"name":"root"}`)
	write("...json", `{"name":"up"}`)
	write("Elsewhere.json", `{"name":"x"}`)
	if err := syscall.Mkfifo(filepath.Join(dir, "p00000000000000000000.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan *Book, 1)
	go func() { b, _ := Open(t.Context(), r.opts); opened <- b }()
	select {
	case r.Book = <-opened:
		t.Cleanup(func() { r.Close() })
	case <-time.After(10 * time.Second):
		t.Fatal("a FIFO holds up the start")
	}
	for _, p := range r.Snapshot().Profiles {
		if p.ID != id || p.Name != id {
			t.Errorf("%+v", p)
		}
	}
	r.unlock()
	if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil {
		t.Error("the folder of all profiles was claimed as one")
	}
}
