package accounts

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"dancecard/dance"
	"dancecard/internal/secret"
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
	call := refreshCall{
		account: a.ID, label: a.Label, before: a.hash, link: a.Link, client: p.registrations[a.Registration],
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
	if !canRevoke(c.link) {
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
	old, err := storedToken(call.vault, call.account, call.held)
	if err != nil {
		return err
	}
	issued := readClocks()
	answer, err := dance.Refresh(ctx, call.link, call.client.registration(), secret.New(old.Refresh), nil, call.who)
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

// merge keeps of the old token what the answer leaves out.
func merge(old tokenRecord, answer dance.Token, issued time.Time) tokenRecord {
	t := recordToken(answer, issued)
	if t.Refresh == "" {
		t.Refresh = old.Refresh
	}
	if t.ID == "" {
		t.ID = old.ID
	}
	if t.Type == "" {
		t.Type = old.Type
	}
	if len(t.Granted) == 0 {
		t.Granted = old.Granted
	}
	for k, v := range old.Extra {
		if _, ok := t.Extra[k]; !ok {
			if t.Extra == nil {
				t.Extra = map[string]string{}
			}
			t.Extra[k] = v
		}
	}
	return t
}

// storeAnswer makes an answer durable: in the vault, or in the inbox if the
// profile was locked meanwhile, or, if the disk refuses, in memory with an
// alarm. issued is zero for a salvaged refresh token.
func (b *Book) storeAnswer(p *profile, call refreshCall, t tokenRecord, issued moment) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, a := p.vault, p.accounts[call.account]
	b.mu.Unlock()
	if v == nil {
		return b.putArrival(p, arrival{Account: call.account, Before: call.before, Token: &t, Gone: call.gone()})
	}
	if a == nil {
		return b.revokeLate(p, v, call, t)
	}
	b.mu.Lock()
	superseded, record := a.hash != call.before, a.accountRecord
	b.mu.Unlock()
	salvaged := issued == (moment{})
	switch {
	case superseded:
		b.dropSuperseded(call, t)
		return nil
	case !salvaged:
		record.Trouble, record.Granted = nil, t.Granted
	}
	err := v.Commit(put(keyAccount+a.ID, record), put(keyToken+a.ID, t))
	b.mu.Lock()
	recovered := a.facts.Offline != "" || a.facts.Trouble != nil
	a.held = nil
	if !salvaged {
		a.accountRecord = record
		a.take(t)
		a.facts.Trouble, a.facts.Offline, a.facts.Answered, a.failures = nil, "", false, 0
		a.facts.Boot = issued.boot
	}
	if err != nil {
		a.held = &t
		b.alarmLocked(Alarm{Code: "disk", Account: a.ID, Text: "The new token of " + a.Label + " is not on the disk yet: " + err.Error() + ".",
			Hint: "Make room on the disk. Do not switch the machine off before this is gone."})
	}
	b.mu.Unlock()
	if err == nil {
		b.calm("disk", a.ID)
		b.calm("disk", "")
	}
	if salvaged {
		return nil
	}
	data := map[string]string{"provider": a.Provider, "label": record.Label}
	b.announce(Event{Type: EventTokenRefreshed, Profile: p.id, Account: a.ID, Data: data})
	if recovered {
		b.announce(Event{Type: EventAccountRecovered, Profile: p.id, Account: a.ID, Data: data})
	}
	return nil
}

// dropSuperseded ends a token that came too late: the user signed the account
// in again while its refresh was under way.
func (b *Book) dropSuperseded(call refreshCall, t tokenRecord) {
	if call.link.Provider.Revocation.Revokes == "token" {
		b.revokeQuietly(call.link, call.client.registration(), t.token())
	}
}

// storePause is how long after a write that the disk refused the next comes.
const storePause = 2 * time.Second

// storeHeldLocked tries again to write an answer that the disk refused.
func (b *Book) storeHeldLocked(p *profile, a *account) *flight {
	if f, ok := p.flights[a.ID]; ok {
		return f
	}
	a.lastTry = time.Now()
	f := &flight{done: make(chan struct{}), storing: true}
	started := b.spawnLocked(func() {
		f.err = b.storeHeld(p, a.ID)
		b.mu.Lock()
		delete(p.flights, a.ID)
		b.mu.Unlock()
		close(f.done)
		b.poke()
	})
	if started {
		p.flights[a.ID] = f
	}
	return f
}

func (b *Book) storeHeld(p *profile, id string) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, a := p.vault, p.accounts[id]
	if v == nil || a == nil || a.held == nil {
		b.mu.Unlock()
		return nil
	}
	record, t := a.accountRecord, a.held
	b.mu.Unlock()
	if err := v.Commit(put(keyAccount+id, record), put(keyToken+id, *t)); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	if a.held == t {
		a.held = nil
	}
	b.mu.Unlock()
	b.calm("disk", id)
	return nil
}

// refreshFailed sorts a failure into what passes and what only the user mends.
func (b *Book) refreshFailed(p *profile, call refreshCall, err error) error {
	if refused, ok := errors.AsType[*dance.Refused](err); ok {
		switch {
		case refused.RegistrationDead():
			return b.registrationDied(p, call, refused)
		case refused.GrantEnded():
			return b.grantEnded(p, call.account, call.before, call.link.Provider.Name+" ended it.")
		}
	}
	if bad, ok := errors.AsType[*dance.Invalid](err); ok {
		return b.grantEnded(p, call.account, call.before, "The answer of "+call.link.Provider.Name+" could not be trusted: "+bad.Text)
	}
	return b.failedForNow(p, call, err)
}

