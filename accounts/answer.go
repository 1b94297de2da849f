package accounts

import (
	"cmp"
	"time"

	"dancecard/dance"
)

// merge keeps of the old token what the answer leaves out.
func merge(old tokenRecord, answer dance.Token, issued time.Time) tokenRecord {
	t := recordToken(answer, issued)
	if t.Refresh == "" {
		t.Refresh = old.Refresh
	}
	if t.ID == "" {
		t.ID = old.ID
	}
	t.Key, t.Secret = cmp.Or(t.Key, old.Key), cmp.Or(t.Secret, old.Secret)
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
	record.Sent = time.Time{}
	err := v.Commit(put(keyAccount+a.ID, record), put(keyToken+a.ID, t))
	b.mu.Lock()
	recovered := a.facts.Offline != "" || a.facts.Trouble != nil
	a.held, a.Sent = nil, time.Time{}
	if !salvaged {
		a.accountRecord = record
		a.take(t)
		a.facts.Trouble, a.facts.Offline, a.facts.Answered, a.failures = nil, "", false, 0
		a.facts.InDoubt = false
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
