package test

import (
	"bufio"
	"net"
	"slices"
	"sync"
	"time"
)

// trap is a proxy that lets nothing through and remembers what was asked of
// it. Programs pass it by for loopback (net/http, curl and npm all do).
type trap struct {
	listener net.Listener
	wait     sync.WaitGroup

	mu       sync.Mutex // guards requests
	requests []string
}

func (w *World) startTrap() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	t := &trap{listener: l}
	t.wait.Go(t.serve)
	w.trap = t
	w.onClose(func() error {
		err := l.Close()
		t.wait.Wait()
		return err
	})
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		w.Setenv(name, "http://"+l.Addr().String())
	}
	w.Setenv("NO_PROXY", "127.0.0.1,localhost,::1")
	return nil
}

func (t *trap) serve() {
	for {
		c, err := t.listener.Accept()
		if err != nil {
			return
		}
		t.wait.Go(func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(5 * time.Second))
			line, _ := bufio.NewReader(c).ReadString('\n')
			t.mu.Lock()
			t.requests = append(t.requests, line)
			t.mu.Unlock()
		})
	}
}

func (t *trap) seen() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.requests)
}
