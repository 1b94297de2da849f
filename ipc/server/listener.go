package server

import (
	"errors"
	"net"
	"sync"
	"time"
)

// How many connections there may be. One process that hoards them keeps none
// from the others.
const (
	maxConns   = 4096
	maxPerPeer = 640
	maxLooking = 4 // identifications of one process at a time
)

// A listener hands out connections whose peer is identified. Identifying runs
// beside Accept, so that a peer that is slow to look at (its executable may lie
// on a file system that it answers for itself) keeps nobody else waiting.
type listener struct {
	unix  *net.UnixListener
	id    *identifier
	ready chan *conn
	done  chan struct{}
	wg    sync.WaitGroup // accept and the identifications
	once  sync.Once

	mu    sync.Mutex // guards the fields that follow
	peers map[int]*hoard
	total int
}

// A hoard is what one process holds.
type hoard struct {
	conns   int
	looking chan struct{}
}

func newListener(l *net.UnixListener, id *identifier) *listener {
	k := &listener{
		unix: l, id: id,
		ready: make(chan *conn),
		done:  make(chan struct{}),
		peers: map[int]*hoard{},
	}
	k.wg.Go(k.accept)
	return k
}

func (l *listener) accept() {
	for {
		c, err := l.unix.AcceptUnix()
		if err == nil {
			l.admit(c)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		pause := 10 * time.Millisecond
		if exhausted(err) {
			pause = 100 * time.Millisecond // somebody has to close something first
		}
		select {
		case <-l.done:
			return
		case <-time.After(pause):
		}
	}
}

// admit has the peer of c identified and passes it on.
func (l *listener) admit(c *net.UnixConn) {
	p := l.id.meet(c)
	h := l.count(p.pid)
	if h == nil {
		p.forget()
		c.Close()
		return
	}
	k := &conn{UnixConn: c, peer: p, l: l}
	l.wg.Go(func() {
		select {
		case h.looking <- struct{}{}:
			l.id.identify(p)
			<-h.looking
		case <-l.done:
		}
		select {
		case l.ready <- k:
		case <-l.done:
			k.Close()
		}
	})
}

// count takes a connection into account; nil if there are too many.
func (l *listener) count(pid int) *hoard {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.peers[pid]
	if h == nil {
		h = &hoard{looking: make(chan struct{}, maxLooking)}
	}
	if l.total >= maxConns || h.conns >= maxPerPeer {
		return nil
	}
	l.peers[pid] = h
	l.total++
	h.conns++
	return h
}

func (l *listener) discount(pid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if h := l.peers[pid]; h != nil {
		if h.conns--; h.conns == 0 {
			delete(l.peers, pid)
		}
	}
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Addr implements [net.Listener].
func (l *listener) Addr() net.Addr { return l.unix.Addr() }

// Close implements [net.Listener]. It waits for what it started, except for an
// identification that hangs in the kernel.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		err = l.unix.Close()
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.wg.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(time.Second):
	}
	return err
}

// A conn is a connection whose peer is known.
type conn struct {
	*net.UnixConn
	peer *peer
	l    *listener
	once sync.Once
}

// Close closes the connection and lets go of its peer.
func (c *conn) Close() error {
	err := c.UnixConn.Close()
	c.once.Do(func() {
		c.peer.forget()
		c.l.discount(c.peer.pid)
	})
	return err
}
