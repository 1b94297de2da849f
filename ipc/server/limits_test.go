package server

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dancecard/ipc"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// Thousands of requests, on kept and on new connections, leave nothing behind.
func TestI29FlatFilesAndGoroutines(t *testing.T) {
	r := newRig(t)
	c := r.client()
	ask := func(n int) {
		for i := range n {
			if _, err := c.Status(t.Context()); err != nil {
				t.Fatal(err)
			}
			if i%10 == 0 {
				c.Close() // the next one connects anew
			}
		}
	}
	ask(100)
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	ask(3000)
	c.Close()
	eventually(t, "files and goroutines to be as before", func() bool {
		return openFiles(t) <= files+2 && runtime.NumGoroutine() <= goroutines+4
	})
}

// A process that hoards half-open connections loses some of its own; another
// one is answered as fast as ever.
func TestI27HalfOpenConnections(t *testing.T) {
	r := newRig(t)
	hoarder := newProgram(t, "hoarder").start("hoard", filepath.Join(r.runtime, "dancecard", ipc.AppSocket))
	if got := hoarder.line(t); got != "ready" {
		t.Fatal(got)
	}
	l := r.sockets[0].listener
	eventually(t, "the hoard", func() bool { return l.open() >= maxPerPeer })
	c := r.client()
	var took []time.Duration
	for range 200 {
		began := time.Now()
		if _, err := c.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if p99 := took[len(took)*99/100]; p99 > 50*time.Millisecond {
		t.Errorf("p99 is %v", p99)
	}
	if n := l.open(); n > maxPerPeer+1 {
		t.Errorf("%d connections are open", n)
	}
	hoarder.stop()
	eventually(t, "the hoard to be gone", func() bool { return l.open() <= 1 })
}

// A connection that sends no request ends by itself.
func TestHalfOpenConnectionEnds(t *testing.T) {
	s, err := Listen(Options{Dir: filepath.Join(runtimeDir(t), "dancecard")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, k := range s.sockets {
		if h := k.http; h.ReadHeaderTimeout != headerTimeout || h.IdleTimeout != idleTimeout || h.MaxHeaderBytes != maxHeader {
			t.Errorf("%+v", h)
		}
		k.http.ReadHeaderTimeout = 50 * time.Millisecond
	}
	go s.Serve(nil)
	c, err := net.Dial("unix", s.sockets[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /v1/sta")
	c.SetReadDeadline(time.Now().Add(patience))
	_, err = io.ReadAll(c)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		t.Error("it stays")
	}
}
