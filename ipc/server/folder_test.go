//go:build linux

package server

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dancecard/ipc"
)

func TestI1RuntimeFolder(t *testing.T) {
	base := runtimeDir(t)
	open := filepath.Join(base, "open")
	file := filepath.Join(base, "file")
	link := filepath.Join(base, "link")
	good := filepath.Join(base, "good")
	for _, err := range []error{
		os.Mkdir(open, 0o755), os.Chmod(open, 0o755), os.WriteFile(file, nil, 0o600),
		os.Mkdir(good, 0o700), os.Symlink(good, link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, runtime := range map[string]string{
		"open to others": open, "a file": file, "a symlink": link, "missing": filepath.Join(base, "missing"),
		"the root's or everybody's": "/tmp", "too long": filepath.Join(good, strings.Repeat("l", 120)), "relative": "run",
	} {
		if name == "too long" {
			if err := os.Mkdir(runtime, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Listen(Options{Dir: filepath.Join(runtime, "dancecard")})
		if err == nil {
			s.Close()
			t.Errorf("a runtime folder that is %s is taken", name)
		} else if !strings.ContainsAny(err.Error(), ":.") || errors.Is(err, ErrRunning) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	if s, err := Listen(Options{}); err == nil {
		s.Close()
		t.Error("without XDG_RUNTIME_DIR there is a socket somewhere")
	}
	t.Setenv("XDG_RUNTIME_DIR", good)
	s, err := Listen(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"", "app", "control"} {
		if info, err := os.Stat(filepath.Join(good, "dancecard", d)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", d, info, err)
		}
	}
	for _, f := range []string{ipc.AppSocket, ipc.ControlSocket} {
		if info, err := os.Stat(filepath.Join(good, "dancecard", f)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error("a second Close:", err)
	}
	if _, err := os.Lstat(filepath.Join(good, "dancecard", ipc.AppSocket)); err == nil {
		t.Error("the socket stays behind")
	}
}

func TestI5WhatLiesAtThePath(t *testing.T) {
	stale := func(path string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		return l.Close()
	}
	for _, c := range []struct {
		name  string
		make  func(path string) error
		taken bool
	}{
		{"a stale socket", stale, true},
		{"a file", func(p string) error { return os.WriteFile(p, []byte("mine"), 0o600) }, false},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o700) }, false},
		{"a symlink", func(p string) error { return os.Symlink("/etc/passwd", p) }, false},
		{"a dangling symlink", func(p string) error { return os.Symlink("nowhere", p) }, false},
		{"a symlink to a stale socket", func(p string) error {
			return errors.Join(stale(p+".old"), os.Symlink(p+".old", p))
		}, false},
		{"a live socket", func(p string) error {
			l, err := net.Listen("unix", p)
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		}, false},
	} {
		for _, name := range []string{ipc.AppSocket, ipc.ControlSocket} {
			dir := filepath.Join(runtimeDir(t), "dancecard")
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), c.make(path)); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Listen(Options{Dir: dir})
			if err == nil {
				s.Close()
			}
			if (err == nil) != c.taken {
				t.Errorf("%s at %s: %v", c.name, name, err)
			}
			if after, err := os.Lstat(path); !c.taken && (err != nil || !os.SameFile(before, after)) {
				t.Errorf("%s at %s was touched", c.name, name)
			}
		}
	}
}

func TestI5HundredStarters(t *testing.T) {
	dir := filepath.Join(runtimeDir(t), "dancecard")
	var wg sync.WaitGroup
	var serving atomic.Int32
	servers := make(chan *Server, 100)
	for range 100 {
		wg.Go(func() {
			s, err := Listen(Options{Dir: dir})
			switch {
			case err == nil:
				serving.Add(1)
				servers <- s
			case !errors.Is(err, ErrRunning):
				t.Errorf("a starter ends with %v", err)
			}
		})
	}
	wg.Wait()
	if serving.Load() != 1 {
		t.Fatalf("%d serve", serving.Load())
	}
	s := <-servers
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Listen(Options{Dir: dir})
	if err != nil {
		t.Fatal("after the first one's end:", err)
	}
	s.Close()
}

// A crash leaves socket and lock file behind, and nobody holds the lock.
func TestStartAfterKill(t *testing.T) {
	dir := filepath.Join(runtimeDir(t), "dancecard")
	s, err := Listen(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range s.sockets {
		k.path = filepath.Join(dir, "elsewhere") // so that Close leaves the files
	}
	s.Close()
	if _, err := os.Lstat(filepath.Join(dir, ipc.AppSocket)); err != nil {
		t.Fatal("this test needs the socket to stay behind:", err)
	}
	if s, err = Listen(Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestI6FolderMadeByAnother(t *testing.T) {
	for _, name := range []string{"", "app", "control"} {
		dir := filepath.Join(runtimeDir(t), "dancecard")
		bad := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(bad, 0o700), os.Chmod(bad, 0o777)); err != nil {
			t.Fatal(err)
		}
		if s, err := Listen(Options{Dir: dir}); err == nil {
			s.Close()
			t.Errorf("%q, open to all, is used", name)
		}
		if os.Getuid() != 0 {
			continue
		}
		if err := errors.Join(os.Chmod(bad, 0o700), os.Chown(bad, 65534, 65534)); err != nil {
			t.Fatal(err)
		}
		if s, err := Listen(Options{Dir: dir}); err == nil {
			s.Close()
			t.Errorf("%q, another user's, is used", name)
		}
	}
	// A lock that is a symlink would make or lock a file elsewhere.
	dir := filepath.Join(runtimeDir(t), "dancecard")
	target := filepath.Join(runtimeDir(t), "target")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Symlink(target, filepath.Join(dir, "lock"))); err != nil {
		t.Fatal(err)
	}
	if s, err := Listen(Options{Dir: dir}); err == nil {
		s.Close()
		t.Error("a symlink is taken for the lock")
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("the lock was made elsewhere")
	}
}

func TestI44NoAbstractSocket(t *testing.T) {
	newRig(t)
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if strings.Contains(line, "@") && strings.Contains(line, "dancecard") {
			t.Errorf("an abstract socket of ours: %s", line)
		}
	}
}

// Serving waits for the book; who connects before it waits too.
func TestRequestBeforeServe(t *testing.T) {
	r := newRig(t)
	r.Server.Close()
	s, err := Listen(Options{Dir: filepath.Join(r.runtime, "dancecard"), Version: "later"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	answer := make(chan error, 1)
	go func() {
		status, err := r.client().Status(t.Context())
		if err == nil && status.Version != "later" {
			err = errors.New("the old one answered")
		}
		answer <- err
	}()
	go s.Serve(r.book)
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

func TestNotRunning(t *testing.T) {
	r := newRig(t)
	r.Server.Close()
	_, err := r.client().Status(t.Context())
	wantCode(t, err, ipc.CodeNotRunning)
	err = r.admin().Show(t.Context())
	wantCode(t, err, ipc.CodeNotRunning)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "curl", r.curl("http://dancecard/").Args[1:]...).CombinedOutput(); err == nil {
		t.Errorf("curl is answered: %s", out)
	}
}
