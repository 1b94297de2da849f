package accounts

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"dancecard/dance"
)

// run performs the dance and notes its outcome.
func (b *Book) run(ctx context.Context, d *danceRun) {
	defer close(d.ended)
	defer d.cancel()
	b.announce(Event{Type: EventDanceStarted, Profile: d.profile.id, Account: d.view.Reconnects,
		Data: map[string]string{"provider": d.plan.row.ID, "label": d.view.ProviderName}})
	result, err := b.perform(ctx, d)
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

// perform finds the provider and a client and dances. A client that was made
// and that the provider knows no more is made anew, once.
func (b *Book) perform(ctx context.Context, d *danceRun) (result dance.Result, err error) {
	if err := b.find(ctx, d); err != nil {
		return result, err
	}
	for retried := false; ; retried = true {
		client, err := b.enrolFor(ctx, d)
		if err != nil {
			return result, err
		}
		result, err = b.danceWith(ctx, d, client)
		refused, ok := errors.AsType[*dance.Refused](err)
		if !ok || !refused.RegistrationDead() || !client.made() || ctx.Err() != nil {
			return result, err
		}
		d.profile.store.Lock()
		b.clientDied(d.profile, client, d.plan.row.Name, refused.Code, "")
		d.profile.store.Unlock()
		if retried {
			return result, err
		}
		b.advance(d, func() { d.view.Stage, d.view.URL, d.view.OpenProblem, d.view.Code = DanceStarting, "", "", nil })
	}
}

// danceWith dances once the way is free; the user's time begins then.
func (b *Book) danceWith(ctx context.Context, d *danceRun, client registrationRecord) (dance.Result, error) {
	release, err := b.port(ctx, d)
	if err != nil {
		return dance.Result{}, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, d.plan.limit())
	defer cancel()
	deadline, _ := ctx.Deadline()
	b.advance(d, func() { d.view.Deadline = deadline })
	request := d.plan.request
	request.Registration = client.registration()
	return dance.Run(ctx, d.plan.row, b.prompt(d), request)
}

// find turns the address that the user typed into a row.
func (b *Book) find(ctx context.Context, d *danceRun) error {
	if d.plan.address == "" {
		return nil
	}
	row, err := dance.Find(ctx, d.plan.address)
	if invalid, ok := errors.AsType[*dance.Invalid](err); ok {
		return &Error{Code: CodeBadRequest, Text: sentence(invalid.Text), Hint: "Check the address, or choose the provider from the gallery."}
	}
	if err != nil {
		return err
	}
	if e, ok := b.catalog.Get(row.ID); ok {
		return &Error{Code: CodeBadRequest, Text: "The provider file " + e.ID + ".toml has the name that " + shownAddress(d.plan.address) + " would get.",
			Hint: "Give the file another name, or connect the provider " + e.ID + "."}
	}
	b.remember(row)
	b.advance(d, func() {
		d.plan.row, d.plan.target = row, b.registrationTarget(row)
		d.view.Provider, d.view.ProviderName, d.view.Tile = row.ID, row.Name, row.Tile
		d.view.Paste = row.Redirect.Mode == "paste"
	})
	return nil
}

// port waits for the port to which the provider sends its answer, where that
// is a fixed one: dances that share it go one after the other.
func (b *Book) port(ctx context.Context, d *danceRun) (release func(), err error) {
	u, err := url.Parse(dance.RedirectURI(d.plan.row))
	if err != nil || u.Port() == "" || d.plan.row.Redirect.Mode == "paste" || d.plan.request.Device {
		return func() {}, nil
	}
	b.mu.Lock()
	place := b.ports[u.Port()]
	if place == nil {
		place = make(chan struct{}, 1)
		b.ports[u.Port()] = place
	}
	b.mu.Unlock()
	release = func() { <-place }
	select {
	case place <- struct{}{}:
		return release, nil
	default:
	}
	b.advance(d, func() {
		d.view.OpenProblem = "Another sign-in waits for its answer at port " + u.Port() + ", which this provider uses too. Finish or cancel that one first."
	})
	select {
	case place <- struct{}{}:
		b.advance(d, func() { d.view.OpenProblem = "" })
		return release, nil
	case <-ctx.Done():
		return nil, dance.ErrCancelled
	}
}

// enrolFor is enrol for a dance, which from then on holds the client.
func (b *Book) enrolFor(ctx context.Context, d *danceRun) (registrationRecord, error) {
	for {
		client, err := b.enrol(ctx, d.profile, d.plan.wish())
		if err != nil {
			return client, err
		}
		b.mu.Lock()
		_, known := d.profile.registrations[client.ID]
		if known || !client.made() {
			d.client = client
			b.mu.Unlock()
			return client, nil
		}
		b.mu.Unlock() // it was dropped with its last account: look again
	}
}

// prompt is what the dance borrows of the Book.
func (b *Book) prompt(d *danceRun) dance.Prompt {
	var openings atomic.Int32
	return dance.Prompt{
		Again: d.again,
		Paste: d.paste,
		OpenURL: func(ctx context.Context, start string) error {
			if openings.Add(1) == 1 && d.plan.noBrowser {
				return nil
			}
			return b.openIn(ctx, d.plan.browser, start)
		},
		Waiting: func(address string, opened error) {
			b.advance(d, func() {
				d.view.Stage, d.view.URL, d.view.Opened, d.view.OpenProblem = DanceWaiting, address, time.Now(), ""
				if opened != nil {
					d.view.OpenProblem = opened.Error()
				}
			})
		},
		ShowCode: func(c dance.Code) {
			b.advance(d, func() {
				d.view.Stage, d.view.Code, d.view.URL = DanceWaiting, &c, c.URI
				if c.Complete != "" {
					d.view.URL = c.Complete
				}
				if !c.Until.IsZero() && c.Until.Before(d.view.Deadline) {
					d.view.Deadline = c.Until
				}
			})
		},
		Pasted: func(err error) {
			b.advance(d, func() {
				d.view.Pasted = ""
				if err != nil {
					d.view.Pasted = err.Error()
				}
			})
			select {
			case d.pasted <- err:
			default:
			}
		},
		Exchanging: func() { b.advance(d, func() { d.view.Stage = DanceExchanging }) },
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

// advance is step for a dance that is not over.
func (b *Book) advance(d *danceRun, change func()) {
	b.step(d, func() {
		if !d.view.Stage.Over() {
			change()
		}
	})
}

// danceFailed notes why nothing came of a dance.
func (b *Book) danceFailed(ctx context.Context, d *danceRun, err error) {
	problem := danceProblem(ctx, d.view.ProviderName, err)
	event := EventDanceCancelled
	b.step(d, func() {
		switch {
		case d.view.Stage == DanceCancelled:
		case problem.Code == CodeCancelled:
			d.view.Stage = DanceCancelled
		default:
			event, d.view.Stage, d.view.Failure = EventDanceFailed, DanceFailed, problem
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
		return &Error{Code: code, Text: failed.Text, Hint: "Check the network and the address, then try again.", RetryAfter: failed.RetryAfter}
	}
	if invalid, ok := errors.AsType[*dance.Invalid](err); ok {
		if strings.Contains(invalid.Text, "; ") { // it says itself what to do
			return &Error{Code: CodeProviderError, Text: sentence(invalid.Text), Hint: "Nothing was saved."}
		}
		err = errors.New(invalid.Text)
	}
	return &Error{Code: CodeProviderError, Text: sentence(err.Error()), Hint: "Nothing was saved. Try again."}
}
