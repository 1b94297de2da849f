package accounts

import (
	"math/rand/v2"
	"time"
)

// schedule refreshes ahead of expiry, retries what the disk or a provider
// refused for now, and ends questions nobody answered. It looks at least every
// lookEvery, for a clock may be set and a machine may sleep.
func (b *Book) schedule() {
	const lookEvery = 15 * time.Second
	for {
		next := time.Now().Add(lookEvery)
		for _, p := range b.profileList() {
			if due := b.lookAt(p); due.Before(next) {
				next = due
			}
		}
		timer := time.NewTimer(max(time.Until(next), 20*time.Millisecond))
		select {
		case <-timer.C:
		case <-b.wake:
			timer.Stop()
		case <-b.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// lookAt starts what is due in a profile and says when the next thing is.
func (b *Book) lookAt(p *profile) (next time.Time) {
	now := readClocks()
	next = now.wall.Add(time.Hour)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range p.accounts {
		start := b.flyLocked
		due, ever := a.facts.dueAt(now, a.jitterFactor())
		if a.held != nil {
			start, due, ever = b.storeHeldLocked, a.lastTry.Add(storePause), true
		} else if soonest := a.lastTry.Add(minPause); due.Before(soonest) {
			due = soonest
		}
		switch {
		case !ever || a.leaving:
		case !due.After(now.wall):
			start(p, a)
		case due.Before(next):
			next = due
		}
	}
	if due := b.retryLateLocked(p, now.wall); due.Before(next) {
		next = due
	}
	for _, r := range p.revocations {
		if due := b.retryRevocationLocked(p, r, now.wall); due.Before(next) {
			next = due
		}
	}
	return next
}

// jitterFactor is a number between 0 and 1 that stays with one token, so that
// accounts linked together do not refresh together.
func (a *account) jitterFactor() float64 {
	return rand.New(rand.NewPCG(uint64(a.facts.Issued.UnixNano()), uint64(len(a.ID)))).Float64()
}
