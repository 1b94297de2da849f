package accounts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"dancecard/dance"
	"dancecard/vault"
)

// registersItself reports rows where a client can be had without the user.
func (b *Book) registersItself(row dance.Provider) bool {
	return slices.ContainsFunc(row.RegistrationMethods, func(m string) bool {
		return m != "document" || b.opts.ClientDocument != ""
	})
}

// enrolment is a client on its way. Those who need the same one wait for it.
type enrolment struct {
	done   chan struct{}
	client registrationRecord // set before done is closed, as is err
	err    error
}

// enrolTimeout bounds one registration with all its requests.
const enrolTimeout = time.Minute

// enrol returns a client for the dance: one that is known, or a new one, made
// once for all that wait. One who gives up does not end it.
func (b *Book) enrol(ctx context.Context, p *profile, w wish) (registrationRecord, error) {
	client, found, err := b.registration(p, w)
	if err != nil || found {
		return client, err
	}
	key := strings.Join([]string{p.id, w.target, dance.RedirectURI(w.row), map[bool]string{true: "dpop"}[w.dpop], strings.Join(w.scopes, " ")}, "\n")
	b.mu.Lock()
	e := b.enrolments[key]
	if e == nil {
		e = &enrolment{done: make(chan struct{})}
		started := b.spawnLocked(func() {
			e.client, e.err = b.makeClient(p, w)
			b.mu.Lock()
			delete(b.enrolments, key)
			b.mu.Unlock()
			close(e.done)
		})
		if !started {
			b.mu.Unlock()
			return client, errClosing()
		}
		b.enrolments[key] = e
	}
	b.mu.Unlock()
	select {
	case <-e.done:
		return e.client, e.err
	case <-ctx.Done():
		return client, dance.ErrCancelled
	}
}

// makeClient registers at the provider and stores the client before it is used.
func (b *Book) makeClient(p *profile, w wish) (r registrationRecord, err error) {
	if r, found, err := b.registration(p, w); found || err != nil {
		return r, err // it came between two looks
	}
	ctx, cancel := context.WithTimeout(b.ctx, enrolTimeout)
	defer cancel()
	c, err := dance.Register(ctx, w.row, dance.RegisterOptions{Name: "Dancecard", Document: b.opts.ClientDocument, DPoP: w.dpop, Scopes: w.scopes})
	if errors.Is(err, dance.ErrNoRegistration) {
		return r, registrationGuide(w.row)
	}
	if refused, ok := errors.AsType[*dance.Refused](err); ok {
		guide := registrationGuide(w.row)
		guide.Text = w.row.Name + " gave this program no client by itself: " + refused.Code + "."
		return r, guide
	}
	if err != nil {
		return r, err
	}
	r = registrationRecord{
		ID: newID("r"), Provider: w.row.ID, For: w.target, ClientID: c.ClientID, Secret: c.ClientSecret.Reveal(), PrivateKey: c.PrivateKey.Reveal(),
		AuthStyle: c.AuthStyle, Added: time.Now(), Method: c.Method, Redirect: dance.RedirectURI(w.row), DPoP: w.dpop, Scopes: w.scopes,
		URI: c.URI, Token: c.Token.Reveal(), Expires: c.Expires,
	}
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v := p.vault
	b.mu.Unlock()
	if v == nil {
		b.unregisterQuietly(w.row, r)
		b.mu.Lock()
		defer b.mu.Unlock()
		return r, p.lockedErrorLocked()
	}
	if err := v.Commit(put(keyRegistration+r.ID, r)); err != nil {
		b.unregisterQuietly(w.row, r)
		return r, vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	p.registrations[r.ID] = r
	b.mu.Unlock()
	return r, nil
}

// unregisterQuietly makes one try to delete a client that nothing hangs on.
func (b *Book) unregisterQuietly(row dance.Provider, r registrationRecord) {
	if r.URI == "" || r.Dead != "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spawnLocked(func() {
		ctx, cancel := context.WithTimeout(b.ctx, revokeTimeout)
		defer cancel()
		dance.Unregister(ctx, row, r.client())
	})
}

// dropClient forgets a client that was made, here and at the provider, when
// nothing hangs on it any more: no account, no pending revocation, no dance.
func (b *Book) dropClient(p *profile, row dance.Provider, id string) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, r := p.vault, p.registrations[id]
	used := b.usesClientLocked(p, id)
	if v == nil || !r.made() || used {
		b.mu.Unlock()
		return
	}
	delete(p.registrations, id)
	b.mu.Unlock()
	if err := commitAndCompact(v, remove(keyRegistration+id)); err != nil {
		b.alarm(Alarm{Code: "disk", Text: diskProblem(err).Text, Hint: diskProblem(err).Hint})
	}
	b.unregisterQuietly(row, r)
}

func commitAndCompact(v *vault.Vault, changes ...vault.Change) error {
	err := v.Commit(changes...)
	if err == nil {
		err = v.Compact()
	}
	if errors.Is(err, vault.ErrClosed) {
		return nil
	}
	return err
}

func (b *Book) usesClientLocked(p *profile, id string) bool {
	for _, a := range p.accounts {
		if a.Registration == id {
			return true
		}
	}
	for _, r := range p.revocations {
		if r.Registration.ID == id {
			return true
		}
	}
	return slices.ContainsFunc(b.dances, func(d *danceRun) bool { return d.client.ID == id && !d.view.Stage.Over() })
}
