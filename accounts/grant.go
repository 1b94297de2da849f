package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dancecard/vault"
)

// permission is one app's leave to have one token now, or to have one used.
type permission struct {
	ref     string
	account string
	once    bool     // by the user's word on this very request
	scopes  []string // once: what the user was shown
	fetch   bool     // for a request through Fetch; the token stays here
	write   bool     // one that may change something
}

// farewell lets an app hear the last of an account that it was granted.
type farewell struct{ app, account string }

// standing reports whether the user's word still holds.
func (g *Grant) standing(now moment) bool {
	return g.Until.IsZero() || now.wall.Before(g.Until) && (g.bootEnd == 0 || now.boot < g.bootEnd)
}

// covers reports whether a grant was given for all that the token can do now.
func (g *Grant) covers(a *account) bool {
	return within(a.Granted, g.Scopes)
}

func within(scopes, shown []string) bool {
	return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(shown, s) })
}

// grantLocked finds an app's standing grant, or refusal, for an account.
func (p *profile) grantLocked(app, account string) *Grant {
	now := readClocks()
	for _, g := range p.grants {
		if g.App.Key == app && g.Account == account && g.standing(now) {
			return g
		}
	}
	return nil
}

// permitsLocked looks once more, just before a token goes out: the user may
// have taken the word back, and the account may be able to do more by now.
func (p *profile) permitsLocked(pass permission, app App, a *account) error {
	g := p.grantLocked(app.Key, a.ID)
	switch {
	case g != nil && !g.Allow, g == nil && !pass.once:
		return noSuchAccount(pass.ref)
	case pass.once && within(a.Granted, pass.scopes):
		return nil
	case g == nil || !g.covers(a):
		return &Error{Code: CodeConsentDenied, Text: "The account can do more now than the user was asked about.", Hint: "Ask again."}
	case g.FetchOnly && !pass.fetch:
		return fetchOnly()
	case g.FetchOnly && pass.write && !g.Write:
		return &Error{Code: CodeConsentDenied, Text: "This app may only read with this account.", Hint: "Ask again."}
	}
	return nil
}

func fetchOnly() *Error {
	return &Error{Code: CodeFetchOnly, Text: "This app may use the account, but not hold its token.", Hint: "Send the request through fetch."}
}

// signedOnly is for accounts whose tokens are of no use without a key. The app
// may not have been granted any: it hears its own words.
func signedOnly(ref string) *Error {
	return &Error{Code: CodeFetchOnly, Text: fmt.Sprintf("The tokens of %q only work with a signature that Dancecard makes.", ref), Hint: "Send the request through fetch."}
}

func (p *profile) useGrantLocked(app, account string, now time.Time) {
	if g := p.grantLocked(app, account); g != nil {
		g.LastUsed = now
		g.Uses++
	}
}

// matchesLocked lists the accounts that a ref may mean, by id.
func (p *profile) matchesLocked(ref string) []*account {
	if a, ok := p.accounts[ref]; ok && !a.leaving {
		return []*account{a}
	}
	host, byHost := strings.CutPrefix(ref, "host:")
	var found []*account
	for _, a := range p.accounts {
		switch {
		case a.leaving:
		case byHost && slices.Contains(a.Link.Provider.API.Hosts, host),
			!byHost && (ref == a.Label || ref == a.Provider || ref == a.Provider+":"+a.Login):
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(x, y *account) int { return strings.Compare(x.ID, y.ID) })
	return found
}

// permit finds the account that ref means for this app, and asks the user
// where no grant answers.
func (b *Book) permit(ctx context.Context, p *profile, app App, ref string, w Want) (permission, error) {
	b.mu.Lock()
	candidates, granted := p.choicesLocked(app, ref)
	switch {
	case len(candidates) == 0:
		b.mu.Unlock()
		return permission{}, noSuchAccount(ref)
	case len(granted) > 1:
		names := p.refsLocked(granted)
		b.mu.Unlock()
		return permission{}, &Error{Code: CodeAmbiguousAccount, Text: fmt.Sprintf("%q fits several accounts.", ref),
			Hint: "Name one of: " + strings.Join(names, ", ") + ".", Accounts: names}
	case len(granted) == 1:
		candidates = granted
	}
	if !w.Fetch && w.Type != IDToken {
		plain := slices.DeleteFunc(slices.Clone(candidates), func(a *account) bool { return a.signed })
		if len(plain) == 0 {
			b.mu.Unlock()
			return permission{}, signedOnly(ref)
		}
		candidates = plain
	}
	candidates = withScopes(candidates, w.Scopes)
	if len(candidates) == 0 {
		b.mu.Unlock()
		return permission{}, &Error{Code: CodeScopeMissing, Text: fmt.Sprintf("%q was not given %s.", ref, strings.Join(w.Scopes, ", ")),
			Hint: "Reconnect the account and ask for more."}
	}
	if len(granted) == 1 {
		g := p.grantLocked(app.Key, granted[0].ID)
		if g.FetchOnly && !w.Fetch {
			b.mu.Unlock()
			return permission{}, fetchOnly()
		}
		if g.covers(granted[0]) && (!g.FetchOnly || !w.Write || g.Write) {
			b.mu.Unlock()
			return permission{ref: ref, account: granted[0].ID, fetch: w.Fetch, write: w.Write}, nil
		}
	}
	q, err := b.askLocked(p, app, candidates, w)
	b.mu.Unlock()
	if err != nil {
		return permission{}, err
	}
	return b.heed(ctx, q, ref)
}

// choicesLocked lists what ref may mean for an app: all that it was not
// refused for ever, and of these the granted ones.
func (p *profile) choicesLocked(app App, ref string) (candidates, granted []*account) {
	for _, a := range p.matchesLocked(ref) {
		g := p.grantLocked(app.Key, a.ID)
		if g != nil && !g.Allow {
			continue
		}
		candidates = append(candidates, a)
		if g != nil && !app.OnceOnly {
			granted = append(granted, a)
		}
	}
	return candidates, granted
}

// refsLocked names accounts so that each name fits one alone.
func (p *profile) refsLocked(accounts []*account) (refs []string) {
	for _, a := range accounts {
		ref := a.Provider + ":" + a.Login
		if len(p.matchesLocked(ref)) != 1 {
			ref = a.ID
		}
		refs = append(refs, ref)
	}
	return refs
}

// withScopes keeps the accounts that were given all these scopes.
func withScopes(accounts []*account, scopes []string) []*account {
	return slices.DeleteFunc(accounts, func(a *account) bool { return !within(scopes, a.Granted) })
}

// setGrant makes the user's word durable, in place of an earlier one.
func (b *Book) setGrant(p *profile, g Grant) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v := p.vault
	if v == nil {
		defer b.mu.Unlock()
		return p.lockedErrorLocked()
	}
	changes := []vault.Change{put(keyGrant+g.ID, grantRecord(g))}
	var old []string
	for id, o := range p.grants {
		if o.App.Key == g.App.Key && o.Account == g.Account {
			changes = append(changes, remove(keyGrant+id))
			old = append(old, id)
		}
	}
	b.mu.Unlock()
	if err := v.Commit(changes...); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range old {
		delete(p.grants, id)
	}
	p.grants[g.ID] = &g
	return nil
}

