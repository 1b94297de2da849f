package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dancecard/ipc"
)

// foreign is a machine with Dancecard and a provider that shares no line with
// our own demo provider.
type foreign struct {
	t        *testing.T
	world    *World
	app      *Process
	provider *Process
	origin   string // "http://127.0.0.1:PORT"
	control  *ipc.Control
	pass     string // file with the profile's passphrase
	ready    string
	command  []string // of the provider
}

// newForeign runs a provider's program, which says when it is ready, and
// Dancecard with an open profile. command gets a free port.
func newForeign(t *testing.T, ready string, command func(w *World, port string) (name string, args []string)) *foreign {
	t.Helper()
	w, err := New(Options{Screen: true})
	if err != nil {
		t.Fatal(err)
	}
	f := &foreign{t: t, world: w, pass: filepath.Join(w.Dir, "passphrase"), ready: ready}
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range []*Process{f.app, f.provider} {
				if p != nil {
					t.Log(p.Log())
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	port := freePort(t)
	f.origin = "http://127.0.0.1:" + port
	name, args := command(w, port)
	f.command = append([]string{name}, args...)
	f.startProvider()
	f.app, err = w.Start("dancecard")
	f.check(err)
	f.check(w.AwaitSocket(t.Context()))
	f.check(os.WriteFile(f.pass, []byte("correct horse"), 0o600))
	f.dancectl("profile", "create", "Home", "--passphrase-file", f.pass)
	f.control = &ipc.Control{Socket: filepath.Join(w.Runtime, "dancecard", ipc.ControlSocket)}
	t.Cleanup(f.control.Close)
	return f
}

// startProvider starts it, again or for the first time.
func (f *foreign) startProvider() {
	f.t.Helper()
	if f.provider != nil {
		f.provider.End()
	}
	var err error
	f.provider, err = f.world.Start(f.command[0], f.command[1:]...)
	f.check(err)
	f.check(Await(f.t.Context(), f.command[0], func() error { return match(f.ready, f.provider.Log()) }))
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (f *foreign) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *foreign) dancectl(args ...string) string {
	f.t.Helper()
	out, err := f.world.Output(f.t.Context(), "dancectl", args...)
	f.check(err)
	return out
}

// visit opens what Dancecard opened in the browser, and has approve do there
// what a user would.
func (f *foreign) visit(approve func(ctx context.Context, page *Page) error) *Page {
	f.t.Helper()
	ctx := f.t.Context()
	address, err := f.world.Opened(ctx)
	f.check(err)
	page, err := f.world.Open(ctx, address)
	f.check(err)
	f.check(approve(ctx, page))
	return page
}

// click clicks one thing after the other in the window.
func (f *foreign) click(labels ...string) {
	f.t.Helper()
	for _, label := range labels {
		f.check(f.world.Click(f.t.Context(), "Dancecard", label))
	}
}

// sees waits until the window shows that.
func (f *foreign) sees(label string) Place {
	f.t.Helper()
	p, err := f.world.AwaitPlace(f.t.Context(), "Dancecard", label)
	f.check(err)
	return p
}

// stands waits until an account has a status.
func (f *foreign) stands(ref, status string) {
	f.t.Helper()
	f.check(Await(f.t.Context(), ref+" to be "+status, func() error {
		a, err := f.control.Account(f.t.Context(), ref)
		if err == nil && a.Status != status {
			err = fmt.Errorf("it is %s: %s", a.Status, a.Why)
		}
		return err
	}))
}

// row puts a provider file into the user's folder, and waits until it is in
// the gallery.
func (f *foreign) row(name, text string) {
	f.t.Helper()
	f.check(os.WriteFile(filepath.Join(f.world.Providers(), name+".toml"), []byte(text), 0o600))
	f.check(Await(f.t.Context(), name, func() error {
		_, err := f.control.Provider(f.t.Context(), name)
		return err
	}))
}

// connect runs dancectl connect and has approve do in the browser what a user
// would.
func (f *foreign) connect(approve func(ctx context.Context, page *Page) error, args ...string) {
	f.t.Helper()
	ctx := f.t.Context()
	connect, err := f.world.Start("dancectl", append([]string{"connect", "--yes"}, args...)...)
	f.check(err)
	address, err := f.world.Opened(ctx)
	if err != nil {
		f.t.Fatal(err, connect.Log())
	}
	page, err := f.world.Open(ctx, address)
	f.check(err)
	if approve != nil {
		f.check(approve(ctx, page))
	}
	f.done(connect)
}

func (f *foreign) done(connect *Process) {
	f.t.Helper()
	code, err := connect.Wait(f.t.Context())
	f.check(err)
	if code != 0 {
		f.t.Fatalf("dancectl connect: exit code %d: %s", code, connect.Log())
	}
}

// token asks as an app and says yes in the window.
func (f *foreign) token(ref string) string {
	f.t.Helper()
	var token ipc.Token
	f.asked(func(c *ipc.Client) (err error) {
		token, err = c.Token(f.t.Context(), ref, ipc.TokenRequest{})
		return err
	})
	return token.Bare().Reveal()
}

// fetch asks as an app for the API's answer and says yes in the window.
func (f *foreign) fetch(ref string, r *http.Request) *http.Response {
	f.t.Helper()
	var res *http.Response
	f.asked(func(c *ipc.Client) (err error) {
		res, err = c.Fetch(f.t.Context(), ref, r)
		return err
	})
	f.t.Cleanup(func() { res.Body.Close() })
	return res
}

// asked does something that puts a question on the screen, and says yes.
func (f *foreign) asked(do func(c *ipc.Client) error) {
	f.t.Helper()
	c := f.world.Client()
	f.t.Cleanup(c.Close)
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if failed = do(c); failed != nil {
			cancel()
		}
	}()
	err := f.world.Answer(ctx, "test.test wants to use", "Once")
	if err == nil || ctx.Err() != nil {
		<-done
		err = failed
	}
	f.check(err)
}

// bearer asks an address with a token and returns the status.
func bearer(t *testing.T, address, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// disconnect disconnects and waits until the token is dead at the provider.
func (f *foreign) disconnect(ref, userinfo, token string) {
	f.t.Helper()
	f.dancectl("disconnect", ref, "--passphrase-file", f.pass)
	f.check(Await(f.t.Context(), "the revocation", func() error {
		if bearer(f.t, userinfo, token) == http.StatusOK {
			return errors.New("the token still works")
		}
		return nil
	}))
}

// logged reports that the provider answered a request that matches.
func (f *foreign) logged(pattern string) {
	f.t.Helper()
	f.check(Await(f.t.Context(), pattern, func() error { return match(pattern, f.provider.Log()) }))
}

// node has npm install what the tests of foreign parts need, and returns the
// folder.
var node = sync.OnceValues(func() (string, error) {
	install := exec.Command("test/node.sh")
	install.Dir = Root()
	out, err := install.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("npm: %w: %s", err, out)
	}
	return filepath.Join(Root(), "build/node"), err
})

// nodeScript puts a script of ours beside the packages, where Node looks for
// them.
func nodeScript(t *testing.T, name string) string {
	t.Helper()
	dir, err := node()
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("testdata/foreign", name))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, script) {
		return file
	}
	if err := os.WriteFile(file, script, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// flows collects what was seen with providers that none of us wrote, for
// build/flows.md.
var flows struct {
	sync.Mutex
	rows []string
}

func saw(provider, flow, result string) {
	flows.Lock()
	defer flows.Unlock()
	flows.rows = append(flows.rows, fmt.Sprintf("| %s | %s | %s |", provider, flow, result))
}

// writeFlows leaves the table of what the tests saw.
func writeFlows() error {
	flows.Lock()
	defer flows.Unlock()
	if len(flows.rows) == 0 {
		return nil
	}
	head := "| provider | flow | result |\n|---|---|---|\n"
	return os.WriteFile(filepath.Join(Root(), "build/flows.md"), []byte(head+strings.Join(flows.rows, "\n")+"\n"), 0o644)
}
