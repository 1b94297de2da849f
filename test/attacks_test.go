package test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dancecard/dance/dancetest"
	"dancecard/ipc"
)

func init() {
	if os.Getenv("DANCECARD_SPY") != "" {
		spy()
	}
}

// spy is another user's program: it reads the arguments and the environment of
// every process, again and again, and prints what it has not seen yet. A line
// of its own says how often it looked.
func spy() {
	go func() { io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	seen := map[string]bool{}
	for looks := 1; ; looks++ {
		processes, err := os.ReadDir("/proc")
		if err != nil {
			os.Exit(1)
		}
		for _, p := range processes {
			if _, err := strconv.Atoi(p.Name()); err != nil {
				continue
			}
			for _, file := range []string{"cmdline", "environ"} {
				text, err := os.ReadFile("/proc/" + p.Name() + "/" + file)
				if err != nil || len(text) == 0 || seen[string(text)] {
					continue
				}
				seen[string(text)] = true
				fmt.Printf("%s %q\n", file, text)
			}
		}
		if looks%50 == 0 {
			fmt.Println("LOOKS", looks)
		}
	}
}

// scan is a spy at work and what it has found.
type scan struct {
	file *os.File
}

// startSpy lets a spy of that user look until the test ends.
func startSpy(t *testing.T, uid uint32) *scan {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "spy") // where another user may run it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "spy"), program, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "found"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "spy"))
	cmd.Env = []string{"DANCECARD_SPY=1"}
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	stop, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop.Close(); cmd.Wait(); out.Close() })
	return &scan{file: out}
}

func (s *scan) text() string {
	b, _ := os.ReadFile(s.file.Name())
	return string(b)
}

// looks is how often the spy has read every process.
func (s *scan) looks() int {
	text := s.text()
	i := strings.LastIndex(text, "LOOKS ")
	if i < 0 {
		return 0
	}
	n, _ := strconv.Atoi(strings.Fields(text[i+len("LOOKS "):] + " 0")[0])
	return n
}

// spellings are the ways in which a secret may lie about.
func spellings(secret string) []string {
	wide := make([]byte, 0, 2*len(secret))
	for _, c := range []byte(secret) {
		wide = append(wide, c, 0)
	}
	all := []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), string(wide)}
	for cut := range 3 { // base64 of a text depends on where in it the secret begins
		coded := base64.RawStdEncoding.EncodeToString([]byte("xx"[:cut] + secret))
		coded = coded[4 : len(coded)-4]
		all = append(all, coded, strings.NewReplacer("+", "-", "/", "_").Replace(coded))
	}
	return all
}

