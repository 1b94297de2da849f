package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dancecard/ipc"
)

// dancecard answers on both sockets as the routes of package ipc are
// documented, and writes down what it was asked.
type dancecard struct {
	mux *http.ServeMux

	mu    sync.Mutex
	asked []string // "METHOD /path body"
}

// start runs a dancecard whose sockets dancectl finds by itself.
func start(t *testing.T) *dancecard {
	t.Helper()
	dir, err := os.MkdirTemp("", "dc") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("DANCECARD_SOCK", "")
	d := &dancecard{mux: http.NewServeMux()}
	for _, socket := range []string{ipc.AppSocket, ipc.ControlSocket} {
		path := filepath.Join(dir, "dancecard", socket)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: d}
		done := make(chan struct{})
		go func() { defer close(done); server.Serve(l) }()
		t.Cleanup(func() { server.Close(); <-done })
	}
	return d
}

func (d *dancecard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	d.mu.Lock()
	d.asked = append(d.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	d.mu.Unlock()
	d.mux.ServeHTTP(w, r)
}

// answer makes a route answer with a value, or with an error if it is one.
func (d *dancecard) answer(route string, value any) {
	d.mux.HandleFunc(route, func(w http.ResponseWriter, _ *http.Request) { reply(w, value) })
}

func reply(w http.ResponseWriter, value any) {
	if e, ok := value.(*ipc.Error); ok {
		w.Header().Set(ipc.Header, string(e.Code))
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(e.Status)
	}
	json.NewEncoder(w).Encode(value)
}

// requests lists what was asked that begins with prefix.
func (d *dancecard) requests(prefix string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []string
	for _, r := range d.asked {
		if strings.HasPrefix(r, prefix) {
			found = append(found, r)
		}
	}
	return found
}

// result is what one run of dancectl left.
type result struct {
	code     int
	out, err string
}

func dancectl(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	ctl := &tool{in: strings.NewReader(""), out: &out, err: &errs, tty: noTerminal}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code := ctl.run(ctx, args)
	ctl.app.Close()
	ctl.control.Close()
	return result{code, out.String(), errs.String()}
}

func noTerminal() (*os.File, error) { return nil, errors.New("there is none") }

// wants fails the test unless the run ended with code and these texts.
func (r result) wants(t *testing.T, code int, out, errs string) {
	t.Helper()
	if r.code != code || r.out != out || r.err != errs {
		t.Errorf("exit %d, want %d\nstdout: %q\n  want: %q\nstderr: %q\n  want: %q", r.code, code, r.out, out, r.err, errs)
	}
}

func problemOf(status int, code ipc.Code, text, hint string) *ipc.Error {
	return &ipc.Error{Type: "urn:dancecard:problem:" + string(code), Title: string(code), Status: status, Code: code, Message: text, Hint: hint}
}

// file writes a file that only we may read.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var home = ipc.Profile{ID: "p1", Name: "Home", Current: true, State: ipc.ProfileOpen, Ways: []string{"keyring", "passphrase", "recovery"}}

func mira(change ...func(*ipc.AccountDetail)) ipc.AccountDetail {
	a := ipc.AccountDetail{Profile: "p1", Apps: 2, Account: ipc.Account{
		ID: "a1", Provider: "demo", ProviderName: "Demo", Issuer: "http://127.0.0.1:9000", Subject: "u1",
		Login: "mira", Name: "Mira Okafor", Label: "mira", Status: "ready", Scopes: []string{"openid"}}}
	for _, f := range change {
		f(&a)
	}
	return a
}

func sse(e ipc.Event) string {
	data, _ := json.Marshal(e)
	return fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, data)
}

// unlocker opens with the secret "right"; no keyring answers.
func unlocker(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var u ipc.Unlock
		if err := json.NewDecoder(r.Body).Decode(&u); err != nil {
			t.Error(err)
		}
		switch secret := u.Passphrase + u.RecoveryKey; secret {
		case "right":
			reply(w, struct{}{})
		case "":
			reply(w, problemOf(503, ipc.CodeNoKeyring, "No keyring answers.", "Type the passphrase."))
		default:
			reply(w, problemOf(403, ipc.CodeWrongSecret, "That does not open Home.", "Try again."))
		}
	}
}

// until waits for a condition. It may be called from any goroutine.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("waited in vain for %s", what)
			return
		}
	}
}
