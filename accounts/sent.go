package accounts

import "time"

// noteSent writes down, before a refresh is sent, that its answer is not stored
// yet. Where the program ends in between, the refresh token may be spent: the
// next start asks at once, within the grace that many providers give a spent
// one, and not when the access token runs out. A disk that refuses is no reason
// not to ask: the answer's own write raises the alarm.
func (b *Book) noteSent(p *profile, call refreshCall) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, a := p.vault, p.accounts[call.account]
	if v == nil || a == nil {
		defer b.mu.Unlock()
		return p.goneLocked(call.account)
	}
	if a.hash != call.before || !a.Sent.IsZero() {
		b.mu.Unlock()
		return nil
	}
	a.Sent = time.Now()
	record := a.accountRecord
	b.mu.Unlock()
	v.Commit(put(keyAccount+record.ID, record))
	return nil
}
