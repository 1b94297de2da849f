package dance

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// D14: the user starts a dance with A, which is hostile and sends the browser
// on to honest B, with our client id there and the state of A's dance, so that
// B's code comes to A's dance and A gets it at its token endpoint.
func TestD14MixUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		iss   bool                         // B says who it is (RFC 9207)
		exact bool                         // B compares the redirect URI as it must
		back  func(redirect string) string // where A asks B to send the answer
	}{
		{"B says iss, takes any path", true, false, func(r string) string { return r }},
		{"B compares the path, A's redirect", false, true, func(r string) string { return r }},
		{"B compares the path, B's redirect at A's port", false, true, func(r string) string { return strings.Replace(r, "/dancecard/a", "/dancecard/b", 1) }},
		{"both", true, true, func(r string) string { return strings.Replace(r, "/dancecard/a", "/dancecard/b", 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newOP(t), newOP(t)
			honest := b.Config.Handler
			b.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if to, err := url.Parse(r.FormValue("redirect_uri")); r.URL.Path == "/authorize" && c.exact && (err != nil || to.Path != "/dancecard/b") {
					http.Error(w, "redirect_uri is not registered", http.StatusBadRequest)
					return
				}
				honest.ServeHTTP(w, r)
			})
			b.back = func(q url.Values) {
				q.Set("code", "code-of-B")
				if !c.iss {
					q.Del("iss")
				}
			}
			a.document = func(d map[string]any) { delete(d, "authorization_response_iss_parameter_supported") }
			hostile := a.Config.Handler
			a.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/authorize" {
					hostile.ServeHTTP(w, r)
					return
				}
				q := r.URL.Query()
				q.Set("client_id", "us-at-B")
				q.Set("redirect_uri", c.back(q.Get("redirect_uri")))
				http.Redirect(w, r, b.URL+"/authorize?"+q.Encode(), http.StatusFound)
			})
			row := a.row()
			row.ID = "a"
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := Run(ctx, row, Prompt{OpenURL: func(ctx context.Context, start string) error {
				defer time.AfterFunc(100*time.Millisecond, cancel)
				return browse(ctx, start)
			}}, Request{})
			if err == nil || a.count("/token") != 0 || b.count("/token") != 0 {
				t.Errorf("%v; A was asked for tokens %d times", err, a.count("/token"))
			}
		})
	}
	if a, b := (Provider{ID: "a"}), (Provider{ID: "b"}); a.redirectPath() == b.redirectPath() {
		t.Error("A and B have one redirect path")
	}
}

// D8: the codes of two dances, each taken to the other's listener.
func TestD8NoCrossExchange(t *testing.T) {
	one, two := newOP(t), newOP(t)
	ready, links := make(chan struct{}), make(chan string, 2)
	run := func(op *oddOP) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := Run(ctx, op.row(), Prompt{
			Waiting: func(a string, _ error) { links <- a; <-ready; cancel() },
		}, Request{})
		return err
	}
	errs := make(chan error, 2)
	go func() { errs <- run(one) }()
	go func() { errs <- run(two) }()
	first, second := mustQuery(t, <-links), mustQuery(t, <-links)
	for _, pair := range [][2]url.Values{{first, second}, {second, first}} {
		res, err := http.Get(pair[0].Get("redirect_uri") + "?code=the-code&state=" + pair[1].Get("state"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("answered %d", res.StatusCode)
		}
	}
	close(ready)
	for range 2 {
		if err := <-errs; !errors.Is(err, ErrCancelled) {
			t.Error(err)
		}
	}
	if one.count("/token")+two.count("/token") != 0 {
		t.Error("something was exchanged")
	}
}

func TestD12IssuerDiffersBySlash(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"slash": func(s string) string { return s + "/" },
		"case":  func(s string) string { return strings.Replace(s, "http", "HTTP", 1) },
		"host":  func(s string) string { return strings.Replace(s, "127.0.0.1", "localhost", 1) },
		"dot":   func(s string) string { return strings.Replace(s, "127.0.0.1", "127.0.0.1.", 1) },
	} {
		op := newOP(t)
		op.back = func(q url.Values) { q.Set("iss", change(q.Get("iss"))) }
		_, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
		if !isInvalid(err) || op.count("/token") != 0 {
			t.Errorf("%s: %v after %d token requests", name, err, op.count("/token"))
		}
	}
}

func TestD11IssMissingThoughAdvertised(t *testing.T) {
	op := newOP(t)
	op.back = func(q url.Values) { q.Del("iss") }
	if _, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{}); !isInvalid(err) || op.count("/token") != 0 {
		t.Errorf("%v after %d token requests", err, op.count("/token"))
	}
}

func TestD13IssThoughNotAdvertised(t *testing.T) {
	for iss, fine := range map[string]bool{"": true, "https://evil.example": false} {
		op := newOP(t)
		op.document = func(d map[string]any) { delete(d, "authorization_response_iss_parameter_supported") }
		if iss != "" {
			op.back = func(q url.Values) { q.Set("iss", iss) }
		}
		_, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
		if (err == nil) != fine || !fine && op.count("/token") != 0 {
			t.Errorf("%q: %v after %d token requests", iss, err, op.count("/token"))
		}
	}
}

