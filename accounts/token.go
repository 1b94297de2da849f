package accounts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"dancecard/internal/secret"
	"dancecard/vault"
)

// Opened is a token in the clear, for the moment it is handed over.
type Opened = secret.String

// tokenTimeout is how long a caller waits for a refresh when it named no
// deadline of its own. The refresh goes on without it.
const tokenTimeout = 30 * time.Second

// Token hands an app a token of the account that ref names: an id, a label, a
// provider, "provider:login" or "host:api.example.org". Where no grant answers
// it asks the user and waits, at most w.Wait; ctx ending withdraws the
// question. A token that is not good for w.MinValid is refreshed first.
// Errors are *Error with the codes of DESIGN.md section 6. It never starts a
// sign-in.
func (b *Book) Token(ctx context.Context, app App, ref string, w Want) (Handout, error) {
	if w.Audience != "" {
		return Handout{}, &Error{Code: CodeBadRequest, Text: "This provider's tokens cannot be asked for by audience.",
			Hint: "Leave audience out."}
	}
	p, v, err := b.openProfile()
	if err != nil {
		b.noteWaiting(app)
		return Handout{}, err
	}
	pass, err := b.permit(ctx, p, app, ref, w)
	if err != nil {
		return Handout{}, err
	}
	t, err := b.goodToken(ctx, p, v, pass.account, w.MinValid, false)
	if err != nil {
		return Handout{}, err
	}
	return b.handOut(p, app, pass, t, w)
}

// noteWaiting counts the apps that ask while the profile is locked.
func (b *Book) noteWaiting(app App) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.profiles[b.current]; p != nil && p.vault == nil && len(p.waiting) < 100 {
		p.waiting[app.Key] = true
	}
}

// handOut turns the record into what the app gets, and writes down that it did.
func (b *Book) handOut(p *profile, app App, pass permission, t tokenRecord, w Want) (Handout, error) {
	b.mu.Lock()
	a := p.accounts[pass.account]
	if a == nil || !p.permitsLocked(pass, app) {
		b.mu.Unlock()
		return Handout{}, noSuchAccount(pass.ref)
	}
	now := readClocks()
	h := Handout{
		Account: p.accountLocked(a, now), Token: secret.New(t.Access), Type: t.Type, Expiry: t.Expiry,
		Scopes: slices.Clone(a.Granted), Headers: a.Link.Provider.API.Headers, API: apiFacts(a),
	}
	if w.Type == IDToken {
		if t.ID == "" {
			b.mu.Unlock()
			return Handout{}, &Error{Code: CodeBadRequest, Text: a.Link.Provider.Name + " gave no ID token for this account.",
				Hint: "Ask for an access token."}
		}
		h.Token, h.Type = secret.New(t.ID), "id_token"
	}
	a.LastUsed, a.usedSince, b.lastToken = now.wall, true, now.wall
	p.useGrantLocked(app.Key, a.ID, now.wall)
	b.mu.Unlock()
	b.announce(Event{Type: EventGrantUsed, Profile: p.id, Account: pass.account, App: app.Key,
		Data: map[string]string{"app": app.Name, "path": app.Path, "type": string(w.Type), "label": h.Account.Label}})
	return h, nil
}

// apiFacts is what the provider's row and its token answer say of where the
// token is good.
func apiFacts(a *account) map[string]string {
	api := map[string]string{}
	if base := a.Link.Provider.API.BaseURL; base != "" {
		api["base_url"] = base
	}
	for k, v := range a.extra {
		api[k] = v
	}
	return api
}

// goodToken returns a token that is good for at least minValid, refreshing
// once if need be. force refreshes in any case.
func (b *Book) goodToken(ctx context.Context, p *profile, v *vault.Vault, id string, minValid time.Duration, force bool) (tokenRecord, error) {
	for attempt := 0; ; attempt++ {
		b.mu.Lock()
		a := p.accounts[id]
		if a == nil || p.vault != v {
			b.mu.Unlock()
			return tokenRecord{}, noSuchAccount(id)
		}
		left, forever := a.facts.remaining(readClocks())
		good := forever || left > max(minValid, 0)
		refused := a.facts.Trouble != nil || a.facts.DeadClient != ""
		if good && !refused && !force {
			held := a.held
			b.mu.Unlock()
			return storedToken(v, id, held)
		}
		if err := a.cannotRefreshLocked(left, forever, attempt > 0); err != nil {
			b.mu.Unlock()
			return tokenRecord{}, err
		}
		f := b.flyLocked(p, a)
		b.mu.Unlock()
		if err := f.wait(ctx); err != nil {
			return tokenRecord{}, err
		}
		force = false
	}
}