// failedForNow notes a failure that passes and when it is tried again.
func (b *Book) failedForNow(p *profile, call refreshCall, err error) error {
	why, after, answered := err.Error(), time.Duration(0), false
	if failed, ok := errors.AsType[*dance.Failed](err); ok {
		why, after, answered = failed.Text, min(max(failed.RetryAfter, 0), time.Hour), failed.Answered
	}
	b.mu.Lock()
	a := p.accounts[call.account]
	if a == nil || a.hash != call.before {
		defer b.mu.Unlock()
		return p.overtakenLocked(call.account)
	}
	first := a.facts.Offline == ""
	if first {
		a.facts.OfflineAt = time.Now()
	}
	a.facts.Offline, a.facts.Answered = why, answered
	a.facts.NextTry = time.Now().Add(max(after, backoff(a.failures)))
	a.failures++
	e := a.offlineErrorLocked()
	label := a.Label
	b.mu.Unlock()
	if first {
		b.announce(Event{Type: EventTokenRefreshFailed, Profile: p.id, Account: call.account,
			Data: map[string]string{"why": why, "label": label, "provider": call.link.Provider.ID}})
	}
	if failed, ok := errors.AsType[*dance.Failed](err); ok && failed.Status >= 400 {
		e.Code, e.Text = CodeProviderError, call.link.Provider.Name+" has trouble: "+why
		if failed.Status == 429 || failed.Status == 503 {
			e.Code = CodeOffline
		}
	}
	return e
}

// backoff grows from 5 s to 5 min, each with up to a fifth of jitter.
func backoff(failures int) time.Duration {
	d := min(5*time.Second<<min(failures, 10), 5*time.Minute)
	return d + time.Duration(rand.Int64N(int64(d/5)))
}

// overtakenLocked is the end of a refresh whose account is gone, or, with no
// error, was signed in again meanwhile: what the provider said is about a
// token that nobody uses any more.
func (p *profile) overtakenLocked(id string) error {
	if p.accounts[id] != nil {
		return nil
	}
	return p.goneLocked(id)
}

// grantEnded notes the provider's "no" to the token with the hash before for
// good: once, and with nothing erased.
func (b *Book) grantEnded(p *profile, id, before, why string) error {
	t := &trouble{Status: NeedsSignIn, Why: why, Since: time.Now()}
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, a := p.vault, p.accounts[id]
	if v == nil {
		b.mu.Unlock()
		return b.putArrival(p, arrival{Account: id, Before: before, Trouble: t})
	}
	if a == nil || a.hash != before {
		defer b.mu.Unlock()
		return p.overtakenLocked(id)
	}
	again := a.facts.Trouble != nil
	a.Trouble, a.facts.Trouble, a.facts.Offline, a.facts.Answered = t, t, "", false
	record, needed := a.accountRecord, a.signInNeeded()
	b.mu.Unlock()
	if err := v.Commit(put(keyAccount+id, record)); err != nil {
		b.alarm(Alarm{Code: "disk", Text: diskProblem(err).Text, Hint: diskProblem(err).Hint})
	}
	if !again {
		b.announce(Event{Type: EventAccountNeedsSignIn, Profile: p.id, Account: id,
			Data: map[string]string{"provider": record.Provider, "label": record.Label, "why": why}})
	}
	return needed
}

// registrationDied marks the client that the provider takes no more: one
// notice for all accounts that hang on it.
func (b *Book) registrationDied(p *profile, call refreshCall, refused *dance.Refused) error {
	name := call.link.Provider.Name
	why := name + " no longer takes this program's registration (" + refused.Code + ")."
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, a := p.vault, p.accounts[call.account]
	if v == nil || a == nil || a.hash != call.before {
		defer b.mu.Unlock()
		return p.overtakenLocked(call.account)
	}
	r := p.registrations[call.client.ID]
	again := r.Dead != ""
	r.Dead = why
	p.registrations[r.ID] = r
	for _, a := range p.accounts {
		if a.Registration == r.ID {
			a.facts.DeadClient, a.facts.OfflineAt = why, time.Now()
		}
	}
	e := a.cannotRefreshLocked(0, 0, false, false)
	b.mu.Unlock()
	if again {
		return e
	}
	if err := v.Commit(put(keyRegistration+r.ID, r)); err != nil {
		b.alarm(Alarm{Code: "disk", Text: diskProblem(err).Text, Hint: diskProblem(err).Hint})
	}
	b.announce(Event{Type: EventAccountNeedsRegistration, Profile: p.id, Account: call.account,
		Data: map[string]string{"provider": call.link.Provider.ID, "why": why}})
	return e
}

// probe asks the provider's userinfo about a token that cannot be refreshed.
func (b *Book) probe(ctx context.Context, p *profile, v *vault.Vault, id string) error {
	b.mu.Lock()
	a := p.accounts[id]
	if a == nil {
		b.mu.Unlock()
		return noSuchAccount(id)
	}
	link, held, before := a.Link, a.held, a.hash
	b.mu.Unlock()
	t, err := storedToken(v, id, held)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	_, err = dance.Probe(ctx, link, secret.New(t.Access))
	if refused, ok := errors.AsType[*dance.Refused](err); ok && refused.Code == "invalid_token" {
		return b.grantEnded(p, id, before, link.Provider.Name+" ended it.")
	}
	return nil
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