// D16 and D17: S256 whatever the metadata says of it, and what it says is kept.
func TestD16ChallengeOfTheVerifier(t *testing.T) {
	for _, silent := range []bool{false, true} {
		op := newOP(t)
		if silent {
			op.document = func(d map[string]any) { delete(d, "code_challenge_methods_supported") }
		}
		var link string
		res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse, Waiting: func(a string, _ error) { link = a }}, Request{})
		if err != nil {
			t.Fatal(err)
		}
		q, verifier := mustQuery(t, link), op.lastForm().Get("code_verifier")
		sum := sha256.Sum256([]byte(verifier))
		if q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || q.Get("code_challenge_method") != "S256" || len(verifier) < 43 || len(q.Get("state")) < 43 {
			t.Errorf("D16: challenge %v for the verifier %q", q, verifier)
		}
		if res.Link.ChallengeKnown == silent {
			t.Errorf("D17: PKCE known: %v, document silent: %v", res.Link.ChallengeKnown, silent)
		}
		if strings.Contains(link, verifier) {
			t.Error("the verifier left")
		}
	}
}

// D18: somebody between us and the provider takes the challenge away, gets a
// code that is bound to nothing, and brings it to our listener.
func TestD18UnboundCodeWithoutOurState(t *testing.T) {
	op := newOP(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, op.row(), Prompt{Paste: nil, OpenURL: func(ctx context.Context, start string) error {
		defer cancel()
		q := mustQuery(t, visit(t, start))
		for _, state := range []string{"", "&state=", "&state=" + random(), "&state=" + q.Get("state")[1:], "&state=" + q.Get("state") + "x"} {
			if err := browse(ctx, q.Get("redirect_uri")+"?code=attackers&iss="+url.QueryEscape(op.URL)+state); err == nil {
				t.Errorf("%q was taken", state)
			}
		}
		return nil
	}}, Request{})
	if !errors.Is(err, ErrCancelled) || op.count("/token") != 0 {
		t.Errorf("%v after %d token requests", err, op.count("/token"))
	}
}

// D63 and D64: a child that waits for the browser's answer.
func TestDanceThatIsKilled(t *testing.T) {
	if os.Getenv("DANCE_CHILD") == "" {
		t.Log("runs as the child of the tests D63 and D64")
		return
	}
	row := Provider{ID: "odd", Name: "Odd", Protocol: "oauth2", ClientID: "us", Identity: Identify{Unknown: true},
		Endpoints: Endpoints{Authorization: "https://issuer.example/authorize", Token: "https://issuer.example/token"}}
	Run(t.Context(), row, Prompt{Waiting: func(a string, _ error) { os.Stdout.WriteString("LINK " + a + "\n") }}, Request{})
}

// danceInChild starts a dance in a process of its own and returns the address
// of its authorization request.
func danceInChild(t *testing.T, folder string) (*exec.Cmd, url.Values) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDanceThatIsKilled$", "-test.v")
	child.Dir = folder
	child.Env = []string{"DANCE_CHILD=1", "HOME=" + folder, "TMPDIR=" + folder, "XDG_RUNTIME_DIR=" + folder, "XDG_CONFIG_HOME=" + folder, "XDG_CACHE_HOME=" + folder}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if link, ok := strings.CutPrefix(lines.Text(), "LINK "); ok {
			return child, mustQuery(t, link)
		}
	}
	t.Fatal("the child began no dance")
	return nil, nil
}

func TestD63KilledDanceLeavesNoPort(t *testing.T) {
	child, q := danceInChild(t, t.TempDir())
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", redirect.Host)
	if err != nil {
		t.Fatalf("it did not listen: %v", err)
	}
	conn.Close()
	child.Process.Kill()
	child.Wait()
	if conn, err := net.DialTimeout("tcp", redirect.Host, time.Second); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
}

// writable is a descriptor's word that it was not opened for reading alone.
var writable = regexp.MustCompile(`(?m)^flags:\s*[0-7]*[123567]$`)

func TestD64NothingIsWritten(t *testing.T) {
	folder := t.TempDir()
	child, q := danceInChild(t, folder)
	fds, err := filepath.Glob("/proc/" + strconv.Itoa(child.Process.Pid) + "/fd/*")
	if err != nil || len(fds) == 0 {
		t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(to, "/") {
			continue
		}
		info, err := os.Stat(fd)
		flags, _ := os.ReadFile(strings.Replace(fd, "/fd/", "/fdinfo/", 1))
		if err == nil && info.Mode().IsRegular() && writable.Match(flags) {
			t.Errorf("it may write to %s", to)
		}
	}
	command, err := os.ReadFile("/proc/" + strconv.Itoa(child.Process.Pid) + "/cmdline")
	if err != nil || strings.Contains(string(command), q.Get("state")) {
		t.Errorf("command line %q, %v", command, err)
	}
	child.Process.Kill()
	child.Wait()
	filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if path != folder {
			t.Errorf("it wrote %s", path)
		}
		return err
	})
}

// What is sealed into the account has nothing of the dance's own secrets.
func TestD64LinkHoldsNoSecretOfTheDance(t *testing.T) {
	op := newOP(t)
	var link string
	res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse, Waiting: func(a string, _ error) { link = a }}, Request{})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := json.Marshal(res.Link)
	if err != nil {
		t.Fatal(err)
	}
	q := mustQuery(t, link)
	for _, s := range []string{q.Get("state"), q.Get("nonce"), op.lastForm().Get("code_verifier"), "the-code"} {
		if s == "" || strings.Contains(string(sealed), s) {
			t.Errorf("%q is in the link", s)
		}
	}
}
