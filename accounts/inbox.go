package accounts

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"dancecard/vault"
)

// putArrival keeps what came while a profile was locked for its next opening:
// in the inbox or, while the disk refuses, in memory. The caller holds p.store.
func (b *Book) putArrival(p *profile, item arrival) error {
	b.mu.Lock()
	p.late = append(p.late, item)
	b.mu.Unlock()
	b.flushLate(p)
	return &Error{Code: CodeProfileLocked, Text: "The profile " + p.card.Name + " was locked meanwhile.", Hint: "Unlock it in Dancecard's window."}
}

// flushLate moves what is late into the inbox. The caller holds p.store.
func (b *Book) flushLate(p *profile) error {
	b.mu.Lock()
	if b.profiles[p.id] != p { // deleted
		p.late = nil
	}
	late, inbox := p.late, p.inbox
	p.lateTry = time.Now()
	b.mu.Unlock()
	if len(late) == 0 {
		return nil
	}
	for len(late) > 0 {
		if err := inbox.Put(put("", late[0]).Value); err != nil {
			b.alarm(Alarm{Code: "disk", Text: "A token that came while " + p.card.Name + " was locked is not on the disk yet: " + err.Error() + ".",
				Hint: "Make room on the disk. Do not switch the machine off before this is gone."})
			return diskProblem(err)
		}
		late = late[1:]
		b.mu.Lock()
		p.late = late
		b.mu.Unlock()
	}
	b.calm("disk", "")
	return nil
}

// retryLateLocked tries again what the inbox refused, and says when it is due.
func (b *Book) retryLateLocked(p *profile, now time.Time) time.Time {
	due := p.lateTry.Add(storePause)
	if len(p.late) == 0 {
		return now.Add(time.Hour)
	}
	if due.After(now) {
		return due
	}
	p.lateTry = now
	b.spawnLocked(func() {
		p.store.Lock()
		defer p.store.Unlock()
		b.flushLate(p)
	})
	return now.Add(storePause)
}

// lastWrite tries once more to write what the disk refused, before the Book
// closes.
func (b *Book) lastWrite(p *profile) error {
	b.mu.Lock()
	var errs []error
	var held []string
	for id, a := range p.accounts {
		if a.held != nil {
			held = append(held, id)
		}
	}
	b.mu.Unlock()
	for _, id := range held {
		errs = append(errs, b.storeHeld(p, id))
	}
	p.store.Lock()
	defer p.store.Unlock()
	return errors.Join(append(errs, b.flushLate(p))...)
}

// heldArrivalsLocked are the answers that the disk has not taken, as a lock
// leaves them behind.
func (p *profile) heldArrivalsLocked() (all []arrival) {
	for _, a := range p.accounts {
		if a.held != nil {
			all = append(all, arrival{Account: a.ID, Token: a.held, Trouble: a.Trouble})
		}
	}
	return all
}

// mergeInbox commits what arrived while the profile was locked, then empties
// the inbox. A crash between the two merges the same again, which is no harm.
// Items that cannot be read are set aside and lock nobody out.
func mergeInbox(v *vault.Vault, late []arrival) error {
	items, err := v.Received()
	if err != nil && !errors.Is(err, vault.ErrDamaged) {
		return err
	}
	for _, item := range items {
		var in arrival
		err := json.Unmarshal(item, &in)
		clear(item)
		if err == nil {
			err = mergeOne(v, in)
		}
		if err != nil {
			return err
		}
	}
	for _, in := range late {
		if err := mergeOne(v, in); err != nil {
			return err
		}
	}
	return v.ClearReceived()
}

func mergeOne(v *vault.Vault, in arrival) error {
	changes, err := arrivalChanges(v, in)
	if err != nil || len(changes) == 0 {
		return err
	}
	return v.Commit(changes...)
}

// arrivalChanges is what one item changes in the vault.
func arrivalChanges(v *vault.Vault, in arrival) ([]vault.Change, error) {
	if in.Revoked != "" {
		r, found, err := load[revocationRecord](v, keyRevocation+in.Revoked)
		if err != nil || !found || len(r.Tokens) > in.Tokens {
			return nil, err
		}
		return []vault.Change{remove(keyRevocation + in.Revoked)}, nil
	}
	record, found, err := load[accountRecord](v, keyAccount+in.Account)
	if err != nil {
		return nil, err
	}
	if !found {
		return lateChanges(v, in)
	}
	t, _, err := load[tokenRecord](v, keyToken+in.Account)
	if err != nil || in.Before != "" && tokenHash(t.Access) != in.Before {
		return nil, err // the account was signed in again after the question that this answers
	}
	record.Trouble, record.Sent = in.Trouble, time.Time{}
	if in.Token == nil {
		return []vault.Change{put(keyAccount+in.Account, record)}, nil
	}
	record.Granted = in.Token.Granted
	return []vault.Change{put(keyAccount+in.Account, record), put(keyToken+in.Account, *in.Token)}, nil
}

// lateChanges sees to it that a token is revoked whose account is gone.
func lateChanges(v *vault.Vault, in arrival) ([]vault.Change, error) {
	if in.Token == nil || in.Gone == nil {
		return nil, nil
	}
	r, found, err := load[revocationRecord](v, keyRevocation+in.Account)
	if err != nil {
		return nil, err
	}
	if !found {
		r = *in.Gone
	}
	r.Tokens = append(slices.Clone(r.Tokens), *in.Token)
	return []vault.Change{put(keyRevocation+in.Account, r)}, nil
}
