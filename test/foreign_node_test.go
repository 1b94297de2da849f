package test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dancecard/ipc"
)

const nodeRow = `name = "Foreign"
issuer = "%s"
client_id = "dancecard"
scopes = ["openid", "profile", "email", "offline_access"]

[redirect]
path = "/callback"

[api]
hosts = ["%s"]
`

const nodeName = "oidc-provider (npm)"

// newNode runs the npm package oidc-provider.
func newNode(t *testing.T) *foreign {
	t.Helper()
	return newForeign(t, "^ready$", func(_ *World, port string) (string, []string) {
		return "node", []string{nodeScript(t, "provider.mjs"), port}
	})
}

// newListedNode also puts it in the gallery.
func newListedNode(t *testing.T) *foreign {
	t.Helper()
	f := newNode(t)
	f.row("foreign", fmt.Sprintf(nodeRow, f.origin, strings.TrimPrefix(f.origin, "http://")))
	return f
}

func asZoe(ctx context.Context, page *Page) error { return as("zoe")(ctx, page) }

// as signs in on its pages, where any name is a user, and consents.
func as(login string) func(ctx context.Context, page *Page) error {
	return func(ctx context.Context, page *Page) error {
		if err := consentAs(ctx, page, login); err != nil {
			return err
		}
		return page.AwaitText(ctx, "Dancecard")
	}
}

