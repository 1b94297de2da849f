package test

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

const redirectRow = `name = "Foreign"
issuer = "%s"
client_id = "%s"
scopes = ["openid", "profile", "email", "offline_access"]

[redirect]
%s
`

// TestForeignHTTPS has a provider that sends its answer to https alone. The
// browser warns of the certificate that Dancecard made, and the user goes on.
func TestForeignHTTPS(t *testing.T) {
	f := newNode(t)
	port := freePort(t)
	redirect := "https://127.0.0.1:" + port + "/callback"
	c := f.register("web", redirect)
	f.row("foreign", fmt.Sprintf(redirectRow, f.origin, c.ID, "mode = \"https\"\nport = "+port+"\npath = \"/callback\""))
	if shown := f.dancectl("providers", "show", "foreign"); !strings.Contains(shown, redirect) {
		t.Errorf("the redirect URI to register is not shown: %s", shown)
	}
	f.connect(func(ctx context.Context, page *Page) error {
		for _, step := range []func() error{
			func() error { return page.AwaitText(ctx, "Your browser will warn you") },
			func() error { return page.Click(ctx, ".next a") },
			func() error { return consentAs(ctx, page, "zoe") },
			func() error { return page.Point(ctx, "#details-button") },
			func() error { return page.Point(ctx, "#proceed-link") },
			func() error { return page.AwaitText(ctx, "Dancecard") },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}, "foreign")
	f.stands("foreign:zoe", "ready")
	f.check(Await(t.Context(), "the port to be free", func() error { return unheard("127.0.0.1:" + port) }))
	saw(nodeName, "https on loopback with a certificate of our own", "linked past Chromium's warning")
}

// TestForeignPaste has a provider that ends at a page of its own. The user
// carries its address to the window, and to the terminal.
func TestForeignPaste(t *testing.T) {
	f := newNode(t)
	ctx := t.Context()
	end := f.origin + "/done"
	c := f.register("native", end)
	f.row("foreign", fmt.Sprintf(redirectRow, f.origin, c.ID, "mode = \"paste\"\nuri = \""+end+"\""))
	copied := func(login string) string {
		page := f.visit(func(ctx context.Context, page *Page) error {
			if err := consentAs(ctx, page, login); err != nil {
				return err
			}
			return page.AwaitText(ctx, "Copy the address")
		})
		address, err := page.Address(ctx)
		f.check(err)
		return address
	}

	f.click("Connect")
	f.check(f.world.Type(ctx, "Dancecard", "Search services", "Foreign"))
	f.click("Foreign")
	f.sees("Paste what Foreign shows")
	address := copied("zoe")
	f.paste(strings.Replace(address, "state=", "state=x", 1))
	f.sees("That address belongs to another sign-in")
	f.check(f.world.Key(ctx, "ctrl+a"))
	f.paste(address)
	f.click("Add to Home")
	f.stands("foreign:zoe", "ready")

	cmd := f.world.Command(context.Background(), "dancectl", "connect", "foreign", "--yes")
	in, err := cmd.StdinPipe()
	f.check(err)
	connect, err := f.world.start(cmd)
	f.check(err)
	fmt.Fprintln(in, copied("yan"))
	f.done(connect)
	f.stands("foreign:yan", "ready")
	saw(nodeName, "the address carried by the user (no redirect to this machine)", "linked through the window's field and through dancectl; another sign-in's address refused")
}

// paste pastes into the window's field and hands it over.
func (f *foreign) paste(text string) {
	f.t.Helper()
	ctx := f.t.Context()
	f.check(f.world.Copy(ctx, text))
	f.click("What the browser shows")
	f.check(f.world.Key(ctx, "ctrl+a", "ctrl+v"))
	f.click("Hand over what was pasted")
}
