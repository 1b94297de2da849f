package accounts

import (
	"context"
	"time"

	"dancecard/vault"
)

// Rejected is an app's word that the API answered 401 to the token with this
// SHA-256 (64 hex digits). A token that is not the present one is simply
// stale; else it is refreshed, and where that is not possible the provider's
// own userinfo decides whether a sign-in is needed.
// CodeRateLimited where it was asked a moment ago.
func (b *Book) Rejected(ctx context.Context, app App, ref, hash string) error {
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	account, err := b.AccountFor(app, ref)
	if err != nil {
		return err
	}
	return b.doubt(ctx, p, v, account.ID, hash)
}

// doubt looks into a token that an API answered 401 to.
func (b *Book) doubt(ctx context.Context, p *profile, v *vault.Vault, id, hash string) (err error) {
	b.mu.Lock()
	a := p.accounts[id]
	if a == nil {
		b.mu.Unlock()
		return noSuchAccount(id)
	}
	stale, known := a.hash != hash, a.hashes[hash] || a.hash == hash
	pause := rejectPause - time.Since(a.rejected)
	if f := p.flights[a.ID]; f != nil && !f.storing {
		pause = 0 // join it
	}
	if known && !stale && pause <= 0 {
		a.rejected = time.Now()
	}
	refreshes := a.facts.Refreshes
	b.mu.Unlock()
	switch {
	case !known:
		return &Error{Code: CodeBadRequest, Text: "No token with this hash was handed out.", Hint: "Send the SHA-256 of the token in hex."}
	case stale:
		return nil
	case pause > 0:
		return &Error{Code: CodeRateLimited, Text: "This account's token was renewed a moment ago.", Hint: "Wait, then ask again.", RetryAfter: pause}
	case refreshes:
		_, err = b.goodToken(ctx, p, id, 0, hash)
		return err
	}
	return b.probe(ctx, p, v, id)
}
