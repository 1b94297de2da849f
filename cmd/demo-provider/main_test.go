package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test binary be the program.
func TestMain(m *testing.M) {
	if os.Getenv("DEMO_PROVIDER_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

type process struct {
	*exec.Cmd
	issuer string
	stderr *bytes.Buffer
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), stderr: &bytes.Buffer{}}
	p.Env = append(os.Environ(), "DEMO_PROVIDER_MAIN=1")
	p.Stderr = p.stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("it ended before it was ready: %s", p.stderr)
	}
	_, issuer, ok := strings.Cut(strings.TrimSpace(line), "ready at ")
	if !ok {
		t.Fatalf("it printed %q", line)
	}
	p.issuer = issuer
	return p
}

// introspect asks for a token that nobody has: the answer is 200 if the
// credentials in file are good.
func introspect(t *testing.T, file string) int {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Endpoint     string
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest("POST", c.Endpoint, strings.NewReader(url.Values{"token": {"x"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c.ClientID, c.ClientSecret)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func TestStopAndStartAgain(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	args := []string{"-state", file("state"), "-provider-file", file("config/providers/demo.toml"), "-introspection-file", file("introspection")}
	p := start(t, args...)
	for _, name := range []string{"state", "config/providers/demo.toml", "introspection"} {
		if info, err := os.Stat(file(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", name, err)
		}
	}
	toml, _ := os.ReadFile(file("config/providers/demo.toml"))
	for _, want := range []string{`name = "Demo"`, `issuer = "` + p.issuer + `"`, "client_id = "} {
		if !strings.Contains(string(toml), want) {
			t.Errorf("the provider file lacks %s", want)
		}
	}
	if s := introspect(t, file("introspection")); s != http.StatusOK {
		t.Errorf("introspection answered %d", s)
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil || p.stderr.Len() > 0 {
		t.Fatalf("SIGTERM: %v, stderr %q", err, p.stderr)
	}
	if _, err := http.Get(p.issuer); err == nil {
		t.Error("somebody still answers")
	}

	again := start(t, "-state", file("state"))
	if again.issuer != p.issuer {
		t.Errorf("it was at %s and is at %s", p.issuer, again.issuer)
	}
	if s := introspect(t, file("introspection")); s != http.StatusOK {
		t.Errorf("the old introspection credentials are answered %d", s)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-nonsense"}, 2, "nonsense"},
		{[]string{"extra"}, 2, "extra"},
		{[]string{"-access-token-lifetime", "1ms"}, 2, "1s"},
		{[]string{"-refresh-grace", "-1s"}, 2, "refresh-grace"},
		{[]string{"-addr", "0.0.0.0:0"}, 1, "loopback"},
		{[]string{"-provider-file", "/dev/null/x.toml"}, 1, "provider file"},
		{[]string{"-h"}, 0, "access-token-lifetime"},
	} {
		var out, err bytes.Buffer
		if code := run(t.Context(), test.args, &out, &err); code != test.code || !strings.Contains(err.String(), test.says) || out.Len() > 0 {
			t.Errorf("%v: code %d, %q, printed %q", test.args, code, err.String(), out.String())
		}
	}
}
