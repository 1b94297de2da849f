package accounts

import (
	"context"
	"errors"
	"sync"
	"time"

	"dancecard/internal/secret"
	"dancecard/vault"
)

// openByKeyring opens, at a start, every profile that the desktop's keyring
// opens without asking. Why it did not is in the Snapshot.
func (b *Book) openByKeyring(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range b.profileList() {
		if p.state != ProfileLocked || p.card.LoggedOut || !hasWay(p.ways, vault.WayKeyring) {
			continue
		}
		all.Go(func() {
			err := b.open(ctx, p, vault.Keyring(vault.KeyringConfig{}))
			if errors.Is(err, vault.ErrNoKeyring) || errors.Is(err, vault.ErrWrongKey) {
				b.mu.Lock()
				b.keyring = vaultProblem(err, p.card.Name).Text
				b.mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(b.profileList()) == 0 { // a first start: can the user choose it?
		if err := vault.KeyringAvailable(ctx); err != nil {
			b.mu.Lock()
			b.keyring = vaultProblem(err, "").Text
			b.mu.Unlock()
		}
	}
}

func hasWay(ways []vault.WayInfo, kind vault.WayKind) bool {
	for _, w := range ways {
		if w.Kind == kind {
			return true
		}
	}
	return false
}

// Unlock opens a profile ("" is the current one): by the passphrase or the
// recovery key in s, or by the keyring, which may ask the user itself.
// Errors: CodeWrongSecret, CodeNoKeyring, CodeDamaged, CodeInUse.
func (b *Book) Unlock(ctx context.Context, id string, way WayKind, s secret.String) error {
	p, err := b.profile(id)
	if err != nil {
		return err
	}
	source, err := keySource(way, s)
	if err != nil {
		return err
	}
	if err := b.open(ctx, p, source); err != nil {
		return vaultProblem(err, b.nameOf(p))
	}
	b.rearm(ctx, p)
	return nil
}

// open opens the vault, merges what arrived meanwhile and starts the work.
// Its errors are the vault's.
func (b *Book) open(ctx context.Context, p *profile, source vault.KeySource) error {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	already, folder, problem := p.vault != nil, p.folder.Folder, p.problem
	if p.deleting {
		problem, folder = p.lockedErrorLocked(), nil
	}
	b.mu.Unlock()
	if already {
		return nil
	}
	if folder == nil {
		return problem
	}
	v, err := folder.Open(ctx, source)
	if err != nil {
		b.noteDamage(p, err)
		return err
	}
	if err := b.adoptStored(p, v); err != nil {
		return errors.Join(err, v.Close())
	}
	b.announce(Event{Type: EventProfileOpened, Profile: p.id, Data: map[string]string{"name": p.card.Name}})
	b.poke()
	return nil
}

// noteDamage shows a vault that cannot be opened by anybody as broken.
func (b *Book) noteDamage(p *profile, err error) {
	if !errors.Is(err, vault.ErrDamaged) && !errors.Is(err, vault.ErrFuture) && !errors.Is(err, vault.ErrUnsafe) {
		return
	}
	b.mu.Lock()
	p.state, p.problem = ProfileBroken, vaultProblem(err, p.card.Name)
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged, Profile: p.id})
}

// adopt takes an open vault into the Book.
func (b *Book) adopt(p *profile, v *vault.Vault) error {
	p.store.Lock()
	defer p.store.Unlock()
	return b.adoptStored(p, v)
}

// adoptStored is adopt for holders of p.store.
func (b *Book) adoptStored(p *profile, v *vault.Vault) error {
	b.mu.Lock()
	late := p.late
	b.mu.Unlock()
	if err := mergeInbox(v, late); err != nil {
		return err
	}
	findings := v.Findings()
	if staleCopy(findings) {
		if err := distrustTokens(v); err != nil {
			return err
		}
		// What was distrusted stays so until it is signed in again: the finding
		// need not come back, and distrust the new tokens too.
		if err := v.Settle(); err != nil {
			return err
		}
	}
	c, err := readContents(v)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p.late = nil
	p.vault, p.inbox, p.ways = v, v.Inbox(), v.Ways()
	p.state, p.since, p.problem = ProfileOpen, time.Now(), nil
	p.card.LoggedOut = false
	clear(p.waiting)
	p.accounts, p.registrations, p.grants, p.revocations = c.accounts, c.registrations, c.grants, c.revocations
	for _, f := range findings {
		b.alarmLocked(Alarm{Code: f.Kind, Text: f.Text, Hint: findingHint(f)})
	}
	return nil
}

// staleCopy reports whether spent refresh tokens may be in the vault: then
// nothing is refreshed by itself, for a provider ends the family on replay.
func staleCopy(findings []vault.Finding) bool {
	for _, f := range findings {
		if f.Kind == "older-copy" || f.Kind == "moved" {
			return true
		}
	}
	return false
}

// distrustTokens makes every account with a refresh token need a sign-in.
func distrustTokens(v *vault.Vault) error {
	accounts, err := loadAll[accountRecord](v, keyAccount)
	if err != nil {
		return err
	}
	var changes []vault.Change
	for _, r := range accounts {
		t, _, err := load[tokenRecord](v, keyToken+r.ID)
		if err != nil {
			return err
		}
		if t.Refresh == "" || r.Trouble != nil {
			continue
		}
		r.Trouble = &trouble{Status: NeedsSignIn, Since: time.Now(),
			Why: "This profile is an older copy, or from another machine: its refresh token may be spent."}
		changes = append(changes, put(keyAccount+r.ID, r))
	}
	if changes == nil {
		return nil
	}
	return v.Commit(changes...)
}

func findingHint(f vault.Finding) string {
	if f.Kind == "torn-tail" {
		return "The last change before a crash may be missing. Its bytes are kept in " + f.File + "."
	}
	return "Reconnect the accounts: their refresh tokens may have been used elsewhere."
}

// rearm gives the keyring its key back after a log out, where the profile is
// one that the keyring opens. That it cannot be done is no reason to stay locked.
func (b *Book) rearm(ctx context.Context, p *profile) {
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v, card := p.vault, p.card
	b.mu.Unlock()
	if v == nil {
		return
	}
	card.LoggedOut = false
	if err := b.writeCard(p.id, card); err != nil {
		b.alarm(Alarm{Code: "disk", Text: err.Error()})
	}
	if !hasWay(v.Ways(), vault.WayKeyring) {
		return
	}
	_, err := v.AddWay(ctx, vault.Keyring(vault.KeyringConfig{}))
	b.mu.Lock()
	b.keyring = ""
	if err != nil {
		b.keyring = vaultProblem(err, p.card.Name).Text
	}
	p.ways = v.Ways()
	b.mu.Unlock()
}

// Lock closes a profile's vault ("" is the current one). Keys are wiped when
// it returns; a refresh that is under way ends in the inbox. Locking a locked
// profile is no error.
func (b *Book) Lock(id string, why LockReason) error {
	p, err := b.profile(id)
	if err != nil {
		return err
	}
	b.cancelDances(p.id)
	b.withdrawQuestions(p.id)
	b.flushUse(p)
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	v := p.vault
	if v == nil {
		if why == LockLogOut {
			p.why = why
		}
		b.mu.Unlock()
		return nil
	}
	event := Event{Type: EventProfileLocked, Profile: p.id, Data: map[string]string{"name": p.card.Name, "why": string(why)}}
	b.mu.Unlock()
	b.logActivity(event)
	b.mu.Lock()
	p.vault = nil
	p.late = append(p.late, p.heldArrivalsLocked()...)
	p.accounts, p.registrations, p.grants, p.revocations = nil, nil, nil, nil
	p.state, p.since, p.why = ProfileLocked, time.Now(), why
	clear(p.farewells)
	b.mu.Unlock()
	b.cancelDances(p.id) // what began meanwhile
	b.withdrawQuestions(p.id)
	err = v.Close()
	b.flushLate(p)
	b.announce(event)
	return err
}

// LogOut locks a profile and takes its key out of the desktop's keyring, so
// that the passphrase or the recovery key is asked for next time.
func (b *Book) LogOut(ctx context.Context, id string) error {
	p, err := b.profile(id)
	if err != nil {
		return err
	}
	if err := b.Lock(p.id, LockLogOut); err != nil {
		return err
	}
	// A card that cannot be written is no reason to leave the key in the keyring.
	cardErr := b.changeCard(p.id, func(c *profileCard) { c.LoggedOut = true })
	b.mu.Lock()
	ringed := p.folder.Folder != nil && hasWay(p.ways, vault.WayKeyring)
	b.mu.Unlock()
	if !ringed {
		return cardErr
	}
	if err := p.folder.ForgetKeyring(ctx); err != nil {
		return &Error{Code: CodeNoKeyring, Text: "The profile is locked, but the keyring still holds its key: " + err.Error() + ".",
			Hint: "Delete the item named Dancecard in your keyring program, or log out again when the keyring answers."}
	}
	return cardErr
}

// Verify checks a passphrase or recovery key against the current, open
// profile: the user's confirmation where there is no window to ask in.
func (b *Book) Verify(ctx context.Context, way WayKind, s secret.String) error {
	if way == WayKeyring {
		return &Error{Code: CodeBadRequest, Text: "The keyring proves nothing about who asks.", Hint: "Use the passphrase or the recovery key."}
	}
	source, err := keySource(way, s)
	if err != nil {
		return err
	}
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	if err := v.Verify(ctx, source); err != nil {
		return vaultProblem(err, b.nameOf(p))
	}
	return nil
}

// nameOf is the name that the user knows a profile by.
func (b *Book) nameOf(p *profile) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return p.card.Name
}

// openProfile is the current profile with its vault, or CodeProfileLocked.
func (b *Book) openProfile() (*profile, *vault.Vault, error) {
	p, err := b.profile("")
	if err != nil {
		return nil, nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.vault == nil || p.deleting {
		return nil, nil, p.lockedErrorLocked()
	}
	return p, p.vault, nil
}

// goneLocked says why an account of a profile is not to be had.
func (p *profile) goneLocked(id string) *Error {
	if p.vault == nil {
		return p.lockedErrorLocked()
	}
	return noSuchAccount(id)
}
