package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dancecard/ipc"
)

// client is one that the test itself registered (RFC 7591).
type client struct {
	ID    string `json:"client_id"`
	URI   string `json:"registration_client_uri"`
	Token string `json:"registration_access_token"`
}

// register makes a public client at the provider, as its user would on a page.
func (f *foreign) register(kind, redirect string) (c client) {
	f.t.Helper()
	body, err := json.Marshal(map[string]any{
		"application_type": kind, "redirect_uris": []string{redirect}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	})
	f.check(err)
	res, err := http.Post(f.origin+"/reg", "application/json", bytes.NewReader(body))
	f.check(err)
	defer res.Body.Close()
	f.check(json.NewDecoder(res.Body).Decode(&c))
	if res.StatusCode != http.StatusCreated || c.ID == "" {
		f.t.Fatalf("registering %s answered %s", redirect, res.Status)
	}
	return c
}

// unregister deletes it there (RFC 7592).
func (f *foreign) unregister(c client) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), "DELETE", c.URI, nil)
	f.check(err)
	r.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := http.DefaultClient.Do(r)
	f.check(err)
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		f.t.Fatalf("deleting the client answered %s", res.Status)
	}
}

// two are the ids of zoe's and yan's accounts.
func (f *foreign) two() (zoe, yan string) {
	f.t.Helper()
	accounts, err := f.control.Accounts(f.t.Context())
	f.check(err)
	for _, a := range accounts {
		switch a.Subject {
		case "zoe":
			zoe = a.ID
		case "yan":
			yan = a.ID
		}
	}
	if len(accounts) != 2 || zoe == "" || yan == "" {
		f.t.Fatalf("linked: %+v", accounts)
	}
	return zoe, yan
}

// refused refreshes an account and wants that code.
func (f *foreign) refused(id string, code ipc.Code) {
	f.t.Helper()
	if _, err := f.control.Refresh(f.t.Context(), id); ipc.CodeOf(err) != code {
		f.t.Errorf("the refresh says %v, not %s", err, code)
	}
}

// once wants exactly one such answer of the provider's.
func (f *foreign) once(pattern string) {
	f.t.Helper()
	f.logged("^" + pattern + "$")
	if n := len(regexp.MustCompile("(?m)^"+pattern+"$").FindAllString(f.provider.Log(), -1)); n != 1 {
		f.t.Errorf("%d times %s:\n%s", n, pattern, f.provider.Log())
	}
}

// told wants exactly one notice on the desktop so far.
func told(t *testing.T, n *Notices, pattern string) {
	t.Helper()
	if err := Await(t.Context(), "a notice", func() error { return match(pattern, strings.Join(n.Titles(), "\n")) }); err != nil {
		t.Fatal(err)
	}
	if all := n.Titles(); len(all) != 1 {
		t.Errorf("%d notices: %q", len(all), all)
	}
}

// TestForeignForgetsUs has a provider that forgets whom it registered: one
// notice, both accounts stay, and the next sign-in registers anew.
func TestForeignForgetsUs(t *testing.T) {
	f := newNode(t)
	notices, err := f.world.StartNotices()
	f.check(err)
	f.connect(as("zoe"), f.origin)
	f.connect(as("yan"), f.origin)
	zoe, yan := f.two()
	f.once("POST /reg +201")
	f.startProvider() // it remembers nothing
	f.refused(zoe, ipc.CodeNeedsSignIn)
	f.refused(yan, ipc.CodeNeedsSignIn)
	f.once("POST /token .*401") // the other one is spared the question
	f.sees("Needs attention 2")
	told(t, notices, "^(zoe|yan) needs sign-in$")

	f.connect(as("zoe"), "--reconnect", zoe)
	f.logged("^POST /reg .*201$")
	f.stands(zoe, "ready")
	f.stands(yan, "needs sign-in")
	f.sees("Needs attention 1")
	f.click("Sign in") // yan's is the only one left
	f.visit(as("yan"))
	f.stands(yan, "ready")
	f.once("POST /reg +201")
	for _, id := range []string{zoe, yan} {
		_, err := f.control.Refresh(t.Context(), id)
		f.check(err)
	}
	told(t, notices, "needs sign-in")
	saw(nodeName, "a registration that vanished (invalid_client)", "one notice for two accounts, both kept; the next sign-in registered anew")
}

const ownRow = `name = "Foreign"
issuer = "%s"
scopes = ["openid", "profile", "email", "offline_access"]

[redirect]
path = "/callback"
`

// TestForeignOwnClientDies deletes the client that the user had registered:
// one notice, and a new client id moves both accounts.
func TestForeignOwnClientDies(t *testing.T) {
	f := newNode(t)
	ctx := t.Context()
	notices, err := f.world.StartNotices()
	f.check(err)
	const redirect = "http://127.0.0.1/callback"
	f.row("foreign", fmt.Sprintf(ownRow, f.origin))
	first := f.register("native", redirect)
	f.check(f.control.SetRegistration(ctx, "foreign", ipc.Registration{ClientID: first.ID}))
	f.connect(as("zoe"), "foreign")
	f.connect(as("yan"), "foreign")
	zoe, yan := f.two()
	f.unregister(first)
	f.refused(zoe, ipc.CodeNeedsRegistration)
	f.refused(yan, ipc.CodeNeedsRegistration)
	f.sees("Foreign no longer takes this program's registration.")
	f.oneNotice("no longer takes this program's registration.")
	told(t, notices, "^Foreign needs a registration$")

	second := f.register("native", redirect)
	f.click("Set up")
	f.sees("A new registration at Foreign")
	f.check(f.world.Type(ctx, "Dancecard", "Application ID", second.ID))
	f.click("Save and sign in")
	address, err := f.world.Opened(ctx)
	f.check(err)
	again, other := f.reconnecting(zoe, yan)
	page, err := f.world.Open(ctx, address)
	f.check(err)
	f.check(as(again.Subject)(ctx, page))
	f.stands(again.ID, "ready")
	f.stands(other.ID, "needs sign-in")
	f.connect(as(other.Subject), "--reconnect", other.ID)
	for _, id := range []string{zoe, yan} {
		_, err := f.control.Refresh(ctx, id)
		f.check(err)
	}
	f.two() // the very same
	told(t, notices, "needs a registration")
	saw(nodeName, "the user's own client deleted there (RFC 7592, invalid_client)", "one notice for two accounts, a new client id entered in the window, both accounts kept")
}

// oneNotice wants a text once in the window.
func (f *foreign) oneNotice(text string) {
	f.t.Helper()
	places, err := f.world.Places()
	f.check(err)
	places = slices.DeleteFunc(places, func(p Place) bool { return !strings.Contains(p.Label, text) })
	if len(places) != 1 {
		f.t.Errorf("it stands %d times in the window: %s", len(places), labels(places))
	}
}

// reconnecting tells the account that is being signed in again from the other.
func (f *foreign) reconnecting(ids ...string) (again, other ipc.AccountDetail) {
	f.t.Helper()
	s, err := f.control.Status(f.t.Context())
	f.check(err)
	for _, id := range ids {
		a, err := f.control.Account(f.t.Context(), id)
		f.check(err)
		if slices.ContainsFunc(s.Dances, func(d ipc.Dance) bool { return d.Reconnects == id && !d.Stage.Over() }) {
			again = a
		} else {
			other = a
		}
	}
	if again.ID == "" || other.ID == "" {
		f.t.Fatalf("the dances are %+v", s.Dances)
	}
	return again, other
}