// TakeBack ends a grant, or a refusal: the app is asked about again.
func (b *Book) TakeBack(id string) error {
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	g, ok := p.grants[id]
	b.mu.Unlock()
	if !ok {
		return &Error{Code: CodeNoSuchGrant, Text: "That app has no such grant.", Hint: "dancectl apps lists them."}
	}
	if err := v.Commit(remove(keyGrant + id)); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	delete(p.grants, id)
	b.mu.Unlock()
	b.announce(Event{Type: EventGrantRevoked, Profile: p.id, Account: g.Account, App: g.App.Key, Data: map[string]string{"app": g.App.Name}})
	return nil
}

// AccountsFor lists the accounts of the open profile that an app is granted.
func (b *Book) AccountsFor(app App) ([]Account, error) {
	p, _, err := b.openProfile()
	if err != nil {
		b.noteWaiting(app)
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Account
	for _, a := range p.accountsLocked(readClocks()) {
		if g := p.grantLocked(app.Key, a.ID); g != nil && g.Allow {
			all = append(all, a)
		}
	}
	return all, nil
}

// AccountFor resolves a ref among the accounts that an app is granted.
func (b *Book) AccountFor(app App, ref string) (Account, error) {
	p, _, err := b.openProfile()
	if err != nil {
		b.noteWaiting(app)
		return Account{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, granted := p.choicesLocked(app, ref)
	return p.onlyLocked(granted, ref)
}

// Resolve resolves a ref among all accounts of the current profile, for the
// user's own doors. An account that is gone here but for its revocation is found
// where no linked one is.
func (b *Book) Resolve(ref string) (Account, error) {
	p, _, err := b.openProfile()
	if err != nil {
		return Account{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	found := p.matchesLocked(ref)
	if len(found) == 0 {
		if r := p.revocationLocked(ref); r != nil {
			return r.view(p.id), nil
		}
	}
	a, err := p.onlyLocked(found, ref)
	a.SharesGrant = b.sharesLocked(p, a.ID)
	return a, err
}

func (p *profile) onlyLocked(found []*account, ref string) (Account, error) {
	switch len(found) {
	case 0:
		return Account{}, noSuchAccount(ref)
	case 1:
		return p.accountLocked(found[0], readClocks()), nil
	}
	names := p.refsLocked(found)
	return Account{}, &Error{Code: CodeAmbiguousAccount, Text: fmt.Sprintf("%q fits several accounts.", ref),
		Hint: "Name one of: " + strings.Join(names, ", ") + ".", Accounts: names}
}

// flushUse writes down when accounts and grants were last used; it is kept in
// memory until something else is written or the profile closes.
func (b *Book) flushUse(p *profile) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v := p.vault
	var changes []vault.Change
	for _, a := range p.accounts {
		if a.usedSince && !a.leaving {
			changes = append(changes, put(keyAccount+a.ID, a.accountRecord))
			a.usedSince = false
		}
	}
	for _, g := range p.grants {
		if len(changes) > 0 && !g.LastUsed.IsZero() {
			changes = append(changes, put(keyGrant+g.ID, grantRecord(*g)))
		}
	}
	b.mu.Unlock()
	if v == nil || changes == nil {
		return
	}
	if err := v.Commit(changes...); err != nil {
		b.alarm(Alarm{Code: "disk", Text: diskProblem(err).Text, Hint: diskProblem(err).Hint})
		return
	}
	b.calm("disk", "")
}
