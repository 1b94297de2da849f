package test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dancecard/ipc"
)

const foreignFile = `name = "Foreign"
issuer = "http://127.0.0.1:%s"
client_id = "dancecard"
scopes = ["openid", "profile", "email", "offline_access"]

[redirect]
path = "/callback"
`

// startForeign runs the npm package oidc-provider and puts it in the gallery.
func startForeign(t *testing.T, w *World) (p *Process, issuer string) {
	t.Helper()
	install := exec.Command("test/node.sh")
	install.Dir = Root()
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("installing oidc-provider: %v: %s", err, out)
	}
	script, err := os.ReadFile("testdata/foreign/provider.mjs")
	if err != nil {
		t.Fatal(err)
	}
	// Node looks for packages beside the script.
	file := filepath.Join(Root(), "build/node/provider.mjs")
	if err := os.WriteFile(file, script, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	if p, err = w.Start("node", file, port); err != nil {
		t.Fatal(err)
	}
	if err := Await(t.Context(), "oidc-provider", func() error { return match("^ready$", p.Log()) }); err != nil {
		t.Fatal(err, p.Log())
	}
	text := fmt.Appendf(nil, foreignFile, port)
	if err := os.WriteFile(filepath.Join(w.Providers(), "foreign.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return p, "http://127.0.0.1:" + port
}

// TestForeignProvider connects, refreshes and revokes at a provider that shares
// no line with our own demo provider.
func TestForeignProvider(t *testing.T) {
	ctx := t.Context()
	w, err := New(Options{Screen: true})
	if err != nil {
		t.Fatal(err)
	}
	var app *Process
	check := func(err error) {
		t.Helper()
		if err != nil {
			if app != nil {
				t.Log(app.Log())
			}
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	provider, issuer := startForeign(t, w)
	app, err = w.Start("dancecard")
	check(err)
	check(w.AwaitSocket(ctx))
	pass := filepath.Join(w.Dir, "passphrase")
	check(os.WriteFile(pass, []byte("correct horse"), 0o600))
	_, err = w.Output(ctx, "dancectl", "profile", "create", "Home", "--passphrase-file", pass)
	check(err)

	connect, err := w.Start("dancectl", "connect", "foreign", "--yes")
	check(err)
	address, err := w.Opened(ctx)
	check(err)
	page, err := w.Open(ctx, address)
	check(err)
	check(page.Fill(ctx, "input[name=login]", "zoe"))
	check(page.Fill(ctx, "input[name=password]", "any"))
	check(page.Click(ctx, "button[type=submit]"))
	check(page.AwaitText(ctx, "Continue"))
	check(page.Click(ctx, "button[type=submit]"))
	check(page.AwaitText(ctx, "Dancecard"))
	code, err := connect.Wait(ctx)
	check(err)
	if code != 0 {
		t.Fatalf("dancectl connect: exit code %d: %s\n%s", code, connect.Log(), provider.Log())
	}

	control := &ipc.Control{Socket: filepath.Join(w.Runtime, "dancecard", ipc.ControlSocket)}
	defer control.Close()
	account, err := control.Account(ctx, "foreign:zoe")
	check(err)
	if account.Issuer != issuer || account.Subject != "zoe" || !account.Refreshes {
		t.Errorf("linked as %+v", account)
	}
	first, err := ownToken(t, w)
	check(err)
	for range 2 { // twice: the second one needs what the first one stored
		_, err = control.Refresh(ctx, "foreign:zoe")
		check(err)
	}
	second, err := ownToken(t, w)
	check(err)
	if first == second {
		t.Error("the same token after two refreshes")
	}
	if s := userinfo(t, issuer, second); s != http.StatusOK {
		t.Errorf("userinfo answered %d to the new token", s)
	}
	_, err = w.Output(ctx, "dancectl", "disconnect", "foreign:zoe", "--passphrase-file", pass)
	check(err)
	check(Await(ctx, "the revocation", func() error {
		if userinfo(t, issuer, second) == http.StatusOK {
			return errors.New("the token still works")
		}
		return match("^POST /token/revocation .*200$", provider.Log())
	}))
	if n := strings.Count(provider.Log(), "refresh_token 200"); n != 2 {
		t.Errorf("%d refreshes instead of 2:\n%s", n, provider.Log())
	}
}

// ownToken asks as an app and says yes in the window.
func ownToken(t *testing.T, w *World) (string, error) {
	t.Helper()
	answer := make(chan error, 1)
	var token ipc.Token
	go func() {
		var err error
		c := w.Client()
		defer c.Close()
		token, err = c.Token(t.Context(), "foreign", ipc.TokenRequest{})
		answer <- err
	}()
	if err := w.Answer(t.Context(), "test.test wants to use", "Once"); err != nil {
		return "", err
	}
	err := <-answer
	return token.Bare().Reveal(), err
}

func userinfo(t *testing.T, issuer, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", issuer+"/me", nil)
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
