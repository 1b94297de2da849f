//go:build linux

package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// rawAnswers counts the responses in what a raw connection got.
func rawAnswers(text string) int { return strings.Count(text, "HTTP/1.1 ") }

func TestI23WhatIsNotHTTP(t *testing.T) {
	r := newRig(t)
	const get = "GET /v1/status HTTP/1.1\r\nHost: dancecard\r\n"
	for name, c := range map[string]struct{ send, want string }{
		"good":                   {get + "Connection: close\r\n\r\n", "200"},
		"HTTP/0.9":               {"GET /v1/status\r\n", "400"},
		"HTTP/1.0 without Host":  {"GET /v1/status HTTP/1.0\r\n\r\n", "403"},
		"HTTP/1.1 without Host":  {"GET /v1/status HTTP/1.1\r\n\r\n", "400"},
		"two Hosts":              {"GET /v1/status HTTP/1.1\r\nHost: dancecard\r\nHost: dancecard\r\n\r\n", "400"},
		"h2 preface":             {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
		"TLS hello":              {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"},
		"1 MB line":              {"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: dancecard\r\n\r\n", "431"},
		"10k headers":            {get + strings.Repeat("X-A: b\r\n", 10000) + "\r\n", "431"},
		"space before the colon": {get + "Content-Length : 5\r\n\r\nhello", "400"},
		"folded header":          {get + "X-A: b\r\n c\r\nConnection: close\r\n\r\n", ""},
		"bad chunk":              {"POST /v1/connect HTTP/1.1\r\nHost: dancecard\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
		"unknown coding":         {"POST /v1/connect HTTP/1.1\r\nHost: dancecard\r\nTransfer-Encoding: cow\r\n\r\n", "501"},
		"two lengths":            {"POST /v1/connect HTTP/1.1\r\nHost: dancecard\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400"},
		"negative length":        {"POST /v1/connect HTTP/1.1\r\nHost: dancecard\r\nContent-Length: -2\r\n\r\n{}", "400"},
		"NUL in a header":        {get + "X-A: a\x00b\r\n\r\n", "400"},
	} {
		got := r.raw(c.send)
		if c.want != "" && !strings.HasPrefix(strings.Replace(got, "HTTP/1.0", "HTTP/1.1", 1), "HTTP/1.1 "+c.want) {
			t.Errorf("%s: %.100q, want %s", name, got, c.want)
		}
		if rawAnswers(got) > 1 || c.want != "200" && strings.Contains(got, `"version"`) && name != "folded header" {
			t.Errorf("%s: %.300q", name, got)
		}
	}
	// One body, two lengths: whichever is believed, nothing of the body is a request.
	got := r.raw("POST /v1/connect HTTP/1.1\r\nHost: dancecard\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
		get + "\r\n")
	if rawAnswers(got) > 1 {
		t.Errorf("a request was smuggled: %q", got)
	}
	if _, err := r.client().Status(t.Context()); err != nil {
		t.Error("afterwards:", err)
	}
}

func TestI24Bodies(t *testing.T) {
	r := newOpenRig(t)
	post := func(body string) (int, ipc.Error) {
		t.Helper()
		status, h, text := r.do(ipc.AppSocket, "POST", "/v1/accounts/demo/token", body)
		return status, problemIn(t, status, h, text)
	}
	for name, body := range map[string]string{
		"unknown field":       `{"type":"access","admin":true}`,
		"repeated field":      `{"wait":1,"wait":2}`,
		"repeated, by case":   `{"wait":1,"WAIT":2}`,
		"trailing object":     `{} {}`,
		"trailing text":       `{}x`,
		"an array":            `[]`,
		"null":                `null`,
		"a string":            `"{}"`,
		"a number":            `1`,
		"not JSON":            `type=access`,
		"unfinished":          `{"wait":`,
		"unfinished string":   `{"type":"acc`,
		"bad UTF-8":           "{\"audience\":\"\xff\"}",
		"1e400":               `{"wait":1e400}`,
		"fraction":            `{"wait":1.5}`,
		"wrong type":          `{"wait":"1"}`,
		"huge number":         `{"wait":99999999999999999999}`,
		"negative":            `{"wait":-1}`,
		"negative min_valid":  `{"min_valid":-5}`,
		"depth 100k":          strings.Repeat("[", 30000) + strings.Repeat("]", 30000),
		"depth in a field":    `{"scopes":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"unknown token type":  `{"type":"refresh"}`,
		"empty scope":         `{"scopes":[""]}`,
		"scope with a space":  `{"scopes":["a b"]}`,
		"scope with a quote":  `{"scopes":["a\"b"]}`,
		"too many scopes":     `{"scopes":[` + strings.Repeat(`"a",`, 64) + `"a"]}`,
		"audience with CRLF":  `{"audience":"a\r\nb"}`,
		"audience of 1000":    `{"audience":"` + strings.Repeat("a", 1000) + `"}`,
		"byte order mark":     "\ufeff{}",
		"repeated in a depth": `{"scopes":[{"a":1,"a":2}]}`,
	} {
		if status, e := post(body); status != http.StatusBadRequest || e.Code != ipc.CodeBadRequest {
			t.Errorf("%s: %d %s", name, status, e.Message)
		}
	}
	if status, e := post(`{"audience":"` + strings.Repeat("a", maxBody) + `"}`); status != http.StatusRequestEntityTooLarge || e.Code != ipc.CodeTooLarge {
		t.Errorf("64 KB: %d %v", status, e)
	}
	for _, body := range []string{"", " \n", "{}", `{"type":"access","scopes":null,"wait":5}`} {
		if _, e := post(body); e.Code != ipc.CodeNoSuchAccount {
			t.Errorf("%q: %s %s", body, e.Code, e.Message)
		}
	}
	if got := r.raw("POST /v1/accounts/demo/token HTTP/1.1\r\nHost: dancecard\r\nContent-Length: 1073741824\r\n\r\n" + strings.Repeat("x", 1<<20)); !strings.HasPrefix(got, "HTTP/1.1 413") {
		t.Errorf("1 GB: %.80q", got)
	}
}

func TestI24EndlessChunks(t *testing.T) {
	r := newRig(t)
	c := r.dial(ipc.AppSocket)
	io.WriteString(c, "POST /v1/connect HTTP/1.1\r\nHost: dancecard\r\nTransfer-Encoding: chunked\r\n\r\n")
	sent := 0
	c.SetDeadline(time.Now().Add(patience))
	for sent < 64<<20 {
		n, err := c.Write([]byte("1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"))
		sent += n
		if err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Errorf("%d bytes of one request were read", sent)
	}
}

func TestI25Paths(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	for _, path := range []string{
		"/v1/accounts/..", "/v1/accounts/%2e%2e", "/v1/accounts/%2E", "/v1//accounts", "/v1/accounts/",
		"/v1/accounts/%00", "/v1/accounts/a%0ab", "/v1/accounts/%ff", "/v1/x/../accounts", "/v1/accounts/;/", "/v1/status/",
		"/v1/status;a=b", "/V1/status", "/", "/v1", "/v1/accounts%2f" + a.ID, "/v1/accounts/" + a.ID + "/token/",
		"/v1/accounts/" + strings.Repeat("a", 600), "/v1/show", "/v1/profiles", "/v1/grants",
	} {
		status, h, text := r.do(ipc.AppSocket, "GET", path, "")
		if e := problemIn(t, status, h, text); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, e.Code)
		}
	}
	if got := r.raw("GET //v1/accounts HTTP/1.1\r\nHost: dancecard\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 404") {
		t.Errorf("two slashes: %.60q", got)
	}
	if err := r.book.Rename(a.ID, "my/odd; label%2e ..?#é"); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Account(t.Context(), "my/odd; label%2e ..?#é"); err != nil || got.ID != a.ID {
		t.Errorf("an odd label is not found: %v", err)
	}
	status, h, text := r.do(ipc.AppSocket, "DELETE", "/v1/accounts/"+a.ID, "")
	if problemIn(t, status, h, text); status != http.StatusMethodNotAllowed || h.Get("Allow") != "GET" {
		t.Errorf("DELETE: %d %v", status, h)
	}
}

func TestI26Browsers(t *testing.T) {
	r := newRig(t)
	for name, header := range map[string][]string{
		"Origin":         {"Origin", "https://evil.example"},
		"null Origin":    {"Origin", "null"},
		"our own Origin": {"Origin", "http://dancecard"},
		"Referer":        {"Referer", "http://dancecard/"},
		"Sec-Fetch-Site": {"Sec-Fetch-Site", "none"},
		"Sec-Fetch-Mode": {"sec-fetch-mode", "cors"},
		"foreign Host":   {"Host", "evil.example"},
		"Host with port": {"Host", "dancecard:80"},
		"Host like ours": {"Host", "dancecard.evil.example"},
		"127.0.0.1":      {"Host", "127.0.0.1"},
	} {
		for _, socket := range []string{ipc.AppSocket, ipc.ControlSocket} {
			status, h, text := r.do(socket, "GET", "/v1/status", "", header...)
			if e := problemIn(t, status, h, text); status != http.StatusForbidden || e.Code != ipc.CodeBrowserRefused {
				t.Errorf("%s: %d %s", name, status, e.Code)
			}
			for name := range h {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("a CORS header: %s", name)
				}
			}
		}
	}
	for _, host := range []string{"dancecard", "localhost", "Dancecard"} {
		if status, _, text := r.do(ipc.AppSocket, "GET", "/v1/status", "", "Host", host); status != 200 {
			t.Errorf("%s: %d %s", host, status, text)
		}
	}
	if got := r.raw("GET http://evil.example/v1/status HTTP/1.1\r\nHost: dancecard\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 403") {
		t.Errorf("an absolute address: %.60q", got)
	}
}

// What control does, the apps' socket does not even know.
func TestI40AppSocketHasNoAdministration(t *testing.T) {
	r := newOpenRig(t)
	for _, route := range r.controlRoutes() {
		path := "/" + strings.Join(route.pattern, "/")
		path = strings.NewReplacer("{ref}", "demo", "{id}", "x", "{profile}", "-").Replace(path)
		if route.method == "GET" && (path == "/v1/status" || path == "/v1/accounts" || path == "/v1/accounts/demo" || path == "/v1/events") {
			continue // another thing with the same name
		}
		status, h, text := r.do(ipc.AppSocket, route.method, path, "")
		if problemIn(t, status, h, text); status != 404 && status != 405 {
			t.Errorf("%s %s: %d %s", route.method, path, status, text)
		}
	}
	if p := r.book.Snapshot().Profiles[0]; p.State != accounts.ProfileOpen {
		t.Error("the profile was locked")
	}
}

func TestI41PassedFiles(t *testing.T) {
	r := newRig(t)
	c := r.dial(ipc.AppSocket).(*net.UnixConn)
	reader := bufio.NewReader(c)
	ask := func(files int) {
		t.Helper()
		if _, _, err := c.WriteMsgUnix([]byte("GET /v1/status HTTP/1.1\r\nHost: dancecard\r\n\r\n"), rights(t, files), nil); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
	}
	ask(1)
	before := openFiles(t)
	for range 50 {
		ask(10)
	}
	if after := openFiles(t); after > before+5 {
		t.Errorf("%d files were open, now %d", before, after)
	}
}

func TestI42HalfClosedAndGone(t *testing.T) {
	r := newRig(t)
	if got := r.raw("GET /v1/status HTTP/1.1\r\nHost: dancecard\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("half-closed: %.60q", got)
	}
	for range 20 {
		c := r.dial(ipc.AppSocket)
		for range 50 {
			io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: dancecard\r\n\r\n")
		}
		c.Close()
	}
	if _, err := r.client().Status(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "the connections to be gone", func() bool { return r.sockets[0].listener.open() <= 1 })
}

func (l *listener) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// A handler that breaks costs its own request and tells nothing.
func TestBrokenHandler(t *testing.T) {
	r := newRig(t)
	r.Server.Close()
	s, err := Listen(Options{Dir: filepath.Join(r.runtime, "dancecard"), Show: func() { panic("canary-4711") }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go s.Serve(r.book)
	status, h, text := r.do(ipc.ControlSocket, "POST", "/v1/show", "")
	if e := problemIn(t, status, h, text); e.Code != ipc.CodeInternal || strings.Contains(text, "canary") {
		t.Errorf("%d %s", status, text)
	}
	if _, err := r.admin().Status(t.Context()); err != nil {
		t.Error("afterwards:", err)
	}
}

func TestEveryCodeHasItsKind(t *testing.T) {
	for code, k := range kinds {
		if k.status < 400 || k.title == "" {
			t.Errorf("%s: %+v", code, k)
		}
	}
	for _, code := range []accounts.Code{
		accounts.CodeProfileLocked, accounts.CodeNoSuchAccount, accounts.CodeAmbiguousAccount, accounts.CodeConsentDenied,
		accounts.CodeConsentTimeout, accounts.CodeNeedsSignIn, accounts.CodeNeedsRegistration, accounts.CodeScopeMissing,
		accounts.CodeFetchOnly, accounts.CodeOffline, accounts.CodeProviderError, accounts.CodeRateLimited,
		accounts.CodeNoSuchProvider, accounts.CodeNoSuchProfile, accounts.CodeNoSuchDance, accounts.CodeNoSuchGrant,
		accounts.CodeNoProfile, accounts.CodeWrongSecret, accounts.CodeNoKeyring, accounts.CodeDamaged, accounts.CodeInUse,
		accounts.CodeDisk, accounts.CodeRevocationPending, accounts.CodeOtherSubject, accounts.CodeRefusedByGate, accounts.CodeAccessDenied,
		accounts.CodeExpired, accounts.CodeCancelled, accounts.CodeBadRequest,
	} {
		e := toProblem(fmt.Errorf("around: %w", &accounts.Error{Code: code, Text: "What.", Hint: "Do.", RetryAfter: 1500 * time.Millisecond}))
		if e.Code != ipc.Code(code) || e.Status == 0 || e.Message != "What." || e.Hint != "Do." || e.Retry != 2 {
			t.Errorf("%s goes out as %+v", code, e)
		}
	}
	if e := toProblem(fmt.Errorf("canary")); e.Code != ipc.CodeInternal || strings.Contains(e.Message, "canary") {
		t.Errorf("%+v", e)
	}
	if e := toProblem(&accounts.Error{Code: "newer", Text: "x"}); e.Code != ipc.CodeInternal {
		t.Errorf("%+v", e)
	}
}
