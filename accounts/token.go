package accounts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dancecard/dance"
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
	p, _, err := b.openProfile()
	if err != nil {
		b.noteWaiting(app)
		return Handout{}, err
	}
	pass, err := b.permit(ctx, p, app, ref, w)
	if err != nil {
		return Handout{}, err
	}
	t, err := b.goodToken(ctx, p, pass.account, w.MinValid, "")
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
	if a == nil || a.leaving {
		defer b.mu.Unlock()
		return Handout{}, p.goneLocked(pass.ref)
	}
	if err := p.permitsLocked(pass, app, a); err != nil {
		b.mu.Unlock()
		return Handout{}, err
	}
	now := readClocks()
	h := Handout{
		Account: p.accountLocked(a, now), Token: secret.New(t.Access), Type: t.Type, Expiry: t.Expiry,
		Scopes: slices.Clone(a.Granted), Headers: apiHeaders(a.Link), API: apiFacts(a),
		Scheme: a.Link.Provider.API.Scheme, Header: a.Link.Provider.API.Header,
	}
	if t.Expiry.Equal(a.facts.Expiry) {
		h.Expiry = h.Account.Expiry // right by this clock, even if it was set meanwhile
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

// apiHeaders are what the row has requests carry besides the token.
func apiHeaders(l dance.Link) map[string]string {
	headers := maps.Clone(l.Provider.API.Headers)
	for name, v := range headers {
		headers[name] = strings.ReplaceAll(v, "{client_id}", l.ClientID)
	}
	return headers
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
// once if need be. The token with the hash bad is not good; any other that a
// refresh brought meanwhile is.
func (b *Book) goodToken(ctx context.Context, p *profile, id string, minValid time.Duration, bad string) (tokenRecord, error) {
	for tried := false; ; {
		b.mu.Lock()
		v, a := p.vault, p.accounts[id]
		if a == nil || a.leaving {
			defer b.mu.Unlock()
			return tokenRecord{}, p.goneLocked(id)
		}
		left, forever := a.facts.remaining(readClocks())
		good := (forever || left > max(minValid, 0)) && (tried || a.hash != bad)
		if good && a.facts.Trouble == nil && a.facts.DeadClient == "" {
			held := a.held
			b.mu.Unlock()
			return storedToken(v, id, held)
		}
		f, flying := p.flights[id]
		if !flying {
			if err := a.cannotRefreshLocked(left, minValid, forever, tried); err != nil {
				b.mu.Unlock()
				return tokenRecord{}, err
			}
			f = b.flyLocked(p, a)
		}
		b.mu.Unlock()
		if err := f.wait(ctx); err != nil && (!f.storing || ctx.Err() != nil) {
			return tokenRecord{}, err
		}
		tried = tried || !f.storing
	}
}

// storedToken opens the token, or takes the one that the disk refused.
func storedToken(v *vault.Vault, id string, held *tokenRecord) (tokenRecord, error) {
	if held != nil {
		return *held, nil
	}
	t, found, err := load[tokenRecord](v, keyToken+id)
	if err != nil {
		return t, vaultProblem(err, "of this account")
	}
	if !found {
		return t, noSuchAccount(id)
	}
	return t, nil
}

const (
	minPause    = 5 * time.Second  // between two refreshes of one account
	rejectPause = 30 * time.Second // between two that apps set off while the token is still good
)

// pauseLocked is how long apps have to wait before they may set off the next
// refresh: polling must not undo the backoff, nor what the provider asked for.
func (a *account) pauseLocked(left time.Duration, forever bool) time.Duration {
	life := a.facts.Expiry.Sub(a.facts.Issued)
	pause := minPause
	switch {
	case a.facts.Offline != "" && a.facts.Answered:
		return time.Until(a.facts.NextTry)
	case a.facts.Offline != "":
	case forever || left > 0:
		pause = rejectPause
	case life > 0:
		pause = min(life, minPause)
	}
	return pause - time.Since(a.lastTry)
}

// cannotRefreshLocked says why asking the provider now is of no use.
func (a *account) cannotRefreshLocked(left, minValid time.Duration, forever, tried bool) error {
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
	}
	wait := a.pauseLocked(left, forever)
	switch {
	case !tried && wait > 0 && a.facts.Offline != "":
		return a.offlineErrorLocked()
	case tried, wait > 0 && left > 0 && a.facts.Expiry.Sub(a.facts.Issued) <= minValid:
		return &Error{Code: CodeProviderError, Text: name + " gives no token that is good for so long.",
			Hint: "Ask for a shorter min_valid."}
	case wait > 0:
		return &Error{Code: CodeRateLimited, Text: "The token of " + a.Label + " was renewed a moment ago.", Hint: "Wait, then ask again.", RetryAfter: wait}
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
	p, _, err := b.openProfile()
	if err != nil {
		return err
	}
	b.mu.Lock()
	bad := ""
	if a := p.accounts[id]; a != nil {
		a.lastTry, a.facts.Answered, bad = time.Time{}, false, a.hash
	}
	b.mu.Unlock()
	_, err = b.goodToken(ctx, p, id, 0, bad)
	return err
}
