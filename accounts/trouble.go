package accounts

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"dancecard/dance"
	"dancecard/vault"
)

// refreshFailed sorts a failure into what passes and what only the user mends.
func (b *Book) refreshFailed(p *profile, call refreshCall, err error) error {
	if refused, ok := errors.AsType[*dance.Refused](err); ok {
		switch {
		case refused.RegistrationDead():
			return b.registrationDied(p, call, refused.Code)
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

// probe asks the provider's userinfo about a token that cannot be refreshed.
func (b *Book) probe(ctx context.Context, p *profile, v *vault.Vault, id string) error {
	b.mu.Lock()
	a := p.accounts[id]
	if a == nil {
		b.mu.Unlock()
		return noSuchAccount(id)
	}
	link, held, before, client := a.Link, a.held, a.hash, p.registrations[a.Registration]
	b.mu.Unlock()
	t, err := storedToken(v, id, held)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	_, err = dance.Probe(ctx, link, client.registration(), t.token())
	if refused, ok := errors.AsType[*dance.Refused](err); ok && refused.Code == "invalid_token" {
		return b.grantEnded(p, id, before, link.Provider.Name+" ended it.")
	}
	return nil
}
