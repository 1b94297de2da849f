package accounts

import "time"

// NetworkChanged tries again at once what failed because the network was away:
// refreshes and revocations. What a provider itself refused for now waits for
// its time, and nothing is asked more often than every few seconds.
func (b *Book) NetworkChanged() {
	b.mu.Lock()
	for _, p := range b.profiles {
		for _, a := range p.accounts {
			if a.facts.Offline != "" && !a.facts.Answered {
				a.facts.NextTry, a.failures = time.Now(), 0
			}
		}
		for _, r := range p.revocations {
			if r.failures > 0 && !r.answered {
				r.nextTry, r.failures = time.Now(), 1
			}
		}
	}
	b.mu.Unlock()
	b.poke()
}
