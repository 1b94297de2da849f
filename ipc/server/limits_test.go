//go:build linux

package server

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
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
// one is answered all the while.
func TestI27HalfOpenConnections(t *testing.T) {
	r := newRig(t)
	hoarder := newProgram(t, "hoarder").start("hoard", filepath.Join(r.runtime, "dancecard", ipc.AppSocket))
	if got := hoarder.line(t); got != "ready" {
		t.Fatal(got)
	}
	l := r.sockets[0].listener
	eventually(t, "the hoard", func() bool { return l.open() >= maxPerPeer })
	c := r.client()
	for i := range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), headerTimeout/2) // long before the hoard is hung up on
		_, err := c.Status(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			c.Close() // the next one connects anew
		}
	}
	eventually(t, "the hoard and one more to be all that is open", func() bool { return l.open() <= maxPerPeer+1 })
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

// Without file descriptors the server waits for better times and burns nothing.
func TestI28FewFileDescriptors(t *testing.T) {
	dir := filepath.Join(runtimeDir(t), "dancecard")
	server := newProgram(t, "starving").start("starve", "", "DIR="+dir)
	if got := server.line(t); got != "ready" {
		t.Fatal(got)
	}
	path := filepath.Join(dir, ipc.AppSocket)
	var all []net.Conn
	for range 100 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	before := ticks(t, server.Process.Pid)
	time.Sleep(time.Second) // what is measured is a second
	if used := ticks(t, server.Process.Pid) - before; used > 30 {
		t.Errorf("it used %d hundredths of a second", used)
	}
	for _, c := range all {
		c.Close()
	}
	c := ipc.Client{Socket: path}
	defer c.Close()
	eventually(t, "an answer", func() bool {
		_, err := c.Status(t.Context())
		return err == nil
	})
}

// ticks is the processor time of a process in hundredths of a second.
func ticks(t *testing.T, pid int) int {
	t.Helper()
	stat, err := readSmall(procDir(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return user + system
}
