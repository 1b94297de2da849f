package accounts

import (
	"errors"
	"fmt"

	"dancecard/vault"
)

// GiveUpRevocation erases a token that waits to be revoked: nobody will tell
// its provider any more, where it stays good until it ends by itself. It opens
// nothing; page is where the user ends it at the provider, "" if that is not
// known. CodeBadRequest if nothing waits for the account.
func (b *Book) GiveUpRevocation(id string) (page string, err error) {
	p, _, err := b.openProfile()
	if err != nil {
		return "", err
	}
	r, err := b.forsake(p, id)
	if err != nil {
		return "", err
	}
	b.dropClient(p, r.Account.Link.Provider, r.Registration.ID)
	b.announce(Event{Type: EventRevocationGivenUp, Profile: p.id, Account: id,
		Data: map[string]string{"provider": r.Account.Provider, "label": r.Account.Label}})
	return r.Account.Link.Provider.SettingsPage, nil
}

// giveUpAndShow gives a revocation up and opens the page where the user ends
// the token.
func (b *Book) giveUpAndShow(id string) error {
	b.mu.Lock()
	browser := ""
	if p := b.profiles[b.current]; p != nil && p.revocations[id] != nil {
		browser = p.revocations[id].Account.Browser
	}
	b.mu.Unlock()
	page, err := b.GiveUpRevocation(id)
	if err != nil || page == "" {
		return err
	}
	return b.openIn(b.ctx, browser, page)
}

// forsake takes a revocation out of the vault and its journal.
func (b *Book) forsake(p *profile, id string) (revocationRecord, error) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, r := p.vault, p.revocations[id]
	if v == nil || r == nil {
		defer b.mu.Unlock()
		return revocationRecord{}, p.noRevocationLocked(id)
	}
	b.mu.Unlock()
	if err := v.Commit(remove(keyRevocation + id)); err != nil {
		return revocationRecord{}, vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	delete(p.revocations, id)
	b.mu.Unlock()
	if err := v.Compact(); err != nil && !errors.Is(err, vault.ErrClosed) {
		b.alarm(Alarm{Code: "disk", Text: "An erased token is still in the journal: " + err.Error() + ".", Hint: "Make room on the disk; the next change erases it."})
	}
	return r.revocationRecord, nil
}

func (p *profile) noRevocationLocked(id string) *Error {
	a := p.accounts[id]
	if p.vault == nil || a == nil {
		return p.goneLocked(id)
	}
	return &Error{Code: CodeBadRequest, Text: fmt.Sprintf("No revocation waits for %s.", a.Label),
		Hint: "Disconnect the account first."}
}

// revocationLocked is the only pending revocation that ref means, by the same
// names as an account has.
func (p *profile) revocationLocked(ref string) (found *revocation) {
	for id, r := range p.revocations {
		a := r.Account
		switch {
		case ref == id:
			return r
		case ref != a.Label && ref != a.Provider && ref != a.Provider+":"+a.Login:
		case found != nil:
			return nil
		default:
			found = r
		}
	}
	return found
}
