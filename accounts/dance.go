package accounts

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"dancecard/dance"
)

// danceRun is one dance with what came of it. Guarded by Book.mu.
type danceRun struct {
	view    Dance
	profile *profile
	plan    plan
	client  registrationRecord
	cancel  context.CancelFunc
	result  *dance.Result // stage came back
	again   chan struct{} // asks for the browser once more
	paste   chan string   // what the user copied
	pasted  chan error    // what became of it
	pasting chan struct{} // holds one: whose text is being looked at
	changed chan struct{} // closed and replaced at each step
	ended   chan struct{} // closed when dance.Run has returned and its outcome is noted
}

const (
	danceTime    = 10 * time.Minute // how long the user has in the browser
	deviceTime   = 30 * time.Minute // how long on another device
	cameBackTime = 30 * time.Minute // how long who came back waits for the user's word before the token is given back
)

// ConnectRequest says what to connect.
type ConnectRequest struct {
	Provider  string            // id in the gallery
	Address   string            // instead of Provider: an issuer's or MCP server's address, or an atproto handle
	Instance  string            // self-hosted: what the row's Instance asks for
	Scopes    []string          // nil: the row's
	Reconnect string            // id of the account to sign in again; Provider may be empty then
	NoBrowser bool              // open nothing: somebody copies the link
	Label     string            // what to call the account, where Keep gives no label
	AddScopes []string          // with Reconnect: ask for these besides what it has
	Options   map[string]string // dance.Option ids
	Browser   string            // id of a dance.Browser; "" the one the account was linked in, or the system's
	Device    bool              // device authorization instead of a browser here
	DPoP      bool              // bind the tokens to a key of ours, where the provider offers it
	By        *App              // the app that asked for it
}

// plan is what a dance will do.
type plan struct {
	row       dance.Provider
	address   string // to be found first; row is empty until then
	instance  string
	target    string // see registrationTarget
	request   dance.Request
	browser   string
	noBrowser bool
}

func (pl plan) wish() wish {
	w := wish{row: pl.row, target: pl.target, dpop: pl.request.DPoP || pl.row.DPoP == "required", scopes: pl.request.Scopes}
	if w.scopes == nil {
		w.scopes = pl.row.Scopes
	}
	return w
}

// limit is how long the user has.
func (pl plan) limit() time.Duration {
	if pl.request.Device {
		return deviceTime
	}
	return danceTime
}

// Connect starts a dance and returns its id at once. A second call for the
// same provider or account returns the running one, unless it is called
// otherwise or is to open no browser. The browser is opened
// only now, on the user's word; so is the first connection to a provider that
// is known by its address alone, or where a client has to be made. Errors:
// CodeNeedsRegistration, CodeNoSuchProvider, CodeProfileLocked, CodeBadRequest.
func (b *Book) Connect(_ context.Context, r ConnectRequest) (id string, err error) {
	p, _, err := b.openProfile()
	if err != nil {
		return "", err
	}
	if r.Label != "" {
		if r.Label, err = cleanName(r.Label); err != nil {
			return "", err
		}
	}
	if err := b.checkBrowser(r.Browser); err != nil {
		return "", err
	}
	plan, err := b.prepare(p, r)
	if err != nil {
		return "", err
	}
	var client registrationRecord
	if plan.address == "" {
		if client, _, err = b.registration(p, plan.wish()); err != nil {
			return "", err
		}
	}
	now := time.Now()
	d := &danceRun{
		profile: p, plan: plan, client: client, again: make(chan struct{}), paste: make(chan string), pasted: make(chan error, 1),
		pasting: make(chan struct{}, 1), changed: make(chan struct{}), ended: make(chan struct{}),
		view: Dance{ID: newID("d"), Provider: plan.row.ID, ProviderName: cmp.Or(plan.row.Name, shownAddress(plan.address)), Tile: plan.row.Tile,
			Reconnects: r.Reconnect, By: r.By, Label: r.Label, Paste: plan.row.Redirect.Mode == "paste",
			Stage: DanceStarting, Started: now, Deadline: now.Add(plan.limit())},
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case p.vault == nil:
		return "", p.lockedErrorLocked()
	case b.closing:
		return "", errClosing()
	}
	for _, o := range b.dances {
		if o.profile == p && !o.view.Stage.Over() && o.view.Stage != DanceCameBack && o.sameAs(d) {
			return o.view.ID, nil
		}
	}
	b.dances = slices.DeleteFunc(b.dances, func(o *danceRun) bool {
		return o.view.Stage.Over() && (o.sameAs(d) || now.After(o.view.Deadline))
	})
	ctx, cancel := context.WithCancel(b.ctx)
	d.cancel = cancel
	b.dances = append(b.dances, d)
	b.running.Go(func() { b.run(ctx, d) })
	return d.view.ID, nil
}

// sameAs reports dances that a second click makes. An address that was asked
// for without a browser is for one caller alone: twenty terminals are twenty
// dances.
func (d *danceRun) sameAs(o *danceRun) bool {
	if d.plan.noBrowser || o.plan.noBrowser || d.view.Label != o.view.Label {
		return false
	}
	if d.plan.address != "" || o.plan.address != "" {
		return d.plan.address == o.plan.address
	}
	return d.view.Provider == o.view.Provider && d.plan.target == o.plan.target && d.view.Reconnects == o.view.Reconnects &&
		d.plan.request.Device == o.plan.request.Device
}

