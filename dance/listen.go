package dance

import (
	"container/list"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
)

const (
	crowdLimit = 256 // connections at once; the oldest makes room
	portTries  = 10  // for a port that is free in both families
)

// bind listens as the row's redirect says: on 127.0.0.1, and for the name
// localhost, which a browser may take for either family, on ::1 too. Where
// this machine lacks one of the two nobody else can listen there either.
func bind(r Redirect) ([]net.Listener, int, error) { return bindOver(net.Listen, r) }

func bindOver(listen func(network, address string) (net.Listener, error), r Redirect) ([]net.Listener, int, error) {
	for range portTries {
		v4, err := listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port())))
		if missing(err) && r.host() == "localhost" {
			v6, err := listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(r.port())))
			if err != nil {
				return nil, 0, unbound(r.port(), err)
			}
			return []net.Listener{v6}, v6.Addr().(*net.TCPAddr).Port, nil
		}
		if err != nil {
			return nil, 0, unbound(r.port(), err)
		}
		port := v4.Addr().(*net.TCPAddr).Port
		if r.host() != "localhost" {
			return []net.Listener{v4}, port, nil
		}
		v6, err := listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		switch {
		case err == nil:
			return []net.Listener{v4, v6}, port, nil
		case missing(err):
			return []net.Listener{v4}, port, nil
		}
		v4.Close()
		if r.port() != 0 {
			return nil, 0, unbound(port, err)
		}
	}
	return nil, 0, &Failed{Stage: "authorization", Text: "no port is free on both 127.0.0.1 and ::1; try again"}
}

// missing reports an address family that this machine does not have.
func missing(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

func unbound(port int, err error) *Failed {
	f := &Failed{Stage: "authorization", Text: "this machine lets no program listen on 127.0.0.1", Cause: err}
	if errors.Is(err, syscall.EADDRINUSE) {
		f.Text = fmt.Sprintf("port %d, to which this provider sends its answers, is held by another program; close that and try again", port)
	}
	return f
}

// crowd keeps the number of connections down: whoever says nothing for
// longest makes room, so that the browser is always heard.
type crowd struct {
	mu     sync.Mutex
	guests list.List // of *guest, oldest first
}

type crowdListener struct {
	net.Listener
	crowd *crowd
}

// Accept implements net.Listener.
func (l crowdListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.crowd.admit(conn), nil
}

type guest struct {
	net.Conn
	crowd *crowd
	place *list.Element // guarded by crowd.mu; nil once it has left
}

func (c *crowd) admit(conn net.Conn) net.Conn {
	g := &guest{Conn: conn, crowd: c}
	c.mu.Lock()
	g.place = c.guests.PushBack(g)
	var oldest *guest
	if c.guests.Len() > crowdLimit {
		oldest = c.guests.Front().Value.(*guest)
	}
	c.mu.Unlock()
	if oldest != nil {
		oldest.Close()
	}
	return g
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.crowd.mu.Lock()
	if g.place != nil {
		g.crowd.guests.Remove(g.place)
		g.place = nil
	}
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// CloseWrite lets net/http say why it hangs up before it does.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
