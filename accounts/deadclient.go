package accounts

import (
	"time"

	"dancecard/vault"
)

// registrationDied marks the client that the provider takes no more, as a
// refresh found.
func (b *Book) registrationDied(p *profile, call refreshCall, reason string) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	a := p.accounts[call.account]
	if p.vault == nil || a == nil || a.hash != call.before {
		defer b.mu.Unlock()
		return p.overtakenLocked(call.account)
	}
	b.mu.Unlock()
	if !b.clientDied(p, call.client, call.link.Provider.Name, reason, call.account) {
		return &Error{Code: CodeOffline, Text: "The registration at " + call.link.Provider.Name + " was renewed meanwhile.", Hint: "Ask again.", RetryAfter: time.Second}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := p.accounts[call.account]; a != nil {
		return a.cannotRefreshLocked(0, 0, false, false)
	}
	return p.goneLocked(call.account)
}

// clientDied makes it durable that a client is dead, with one notice for all
// accounts that hang on it, in the name of one of them (or "" for none). Those
// of a client that [dance.Register] made, or that the user has replaced, need a
// sign-in, which moves them to another; for others the user has to enter one. The caller holds
// p.store. It reports false for old news: the client has another secret by now.
func (b *Book) clientDied(p *profile, client registrationRecord, name, reason, account string) bool {
	id := client.ID
	b.mu.Lock()
	v, r := p.vault, p.registrations[id]
	if v == nil || r.ID == "" || r.Dead != "" || r.Secret != client.Secret {
		defer b.mu.Unlock()
		return r.Secret == client.Secret
	}
	r.Dead = name + " no longer takes this program's registration (" + reason + ")."
	p.registrations[id] = r
	changes := []vault.Change{put(keyRegistration+id, r)}
	replaced := r.made() || p.hasAnotherLocked(r)
	why := name + " no longer knows this program. A sign-in registers it anew."
	if !r.made() {
		why = movedOn(name)
	}
	event := Event{Type: EventAccountNeedsRegistration, Profile: p.id, Account: account, Data: map[string]string{"provider": r.Provider, "why": r.Dead}}
	for _, a := range p.accounts {
		if a.Registration != id {
			continue
		}
		if a.ID == account || event.Account == "" {
			event.Account, event.Data["label"] = a.ID, a.Label
		}
		if !replaced {
			a.facts.DeadClient, a.facts.OfflineAt = r.Dead, time.Now()
			continue
		}
		event.Type = EventAccountNeedsSignIn
		record := a.accountRecord
		record.Trouble = &trouble{Status: NeedsSignIn, Since: time.Now(), Replaced: true, Why: why}
		p.troubleLocked([]accountRecord{record})
		changes = append(changes, put(keyAccount+a.ID, record))
	}
	b.mu.Unlock()
	if err := v.Commit(changes...); err != nil {
		b.alarm(Alarm{Code: "disk", Text: diskProblem(err).Text, Hint: diskProblem(err).Hint})
	}
	if event.Account != "" {
		b.announce(event)
	}
	return true
}

func movedOn(name string) string {
	return "It was linked through a registration that " + name + " no longer takes. A sign-in moves it to the new one."
}

// hasAnotherLocked reports whether the user has entered another client in the
// place of this one.
func (p *profile) hasAnotherLocked(r registrationRecord) bool {
	for _, o := range p.registrations {
		if o.Own && o.Dead == "" && o.ID != r.ID && o.Provider == r.Provider && o.For == r.For {
			return true
		}
	}
	return false
}

// strandedLocked are the accounts whose trouble a new registration changes:
// those of a dead client that it replaces need a sign-in now, and those that
// had been given up over this very client are well again.
func (p *profile) strandedLocked(r registrationRecord) (changed []accountRecord) {
	for _, a := range p.accounts {
		old, record := p.registrations[a.Registration], a.accountRecord
		switch {
		case old.ID == r.ID:
			if a.Trouble == nil || !a.Trouble.Replaced {
				continue
			}
			record.Trouble = nil
		case old.Dead == "" || old.Provider != r.Provider || old.For != r.For:
			continue
		default:
			record.Trouble = &trouble{Status: NeedsSignIn, Since: time.Now(), Replaced: true, Why: movedOn(a.Link.Provider.Name)}
		}
		changed = append(changed, record)
	}
	return changed
}

// troubleLocked takes over the trouble of changed records.
func (p *profile) troubleLocked(changed []accountRecord) {
	for _, r := range changed {
		if a := p.accounts[r.ID]; a != nil {
			a.Trouble, a.facts.Trouble = r.Trouble, r.Trouble
			a.facts.DeadClient, a.facts.Offline, a.facts.Answered = "", "", false
		}
	}
}

// reviveLocked lets the accounts and revocations of a client try again at once.
func (p *profile) reviveLocked(registration string) {
	for _, a := range p.accounts {
		if a.Registration == registration {
			a.facts.DeadClient, a.facts.Offline, a.facts.Answered = "", "", false
			a.lastTry, a.failures = time.Time{}, 0
		}
	}
	for _, r := range p.revocations {
		if r.Registration.ID == registration {
			r.nextTry, r.failures = time.Time{}, 0
		}
	}
}