// prepare finds the row and what to ask for.
func (b *Book) prepare(p *profile, r ConnectRequest) (pl plan, err error) {
	pl.request = dance.Request{Scopes: r.Scopes, Options: r.Options, DPoP: r.DPoP, Device: r.Device}
	pl.instance, pl.browser, pl.noBrowser = r.Instance, r.Browser, r.NoBrowser
	switch {
	case r.Reconnect != "":
		return b.prepareAgain(p, r, pl)
	case r.Address != "":
		if r.Provider != "" {
			return pl, &Error{Code: CodeBadRequest, Text: "A provider of the gallery and an address are two things.", Hint: "Name one of them."}
		}
		if pl.address, err = cleanAddress(r.Address); err != nil {
			return pl, err
		}
		row, known := b.rowOfIssuer(pl.address)
		if !known {
			return pl, nil
		}
		pl.row, pl.address = row, ""
	default:
		if pl.row, err = b.provider(r.Provider, r.Instance); err != nil {
			return pl, err
		}
	}
	pl.target = b.registrationTarget(pl.row)
	return pl, nil
}

// cleanAddress checks what the user typed as an address before it goes
// anywhere; what it leads to is dance.Find's to say.
func cleanAddress(address string) (string, error) {
	address = strings.TrimSpace(address)
	if address == "" || len(address) > 2<<10 || strings.ContainsFunc(address, notVisible) {
		return "", &Error{Code: CodeBadRequest, Text: "That is no address.",
			Hint: "Enter one such as https://issuer.example, an MCP server's address, or a handle such as mira.example.com."}
	}
	if u, err := url.Parse(address); err == nil && u.User != nil {
		return "", &Error{Code: CodeBadRequest, Text: "There is a user name or a password in that address.", Hint: "Leave it out."}
	}
	return address, nil
}

// shownAddress leaves out what may be a key.
func shownAddress(address string) string {
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	return address
}

// prepareAgain plans the sign-in of an account that is linked already.
func (b *Book) prepareAgain(p *profile, r ConnectRequest, pl plan) (plan, error) {
	b.mu.Lock()
	a := p.accounts[r.Reconnect]
	if a == nil {
		b.mu.Unlock()
		return pl, noSuchAccount(r.Reconnect)
	}
	record, client := a.accountRecord, p.registrations[a.Registration]
	b.mu.Unlock()
	pl.instance, pl.browser = record.Instance, cmp.Or(r.Browser, record.Browser)
	if pl.request.Scopes == nil {
		pl.request.Scopes = record.Asked
	}
	for _, s := range r.AddScopes {
		if !slices.Contains(pl.request.Scopes, s) {
			pl.request.Scopes = append(slices.Clip(pl.request.Scopes), s)
		}
	}
	if r.Options == nil {
		pl.request.Options = maps.Clone(record.Options)
	}
	pl.request.DPoP = pl.request.DPoP || record.DPoP
	pl.request.LoginHint = record.Login
	if record.StepUp != nil {
		pl.request.ACRValues, pl.request.MaxAge = record.StepUp.ACRValues, record.StepUp.MaxAge
	}
	if record.Unnamed {
		pl.request.Subject = record.Subject
	}
	row, sealed, err := b.rowAgain(record)
	if err != nil {
		return pl, err
	}
	pl.row, pl.target = row, b.registrationTarget(row)
	if r.Options == nil {
		maps.DeleteFunc(pl.request.Options, func(id, _ string) bool {
			return !slices.ContainsFunc(row.Options, func(o dance.Option) bool { return o.ID == id })
		})
	}
	if sealed && client.ID != "" {
		pl.target = client.For
	}
	return pl, nil
}

// rowAgain is the row for a sign-in again: the gallery's, or what the account
// was linked with where the gallery has none. A file of the user's own that
// now names other places is refused: it may not be the user who changed it,
// and here nobody is shown where the sign-in goes.
func (b *Book) rowAgain(record accountRecord) (row dance.Provider, sealed bool, err error) {
	was := record.Link.Provider
	entry, ok := b.catalog.Get(record.Provider)
	if !ok {
		return was, true, nil
	}
	row, err = b.provider(record.Provider, record.Instance)
	switch {
	case err != nil: // the row asks for another kind of instance now
		return was, true, nil
	case entry.BuiltIn:
		return row, false, nil
	}
	if now := movedTo(was, row); now != "" {
		return row, false, &Error{Code: CodeBadRequest,
			Text: "The provider file " + record.Provider + ".toml now sends secrets to " + now + ", which " + record.Label + " was not linked with.",
			Hint: "If you changed it yourself, connect the provider anew; else put the file back as it was."}
	}
	return row, false, nil
}

// movedTo is the first place that a row sends secrets to, at a sign-in or with
// requests later, and that was not sealed; "" if there is none. What a row leaves to discovery is its
// issuer's word.
func movedTo(was, now dance.Provider) string {
	var sealed []string
	for _, address := range signInPlaces(was) {
		sealed = append(sealed, origin(address))
	}
	for _, host := range was.Redirect.Hosts {
		sealed = append(sealed, "https://"+host)
	}
	for _, address := range signInPlaces(now) {
		if o := origin(address); !slices.Contains(sealed, o) {
			return o
		}
	}
	for _, host := range now.API.Hosts {
		if !slices.Contains(was.API.Hosts, host) && !slices.Contains(was.Redirect.Hosts, host) {
			return "https://" + host
		}
	}
	return ""
}

// signInPlaces are the addresses of a row that a sign-in, or a sign-out, sends
// anything to.
func signInPlaces(row dance.Provider) []string {
	e := row.Endpoints
	return slices.DeleteFunc(append(secretPlaces(row), row.Issuer, e.Authorization, e.DeviceAuthorization, e.EndSession),
		func(address string) bool { return address == "" })
}
