//go:build linux

package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dancecard/accounts"
	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
	"dancecard/ipc"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// rig is a real Server on a real Book, with a real provider where asked for.
type rig struct {
	*Server
	t         testing.TB
	runtime   string // XDG_RUNTIME_DIR
	book      *accounts.Book
	provider  *dancetest.Provider
	providers string        // folder of the user's provider files
	users     chan string   // who approves the next dances
	key       secret.String // the profile's recovery key
	shown     chan struct{}
	stopped   chan struct{}
}

// runtimeDir is short: a socket's path has at most 107 bytes.
func runtimeDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newRig serves a book without a profile.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, runtime: runtimeDir(t), shown: make(chan struct{}, 8), stopped: make(chan struct{}, 8)}
	data := t.TempDir()
	providers := filepath.Join(data, "providers")
	if err := os.Mkdir(providers, 0o700); err != nil {
		t.Fatal(err)
	}
	book, err := accounts.Open(t.Context(), accounts.Options{
		Dir: filepath.Join(data, "data"), Providers: providers,
		OpenURL: func(context.Context, string) error { return errors.New("no browser in this test") },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.book = book
	t.Cleanup(func() { book.Close() })
	r.serve()
	return r
}

// serve starts the Server, as a start of the program does.
func (r *rig) serve() {
	r.t.Helper()
	s, err := Listen(Options{
		Dir: filepath.Join(r.runtime, "dancecard"), Version: "test",
		Show: func() { r.shown <- struct{}{} }, Stop: func() { r.stopped <- struct{}{} },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.Server = s
	served := make(chan error, 1)
	go func() { served <- s.Serve(r.book) }()
	r.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			r.t.Error(err)
		}
		if err := <-served; err != nil {
			r.t.Error(err)
		}
	})
}

// newOpenRig has an open profile and a provider "demo".
func newOpenRig(t *testing.T) *rig {
	t.Helper()
	return newRigFor(t)
}

