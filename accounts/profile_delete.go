package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"dancecard/dance"
	"dancecard/internal/secret"
	"dancecard/vault"
)

const (
	deleteWait   = 30 * time.Second // for refreshes under way and for the providers' answers, in all
	deleteAtOnce = 8                // revocations under way
	keyringWait  = 10 * time.Second

	// deletedSuffix marks the folder of a profile that is no more.
	deletedSuffix = ".deleted"
)

// DeleteProfile disconnects every account of a profile ("" is the current one)
// and then erases its vault and its card for good. It waits half a minute at
// most for the providers. While one of them could not be told the profile
// stays, with its accounts pending: CodeRevocationPending names them and where
// the user ends them. With anyway the profile goes all the same, even one that
// is locked or broken, whose accounts nobody is told about. left are the
// accounts that the user has to end at their providers. A crash in the middle
// leaves the profile, or nothing of it.
func (b *Book) DeleteProfile(ctx context.Context, id string, anyway bool) (left []Account, err error) {
	p, err := b.profile(id)
	if err != nil {
		return nil, err
	}
	v, err := b.beginDelete(p, anyway)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.mu.Lock()
			p.deleting = false
			b.mu.Unlock()
		}
	}()
	b.cancelDances(p.id)
	if v != nil {
		if left, err = b.endAccounts(ctx, p, v, anyway); err != nil {
			return left, err
		}
	}
	if err := b.Lock(p.id, LockUser); err != nil {
		return left, vaultProblem(err, b.nameOf(p))
	}
	if err := b.eraseProfile(ctx, p); err != nil {
		return left, err
	}
	b.takeNext(p)
	b.announce(Event{Type: EventProfileDeleted, Profile: p.id, Data: map[string]string{"name": p.card.Name}})
	return left, nil
}

// beginDelete lets nothing new begin in a profile. v is nil if it is not open.
func (b *Book) beginDelete(p *profile, anyway bool) (v *vault.Vault, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case p.deleting:
		return nil, p.lockedErrorLocked()
	case p.problem != nil && p.problem.Code == CodeInUse:
		return nil, p.problem
	case p.vault == nil && !anyway:
		return nil, p.lockedErrorLocked()
	}
	p.deleting = true
	return p.vault, nil
}

// endAccounts disconnects every account and tells the providers. It fails
// while one of them has not been told, unless anyway.
func (b *Book) endAccounts(ctx context.Context, p *profile, v *vault.Vault, anyway bool) (left []Account, err error) {
	ctx, cancel := context.WithTimeout(ctx, deleteWait)
	defer cancel()
	left, err = b.eraseAccounts(ctx, p, v)
	if err != nil {
		return nil, err
	}
	left = append(left, b.tellProviders(ctx, p)...)
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.vault != v {
		return left, &Error{Code: CodeProfileLocked, Text: fmt.Sprintf("The profile %s was locked meanwhile.", p.card.Name), Hint: "Unlock it and delete it again."}
	}
	var pending []Account
	for _, r := range p.revocations {
		pending = append(pending, r.view(p.id))
	}
	slices.SortFunc(pending, func(x, y Account) int { return strings.Compare(x.Label+x.ID, y.Label+y.ID) })
	left = append(left, pending...)
	if len(pending) > 0 && !anyway {
		return left, stillPending(p.card.Name, pending)
	}
	if len(p.flights) > 0 && !anyway {
		return left, &Error{Code: CodeOffline, Text: p.card.Name + " stays, for a provider has not answered a refresh yet.", Hint: "Delete it again in a minute."}
	}
	return left, nil
}

// eraseAccounts takes every account away from apps, durably. It returns those
// that no provider can be told about.
func (b *Book) eraseAccounts(ctx context.Context, p *profile, v *vault.Vault) (left []Account, err error) {
	for {
		a, f := b.anyAccount(p)
		if a == nil {
			return left, nil
		}
		if f != nil {
			f.wait(ctx)
		}
		record, err := b.erase(p, v, a)
		if err != nil {
			b.mu.Lock()
			a.leaving = false
			b.mu.Unlock()
			b.letGo(p)
			return left, err
		}
		b.announce(Event{Type: EventAccountDisconnected, Profile: p.id, Account: record.ID,
			Data: map[string]string{"provider": record.Account.Provider, "label": record.Account.Label}})
		b.mu.Lock()
		if r := p.revocations[record.ID]; r != nil {
			r.trying = false // tellProviders makes the first try
			r.nextTry = time.Now().Add(deleteWait)
		}
		b.mu.Unlock()
		if !dance.CanRevoke(record.Account.Link) {
			b.dropClient(p, record.Account.Link.Provider, record.Registration.ID)
			left = append(left, viewRecord(record.Account, p.id))
		}
	}
}

