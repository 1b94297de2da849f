package accounts

import (
	"cmp"
	"context"
	"time"

	"dancecard/dance"
	"dancecard/vault"
)

// flight is one refresh under way. Callers wait for it; it ends without them.
type flight struct {
	done    chan struct{}
	err     error // set before done is closed
	storing bool  // no refresh: it only writes what the disk refused
}

// wait returns the flight's end, or ctx's if that comes first.
func (f *flight) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return &Error{Code: CodeOffline, Text: "The provider has not answered yet.", Hint: "The refresh goes on; ask again."}
	}
}

// refreshTimeout bounds one refresh with all it waits for.
const refreshTimeout = time.Minute

// flyLocked joins the account's refresh, or starts one.
func (b *Book) flyLocked(p *profile, a *account) *flight {
	if f, ok := p.flights[a.ID]; ok {
		return f
	}
	f := &flight{done: make(chan struct{})}
	p.flights[a.ID] = f
	a.facts.Refreshing, a.lastTry = true, time.Now()
	client := p.registrations[a.Registration]
	call := refreshCall{
		account: a.ID, label: a.Label, before: a.hash, link: a.linkFor(client), client: client,
		who: dance.Identity{Issuer: a.Issuer, Subject: a.Subject}, vault: p.vault, held: a.held, granted: a.Granted,
	}
	started := b.spawnLocked(func() {
		b.announce(Event{Type: EventChanged, Profile: p.id, Account: call.account})
		f.err = b.refresh(p, call)
		b.mu.Lock()
		delete(p.flights, a.ID)
		if now := p.accounts[a.ID]; now != nil {
			now.facts.Refreshing = false
		}
		b.mu.Unlock()
		close(f.done)
		b.announce(Event{Type: EventChanged, Profile: p.id, Account: a.ID})
		b.poke()
	})
	if !started {
		a.facts.Refreshing, f.err = false, errClosing()
		delete(p.flights, a.ID)
		close(f.done)
	}
	return f
}

// linkFor is what the account was linked with. How its client proves itself
// may have changed since, where the user renewed the secret.
func (a *account) linkFor(client registrationRecord) dance.Link {
	link := a.Link
	link.AuthStyle = cmp.Or(client.AuthStyle, link.AuthStyle)
	return link
}

// refreshCall is all that a refresh needs, so that a lock in the middle of it
// takes nothing away.
type refreshCall struct {
	account string
	before  string // hash of the access token that is to be renewed
	link    dance.Link
	client  registrationRecord
	label   string
	who     dance.Identity
	vault   *vault.Vault
	held    *tokenRecord
	granted []string
}

// gone is what to do with the answer if the account was disconnected meanwhile.
func (c refreshCall) gone() *revocationRecord {
	if !dance.CanRevoke(c.link) {
		return nil
	}
	return &revocationRecord{ID: c.account, Since: time.Now(), Registration: c.client,
		Account: accountRecord{ID: c.account, Provider: c.link.Provider.ID, Issuer: c.who.Issuer, Subject: c.who.Subject, Label: c.label, Link: c.link}}
}

// perProvider is how many refreshes may be under way at one provider.
const perProvider = 4

// limit takes a place at the provider.
func (b *Book) limit(ctx context.Context, issuer string) (release func(), err error) {
	b.mu.Lock()
	places, ok := b.limits[issuer]
	if !ok {
		places = make(chan struct{}, perProvider)
		b.limits[issuer] = places
	}
	b.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// refresh asks the provider and stores the answer before anybody sees it.
func (b *Book) refresh(p *profile, call refreshCall) error {
	ctx, cancel := context.WithTimeout(b.ctx, refreshTimeout)
	defer cancel()
	release, err := b.limit(ctx, call.who.Issuer)
	if err != nil {
		return &Error{Code: CodeOffline, Text: "The provider is busy with other accounts.", Hint: "Ask again."}
	}
	defer release()
	if call.client.expired(time.Now()) {
		return b.registrationDied(p, call, "its secret has expired")
	}
	old, err := storedToken(call.vault, call.account, call.held)
	if err != nil {
		return err
	}
	if err := b.noteSent(p, call); err != nil {
		return err
	}
	issued := readClocks()
	answer, err := dance.Refresh(ctx, call.link, call.client.registration(), old.token(), nil, call.who)
	if err == nil {
		return b.storeAnswer(p, call, merge(old, answer, issued.wall), issued)
	}
	if !answer.Refresh.IsZero() {
		// An odd answer with a new refresh token in it: the old one is spent.
		salvaged := old
		salvaged.Refresh = answer.Refresh.Reveal()
		if err := b.storeAnswer(p, call, salvaged, moment{}); err != nil {
			return err
		}
	}
	return b.refreshFailed(p, call, err)
}

// awaitFlights waits for the refreshes under way, at most that long.
func (b *Book) awaitFlights(limit time.Duration) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for _, f := range b.flights() {
		select {
		case <-f.done:
		case <-deadline.C:
			return
		}
	}
}

func (b *Book) flights() (all []*flight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.profiles {
		for _, f := range p.flights {
			all = append(all, f)
		}
	}
	return all
}
