//go:build linux

package server

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dancecard/accounts"
	"dancecard/ipc"
)

// newFetchRig has an account whose API is api, and a program that may fetch
// and write there.
func newFetchRig(t *testing.T, api http.HandlerFunc) (r *rig, c *ipc.Client, base string) {
	t.Helper()
	upstream := httptest.NewServer(api)
	t.Cleanup(upstream.Close)
	r = newOpenRig(t)
	host := strings.TrimPrefix(upstream.URL, "http://")
	row := string(r.provider.ProviderFile("Api"))
	row = strings.ReplaceAll(row, `base_url = "`+r.provider.Issuer(), `base_url = "`+upstream.URL)
	row = strings.ReplaceAll(row, "hosts = [", fmt.Sprintf("hosts = [%q, ", host))
	if err := os.WriteFile(filepath.Join(r.providers, "api.toml"), []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	r.await("the row", func(s accounts.Snapshot) bool {
		for _, p := range s.Gallery {
			if p.ID == "api" {
				return true
			}
		}
		return false
	})
	r.linkAt("api")
	c = r.client()
	answered := make(chan error, 1)
	go func() {
		req, _ := http.NewRequest("POST", upstream.URL+"/first", nil)
		resp, err := c.Fetch(t.Context(), "api", req)
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	r.answer(accounts.Answer{Allow: true, For: accounts.Always, FetchOnly: true})
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	return r, c, upstream.URL
}

// The API gets the token, the app never does, and what speaks of a connection
// or a session stays on its side.
func TestFetchAddsTheToken(t *testing.T) {
	seen := make(chan http.Header, 8)
	_, c, base := newFetchRig(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set(ipc.Header, "profile_locked")
		w.Header().Set("X-Own", "kept")
		w.Header().Set("Keep-Alive", "timeout=5")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "body")
	})
	<-seen
	req, _ := http.NewRequestWithContext(t.Context(), "GET", base+"/user", nil)
	req.Header.Set("Authorization", "Bearer own")
	req.Header.Set("Cookie", "a=b")
	req.Header.Set("X-Sent", "yes")
	resp, err := c.Fetch(t.Context(), "api", req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusTeapot || string(body) != "body" || resp.Header.Get("X-Own") != "kept" {
		t.Errorf("%s %q %v", resp.Status, body, resp.Header)
	}
	for _, name := range []string{"Set-Cookie", "Keep-Alive", ipc.Header} {
		if v := resp.Header.Get(name); v != "" {
			t.Errorf("the app got %s: %s", name, v)
		}
	}
	h := <-seen
	token, bearer := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	if !bearer || token == "own" || h.Get("Cookie") != "" || h.Get("X-Sent") != "yes" {
		t.Errorf("the API got %v", h)
	}
	if all := fmt.Sprint(resp.Header, string(body)); strings.Contains(all, token) {
		t.Error("the app got the token")
	}
}

// What follows the host is the API's, byte for byte.
func TestI25FetchLeavesThePathAlone(t *testing.T) {
	targets := make(chan string, 8)
	r, _, base := newFetchRig(t, func(_ http.ResponseWriter, r *http.Request) { targets <- r.RequestURI })
	<-targets
	host := strings.TrimPrefix(base, "http://")
	for _, rest := range []string{
		"/", "/a", "//a//b/", "/a%2Fb/%2e%2e/../c/./d", "/a;b=c/d?x=%20&y=a+b&&", "/%E2%82%AC/~'()*!,:@$&=", `/a"b|c`, "/?",
	} {
		conn := r.dial(ipc.AppSocket)
		fmt.Fprintf(conn, "GET /v1/accounts/api/fetch/%s%s HTTP/1.1\r\nHost: dancecard\r\n\r\n", host, rest)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		conn.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %v %v", rest, resp, err)
			continue
		}
		if got := <-targets; got != rest {
			t.Errorf("the API was asked for %q, not %q", got, rest)
		}
	}
}

func TestFetchGoesNowhereElse(t *testing.T) {
	var reached bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	r, c, base := newFetchRig(t, func(http.ResponseWriter, *http.Request) {})
	for _, address := range []string{
		other.URL + "/", r.provider.Issuer() + "/oauth/token", strings.Replace(base, "127.0.0.1", "localhost", 1) + "/",
		"http://" + strings.TrimPrefix(base, "http://") + "0/", "http://127.0.0.1.evil.example/",
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Fetch(t.Context(), "api", req)
		if err == nil {
			resp.Body.Close()
		}
		wantCode(t, err, ipc.CodeBadRequest)
	}
	if reached {
		t.Error("another host was reached")
	}
	status, _, _ := r.do(ipc.ControlSocket, "GET", "/v1/accounts/api/fetch/"+strings.TrimPrefix(base, "http://")+"/", "")
	if status != http.StatusNotFound {
		t.Errorf("the control socket answers fetch with %d", status)
	}
}

// Bodies flow both ways at once.
func TestFetchStreams(t *testing.T) {
	_, c, base := newFetchRig(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "heard %s\n", lines.Text())
			w.(http.Flusher).Flush()
		}
	})
	body, say := io.Pipe()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", base+"/echo", body)
	go io.WriteString(say, "one\n")
	resp, err := c.Fetch(t.Context(), "api", req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	heard := bufio.NewReader(resp.Body)
	for _, word := range []string{"one", "two", "three"} {
		line, err := heard.ReadString('\n')
		if err != nil || line != "heard "+word+"\n" {
			t.Fatalf("%q, %v", line, err)
		}
		next := map[string]string{"one": "two\n", "two": "three\n"}[word]
		if next == "" {
			say.Close()
			continue
		}
		go io.WriteString(say, next)
	}
	if rest, err := io.ReadAll(heard); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// A large body arrives whole, and an answer that breaks off is not taken for a
// whole one.
func TestFetchBodies(t *testing.T) {
	sums := make(chan [32]byte, 1)
	_, c, base := newFetchRig(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/up":
			data, _ := io.ReadAll(r.Body)
			sums <- sha256.Sum256(data)
		case "/short":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "ten bytes.")
		}
	})
	data := make([]byte, 8<<20)
	rand.Read(data)
	req, _ := http.NewRequestWithContext(t.Context(), "PUT", base+"/up", bytes.NewReader(data))
	resp, err := c.Fetch(t.Context(), "api", req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if <-sums != sha256.Sum256(data) {
		t.Error("the body changed on the way")
	}
	resp, err = c.HTTPClient("api").Get(base + "/short")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", got, err)
	}
}

// An http.Client names the address that it was sent away from, which no
// request to a socket may have.
func TestHTTPClientFollowsRedirects(t *testing.T) {
	_, c, base := newFetchRig(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/here", http.StatusFound)
			return
		}
		io.WriteString(w, r.URL.Path)
	})
	resp, err := c.HTTPClient("api").Get(base + "/moved")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "/here" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}