// letGo lets the scheduler try what a deletion that failed has begun.
func (b *Book) letGo(p *profile) {
	b.mu.Lock()
	for _, r := range p.revocations {
		if r.failures == 0 {
			r.nextTry = time.Time{}
		}
	}
	b.mu.Unlock()
	b.poke()
}

// anyAccount is one that is still linked, as leaving, and its refresh.
func (b *Book) anyAccount(p *profile) (*account, *flight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, a := range p.accounts {
		a.leaving = true
		return a, p.flights[id]
	}
	return nil, nil
}

// tellProviders makes one try for every pending revocation, and waits for the
// tries that others make. It returns the accounts whose provider has no way.
func (b *Book) tellProviders(ctx context.Context, p *profile) (left []Account) {
	var mine []*revocation
	watch := b.Watch("")
	b.mu.Lock()
	for _, r := range p.revocations {
		if !r.trying {
			r.trying = true
			mine = append(mine, r)
		}
	}
	b.mu.Unlock()
	var all sync.WaitGroup
	var mu sync.Mutex // guards left
	places := make(chan struct{}, deleteAtOnce)
	for _, r := range mine {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if errors.Is(b.tryRevocation(ctx, p, r), dance.ErrNoRevocation) {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, viewRecord(r.Account, p.id))
			}
		})
	}
	all.Wait()
	for b.tries(p) {
		if _, _, err := watch.Next(ctx); err != nil {
			break
		}
	}
	return left
}

// tries reports whether a revocation or a refresh of a profile is under way.
func (b *Book) tries(p *profile) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range p.revocations {
		if r.trying {
			return true
		}
	}
	return len(p.flights) > 0
}

func stillPending(profile string, pending []Account) *Error {
	var names, pages []string
	for _, a := range pending {
		names = append(names, a.ProviderName+" "+a.Label)
		where := cmp.Or(a.SettingsPage, "in your settings at "+a.ProviderName)
		if !slices.Contains(pages, where) {
			pages = append(pages, where)
		}
	}
	return &Error{Code: CodeRevocationPending, Accounts: names,
		Text: fmt.Sprintf("%s stays, for a provider could not be told yet about: %s.", profile, strings.Join(names, ", ")),
		Hint: "Delete it again later; or end them yourself (" + strings.Join(pages, ", ") + ") and delete it anyway."}
}

// eraseProfile takes a locked profile off the disk.
func (b *Book) eraseProfile(ctx context.Context, p *profile) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	folder, ringed, name := p.folder, p.folder.Folder != nil && hasWay(p.ways, vault.WayKeyring), p.card.Name
	if p.vault != nil {
		b.mu.Unlock()
		return &Error{Code: CodeCancelled, Text: name + " was opened again meanwhile.", Hint: "Delete it again."}
	}
	b.mu.Unlock()
	if ringed {
		ctx, cancel := context.WithTimeout(ctx, keyringWait)
		defer cancel()
		if err := folder.ForgetKeyring(ctx); err != nil { // it opens nothing any more
			b.alarm(Alarm{Code: "keyring", Text: "The keyring still holds a key of " + name + ", which is deleted: " + err.Error() + ".",
				Hint: "Delete the item named Dancecard in your keyring program."})
		}
	}
	if err := bury(b.profileDir(p.id), b.cardPath(p.id), folder.close); err != nil {
		return diskProblem(err)
	}
	b.mu.Lock()
	delete(b.profiles, p.id)
	p.late = nil
	b.mu.Unlock()
	return nil
}

// takeNext makes another profile the current one if p was it: an open one
// where there is one.
func (b *Book) takeNext(p *profile) {
	next := ""
	for _, o := range b.profileList() {
		b.mu.Lock()
		open := o.vault != nil
		b.mu.Unlock()
		if open {
			next = o.id
			break
		}
		next = cmp.Or(next, o.id)
	}
	b.mu.Lock()
	was := b.current == p.id
	if was {
		b.current = next
	}
	b.mu.Unlock()
	if was && next != "" {
		if err := b.SwitchProfile(next); err != nil {
			b.alarm(Alarm{Code: "disk", Text: err.Error(), Hint: "Make room on the disk, then switch profiles."})
		}
	}
}

// VerifyProfile is [Book.Verify] for an open profile that need not be the current one.
func (b *Book) VerifyProfile(ctx context.Context, id string, way WayKind, s secret.String) error {
	if way == WayKeyring {
		return &Error{Code: CodeBadRequest, Text: "The keyring proves nothing about who asks.", Hint: "Use the passphrase or the recovery key."}
	}
	source, err := keySource(way, s)
	if err != nil {
		return err
	}
	p, err := b.profile(id)
	if err != nil {
		return err
	}
	b.mu.Lock()
	v := p.vault
	if v == nil {
		defer b.mu.Unlock()
		return p.lockedErrorLocked()
	}
	b.mu.Unlock()
	if err := v.Verify(ctx, source); err != nil {
		return vaultProblem(err, b.nameOf(p))
	}
	return nil
}
