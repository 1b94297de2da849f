package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"dancecard/dance"
	"dancecard/vault"
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
	again := d.view.Reconnects != "" && came.Known == d.view.Reconnects
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
		Asked: r.Asked, Granted: r.Token.Granted, Words: r.Link.Provider.ScopeWords,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range d.profile.accounts {
		switch {
		case a.Provider == d.view.Provider && a.Issuer == came.Issuer && a.Subject == came.Subject:
			came.Known = a.ID
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

// passGates lets every gate speak, even after one refused.
func (b *Book) passGates(d *danceRun, came CameBack) error {
	if len(b.opts.BeforeLink) == 0 {
		return nil
	}
	i := slices.IndexFunc(b.Snapshot().Gallery, func(p Provider) bool { return p.ID == d.view.Provider })
	var row Provider
	if i >= 0 {
		row = b.Snapshot().Gallery[i]
	}
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
// which a linked account lives.
func (b *Book) giveBack(d *danceRun, r dance.Result) {
	if r.Link.Provider.Revocation.Revokes != "token" && b.linkedAnywhere(d.view.Provider, r.Identity) {
		return
	}
	b.revokeQuietly(r.Link, d.client.registration(), r.Token)
}

// revokeQuietly makes one try to end a token that nothing hangs on.
func (b *Book) revokeQuietly(l dance.Link, client dance.Registration, t dance.Token) {
	if !canRevoke(l) {
		return
	}
	try := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), revokeTimeout)
		defer cancel()
		defer context.AfterFunc(b.ctx, func() { time.AfterFunc(closeGrace, cancel) })()
		dance.Revoke(ctx, l, client, t)
	}
	b.mu.Lock()
	started := b.spawnLocked(try)
	b.mu.Unlock()
	if !started {
		try()
	}
}

// linkedAnywhere reports whether an open profile has this account, or may have
// it where nobody knows who came back.
func (b *Book) linkedAnywhere(provider string, who dance.Identity) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.profiles {
		for _, a := range p.accounts {
			if a.Provider == provider && (who.Subject == "" || a.Issuer == who.Issuer && a.Subject == who.Subject) {
				return true
			}
		}
	}
	return false
}

// Keep links who came back, under a label of the user's choice ("" for the one
// given to Connect, or its login). An account of the profile that is the same is renewed. If a dance
// was to sign in another account again, CodeOtherSubject, unless asNew adds
// who came back beside it.
func (b *Book) Keep(_ context.Context, id, label string, asNew bool) (accountID string, err error) {
	d, err := b.dance(id)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	result, came, p := d.result, d.view.Came, d.profile
	b.mu.Unlock()
	if result == nil || came == nil {
		return "", &Error{Code: CodeNoSuchDance, Text: "Nobody came back from that attempt, or it is over.", Hint: "Connect again."}
	}
	if came.Wanted != nil && !asNew {
		return "", &Error{Code: CodeOtherSubject, Text: "Another account came back than " + came.Wanted.Label + ".",
			Hint: "Try again in the right browser, or add it as a new account."}
	}
	if label != "" {
		if label, err = cleanName(label); err != nil {
			return "", err
		}
	}
	// From here the token is ours: a cancel that comes now does not revoke it.
	b.mu.Lock()
	mine := d.result == result
	if mine {
		d.result = nil
	}
	b.mu.Unlock()
	if !mine {
		return "", &Error{Code: CodeNoSuchDance, Text: "That attempt is over.", Hint: "Connect again."}
	}
	a, renewed, err := b.link(p, d, *result, cmp.Or(label, d.view.Label))
	if err != nil {
		b.unkeep(d, result)
		return "", err
	}
	b.step(d, func() { d.view.Stage, d.view.Account = DanceDone, a.ID })
	event := Event{Type: EventAccountConnected, Profile: p.id, Account: a.ID, Data: map[string]string{"provider": a.Provider, "label": a.Label}}
	if renewed {
		event.Type = EventAccountReconnected
	}
	b.announce(event)
	b.poke()
	return a.ID, nil
}

// unkeep gives a token that could not be stored back to the dance or, if that
// was cancelled meanwhile, to the provider.
func (b *Book) unkeep(d *danceRun, result *dance.Result) {
	b.mu.Lock()
	waits := !d.view.Stage.Over()
	if waits {
		d.result = result
	}
	b.mu.Unlock()
	if !waits {
		b.giveBack(d, *result)
	}
}

