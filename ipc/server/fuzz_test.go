//go:build linux

package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"dancecard/accounts"
	"dancecard/ipc"
)

// FuzzAPIRequest sends any request to both sockets' handlers. None breaks a
// handler, each answer is JSON or a whole problem document, and nothing that a
// browser marks is answered. (I43)
func FuzzAPIRequest(f *testing.F) {
	for _, seed := range []string{
		"GET /v1/status HTTP/1.1\r\nHost: dancecard\r\n\r\n",
		"GET /v1/accounts/github%3Amira HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"POST /v1/accounts/demo/token HTTP/1.1\r\nHost: dancecard\r\nContent-Length: 17\r\n\r\n{\"type\":\"access\"}",
		"POST /v1/connect HTTP/1.1\r\nHost: dancecard\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"DELETE /v1/accounts/x HTTP/1.1\r\nHost: dancecard\r\nOrigin: null\r\n\r\n",
		"GET /v1/operations/x?wait=0 HTTP/1.1\r\nHost: dancecard\r\n\r\n",
		"GET /v1/activity?max=%zz HTTP/1.1\r\nHost: dancecard\r\n\r\n",
		"PATCH /v1/profiles/- HTTP/1.1\r\nHost: dancecard\r\nContent-Length: 12\r\n\r\n{\"name\":\"x\"}",
		"GET http://evil/../%00 HTTP/1.0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	book, err := accounts.Open(f.Context(), accounts.Options{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { book.Close() })
	s := &Server{book: book, id: &identifier{uid: os.Getuid()}, ops: newOperations(f.Context())}
	s.ops.book = book
	own, err := readProcess(os.Getpid())
	if err != nil {
		f.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		f.Fatal(err)
	}
	us := &peer{pid: os.Getpid(), fd: pidfd, own: own, app: accounts.App{Key: "fuzz", Name: "fuzz"}}
	handlers := []http.Handler{s.handler(s.appRoutes(), false), s.handler(s.controlRoutes(), true)}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, h := range handlers {
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
			if err != nil {
				return
			}
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), peerKey{}, us))
			cancel() // nobody waits for a user or an event
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(ctx))
			if w.Code >= 500 && w.Header().Get(ipc.Header) == string(ipc.CodeInternal) && strings.Contains(w.Body.String(), "broke") {
				t.Fatalf("%q broke a handler", data)
			}
			kind := w.Header().Get("Content-Type")
			if kind == "text/event-stream" || w.Code == http.StatusNoContent {
				continue
			}
			if !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%q is answered %q", data, w.Body)
			}
			if w.Code == http.StatusOK && (r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "" ||
				!strings.EqualFold(r.Host, "dancecard") && !strings.EqualFold(r.Host, "localhost")) {
				t.Fatalf("a browser's %q is answered %q", data, w.Body)
			}
			if w.Code != http.StatusOK {
				problemIn(t, w.Code, w.Header(), w.Body.String())
			}
		}
	})
}

// FuzzTokenRequest reads any body as a token request. What is accepted is
// within its bounds and means the same when it is written and read again.
func FuzzTokenRequest(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"type":"id","scopes":["openid","a:b/c"],"audience":"https://a","min_valid":60,"wait":5}`,
		`{"wait":1,"Wait":2}`, `{"scopes":null}`, `{"wait":1e2}`, "{\"audience\":\"\xff\"}", `[[]]`, `{} x`, `{"type":"\u0061ccess"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in ipc.TokenRequest
		if err := decode(data, &in); err != nil {
			if e := toProblem(err); e.Code != ipc.CodeBadRequest {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		if len(bytes.TrimSpace(data)) > 0 && !json.Valid(data) {
			t.Fatalf("%q is accepted and is not JSON", data)
		}
		want, err := toWant(in)
		if err != nil {
			return
		}
		if want.Wait < 0 || want.Wait > maxWait || want.MinValid < 0 || want.MinValid > maxMinValid || len(want.Scopes) > maxScopes {
			t.Fatalf("%q asks for %+v", data, want)
		}
		if strings.ContainsAny(strings.Join(want.Scopes, "")+want.Audience, " \r\n\x00\"\\") && !strings.Contains(want.Audience, `"`) && !strings.Contains(want.Audience, `\`) {
			t.Fatalf("%q asks for %+v", data, want)
		}
		out, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var again ipc.TokenRequest
		if err := decode(out, &again); err != nil {
			t.Fatalf("%q becomes %q: %v", data, out, err)
		}
		if len(in.Scopes) == 0 {
			in.Scopes = nil
		}
		if !reflect.DeepEqual(in, again) {
			t.Fatalf("%q becomes %+v", data, again)
		}
	})
}