// storedToken opens the token, or takes the one that the disk refused.
func storedToken(v *vault.Vault, id string, held *tokenRecord) (tokenRecord, error) {
	if held != nil {
		return *held, nil
	}
	t, found, err := load[tokenRecord](v, keyToken+id)
	if err != nil {
		return t, vaultProblem(err, "the profile")
	}
	if !found {
		return t, noSuchAccount(id)
	}
	return t, nil
}

// minPause is how long after a failed try, or a refresh, the next one that an
// app asks for may come.
const minPause = 5 * time.Second

// cannotRefreshLocked says why asking the provider now is of no use.
func (a *account) cannotRefreshLocked(left time.Duration, forever, tried bool) error {
	name := a.Link.Provider.Name
	switch {
	case a.leaving:
		return noSuchAccount(a.ID)
	case a.facts.DeadClient != "":
		return &Error{Code: CodeNeedsRegistration, Text: name + " no longer takes this program's registration.", Hint: "Open Dancecard and enter a new client id for " + name + "."}
	case a.facts.Trouble != nil, !a.facts.Refreshes && !forever && left <= 0:
		return a.signInNeeded()
	case !a.facts.Refreshes:
		return &Error{Code: CodeProviderError, Text: name + " gives no longer-lived token for " + a.Label + ".",
			Hint: "Ask for a shorter min_valid."}
	case tried:
		return &Error{Code: CodeProviderError, Text: name + " gives no token that is good for so long.",
			Hint: "Ask for a shorter min_valid."}
	}
	if wait := minPause - time.Since(a.lastTry); a.facts.Offline != "" && wait > 0 && a.facts.NextTry.After(time.Now()) {
		return a.offlineErrorLocked()
	}
	return nil
}

func (a *account) signInNeeded() *Error {
	return &Error{Code: CodeNeedsSignIn, Text: fmt.Sprintf("%s at %s needs a sign-in.", a.Label, a.Link.Provider.Name),
		Hint: fmt.Sprintf("Click Sign in beside it in Dancecard, or type: dancectl connect %s", a.Provider)}
}

func (a *account) offlineErrorLocked() *Error {
	return &Error{Code: CodeOffline, Text: fmt.Sprintf("%s cannot be reached: %s", a.Link.Provider.Name, a.facts.Offline),
		Hint: "It is tried again by itself.", RetryAfter: max(time.Until(a.facts.NextTry), time.Second)}
}

func noSuchAccount(ref string) *Error {
	return &Error{Code: CodeNoSuchAccount, Text: fmt.Sprintf("There is no account %q.", ref),
		Hint: "dancectl accounts lists them; dancectl connect adds one."}
}

// Refresh is the user's "Refresh" and "Try now": it asks the provider whatever
// the clock says.
func (b *Book) Refresh(ctx context.Context, id string) error {
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	b.mu.Lock()
	if a := p.accounts[id]; a != nil {
		a.lastTry = time.Time{}
	}
	b.mu.Unlock()
	_, err = b.goodToken(ctx, p, v, id, 0, true)
	return err
}

// rejectPause is how often apps may make us doubt an account's token.
const rejectPause = 30 * time.Second

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
	b.mu.Lock()
	a := p.accounts[account.ID]
	if a == nil {
		b.mu.Unlock()
		return noSuchAccount(ref)
	}
	stale, known := a.hash != hash, a.hashes[hash] || a.hash == hash
	pause := rejectPause - time.Since(a.rejected)
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
		_, err = b.goodToken(ctx, p, v, account.ID, 0, true)
		return err
	}
	return b.probe(ctx, p, v, account.ID)
}

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
		}
		switch {
		case !ever || a.leaving:
		case !due.After(now.wall):
			start(p, a)
		case due.Before(next):
			next = due
		}
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
