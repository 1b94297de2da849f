package accounts

import (
	"context"
	"slices"
	"strings"
)

// OpenAgain opens the browser once more for a dance that waits: at a new start
// address, or at the page where a device's code is typed.
func (b *Book) OpenAgain(ctx context.Context, id string) error {
	d, err := b.dance(id)
	if err != nil {
		return err
	}
	b.mu.Lock()
	stage, before, code, page := d.view.Stage, d.view.Opened, d.view.Code, d.view.URL
	b.mu.Unlock()
	over := &Error{Code: CodeExpired, Text: "This attempt no longer waits for the browser.", Hint: "Connect again."}
	if stage != DanceWaiting {
		return over
	}
	if code != nil {
		if err := b.openIn(ctx, d.plan.browser, page); err != nil {
			return notOpened(err.Error())
		}
		return nil
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
		return notOpened(view.OpenProblem)
	}
	return err
}

func notOpened(why string) *Error {
	return &Error{Code: CodeBadRequest, Text: "No browser could be opened: " + strings.TrimSuffix(why, ".") + ".", Hint: "Copy the link into the browser."}
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
	about := map[string]string{"provider": d.view.Provider, "label": d.view.ProviderName}
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
		b.announce(Event{Type: EventDanceCancelled, Profile: d.profile.id, Data: about})
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
