package ipc

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering serves h on a socket; the real server is tested with this client
// in package server.
func answering(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return path
}

func TestZeroClientFindsTheSocket(t *testing.T) {
	path := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != Host {
			t.Errorf("Host %s", r.Host)
		}
		fmt.Fprint(w, `{"version":"9"}`)
	})
	t.Setenv("DANCECARD_SOCK", path)
	var c Client
	if s, err := c.Status(t.Context()); err != nil || s.Version != "9" {
		t.Errorf("%+v %v", s, err)
	}

	t.Setenv("DANCECARD_SOCK", "")
	runtime := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	for _, dir := range []string{"app", "control"} {
		if err := os.MkdirAll(filepath.Join(runtime, "dancecard", dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{AppSocket, ControlSocket} {
		if err := os.Symlink(path, filepath.Join(runtime, "dancecard", name)); err != nil {
			t.Fatal(err)
		}
	}
	var again Client
	if _, err := again.Status(t.Context()); err != nil {
		t.Error(err)
	}
	var control Control
	if o, err := control.Status(t.Context()); err != nil || o.Version != "9" {
		t.Errorf("%+v %v", o, err)
	}

	t.Setenv("XDG_RUNTIME_DIR", "")
	var lost Client
	if _, err := lost.Status(t.Context()); CodeOf(err) != CodeNotRunning || !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
		t.Error(err)
	}
}

func TestNotRunningHasAHint(t *testing.T) {
	c := Client{Socket: filepath.Join(t.TempDir(), "none")}
	_, err := c.Accounts(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != CodeNotRunning || e.Hint == "" || e.Status != 0 {
		t.Errorf("%+v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Accounts(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who gave up gets %v", err)
	}
}

func TestErrorsComeBackAsTheyWere(t *testing.T) {
	sent := Error{Type: "urn:dancecard:problem:rate_limited", Title: "T", Status: 429, Message: "M.", Code: CodeRateLimited,
		Hint: "H.", Choices: []string{"a:b"}, Retry: 7}
	path := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/status":
			w.WriteHeader(sent.Status)
			json.NewEncoder(w).Encode(sent)
		case "/v1/accounts":
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<html>secret</html>")
		case "/v1/accounts/x":
			fmt.Fprint(w, "no JSON")
		case "/v1/accounts/moved":
			http.Redirect(w, r, "http://evil.example/", http.StatusFound)
		}
	})
	c := Client{Socket: path}
	_, err := c.Status(t.Context())
	got, ok := errors.AsType[*Error](err)
	if !ok || fmt.Sprint(*got) != fmt.Sprint(sent) || got.RetryAfter() != 7*time.Second || got.Error() != "M." {
		t.Errorf("%+v", err)
	}
	_, err = c.Accounts(t.Context())
	if e, ok := errors.AsType[*Error](err); !ok || e.Status != 502 || e.Code != CodeInternal || strings.Contains(e.Message, "secret") {
		t.Errorf("%+v", err)
	}
	_, err = c.Account(t.Context(), "x")
	if CodeOf(err) != CodeInternal {
		t.Errorf("%+v", err)
	}
	_, err = c.Account(t.Context(), "moved")
	if e, ok := errors.AsType[*Error](err); !ok || e.Status != http.StatusFound {
		t.Errorf("a redirect: %+v", err)
	}
	if CodeOf(errors.New("x")) != "" {
		t.Error("another error has a code")
	}
}

// A connection that the server has closed meanwhile is no reason to fail, even
// for a POST.
func TestKeptConnectionThatClosed(t *testing.T) {
	var asked atomic.Int32
	path := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		buf.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") // kept, it says
		buf.Flush()
	})
	c := Client{Socket: path}
	for range 20 {
		if _, err := c.Token(t.Context(), "x", TokenRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
}

func TestEventsConnectAgain(t *testing.T) {
	var times atomic.Int32
	path := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := times.Add(1); n {
		case 1: // ends before any event
		case 2:
			if r.Header.Get("Last-Event-ID") != "" {
				t.Errorf("Last-Event-ID %q", r.Header.Get("Last-Event-ID"))
			}
			fmt.Fprint(w, ": hello\n\nevent: a\nid: e.1\ndata: {\"id\":\"e.1\",\ndata: \"type\":\"a\"}\n\ndata: broken\n\ndata: {\"id\":\"e.9\"")
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 4:
			if r.Header.Get("Last-Event-ID") != "e.1" {
				t.Errorf("Last-Event-ID %q", r.Header.Get("Last-Event-ID"))
			}
			fmt.Fprint(w, "data:{\"type\":\"resync\"}\n\n")
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"code":"unidentified","detail":"No."}`)
		}
	})
	c := Client{Socket: path}
	var got []string
	var last error
	for e, err := range c.Events(t.Context(), "") {
		got, last = append(got, e.Type), err
	}
	if want := "resync a resync "; strings.Join(got, " ") != want || CodeOf(last) != CodeUnidentified {
		t.Errorf("got %q, %v", got, last)
	}
	c = Client{Socket: path + "none"}
	for _, err := range c.Events(t.Context(), "") {
		if CodeOf(err) != CodeNotRunning {
			t.Error(err)
		}
	}
}

func TestEventsEnd(t *testing.T) {
	path := answering(t, func(w http.ResponseWriter, r *http.Request) {
		for n := range 5 {
			fmt.Fprintf(w, "data: {\"id\":\"e.%d\",\"type\":\"a\"}\n\n", n)
		}
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	c := Client{Socket: path}
	for range c.Events(t.Context(), "") {
		break // the caller has enough
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range c.Events(ctx, "") {
		if n++; n == 5 {
			cancel()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n != 6 {
		t.Errorf("%d turns", n)
	}
}

func TestTokenSourceHasTheExtras(t *testing.T) {
	path := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/v1/accounts/a%2Fb%20c/token" {
			t.Errorf("path %s", r.URL.EscapedPath())
		}
		fmt.Fprint(w, `{"access_token":"tok","token_type":"Bearer","scope":"a b","api":{"base_url":"https://api.example"}}`)
	})
	c := Client{Socket: path}
	token, err := c.TokenSource("a/b c").Token()
	if err != nil || token.AccessToken != "tok" || token.Extra("scope") != "a b" || token.Extra("base_url") != "https://api.example" || !token.Expiry.IsZero() {
		t.Errorf("%+v %v", token, err)
	}
}

func TestSecretPrintsNowhereButOnTheWire(t *testing.T) {
	const canary = "canary-8f31"
	v := Token{AccessToken: canary, IDToken: canary}
	u := Unlock{Passphrase: canary}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, x := range []any{v, u, v.AccessToken, &u} {
			if text := fmt.Sprintf(verb, x); strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", v.AccessToken, "all", v)
	data, err := xml.Marshal(holder{canary})
	if err != nil || strings.Contains(log.String()+string(data), canary) {
		t.Errorf("%s %s %v", log.String(), data, err)
	}
	wire, err := json.Marshal(u)
	if err != nil || string(wire) != `{"passphrase":"`+canary+`"}` {
		t.Errorf("%s %v", wire, err)
	}
	var back Unlock
	if err := json.Unmarshal(wire, &back); err != nil || back.Passphrase.Reveal() != canary {
		t.Error(err)
	}
	if fmt.Sprint(Secret("")) != "" {
		t.Error("the empty secret prints something")
	}
}

type holder struct{ S Secret }

func TestHashToken(t *testing.T) {
	if got := HashToken("abc"); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got)
	}
}