func leaks(text, secret string) bool {
	for _, s := range spellings(secret) {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// filesWith are the files under a World that hold a secret in any spelling.
// What was printed for the user is no file of ours.
func filesWith(t *testing.T, w *World, secret string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(w.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(path, filepath.Join(w.Dir, "log")) {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && leaks(string(b), secret) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// dancing is a machine with an open profile and the demo provider.
func dancing(t *testing.T) (*World, *dancetest.Provider, *Process) {
	t.Helper()
	w, err := New(Options{Screen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	provider, err := dancetest.Start(dancetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { provider.Close() })
	pass := filepath.Join(w.Home, "passphrase")
	for file, text := range map[string][]byte{pass: []byte("correct horse"), filepath.Join(w.Providers(), "demo.toml"): provider.ProviderFile("Demo")} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app, err := w.Start("dancecard")
	if err == nil {
		err = w.AwaitSocket(t.Context())
	}
	if err == nil {
		_, err = w.Output(t.Context(), "dancectl", "profile", "create", "Home", "--passphrase-file", pass)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w, provider, app
}

// D21 and D64: another user reads all arguments and environments without a
// pause while an account is connected; and every
// file is read afterwards. What they find is the start address.
func TestD21NothingShowsInArgumentsOrEnvironment(t *testing.T) {
	w, provider, _ := dancing(t)
	// An opener that stays until a spy has seen it.
	hold := filepath.Join(w.Dir, "hold")
	if err := syscall.Mkfifo(hold, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$1\" >%s/opened\nread x <%s\n", w.Dir, hold)
	if err := os.WriteFile(filepath.Join(w.Dir, "bin/xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	spies := map[string]*scan{"another user": startSpy(t, 65534), "this user": startSpy(t, uint32(os.Getuid()))}
	var answer atomic.Pointer[string]
	provider.Rewrite(provider.TokenPath(), 1, func(a *dancetest.Answer) { body := string(a.Body); answer.Store(&body) })
	connect, err := w.Start("dancectl", "connect", "demo", "--yes")
	if err != nil {
		t.Fatal(err)
	}
	start, err := w.Opened(t.Context())
	if err != nil {
		t.Fatal(err, connect.Log())
	}
	for who, s := range spies {
		if err := Await(t.Context(), who+" to see the opener", func() error {
			if !strings.Contains(s.text(), start) {
				return errors.New("not seen")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	release, err := os.OpenFile(hold, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer release.Close()
	release.WriteString("\n")
	began, before := time.Now(), spies["another user"].looks()
	if status, page, err := provider.Approve(start, "mira"); err != nil || status >= 400 {
		t.Fatalf("%d, %v: %s", status, err, page)
	}
	if code, err := connect.Wait(t.Context()); err != nil || code != 0 {
		t.Fatalf("%d, %v: %s", code, err, connect.Log())
	}
	if err := Await(t.Context(), "some more looks", func() error {
		if n := spies["another user"].looks(); n < before+100 {
			return fmt.Errorf("%d", n-before)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	t.Logf("%d looks at everything in %v", spies["another user"].looks()-before, time.Since(began))

	canaries := map[string]string{}
	for _, r := range provider.Requests() {
		for name, v := range r.Form {
			switch name {
			case "state", "nonce", "code_challenge", "code_verifier", "code", "client_secret", "refresh_token", "token":
				canaries[name] = v
			}
		}
	}
	if answer.Load() == nil {
		t.Fatal("no token was handed out")
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		_, rest, _ := strings.Cut(*answer.Load(), `"`+name+`":"`)
		canaries[name], _, _ = strings.Cut(rest, `"`)
	}
	for _, must := range []string{"state", "nonce", "code_challenge", "code_verifier", "code", "access_token", "refresh_token", "id_token"} {
		if len(canaries[must]) < 12 {
			t.Fatalf("no %s was seen: %q", must, canaries[must])
		}
	}
	for name, secret := range canaries {
		for who, s := range spies {
			if leaks(s.text(), secret) {
				t.Errorf("D21: %s found the %s", who, name)
			}
		}
		if found := filesWith(t, w, secret); len(found) > 0 {
			t.Errorf("D64: the %s is in %q", name, found)
		}
	}
}

// D63 and D64: Dancecard is killed while a browser is at the provider. Its
// port is closed, no file holds anything of the dance, and after a start
// nothing is left of it that the old answer could finish.
func TestD63KilledMidDance(t *testing.T) {
	w, provider, app := dancing(t)
	connect, err := w.Start("dancectl", "connect", "demo", "--print-url")
	if err != nil {
		t.Fatal(err)
	}
	var request url.Values
	err = Await(t.Context(), "the address", func() error {
		first, _, _ := strings.Cut(connect.Log(), "\n")
		u, err := url.Parse(first)
		if err != nil || u.Query().Get("redirect_uri") == "" {
			return fmt.Errorf("it says: %s", connect.Log())
		}
		request = u.Query()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	redirect, err := url.Parse(request.Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if found := filesWith(t, w, request.Get(name)); request.Get(name) == "" || len(found) > 0 {
			t.Errorf("D64: while it dances the %s %q is in %q", name, request.Get(name), found)
		}
	}
	app.Kill()
	if code, err := connect.Wait(t.Context()); err != nil || code == 0 {
		t.Errorf("dancectl ended with %d, %v", code, err)
	}
	closed := func(when string) {
		t.Helper()
		if conn, err := net.DialTimeout("tcp", redirect.Host, time.Second); err == nil {
			conn.Close()
			t.Errorf("%s, %s still listens", when, redirect.Host)
		}
	}
	closed("after the kill")
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if found := filesWith(t, w, request.Get(name)); len(found) > 0 {
			t.Errorf("D64: after the kill the %s is in %q", name, found)
		}
	}

	if _, err := w.Start("dancecard"); err != nil {
		t.Fatal(err)
	}
	if err := w.AwaitSocket(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Output(t.Context(), "dancectl", "unlock", "--passphrase-file", filepath.Join(w.Home, "passphrase")); err != nil {
		t.Error(err)
	}
	control := &ipc.Control{Socket: filepath.Join(w.Runtime, "dancecard", ipc.ControlSocket)}
	defer control.Close()
	if now, err := control.Status(t.Context()); err != nil || len(now.Dances) != 0 || len(now.Accounts) != 0 {
		t.Errorf("after a new start: %+v, %v", now.Dances, err)
	}
	closed("after a new start")
	res, err := http.Get(redirect.String() + "?code=late&state=" + request.Get("state"))
	if err == nil {
		res.Body.Close()
		t.Errorf("the late answer got %d", res.StatusCode)
	}
	if out, err := w.Output(t.Context(), "dancectl", "accounts"); err != nil || strings.Contains(out, "demo") {
		t.Errorf("%v: %s", err, out)
	}
	for _, r := range provider.Requests() {
		if r.Path == provider.TokenPath() {
			t.Error("something was exchanged")
		}
	}
	again, err := w.Start("dancectl", "connect", "demo", "--yes")
	if err != nil {
		t.Fatal(err)
	}
	start, err := w.Opened(t.Context())
	if err != nil {
		t.Fatal(err, again.Log())
	}
	if status, page, err := provider.Approve(start, "mira"); err != nil || status >= 400 {
		t.Fatalf("%d, %v: %s", status, err, page)
	}
	if code, err := again.Wait(t.Context()); err != nil || code != 0 {
		t.Errorf("a new dance: %d, %v: %s", code, err, again.Log())
	}
}