func newRigFor(t testing.TB) *rig {
	t.Helper()
	p, err := dancetest.Start(dancetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	r := &rig{t: t, runtime: runtimeDir(t), provider: p, users: make(chan string, 8), shown: make(chan struct{}, 8), stopped: make(chan struct{}, 8)}
	data := t.TempDir()
	r.providers = filepath.Join(data, "providers")
	if err := os.Mkdir(r.providers, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.providers, "demo.toml"), p.ProviderFile("Demo"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.users <- "mira"
	r.users <- "jo"
	r.book, err = accounts.Open(t.Context(), accounts.Options{
		Dir: filepath.Join(data, "data"), Providers: r.providers,
		OpenURL: func(_ context.Context, address string) error {
			who := <-r.users
			go p.Approve(address, who)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.book.Close() })
	if _, r.key, err = r.book.CreateProfile(t.Context(), accounts.NewProfile{Name: "Home"}); err != nil {
		t.Fatal(err)
	}
	r.serve()
	return r
}

// link connects the demo provider: mira the first time, jo the second.
func (r *rig) link() accounts.Account {
	r.t.Helper()
	return r.linkAt("demo")
}

func (r *rig) linkAt(provider string) accounts.Account {
	r.t.Helper()
	id, err := r.book.Connect(r.t.Context(), accounts.ConnectRequest{Provider: provider})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	d, err := r.book.AwaitDance(ctx, id, func(d accounts.Dance) bool { return d.Stage == accounts.DanceCameBack || d.Stage.Over() })
	if err != nil || d.Failure != nil {
		r.t.Fatal(err, d.Failure)
	}
	account, err := r.book.Keep(r.t.Context(), id, "", false)
	if err != nil {
		r.t.Fatal(err)
	}
	a, _ := r.book.Snapshot().Account(account)
	return a
}

func (r *rig) client() *ipc.Client {
	c := &ipc.Client{Socket: filepath.Join(r.runtime, "dancecard", ipc.AppSocket)}
	r.t.Cleanup(c.Close)
	return c
}

func (r *rig) admin() *ipc.Control {
	c := &ipc.Control{Socket: filepath.Join(r.runtime, "dancecard", ipc.ControlSocket)}
	r.t.Cleanup(c.Close)
	return c
}

// await waits until the snapshot says what it should.
func (r *rig) await(what string, enough func(accounts.Snapshot) bool) accounts.Snapshot {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	w := r.book.Watch("")
	for {
		s := r.book.Snapshot()
		if enough(s) {
			return s
		}
		if _, _, err := w.Next(ctx); err != nil {
			r.t.Fatalf("waiting for %s: %v; questions %+v", what, err, s.Questions)
		}
	}
}

func asked(s accounts.Snapshot) bool { return len(s.Questions) > 0 }

// question waits for the next question.
func (r *rig) question() accounts.Question {
	r.t.Helper()
	return r.await("a question", asked).Questions[0]
}

// answer gives the user's word on the next question.
func (r *rig) answer(a accounts.Answer) accounts.Question {
	r.t.Helper()
	q := r.question()
	if err := r.book.Answer(q.ID, a); err != nil {
		r.t.Fatal(err)
	}
	return q
}

// allow lets this test's own process have the account for ever.
func (r *rig) allow(c *ipc.Client, account string) ipc.Token {
	r.t.Helper()
	done := make(chan error, 1)
	var token ipc.Token
	go func() {
		var err error
		token, err = c.Token(r.t.Context(), account, ipc.TokenRequest{})
		done <- err
	}()
	r.answer(accounts.Answer{Allow: true, For: accounts.Always})
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
	return token
}

// raw writes bytes to the apps' socket and returns all that comes back.
func (r *rig) raw(request string) string {
	r.t.Helper()
	c := r.dial(ipc.AppSocket)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, request)
	c.(*net.UnixConn).CloseWrite()
	answer, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		r.t.Fatal(err)
	}
	return string(answer)
}

func (r *rig) dial(name string) net.Conn {
	r.t.Helper()
	c, err := net.Dial("unix", filepath.Join(r.runtime, "dancecard", name))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// do sends one request over a connection of its own.
func (r *rig) do(socket, method, path, body string, header ...string) (status int, h http.Header, answer string) {
	r.t.Helper()
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(r.runtime, "dancecard", socket))
	}, DisableKeepAlives: true}
	defer t.CloseIdleConnections()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://dancecard/", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.URL.Opaque = path
	for n := 0; n < len(header); n += 2 {
		if header[n] == "Host" {
			req.Host = header[n+1]
		} else {
			req.Header.Set(header[n], header[n+1])
		}
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

// problemIn reads a problem document and checks that it is a whole one.
func problemIn(t *testing.T, status int, h http.Header, body string) ipc.Error {
	t.Helper()
	var e ipc.Error
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if h.Get("Content-Type") != "application/problem+json" || h.Get(ipc.Header) != string(e.Code) ||
		e.Status != status || e.Code == "" || e.Title == "" || e.Message == "" || e.Hint == "" || !strings.HasSuffix(e.Type, string(e.Code)) {
		t.Errorf("not a whole problem document: %d %v %s", status, h, body)
	}
	return e
}

func wantCode(t *testing.T, err error, code ipc.Code) {
	t.Helper()
	if ipc.CodeOf(err) != code {
		t.Fatalf("error %v with code %q, want %q", err, ipc.CodeOf(err), code)
	}
}

// curl runs curl on the apps' socket and returns what it wrote.
func (r *rig) curl(args ...string) *exec.Cmd {
	args = append([]string{"-sS", "--max-time", "20", "--unix-socket", filepath.Join(r.runtime, "dancecard", ipc.AppSocket)}, args...)
	cmd := exec.CommandContext(r.t.Context(), "curl", args...)
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, out, cmd.Stderr)
	}
	return string(out)
}

// eventually waits for a condition that nothing announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// openFiles counts this process's file descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}
