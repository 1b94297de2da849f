package accounts

import (
	"context"
	"errors"
	"slices"
	"time"

	"dancecard/vault"
)

// LockRules say when a profile locks by itself.
type LockRules struct {
	Screen bool          // when the screen locks, or another user takes the seat
	Sleep  bool          // before the machine sleeps
	Idle   time.Duration // when nobody touched anything for so long, in whole minutes; 0: never
}

// lockRules is how a card keeps LockRules: what is not said is on.
type lockRules struct {
	Screen *bool `json:"screen,omitempty"`
	Sleep  *bool `json:"sleep,omitempty"`
	Idle   int   `json:"idle_minutes,omitempty"`
}

func (r lockRules) view() LockRules {
	return LockRules{Screen: r.Screen == nil || *r.Screen, Sleep: r.Sleep == nil || *r.Sleep, Idle: time.Duration(r.Idle) * time.Minute}
}

// SetLockRules says when a profile ("" is the current one) locks by itself.
func (b *Book) SetLockRules(id string, rules LockRules) error {
	p, err := b.profile(id)
	if err != nil {
		return err
	}
	if rules.Idle < 0 || rules.Idle > maxIdle || rules.Idle%time.Minute != 0 {
		return &Error{Code: CodeBadRequest, Text: "That is no time to lock after.", Hint: "Give whole minutes, at most a day; 0 means never."}
	}
	return b.changeCard(p.id, func(c *profileCard) {
		c.Lock = lockRules{Screen: &rules.Screen, Sleep: &rules.Sleep, Idle: int(rules.Idle / time.Minute)}
	})
}

const maxIdle = 24 * time.Hour

// Away locks the profiles whose rules say so: why is LockScreen, LockUserSwitch
// or LockSleep. Keys are wiped when it returns.
func (b *Book) Away(why LockReason) error {
	var errs []error
	for _, p := range b.profileList() {
		b.mu.Lock()
		rules, open := p.card.Lock.view(), p.vault != nil
		b.mu.Unlock()
		if open && (why == LockSleep && rules.Sleep || why != LockSleep && rules.Screen) {
			errs = append(errs, b.Lock(p.id, why))
		}
	}
	return errors.Join(errs...)
}

// LocksWhenIdle reports whether any open profile wants to know of [Book.Idle].
func (b *Book) LocksWhenIdle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.profiles {
		if p.vault != nil && p.card.Lock.Idle > 0 {
			return true
		}
	}
	return false
}

// Idle locks the profiles whose rules say so when nobody has touched anything
// for so long.
func (b *Book) Idle(since time.Duration) error {
	var errs []error
	for _, p := range b.profileList() {
		b.mu.Lock()
		limit, open := p.card.Lock.view().Idle, p.vault != nil
		b.mu.Unlock()
		if open && limit > 0 && since >= limit {
			errs = append(errs, b.Lock(p.id, LockIdle))
		}
	}
	return errors.Join(errs...)
}

// reopenTime is how long the keyring has to open what was locked by itself.
const reopenTime = 5 * time.Second

// Back opens the profiles that Away locked for one of these reasons, where the
// desktop's keyring opens them without asking. The others stay locked.
func (b *Book) Back(ctx context.Context, reasons ...LockReason) {
	ctx, cancel := context.WithTimeout(ctx, reopenTime)
	defer cancel()
	for _, p := range b.profileList() {
		b.mu.Lock()
		mine := p.state == ProfileLocked && slices.Contains(reasons, p.why) && !p.card.LoggedOut && hasWay(p.ways, vault.WayKeyring)
		b.mu.Unlock()
		if mine {
			b.open(ctx, p, vault.Keyring(vault.KeyringConfig{})) // if it does not, the window asks
		}
	}
}
