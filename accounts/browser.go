package accounts

import (
	"context"
	"slices"

	"dancecard/dance"
)

// Browsers lists the ways to open a sign-in: the system's own, and installed
// browsers with their profiles and private windows.
func (b *Book) Browsers() []dance.Browser { return b.opts.Browsers() }

// SetBrowser says in which browser an account is signed in from now on; ""
// is the system's own.
func (b *Book) SetBrowser(id, browser string) error {
	if err := b.checkBrowser(browser); err != nil {
		return err
	}
	return b.changeAccount(id, func(r *accountRecord) { r.Browser = browser })
}

func (b *Book) checkBrowser(id string) error {
	if id == "" || slices.ContainsFunc(b.opts.Browsers(), func(o dance.Browser) bool { return o.ID == id }) {
		return nil
	}
	return &Error{Code: CodeBadRequest, Text: "There is no such browser here.", Hint: "dancectl browsers lists them."}
}

// openIn opens an address where the user wants it, and nowhere else: in
// another browser somebody else may be signed in.
func (b *Book) openIn(ctx context.Context, browser, address string) error {
	if browser == "" {
		return b.opts.OpenURL(ctx, address)
	}
	return b.opts.OpenIn(ctx, browser, address)
}

// changeAccount changes what is kept of an account, durably.
func (b *Book) changeAccount(id string, change func(*accountRecord)) error {
	p, _, err := b.openProfile()
	if err != nil {
		return err
	}
	return b.changeAccountOf(p, id, change)
}

func (b *Book) changeAccountOf(p *profile, id string, change func(*accountRecord)) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, a := p.vault, p.accounts[id]
	if a == nil {
		defer b.mu.Unlock()
		return p.goneLocked(id)
	}
	record := a.accountRecord
	b.mu.Unlock()
	change(&record)
	if err := v.Commit(put(keyAccount+id, record)); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	change(&a.accountRecord)
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged, Profile: p.id, Account: id})
	return nil
}
