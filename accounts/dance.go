package accounts

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"dancecard/dance"
)

// danceRun is one dance with what came of it. Guarded by Book.mu.
type danceRun struct {
	view     Dance
	profile  *profile
	instance string
	client   registrationRecord
	cancel   context.CancelFunc
	result   *dance.Result // stage came back
	again    chan struct{} // asks for the browser once more
	changed  chan struct{} // closed and replaced at each step
	ended    chan struct{} // closed when dance.Run has returned and its outcome is noted
}

// danceTime is how long the user has in the browser.
const danceTime = 10 * time.Minute

// cameBackTime is how long an account that came back waits for the user's
// word before its token is given back.
const cameBackTime = 30 * time.Minute

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

// Connect starts a dance and returns its id at once. A second call for the
// same provider or account returns the running one. The browser is opened
// only now, on the user's word. Errors: CodeNeedsRegistration,
// CodeNoSuchProvider, CodeProfileLocked.
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
	row, request, err := b.prepare(p, &r)
	if err != nil {
		return "", err
	}
	client, err := b.registration(p, row)
	if err != nil {
		return "", err
	}
	request.Registration = client.registration()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case p.vault == nil:
		return "", p.lockedErrorLocked()
	case b.closing:
		return "", errClosing()
	}
	for _, d := range b.dances {
		if d.profile == p && !d.view.Stage.Over() && d.view.Stage != DanceCameBack && d.view.Provider == row.ID && d.view.Reconnects == r.Reconnect {
			return d.view.ID, nil
		}
	}
	b.dances = slices.DeleteFunc(b.dances, func(d *danceRun) bool { return d.view.Stage.Over() && d.view.Provider == row.ID })
	ctx, cancel := context.WithTimeout(b.ctx, danceTime)
	now := time.Now()
	d := &danceRun{
		profile: p, instance: r.Instance, client: client, cancel: cancel, again: make(chan struct{}), changed: make(chan struct{}), ended: make(chan struct{}),
		view: Dance{ID: newID("d"), Provider: row.ID, ProviderName: row.Name, Tile: row.Tile, Reconnects: r.Reconnect, By: r.By, Label: r.Label,
			Stage: DanceStarting, Started: now, Deadline: now.Add(danceTime)},
	}
	b.dances = append(b.dances, d)
	b.running.Go(func() { b.run(ctx, d, row, request, r.NoBrowser) })
	return d.view.ID, nil
}

// prepare finds the row and what to ask for.
func (b *Book) prepare(p *profile, r *ConnectRequest) (row dance.Provider, request dance.Request, err error) {
	request.Scopes = r.Scopes
	if r.Reconnect == "" {
		row, err = b.provider(r.Provider, r.Instance)
		return row, request, err
	}
	b.mu.Lock()
	a := p.accounts[r.Reconnect]
	if a == nil {
		b.mu.Unlock()
		return row, request, noSuchAccount(r.Reconnect)
	}
	record := a.accountRecord
	b.mu.Unlock()
	r.Instance = record.Instance
	row, err = b.provider(record.Provider, record.Instance)
	if CodeOf(err) == CodeNoSuchProvider {
		row, err = record.Link.Provider, nil
	}
	request.LoginHint = record.Login
	if request.Scopes == nil {
		request.Scopes = record.Asked
	}
	return row, request, err
}

// run performs the dance and notes its outcome.
func (b *Book) run(ctx context.Context, d *danceRun, row dance.Provider, request dance.Request, noBrowser bool) {
	defer close(d.ended)
	defer d.cancel()
	b.announce(Event{Type: EventDanceStarted, Profile: d.profile.id, Account: d.view.Reconnects, Data: map[string]string{"provider": row.ID, "label": row.Name}})
	var openings atomic.Int32
	result, err := dance.Run(ctx, row, dance.Prompt{
		Again: d.again,
		OpenURL: func(ctx context.Context, start string) error {
			if openings.Add(1) == 1 && noBrowser {
				return nil
			}
			return b.opts.OpenURL(ctx, start)
		},
		Waiting: func(address string, opened error) {
			b.step(d, func() {
				d.view.Stage, d.view.URL, d.view.Opened, d.view.OpenProblem = DanceWaiting, address, time.Now(), ""
				if opened != nil {
					d.view.OpenProblem = opened.Error()
				}
			})
		},
		Exchanging: func() { b.step(d, func() { d.view.Stage = DanceExchanging }) },
	}, request)
	if err != nil {
		if !result.Token.Access.IsZero() || !result.Token.Refresh.IsZero() {
			b.giveBack(d, result)
		}
		b.danceFailed(ctx, d, err)
		return
	}
	if err := b.arrived(d, result); err != nil {
		b.danceFailed(ctx, d, err)
	}
}

// step changes a dance and tells whoever watches it.
func (b *Book) step(d *danceRun, change func()) {
	b.mu.Lock()
	change()
	close(d.changed)
	d.changed = make(chan struct{})
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged, Profile: d.profile.id})
}

