package ipc

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"
)

// Control speaks to Dancecard's control socket, as dancectl does for the user.
// The zero value is ready, is safe for concurrent use and keeps connections;
// do not copy it after its first use.
//
// A profile is named by its id or name, "" being the current one. Account refs
// are those of [Client], looked up among all accounts of the current profile.
type Control struct {
	// Socket is the socket's path; if empty, control/control.sock in
	// [RuntimeDir].
	Socket string

	conn conn
}

func (c *Control) path() (string, error) {
	if c.Socket != "" {
		return c.Socket, nil
	}
	dir, err := RuntimeDir()
	return filepath.Join(dir, ControlSocket), err
}

func (c *Control) do(ctx context.Context, k call, out any) error {
	return do(ctx, c.conn.client(c.path), k, out)
}

func (c *Control) get(ctx context.Context, out any, segments ...string) error {
	return c.do(ctx, call{method: "GET", path: path(segments...)}, out)
}

func (c *Control) post(ctx context.Context, body, out any, segments ...string) error {
	return c.do(ctx, call{method: "POST", path: path(segments...), body: body}, out)
}

// Close lets go of the kept connections. The Control can be used again.
func (c *Control) Close() { c.conn.close() }

// Show brings the window to the front. A second start does this and ends.
func (c *Control) Show(ctx context.Context) error { return c.post(ctx, nil, nil, "show") }

// Stop ends Dancecard in good order. It returns when the request was taken.
func (c *Control) Stop(ctx context.Context) error { return c.post(ctx, nil, nil, "stop") }

// Status tells everything at one moment.
func (c *Control) Status(ctx context.Context) (Overview, error) {
	var o Overview
	err := c.get(ctx, &o, "status")
	return o, err
}

// Accounts lists all accounts of the current profile.
func (c *Control) Accounts(ctx context.Context) ([]AccountDetail, error) {
	var d Details
	err := c.get(ctx, &d, "accounts")
	return d.Accounts, err
}

// Account looks an account up.
func (c *Control) Account(ctx context.Context, ref string) (AccountDetail, error) {
	var d AccountDetail
	err := c.get(ctx, &d, "accounts", ref)
	return d, err
}

// Rename gives an account another label.
func (c *Control) Rename(ctx context.Context, ref, label string) (AccountDetail, error) {
	var d AccountDetail
	err := c.do(ctx, call{method: "PATCH", path: path("accounts", ref), body: Rename{Name: label}}, &d)
	return d, err
}

// Refresh renews an account's token now.
func (c *Control) Refresh(ctx context.Context, ref string) (AccountDetail, error) {
	var d AccountDetail
	err := c.post(ctx, nil, &d, "accounts", ref, "refresh")
	return d, err
}

// Disconnect revokes an account's token and erases the account. Without a
// secret in confirm the window asks the user, and the call waits for the
// answer: consent_denied is a no, consent_timeout none.
func (c *Control) Disconnect(ctx context.Context, ref string, confirm Confirm) (Disconnected, error) {
	var d Disconnected
	err := c.do(ctx, call{method: "DELETE", path: path("accounts", ref), body: confirm}, &d)
	return d, err
}

// GiveUpRevocation erases the token of an account whose revocation is pending:
// it is tried no more, and stays good at the provider. Confirmed as Disconnect.
func (c *Control) GiveUpRevocation(ctx context.Context, ref string, confirm Confirm) (Disconnected, error) {
	var d Disconnected
	err := c.do(ctx, call{method: "DELETE", path: path("accounts", ref, "revocation"), body: confirm}, &d)
	return d, err
}

// Connect starts a dance, or finds the one that runs for the same account.
func (c *Control) Connect(ctx context.Context, r Connect) (Dance, error) {
	var d Dance
	err := c.post(ctx, r, &d, "dances")
	return d, err
}

// Dance looks a dance up.
func (c *Control) Dance(ctx context.Context, id string) (Dance, error) {
	var d Dance
	err := c.get(ctx, &d, "dances", id)
	return d, err
}

// AwaitDance waits until a dance has left the stage, and returns it as it is
// then. Start with "" or the stage that is known, and go on until
// [DanceStage.Over].
func (c *Control) AwaitDance(ctx context.Context, id string, stage DanceStage) (Dance, error) {
	q := waitQuery(time.Minute)
	q.Set("stage", string(stage))
	for {
		var d Dance
		if err := c.do(ctx, call{method: "GET", path: path("dances", id), query: q}, &d); err != nil {
			return d, err
		}
		if d.Stage != stage || d.Stage.Over() {
			return d, nil
		}
	}
}

// OpenAgain opens the browser once more for a dance that waits.
func (c *Control) OpenAgain(ctx context.Context, id string) error {
	return c.post(ctx, nil, nil, "dances", id, "open")
}

// Paste hands a dance the address at which the browser ended, or the code that
// its page showed. bad_request says why a text is not it; the dance goes on.
func (c *Control) Paste(ctx context.Context, id string, text Secret) error {
	return c.post(ctx, Paste{Text: text}, nil, "dances", id, "paste")
}

// Browsers lists the browsers, profiles and private windows that a dance can
// be opened in, the system's own first.
func (c *Control) Browsers(ctx context.Context) ([]Browser, error) {
	var b Browsers
	err := c.get(ctx, &b, "browsers")
	return b.Browsers, err
}

// SetBrowser says in which browser an account is signed in again; "" is the
// system's own.
func (c *Control) SetBrowser(ctx context.Context, ref, browser string) (AccountDetail, error) {
	var d AccountDetail
	err := c.do(ctx, call{method: "PUT", path: path("accounts", ref, "browser"), body: SetBrowser{Browser: browser}}, &d)
	return d, err
}

