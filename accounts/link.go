package accounts

import (
	"cmp"
	"context"
	"time"

	"dancecard/dance"
	"dancecard/vault"
)

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
	if came.Unnamed && (came.Known == "" || asNew) && label == "" && d.view.Label == "" {
		return "", &Error{Code: CodeBadRequest, Text: d.view.ProviderName + " does not say whose account this is.", Hint: "Give it a name that you will know it by."}
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
	a, was, err := b.link(p, d, *result, cmp.Or(label, d.view.Label), asNew)
	if err != nil {
		b.unkeep(d, result)
		return "", err
	}
	b.step(d, func() { d.view.Stage, d.view.Account = DanceDone, a.ID })
	b.retire(p, was)
	event := Event{Type: EventAccountConnected, Profile: p.id, Account: a.ID, Data: map[string]string{"provider": a.Provider, "label": a.Label}}
	if was != nil {
		event.Type = EventAccountReconnected
	}
	b.announce(event)
	b.poke()
	return a.ID, nil
}

// keepRefresh reports whether the account's old refresh token works with the
// new link, and may be sent there: some providers give one only at the first
// consent. It has to be known that both are one person's.
func keepRefresh(was, now dance.Link, old, t tokenRecord) bool {
	return t.Refresh == "" && old.Key == "" && t.Key == "" && was.ClientID == now.ClientID && movedTo(was.Provider, now.Provider) == ""
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

// outgrown is what an account was linked with before it was signed in again.
type outgrown struct {
	link   dance.Link
	client registrationRecord
	token  tokenRecord
	now    tokenRecord
}

// retire ends what nothing hangs on any more: the old token, where that ends
// no more than the token, and the client that was made for it.
func (b *Book) retire(p *profile, was *outgrown) {
	if was == nil {
		return
	}
	b.quietly(func(ctx context.Context) {
		if was.token.Refresh != "" && was.token.Refresh != was.now.Refresh && was.link.Provider.Revocation.Revokes == "token" {
			dance.Revoke(ctx, was.link, was.client.registration(), was.token.token())
		}
		b.dropClient(p, was.link.Provider, was.client.ID)
	})
}

// link writes the account, its token and its registration in one change; was
// is nil for an account that is new.
func (b *Book) link(p *profile, d *danceRun, r dance.Result, label string, asNew bool) (record accountRecord, was *outgrown, err error) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v := p.vault
	if v == nil {
		defer b.mu.Unlock()
		return record, nil, p.lockedErrorLocked()
	}
	client := p.sameClientLocked(d.client)
	record = accountRecord{ID: newID("a"), Linked: time.Now()}
	var held *tokenRecord
	for _, a := range p.accounts {
		if d.renews(a.accountRecord, r) && !a.leaving && !(asNew && a.Unnamed) {
			before := p.registrations[a.Registration]
			record, held, was = a.accountRecord, a.held, &outgrown{link: a.linkFor(before), client: before}
		}
	}
	if asNew && r.Identity.Unnamed {
		r.Identity.Subject = newID("u") // not the one that the wanted account has
	}
	changes, settled := p.forgiveLocked(d.view.Provider, r.Link.ClientID, r.Identity)
	b.mu.Unlock()
	record.Provider, record.Instance = d.view.Provider, d.plan.instance
	record.Issuer, record.Subject = r.Identity.Issuer, r.Identity.Subject
	record.Login, record.Name, record.Email = r.Identity.Login, r.Identity.Name, r.Identity.Email
	record.Label = cmp.Or(label, record.Label, record.Login, record.Name, record.Email, record.Subject)
	record.Unnamed, record.Browser, record.Options, record.StepUp = r.Identity.Unnamed, cmp.Or(d.plan.browser, record.Browser), d.plan.request.Options, nil
	record.DPoP = d.plan.request.DPoP
	record.Asked, record.Granted = r.Asked, r.Token.Granted
	record.Link, record.Registration, record.Trouble = r.Link, client.ID, nil
	issued := readClocks()
	t := recordToken(r.Token, issued.wall)
	if was != nil {
		if was.token, err = storedToken(v, record.ID, held); err != nil {
			return record, nil, vaultProblem(err, p.card.Name)
		}
		if t.Refresh != "" {
			record.Sent = time.Time{}
		}
		if !r.Identity.Unnamed && keepRefresh(was.link, r.Link, was.token, t) {
			t.Refresh = was.token.Refresh
		}
		was.now = t
	}
	changes = append(changes, put(keyRegistration+client.ID, client), put(keyAccount+record.ID, record), put(keyToken+record.ID, t))
	if err := v.Commit(changes...); err != nil {
		return record, nil, vaultProblem(err, p.card.Name)
	}
	b.adoptAccount(p, record, t, client, issued, settled)
	b.calm("disk", record.ID)
	return record, was, nil
}

// forgiveLocked drops pending revocations that would end the grant on which an
// account that is linked again lives.
func (p *profile) forgiveLocked(provider, client string, who dance.Identity) (changes []vault.Change, settled []string) {
	for id, r := range p.revocations {
		a := r.Account
		one := (a.Provider == provider || who.Issuer != "") && a.Link.ClientID == client // Google and Gmail are one provider
		if one && a.Issuer == who.Issuer && a.Subject == who.Subject && a.Link.Provider.Revocation.Revokes != "token" {
			changes, settled = append(changes, remove(keyRevocation+id)), append(settled, id)
		}
	}
	return changes, settled
}

// sameClientLocked finds the record of a client that the profile has already.
func (p *profile) sameClientLocked(c registrationRecord) registrationRecord {
	if r, ok := p.registrations[c.ID]; ok {
		r.Dead = ""
		return r
	}
	for _, r := range p.registrations {
		if r.Provider == c.Provider && r.For == c.For && r.ClientID == c.ClientID && r.Secret == c.Secret && r.PrivateKey == c.PrivateKey {
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
	return b.changeAccount(id, func(r *accountRecord) { r.Label = label })
}
