// Package server answers on Dancecard's sockets: one for apps, one for
// administration.
//
//	s, err := server.Listen(server.Options{Version: version, Show: show})
//	if errors.Is(err, server.ErrRunning) {
//		return new(ipc.Control).Show(ctx) // a second start
//	}
//	defer s.Close()
//	go s.Serve(book)
//
// Promised: of any number of starters exactly one serves. A socket that a
// crash left behind is replaced; a live one, or anything else at its path, is
// left alone. Each request is answered for the process that connected, as the
// kernel names it, and for nobody that it cannot name.
//
// It keeps no state of accounts: all of that is the Book's. It speaks no TCP,
// has no abstract socket, and never writes a token or a request's body to a
// log.
package server

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// Options of a Server.
type Options struct {
	Dir     string // for the sockets; ipc.RuntimeDir if empty
	Version string
	Show    func() // brings the window to the front; nil: there is none
	Stop    func() // ends the program in good order; nil: the control socket refuses
	// Dancectl is the path of our own command line, which speaks for its
	// caller; the file "dancectl" beside this executable if empty.
	Dancectl string
}

// ErrRunning says that another Dancecard of this user serves already.
var ErrRunning = errors.New("another Dancecard of this user is running")

// Limits of each socket.
const (
	maxHeader     = 32 << 10
	maxBody       = 64 << 10
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute // the clients let go after one
	writeTimeout  = 10 * time.Second
)

// Server serves a Book on both sockets.
type Server struct {
	o       Options
	book    *accounts.Book // set by Serve, before the first request
	id      *identifier
	lock    *os.File
	sockets [2]*socket // app, control
	ops     *operations
	streams atomic.Int32    // readers of events
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	closing sync.Once
	done    chan struct{}
	closed  error

	verifying sync.Mutex // held while a secret is tried
}

// Listen takes the lock and both sockets. From its return on, clients can
// connect; they are answered once Serve runs.
func Listen(o Options) (*Server, error) {
	if o.Dir == "" {
		dir, err := ipc.RuntimeDir()
		if err != nil {
			return nil, err
		}
		o.Dir = dir
	}
	if err := prepare(o.Dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(o.Dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, lock: lock, done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.id = &identifier{uid: os.Getuid(), runtime: filepath.Dir(o.Dir), dancectl: dancectlID(o.Dancectl)}
	s.ops = newOperations(s.ctx)
	handlers := [2]http.Handler{s.handler(s.appRoutes(), false), s.handler(s.controlRoutes(), true)}
	for n, name := range []string{ipc.AppSocket, ipc.ControlSocket} {
		k, err := bind(filepath.Join(o.Dir, name))
		if err != nil {
			s.Close()
			return nil, err
		}
		k.listener = newListener(k.unix, s.id)
		k.http = s.httpServer(handlers[n])
		s.sockets[n] = k
	}
	return s, nil
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // it would quote requests
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, c.(*conn).peer)
		},
	}
}

// AppSocket is the address of the socket for apps.
func (s *Server) AppSocket() string { return filepath.Join(s.o.Dir, ipc.AppSocket) }

// Serve answers for the book until Close, and returns nil after Close. It is
// called once.
func (s *Server) Serve(book *accounts.Book) error {
	s.book, s.ops.book = book, book
	var wg sync.WaitGroup
	errs := make([]error, len(s.sockets))
	for n, k := range s.sockets {
		wg.Go(func() {
			if err := k.http.Serve(k.listener); !errors.Is(err, http.ErrServerClosed) {
				errs[n] = err
			}
		})
	}
	wg.Wait()
	if s.ctx.Err() != nil {
		return nil
	}
	return errors.Join(errs...)
}

// Close stops answering: requests under way get two seconds. The sockets are
// gone when it returns, and so is every goroutine of the Server.
func (s *Server) Close() error {
	s.closing.Do(func() {
		defer close(s.done)
		s.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for _, k := range s.sockets {
			if k != nil {
				wg.Go(func() { k.close(ctx) })
			}
		}
		wg.Wait()
		s.ops.wait()
		s.closed = s.lock.Close()
	})
	<-s.done
	return s.closed
}

// A socket is one of the two that the Server listens on.
type socket struct {
	path     string
	own      os.FileInfo // the socket file, to take away no other
	unix     *net.UnixListener
	listener *listener
	http     *http.Server
}

func (k *socket) close(ctx context.Context) {
	if now, err := os.Lstat(k.path); err == nil && os.SameFile(now, k.own) {
		os.Remove(k.path)
	}
	k.listener.Close()
	if k.http.Shutdown(ctx) != nil {
		k.http.Close()
	}
}