// link writes the account, its token and its registration in one change.
func (b *Book) link(p *profile, d *danceRun, r dance.Result, label string) (record accountRecord, renewed bool, err error) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v := p.vault
	if v == nil {
		defer b.mu.Unlock()
		return record, false, p.lockedErrorLocked()
	}
	client := p.sameClientLocked(d.client)
	record = accountRecord{ID: newID("a"), Linked: time.Now()}
	var held *tokenRecord
	for _, a := range p.accounts {
		if a.Provider == d.view.Provider && a.Issuer == r.Identity.Issuer && a.Subject == r.Identity.Subject && !a.leaving {
			record, held, renewed = a.accountRecord, a.held, true
		}
	}
	changes, settled := p.forgiveLocked(d.view.Provider, r.Identity)
	b.mu.Unlock()
	record.Provider, record.Instance = d.view.Provider, d.instance
	record.Issuer, record.Subject = r.Identity.Issuer, r.Identity.Subject
	record.Login, record.Name, record.Email = r.Identity.Login, r.Identity.Name, r.Identity.Email
	record.Label = cmp.Or(label, record.Label, record.Login, record.Name, record.Email, record.Subject)
	record.Asked, record.Granted = r.Asked, r.Token.Granted
	record.Link, record.Registration, record.Trouble = r.Link, client.ID, nil
	issued := readClocks()
	t := recordToken(r.Token, issued.wall)
	var old tokenRecord
	if renewed {
		if old, err = storedToken(v, record.ID, held); err != nil {
			return record, false, vaultProblem(err, p.card.Name)
		}
		// Some providers give a refresh token only at the first consent.
		t.Refresh = cmp.Or(t.Refresh, old.Refresh)
	}
	changes = append(changes, put(keyRegistration+client.ID, client), put(keyAccount+record.ID, record), put(keyToken+record.ID, t))
	if err := v.Commit(changes...); err != nil {
		return record, false, vaultProblem(err, p.card.Name)
	}
	b.adoptAccount(p, record, t, client, issued, settled)
	b.calm("disk", record.ID)
	if renewed && old.Refresh != "" && old.Refresh != t.Refresh && r.Link.Provider.Revocation.Revokes == "token" {
		b.revokeQuietly(r.Link, client.registration(), old.token())
	}
	return record, renewed, nil
}

// forgiveLocked drops pending revocations that would end the grant on which an
// account that is linked again lives.
func (p *profile) forgiveLocked(provider string, who dance.Identity) (changes []vault.Change, settled []string) {
	for id, r := range p.revocations {
		a := r.Account
		if a.Provider == provider && a.Issuer == who.Issuer && a.Subject == who.Subject && a.Link.Provider.Revocation.Revokes != "token" {
			changes, settled = append(changes, remove(keyRevocation+id)), append(settled, id)
		}
	}
	return changes, settled
}

// sameClientLocked finds the record of a client that the profile has already.
func (p *profile) sameClientLocked(c registrationRecord) registrationRecord {
	for _, r := range p.registrations {
		if r.Provider == c.Provider && r.For == c.For && r.ClientID == c.ClientID && r.Secret == c.Secret {
			r.Dead = ""
			return r
		}
	}
	return c
}

func (b *Book) adoptAccount(p *profile, record accountRecord, t tokenRecord, client registrationRecord, issued moment, settled []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range settled {
		delete(p.revocations, id)
	}
	p.registrations[client.ID] = client
	a := p.accounts[record.ID]
	if a == nil {
		a = newAccount(record, t)
		p.accounts[record.ID] = a
	} else {
		a.accountRecord = record
		a.take(t)
		a.held = nil
	}
	a.facts = facts{Issued: t.Issued, Expiry: t.Expiry, Refreshes: t.Refresh != "", Boot: issued.boot, Refreshing: a.facts.Refreshing}
	for _, o := range p.accounts {
		if o.Registration == client.ID {
			o.facts.DeadClient = ""
		}
	}
}

// Rename changes what the user calls an account.
func (b *Book) Rename(id, label string) error {
	label, err := cleanName(label)
	if err != nil {
		return err
	}
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	a := p.accounts[id]
	if a == nil {
		b.mu.Unlock()
		return noSuchAccount(id)
	}
	record := a.accountRecord
	b.mu.Unlock()
	record.Label = label
	if err := v.Commit(put(keyAccount+id, record)); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	a.Label = label
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged, Profile: p.id, Account: id})
	return nil
}