// consentAs does not wait for what comes after.
func consentAs(ctx context.Context, page *Page, login string) error {
	for _, step := range []func() error{
		func() error { return page.Fill(ctx, "input[name=login]", login) },
		func() error { return page.Fill(ctx, "input[name=password]", "any") },
		func() error { return page.Click(ctx, "button[type=submit]") },
		func() error { return page.AwaitText(ctx, "Continue") },
		func() error { return page.Click(ctx, "button[type=submit]") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// TestForeignProvider connects, refreshes and revokes, with a pushed request.
func TestForeignProvider(t *testing.T) {
	f := newListedNode(t)
	f.connect(asZoe, "foreign")
	f.logged("^POST /request .*201$")
	account, err := f.control.Account(t.Context(), "foreign:zoe")
	f.check(err)
	if account.Issuer != f.origin || account.Subject != "zoe" || !account.Refreshes {
		t.Errorf("linked as %+v", account)
	}
	first := f.token("foreign")
	for range 2 { // twice: the second one needs what the first one stored
		_, err = f.control.Refresh(t.Context(), "foreign:zoe")
		f.check(err)
	}
	second := f.token("foreign")
	if first == second {
		t.Error("the same token after two refreshes")
	}
	if s := bearer(t, f.origin+"/me", second); s != http.StatusOK {
		t.Errorf("userinfo answered %d to the new token", s)
	}
	f.disconnect("foreign:zoe", f.origin+"/me", second)
	f.logged("^POST /token/revocation .*200$")
	if n := strings.Count(f.provider.Log(), "refresh_token 200"); n != 2 {
		t.Errorf("%d refreshes instead of 2:\n%s", n, f.provider.Log())
	}
	saw(nodeName, "code with PKCE, PAR (RFC 9126) and iss (RFC 9207)", "linked, fetched, refreshed twice with rotation, revoked")
}

// TestForeignByAddress knows the provider by its issuer alone and registers
// itself (RFC 7591).
func TestForeignByAddress(t *testing.T) {
	f := newNode(t)
	f.connect(asZoe, f.origin)
	f.logged("^POST /reg .*201$")
	accounts, err := f.control.Accounts(t.Context())
	f.check(err)
	if len(accounts) != 1 || accounts[0].Issuer != f.origin || accounts[0].Subject != "zoe" {
		t.Fatalf("linked: %+v", accounts)
	}
	id := accounts[0].ID
	_, err = f.control.Refresh(t.Context(), id)
	f.check(err)
	token := f.token(id)
	if s := bearer(t, f.origin+"/me", token); s != http.StatusOK {
		t.Errorf("userinfo answered %d", s)
	}
	f.disconnect(id, f.origin+"/me", token)
	f.logged("^DELETE /reg/.* 204$")
	saw(nodeName, "issuer address alone, dynamic registration (RFC 7591, 7592)", "registered, linked, refreshed, revoked, unregistered")
}

// TestForeignDevice approves with a code on another device (RFC 8628).
func TestForeignDevice(t *testing.T) {
	f := newListedNode(t)
	ctx := t.Context()
	connect, err := f.world.Start("dancectl", "connect", "--yes", "--device", "foreign")
	f.check(err)
	var code ipc.DeviceCode
	f.check(Await(ctx, "the code", func() error {
		s, err := f.control.Status(ctx)
		if err == nil && (len(s.Dances) != 1 || s.Dances[0].Code == nil) {
			return fmt.Errorf("the dances are %+v: %s", s.Dances, connect.Log())
		}
		if err == nil {
			code = *s.Dances[0].Code
		}
		return err
	}))
	f.check(Await(ctx, "the code on the terminal", func() error { return match(code.UserCode, connect.Log()) }))
	page, err := f.world.Open(ctx, code.Complete)
	f.check(err)
	f.check(page.AwaitText(ctx, code.UserCode))
	f.check(page.Click(ctx, "button[type=submit]"))
	f.check(consentAs(ctx, page, "zoe"))
	f.done(connect)
	account, err := f.control.Account(ctx, "foreign:zoe")
	f.check(err)
	if account.Subject != "zoe" || !account.Refreshes {
		t.Errorf("linked as %+v", account)
	}
	f.check(f.world.NothingOpened())
	saw(nodeName, "device authorization (RFC 8628)", "linked; no browser opened here")
}

// TestForeignDPoP binds the tokens to a key (RFC 9449); the provider wants its
// nonces in the proofs.
func TestForeignDPoP(t *testing.T) {
	f := newListedNode(t)
	ctx := t.Context()
	f.connect(asZoe, "foreign", "--dpop")
	f.logged("^POST /token authorization_code DPoP 200$")
	_, err := f.control.Refresh(ctx, "foreign:zoe")
	f.check(err)
	f.logged("^POST /token refresh_token DPoP 200$")
	app := f.world.Client()
	defer app.Close()
	if _, err := app.Token(ctx, "foreign", ipc.TokenRequest{Wait: 1}); ipc.CodeOf(err) != ipc.CodeFetchOnly {
		t.Errorf("a token that needs signing was asked for: %v", err)
	}
	r, err := http.NewRequestWithContext(ctx, "GET", f.origin+"/me", nil)
	f.check(err)
	if res := f.fetch("foreign", r); res.StatusCode != http.StatusOK {
		t.Errorf("userinfo through fetch answered %d", res.StatusCode)
	}
	f.logged("^GET /me +DPoP 200$")
	f.dancectl("disconnect", "foreign:zoe", "--passphrase-file", f.pass)
	f.logged("^POST /token/revocation .*200$")
	saw(nodeName, "DPoP with server nonces (RFC 9449)", "linked, refreshed, fetched through fetch, token itself refused, revoked")
}

// TestForeignSignOut opens the provider's own sign-out (RP-Initiated Logout 1.0).
func TestForeignSignOut(t *testing.T) {
	f := newListedNode(t)
	ctx := t.Context()
	f.connect(asZoe, "foreign")
	f.check(f.world.Click(ctx, "Dancecard", "zoe"))
	f.check(f.world.Click(ctx, "Dancecard", "Sign out at Foreign"))
	address, err := f.world.Opened(ctx)
	f.check(err)
	if !strings.HasPrefix(address, f.origin+"/session/end?") {
		t.Fatalf("opened %s", address)
	}
	page, err := f.world.Open(ctx, address)
	f.check(err)
	f.check(page.AwaitText(ctx, "Sign-out Success"))
	f.logged("^POST /session/end/confirm +303$")
	account, err := f.control.Account(ctx, "foreign:zoe")
	f.check(err)
	if account.Status != "ready" {
		t.Errorf("signing out at the provider left the account %s", account.Status)
	}
	saw(nodeName, "sign out at the provider (RP-Initiated Logout 1.0)", "signed out there; the link stays")
}