// danceFailed notes why nothing came of a dance.
func (b *Book) danceFailed(ctx context.Context, d *danceRun, err error) {
	problem := danceProblem(ctx, d.view.ProviderName, err)
	event := EventDanceFailed
	b.step(d, func() {
		switch {
		case d.view.Stage == DanceCancelled:
			event = EventDanceCancelled
		case problem.Code == CodeCancelled:
			event, d.view.Stage = EventDanceCancelled, DanceCancelled
		default:
			d.view.Stage, d.view.Failure = DanceFailed, problem
		}
	})
	b.announce(Event{Type: event, Profile: d.profile.id, Account: d.view.Reconnects,
		Data: map[string]string{"provider": d.view.Provider, "label": d.view.ProviderName, "why": problem.Text}})
}

func danceProblem(ctx context.Context, name string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if refused, ok := errors.AsType[*dance.Refused](err); ok {
		switch {
		case refused.Code == "access_denied":
			return &Error{Code: CodeAccessDenied, Text: name + " said no. Nothing was saved.", Hint: "If that was not what you wanted, connect again and approve."}
		case refused.RegistrationDead():
			return &Error{Code: CodeNeedsRegistration, Text: name + " does not take this program's registration: " + refused.Error() + ".", Hint: "Check the client id, the secret and the redirect URI at " + name + "."}
		}
		return &Error{Code: CodeProviderError, Text: refused.Error() + ".", Hint: "Try again; if it stays, look at the registration at " + name + "."}
	}
	switch {
	case errors.Is(err, dance.ErrExpired), ctx.Err() == context.DeadlineExceeded:
		return &Error{Code: CodeExpired, Text: "Nobody approved in time. Nothing was saved.", Hint: "Connect again when you are ready."}
	case errors.Is(err, dance.ErrCancelled), ctx.Err() == context.Canceled:
		return &Error{Code: CodeCancelled, Text: "The attempt was cancelled. Nothing was saved."}
	}
	if failed, ok := errors.AsType[*dance.Failed](err); ok {
		code := CodeProviderError
		if failed.Offline {
			code = CodeOffline
		}
		return &Error{Code: code, Text: failed.Text, Hint: "Try again, or copy the link.", RetryAfter: failed.RetryAfter}
	}
	return &Error{Code: CodeProviderError, Text: err.Error() + ".", Hint: "Nothing was saved. Try again."}
}

// OpenAgain opens the browser once more for a dance that waits.
func (b *Book) OpenAgain(ctx context.Context, id string) error {
	d, err := b.dance(id)
	if err != nil {
		return err
	}
	b.mu.Lock()
	stage, before := d.view.Stage, d.view.Opened
	b.mu.Unlock()
	over := &Error{Code: CodeExpired, Text: "This attempt no longer waits for the browser.", Hint: "Connect again."}
	if stage != DanceWaiting {
		return over
	}
	select {
	case d.again <- struct{}{}:
	case <-d.ended:
		return over
	case <-ctx.Done():
		return ctx.Err()
	}
	view, err := b.AwaitDance(ctx, id, func(v Dance) bool { return v.Opened != before || v.Stage != DanceWaiting })
	if err == nil && view.OpenProblem != "" {
		err = &Error{Code: CodeBadRequest, Text: "No browser could be opened: " + view.OpenProblem + ".", Hint: "Copy the link into the browser."}
	}
	return err
}

// CancelDance ends a dance; a token that came is given back to the provider.
// A dance that is over is put away.
func (b *Book) CancelDance(id string) error {
	d, err := b.dance(id)
	if err != nil {
		return err
	}
	b.mu.Lock()
	result, over := d.result, d.view.Stage.Over()
	if over {
		b.dances = slices.DeleteFunc(b.dances, func(o *danceRun) bool { return o == d })
	} else {
		d.view.Stage, d.result = DanceCancelled, nil
		close(d.changed)
		d.changed = make(chan struct{})
	}
	b.mu.Unlock()
	d.cancel()
	if result != nil && !over {
		b.giveBack(d, *result)
		b.announce(Event{Type: EventDanceCancelled, Profile: d.profile.id, Data: map[string]string{"provider": d.view.Provider, "label": d.view.ProviderName}})
	}
	b.announce(Event{Type: EventChanged, Profile: d.profile.id})
	return nil
}

// cancelDances cancels every dance of a profile, or all for "".
func (b *Book) cancelDances(profile string) {
	b.mu.Lock()
	var running []string
	for _, d := range b.dances {
		if (profile == "" || d.profile.id == profile) && !d.view.Stage.Over() {
			running = append(running, d.view.ID)
		}
	}
	b.mu.Unlock()
	for _, id := range running {
		b.CancelDance(id)
	}
}

// AwaitDance returns the dance as soon as enough says so of it, or with ctx's
// error.
func (b *Book) AwaitDance(ctx context.Context, id string, enough func(Dance) bool) (Dance, error) {
	d, err := b.dance(id)
	if err != nil {
		return Dance{}, err
	}
	for {
		b.mu.Lock()
		view, changed := d.view, d.changed
		b.mu.Unlock()
		if enough(view) {
			return view, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return view, ctx.Err()
		}
	}
}

func (b *Book) dance(id string) (*danceRun, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.dances {
		if d.view.ID == id {
			return d, nil
		}
	}
	return nil, &Error{Code: CodeNoSuchDance, Text: "That attempt to connect is over.", Hint: "Connect again."}
}
