package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dancecard/dance"
	"dancecard/internal/secret"
	"dancecard/vault"
)

// revocation is a token that its provider still honours. Guarded by Book.mu.
type revocation struct {
	revocationRecord
	why      string
	nextTry  time.Time
	failures int
	answered bool // the last try's failure was the provider's word
	trying   bool
}

func (r *revocation) view(profile string) Account {
	v := viewRecord(r.Account, profile)
	v.Status, v.Why, v.Since, v.NextTry = Revoking, r.why, r.Since, r.nextTry
	return v
}

// revokeTimeout bounds one try.
const revokeTimeout = 15 * time.Second

// Disconnect revokes an account's token at the provider and erases it here.
// It returns when the account is gone for apps and one try was made; a
// revocation that could not be made is kept and tried again until it is done.
// Where the provider is not known to offer any, its settings page is opened.
func (b *Book) Disconnect(ctx context.Context, id string) error {
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	b.mu.Lock()
	a := p.accounts[id]
	if a == nil {
		_, pending := p.revocations[id]
		b.mu.Unlock()
		if pending {
			return nil
		}
		return noSuchAccount(id)
	}
	a.leaving = true
	f := p.flights[id]
	b.mu.Unlock()
	if f != nil {
		f.wait(ctx)
	}
	record, err := b.erase(p, v, a)
	if err != nil {
		b.mu.Lock()
		a.leaving = false
		b.mu.Unlock()
		return err
	}
	b.announce(Event{Type: EventAccountDisconnected, Profile: p.id, Account: id,
		Data: map[string]string{"provider": record.Account.Provider, "label": record.Account.Label}})
	if !dance.CanRevoke(record.Account.Link) {
		b.dropClient(p, record.Account.Link.Provider, record.Registration.ID)
		return b.sendToSettings(ctx, record.Account)
	}
	b.mu.Lock()
	r := p.revocations[id]
	b.mu.Unlock()
	if r != nil && errors.Is(b.tryRevocation(ctx, p, r), dance.ErrNoRevocation) {
		return b.sendToSettings(ctx, record.Account)
	}
	return nil
}

// erase takes the account, its token and its grants out of the vault and
// leaves a revocation, all in one change, and compacts. The first try of the
// revocation is the caller's.
func (b *Book) erase(p *profile, v *vault.Vault, a *account) (revocationRecord, error) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	if p.accounts[a.ID] != a {
		defer b.mu.Unlock()
		return revocationRecord{}, p.goneLocked(a.ID)
	}
	record := revocationRecord{ID: a.ID, Account: a.accountRecord, Registration: p.registrations[a.Registration], Since: time.Now()}
	changes := []vault.Change{remove(keyAccount + a.ID), remove(keyToken + a.ID)}
	var grants []string
	for id, g := range p.grants {
		if g.Account == a.ID {
			changes = append(changes, remove(keyGrant+id))
			grants = append(grants, id)
		}
	}
	record.Account.Link = a.linkFor(record.Registration)
	held := a.held
	b.mu.Unlock()
	if dance.CanRevoke(a.Link) {
		t, err := storedToken(v, a.ID, held)
		if err != nil {
			return record, err
		}
		record.Tokens = []tokenRecord{t}
		changes = append(changes, put(keyRevocation+a.ID, record))
	}
	if err := v.Commit(changes...); err != nil {
		return record, vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	if p.vault == v {
		for _, id := range grants {
			if g := p.grants[id]; g.Allow {
				p.farewells[farewell{g.App.Key, a.ID}] = true
			}
			delete(p.grants, id)
		}
		delete(p.accounts, a.ID)
		if record.Tokens != nil {
			p.revocations[a.ID] = &revocation{revocationRecord: record, why: "Not tried yet.", trying: true}
		}
	}
	b.mu.Unlock()
	b.calm("disk", a.ID)
	if err := v.Compact(); err != nil && !errors.Is(err, vault.ErrClosed) {
		b.alarm(Alarm{Code: "disk", Text: "An erased token is still in the journal: " + err.Error() + ".", Hint: "Make room on the disk; the next change erases it."})
	}
	return record, nil
}

func (b *Book) sendToSettings(ctx context.Context, r accountRecord) error {
	page := r.Link.Provider.SettingsPage
	if page == "" {
		return nil
	}
	return b.openIn(ctx, r.Browser, page)
}

// retryRevocationLocked starts a try that is due and says when the next is.
func (b *Book) retryRevocationLocked(p *profile, r *revocation, now time.Time) time.Time {
	switch {
	case r.trying || p.vault == nil:
		return now.Add(time.Hour)
	case now.Before(r.nextTry):
		return r.nextTry
	}
	r.trying = b.spawnLocked(func() { b.tryRevocation(b.ctx, p, r) })
	return now.Add(time.Hour)
}

