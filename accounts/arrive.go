package accounts

import (
	"context"
	"errors"
	"slices"
	"time"

	"dancecard/dance"
	"dancecard/dance/catalog"
)

// arrived takes who came back from a dance: through the gates, then before the
// user, or, where the account that was to be signed in again came, into the
// vault at once.
func (b *Book) arrived(d *danceRun, result dance.Result) error {
	came := b.cameBack(d, result)
	if err := b.passGates(d, came); err != nil {
		b.giveBack(d, result)
		return err
	}
	b.mu.Lock()
	if d.view.Stage == DanceCancelled {
		b.mu.Unlock()
		b.giveBack(d, result)
		return dance.ErrCancelled
	}
	d.result, d.view.Came = &result, &came
	again := d.view.Reconnects != "" && came.Known == d.view.Reconnects && came.Moved == "" && !came.Unnamed
	b.mu.Unlock()
	if again {
		// If it cannot be stored it waits before the user, as any other does.
		if _, err := b.Keep(b.ctx, d.view.ID, "", false); err == nil {
			return nil
		}
	}
	b.step(d, func() {
		if !d.view.Stage.Over() {
			d.view.Stage, d.view.Deadline = DanceCameBack, time.Now().Add(cameBackTime)
		}
	})
	time.AfterFunc(cameBackTime, func() {
		if b.stillBack(d) {
			b.CancelDance(d.view.ID)
		}
	})
	return nil
}

func (b *Book) stillBack(d *danceRun) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return d.view.Stage == DanceCameBack && b.ctx.Err() == nil
}

// cameBack describes who came back beside what the profile has.
func (b *Book) cameBack(d *danceRun, r dance.Result) CameBack {
	came := CameBack{
		Issuer: r.Identity.Issuer, Subject: r.Identity.Subject, Login: r.Identity.Login, Name: r.Identity.Name, Email: r.Identity.Email,
		Asked: r.Asked, Granted: r.Token.Granted, Words: r.Link.Provider.ScopeWords, Unnamed: r.Identity.Unnamed,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range d.profile.accounts {
		switch {
		case d.renews(a.accountRecord, r):
			came.Known, came.Moved = a.ID, movedWords(a.Link.Provider, r.Link.Provider)
		case a.Provider == d.view.Provider:
			came.Others = append(came.Others, a.Label)
		}
	}
	slices.Sort(came.Others)
	if d.view.Reconnects != "" && came.Known != d.view.Reconnects {
		if a := d.profile.accounts[d.view.Reconnects]; a != nil {
			wanted := d.profile.accountLocked(a, readClocks())
			came.Wanted = &wanted
		}
	}
	return came
}

// renews reports whether who came back is this account. Where nobody knows who
// came back, it is the one that was to be signed in again, and the user is
// asked. Tokens for two servers of one provider are two accounts.
func (d *danceRun) renews(a accountRecord, r dance.Result) bool {
	switch {
	case a.Provider != d.view.Provider || a.Issuer != r.Identity.Issuer || a.Subject != r.Identity.Subject:
		return false
	case a.Unnamed || r.Identity.Unnamed:
		return a.Unnamed && r.Identity.Unnamed && a.ID == d.view.Reconnects
	}
	return a.Link.Resource == r.Link.Resource
}

// movedWords says that secrets now go to another place than they were sealed
// for; "" if they do not.
func movedWords(was, now dance.Provider) string {
	place := movedTo(was, now)
	if place == "" {
		return ""
	}
	return now.Name + " now names " + place + ", where nothing of this account went when it was linked."
}

// passGates lets every gate speak, even after one refused.
func (b *Book) passGates(d *danceRun, came CameBack) error {
	if len(b.opts.BeforeLink) == 0 {
		return nil
	}
	entry, ok := b.catalog.Get(d.plan.row.ID)
	if !ok {
		entry = catalog.Entry{Provider: d.plan.row}
	}
	b.mu.Lock()
	row := d.profile.galleryLocked([]Provider{b.rowView(entry)})[0]
	b.mu.Unlock()
	var refusals []error
	for _, gate := range b.opts.BeforeLink {
		refusals = append(refusals, gate(b.ctx, row, came))
	}
	if err := errors.Join(refusals...); err != nil {
		return &Error{Code: CodeRefusedByGate, Text: "This account may not be linked here: " + err.Error() + ".", Hint: "Its token was given back to " + d.view.ProviderName + "."}
	}
	return nil
}

// giveBack revokes a token that is not kept, unless that would end a grant on
// which a linked account lives. Whose accounts those are that the dance's
// profile holds, nobody knows once it is locked.
func (b *Book) giveBack(d *danceRun, r dance.Result) {
	if r.Link.Provider.Revocation.Revokes != "token" && (b.locked(d.profile) || b.linkedAnywhere(d.view.Provider, r.Identity)) {
		return
	}
	b.revokeQuietly(r.Link, d.client.registration(), r.Token)
}

// revokeQuietly makes one try to end a token that nothing hangs on.
func (b *Book) revokeQuietly(l dance.Link, client dance.Registration, t dance.Token) {
	if dance.CanRevoke(l) {
		b.quietly(func(ctx context.Context) { dance.Revoke(ctx, l, client, t) })
	}
}

// quietly makes one try at something of which nobody waits for the end.
func (b *Book) quietly(do func(context.Context)) {
	try := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), revokeTimeout)
		defer cancel()
		defer context.AfterFunc(b.ctx, func() { time.AfterFunc(closeGrace, cancel) })()
		do(ctx)
	}
	b.mu.Lock()
	started := b.spawnLocked(try)
	b.mu.Unlock()
	if !started {
		try()
	}
}

func (b *Book) locked(p *profile) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return p.vault == nil
}

// linkedAnywhere reports whether an open profile has this account, or may have
// it where nobody knows who came back.
func (b *Book) linkedAnywhere(provider string, who dance.Identity) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.profiles {
		for _, a := range p.accounts {
			if a.Provider == provider && (who.Subject == "" || who.Unnamed || a.Unnamed || a.Issuer == who.Issuer && a.Subject == who.Subject) {
				return true
			}
		}
	}
	return false
}