// CancelDance ends a dance at any stage; a token that came is revoked.
func (c *Control) CancelDance(ctx context.Context, id string) error {
	return c.do(ctx, call{method: "DELETE", path: path("dances", id)}, nil)
}

// Keep links who came back.
func (c *Control) Keep(ctx context.Context, id string, k Keep) (AccountDetail, error) {
	var d AccountDetail
	err := c.post(ctx, k, &d, "dances", id, "keep")
	return d, err
}

// Providers lists the gallery.
func (c *Control) Providers(ctx context.Context) ([]Provider, error) {
	var p Providers
	err := c.get(ctx, &p, "providers")
	return p.Providers, err
}

// Provider looks a row of the gallery up by its id.
func (c *Control) Provider(ctx context.Context, id string) (Provider, error) {
	var p Provider
	err := c.get(ctx, &p, "providers", id)
	return p, err
}

// Lint explains what is wrong with a provider file. Nothing is stored.
func (c *Control) Lint(ctx context.Context, l Lint) (Linted, error) {
	var out Linted
	err := c.post(ctx, l, &out, "providers", "-", "lint")
	return out, err
}

// Schema is the JSON schema of provider files, for editors.
func (c *Control) Schema(ctx context.Context) ([]byte, error) {
	var raw json.RawMessage
	err := c.get(ctx, &raw, "providers", "-", "schema")
	return raw, err
}

// ClientDocument makes the client id metadata document to publish at an
// address, for Dancecard's flag --client-document.
func (c *Control) ClientDocument(ctx context.Context, d ClientDocument) ([]byte, error) {
	var raw json.RawMessage
	err := c.post(ctx, d, &raw, "providers", "-", "client-document")
	return raw, err
}

// SetRegistration stores the user's own client for a provider.
func (c *Control) SetRegistration(ctx context.Context, provider string, r Registration) error {
	return c.do(ctx, call{method: "PUT", path: path("providers", provider, "registration"), body: r}, nil)
}

// Profiles lists the profiles on this machine.
func (c *Control) Profiles(ctx context.Context) ([]Profile, error) {
	var p Profiles
	err := c.get(ctx, &p, "profiles")
	return p.Profiles, err
}

// CreateProfile makes a profile, opens it and makes it the current one.
func (c *Control) CreateProfile(ctx context.Context, n NewProfile) (CreatedProfile, error) {
	var p CreatedProfile
	err := c.post(ctx, n, &p, "profiles")
	return p, err
}

// RenameProfile gives a profile another name.
func (c *Control) RenameProfile(ctx context.Context, profile, name string) error {
	return c.do(ctx, call{method: "PATCH", path: profilePath(profile), body: Rename{Name: name}}, nil)
}

// DeleteProfile disconnects a profile's accounts and erases it. Confirmed as
// Disconnect. revocation_pending: a provider could not be told, and it stays.
func (c *Control) DeleteProfile(ctx context.Context, profile string, d DeleteProfile) (DeletedProfile, error) {
	var p DeletedProfile
	err := c.do(ctx, call{method: "DELETE", path: profilePath(profile), body: d}, &p)
	return p, err
}

// SetLocks says when a profile locks by itself.
func (c *Control) SetLocks(ctx context.Context, profile string, s SetLocks) error {
	return c.do(ctx, call{method: "PUT", path: profilePath(profile, "locks"), body: s}, nil)
}

// SwitchProfile makes a profile the current one.
func (c *Control) SwitchProfile(ctx context.Context, profile string) error {
	return c.do(ctx, call{method: "POST", path: profilePath(profile, "switch")}, nil)
}

// Unlock opens a profile with a secret, or with none through the keyring.
func (c *Control) Unlock(ctx context.Context, profile string, u Unlock) error {
	return c.do(ctx, call{method: "POST", path: profilePath(profile, "unlock"), body: u}, nil)
}

// Lock closes a profile at once.
func (c *Control) Lock(ctx context.Context, profile string) error {
	return c.do(ctx, call{method: "POST", path: profilePath(profile, "lock")}, nil)
}

// LogOut closes a profile, and the keyring forgets it: the passphrase or the
// recovery key opens it next time.
func (c *Control) LogOut(ctx context.Context, profile string) error {
	return c.do(ctx, call{method: "POST", path: profilePath(profile, "logout")}, nil)
}

// profilePath writes "" as "-", the current profile.
func profilePath(profile string, more ...string) string {
	if profile == "" {
		profile = "-"
	}
	return path(append([]string{"profiles", profile}, more...)...)
}

// Apps lists the grants of the current profile.
func (c *Control) Apps(ctx context.Context) ([]Grant, error) {
	var g Grants
	err := c.get(ctx, &g, "grants")
	return g.Grants, err
}

// TakeBack ends a grant at once; the program is asked about again.
func (c *Control) TakeBack(ctx context.Context, grant string) error {
	return c.do(ctx, call{method: "DELETE", path: path("grants", grant)}, nil)
}

// Activity tells what happened, newest first; max 0 means 100.
func (c *Control) Activity(ctx context.Context, max int) ([]Activity, error) {
	var a Activities
	k := call{method: "GET", path: path("activity")}
	if max > 0 {
		k.query = url.Values{"max": {strconv.Itoa(max)}}
	}
	err := c.do(ctx, k, &a)
	return a.Activity, err
}

// Events yields everything that happens, as [Client.Events] does for a program.
func (c *Control) Events(ctx context.Context, lastID string) iter.Seq2[Event, error] {
	return events(ctx, func(h http.Header) (*http.Response, error) {
		return send(ctx, c.conn.client(c.path), call{method: "GET", path: path("events")}, h)
	}, lastID)
}