// tryRevocation makes one try; its caller has set r.trying. What the provider
// has no way to end (dance.ErrNoRevocation) is not tried again.
func (b *Book) tryRevocation(ctx context.Context, p *profile, r *revocation) error {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	err := b.revokeAll(ctx, b.withClientOfToday(p, r))
	data := map[string]string{"provider": r.Account.Provider, "label": r.Account.Label}
	none := errors.Is(err, dance.ErrNoRevocation)
	if err == nil || none {
		b.revocationDone(p, r)
		b.dropClient(p, r.Account.Link.Provider, r.Registration.ID)
		event := Event{Type: EventRevocationDone, Profile: p.id, Account: r.ID, Data: data}
		if none {
			event.Type = EventChanged
		}
		b.announce(event)
		return err
	}
	b.mu.Lock()
	first := r.failures == 0
	r.why, r.nextTry, r.trying = plainReason(err), time.Now().Add(backoff(r.failures)), false
	_, refused := errors.AsType[*dance.Refused](err)
	if refused {
		r.nextTry = time.Now().Add(time.Hour)
	}
	failed, ok := errors.AsType[*dance.Failed](err)
	r.answered = refused || ok && failed.Answered
	if ok {
		r.nextTry = later(r.nextTry, time.Now().Add(min(failed.RetryAfter, time.Hour)))
	}
	r.failures++
	b.mu.Unlock()
	if first {
		data["why"] = r.why
		b.announce(Event{Type: EventRevocationPending, Profile: p.id, Account: r.ID, Data: data})
	} else {
		b.announce(Event{Type: EventChanged, Profile: p.id, Account: r.ID})
	}
	b.poke()
	return err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// withClientOfToday is a revocation with its client as it is now: the user may
// have renewed its secret since.
func (b *Book) withClientOfToday(p *profile, r *revocation) revocationRecord {
	b.mu.Lock()
	defer b.mu.Unlock()
	record := r.revocationRecord
	if now, ok := p.registrations[record.Registration.ID]; ok {
		record.Registration = now
		record.Account.Link.AuthStyle = cmp.Or(now.AuthStyle, record.Account.Link.AuthStyle)
	}
	return record
}

func plainReason(err error) string {
	if failed, ok := errors.AsType[*dance.Failed](err); ok {
		return failed.Text
	}
	return err.Error()
}

func (b *Book) revokeAll(ctx context.Context, r revocationRecord) (none error) {
	for _, t := range r.Tokens {
		err := dance.Revoke(ctx, r.Account.Link, r.Registration.registration(), t.token())
		if errors.Is(err, dance.ErrNoRevocation) {
			none = err // for this token; there may be a way for the next
		} else if err != nil {
			return err
		}
	}
	return none
}

// revocationDone forgets the token for good.
func (b *Book) revocationDone(p *profile, r *revocation) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v := p.vault
	if v == nil {
		b.mu.Unlock()
		b.putArrival(p, arrival{Revoked: r.ID, Tokens: len(r.Tokens)})
		return
	}
	if p.revocations[r.ID] != r {
		b.mu.Unlock() // a token joined it meanwhile: all of it is tried again
		return
	}
	delete(p.revocations, r.ID)
	b.mu.Unlock()
	if err := commitAndCompact(v, remove(keyRevocation+r.ID)); err != nil {
		b.alarm(Alarm{Code: "disk", Text: diskProblem(err).Text, Hint: diskProblem(err).Hint})
	}
}

// revokeLate takes care of a token that came after its account was
// disconnected: it joins the pending revocation, or makes one.
func (b *Book) revokeLate(p *profile, v *vault.Vault, call refreshCall, t tokenRecord) error {
	gone := call.gone()
	if gone == nil {
		return noSuchAccount(call.account) // its provider revokes nothing
	}
	b.mu.Lock()
	record := *gone
	if r := p.revocations[call.account]; r != nil {
		record = r.revocationRecord
	}
	record.Tokens = append(slices.Clone(record.Tokens), t)
	b.mu.Unlock()
	if err := v.Commit(put(keyRevocation+record.ID, record)); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	p.revocations[record.ID] = &revocation{revocationRecord: record, why: "Not tried yet."}
	b.mu.Unlock()
	b.poke()
	return noSuchAccount(call.account)
}

// SignOutAtProvider opens the provider's end-session page. Link and token stay.
func (b *Book) SignOutAtProvider(ctx context.Context, id string) error {
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	b.mu.Lock()
	a := p.accounts[id]
	if a == nil {
		b.mu.Unlock()
		return noSuchAccount(id)
	}
	link, held, browser := a.Link, a.held, a.Browser
	b.mu.Unlock()
	t, err := storedToken(v, id, held)
	if err != nil {
		return err
	}
	address := dance.EndSessionURL(link, secret.New(t.ID))
	if address == "" {
		return &Error{Code: CodeBadRequest, Text: fmt.Sprintf("%s has no page to sign out that Dancecard knows of.", link.Provider.Name),
			Hint: "Sign out in the browser."}
	}
	return b.openIn(ctx, browser, address)
}
