package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"dancecard/internal/secret"
	"dancecard/vault"
)

// profile is a local account and, while it is open, what its vault holds.
type profile struct {
	id     string
	folder claimed

	// store serialises what is written: it is held over disk, and taken
	// before Book.mu. Whoever holds it may read vault and know that it stays.
	store sync.Mutex

	// The fields that follow are guarded by Book.mu; vault is only set by
	// holders of both locks.
	card          profileCard
	vault         *vault.Vault // nil: locked
	inbox         *vault.Inbox // of the last opening
	state         ProfileState
	deleting      bool // DeleteProfile is at work: nothing new begins
	since         time.Time
	why           LockReason
	ways          []vault.WayInfo
	problem       *Error
	waiting       map[string]bool // apps that asked while locked, by key
	accounts      map[string]*account
	registrations map[string]registrationRecord
	grants        map[string]*Grant
	revocations   map[string]*revocation
	flights       map[string]*flight // refreshes under way; they outlive a lock
	farewells     map[farewell]bool
	late          []arrival // came while locked, and the disk refused it
	lateTry       time.Time
}

// claimed is a folder that this process holds, or none if another one does.
type claimed struct{ *vault.Folder }

func (c claimed) close() error {
	if c.Folder == nil {
		return nil
	}
	return c.Close()
}

// profileCard is what lies beside the vault in the clear: what the user must
// see before the profile is open.
type profileCard struct {
	Name      string    `json:"name"`
	Made      time.Time `json:"made"`
	LoggedOut bool      `json:"logged_out,omitempty"`
	Current   bool      `json:"current,omitempty"`
	Lock      lockRules `json:"lock,omitzero"`
}

func (b *Book) profileDir(id string) string { return filepath.Join(b.opts.Dir, "profiles", id) }
func (b *Book) cardPath(id string) string   { return b.profileDir(id) + ".json" }

// readProfiles claims every profile on this machine.
func (b *Book) readProfiles() error {
	b.finishBurials()
	cards, err := filepath.Glob(filepath.Join(b.opts.Dir, "profiles", "*.json"))
	if err != nil {
		return err
	}
	for _, path := range cards {
		id := strings.TrimSuffix(filepath.Base(path), ".json")
		if !profileID.MatchString(id) {
			continue // no card of ours, and its name is no folder to claim
		}
		p := newProfile(id)
		p.card = readCard(path, id)
		b.claim(p)
		if p.state == ProfileLocked && !p.folder.Exists() && unfinished(b.profileDir(id)) {
			p.folder.close() // a creation that was cut off before it was a vault; nobody has its key
			os.RemoveAll(b.profileDir(id))
			os.Remove(path)
			continue
		}
		b.profiles[id] = p
		if p.card.Current || b.current == "" {
			b.current = id
		}
	}
	return nil
}

var profileID = regexp.MustCompile(`^p[0-9a-f]{20}$`) // as newID makes them

// readCard reads a card. It is not sealed: whatever is wrong with it, the
// profile behind it is shown, under its id if it must be.
func readCard(path, id string) profileCard {
	card := profileCard{Name: id}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return card
	}
	raw, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(raw, &card) != nil {
		return profileCard{Name: id}
	}
	if card.Name, err = cleanName(card.Name); err != nil {
		card.Name = id
	}
	return card
}

// unfinished reports whether nothing in dir was ever put in place.
func unfinished(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return e.Name() != "lock" && e.Name() != "slots" && !strings.HasSuffix(e.Name(), ".new")
	})
}

func newProfile(id string) *profile {
	return &profile{
		id: id, state: ProfileLocked, why: LockStart, since: time.Now(),
		waiting: map[string]bool{}, flights: map[string]*flight{}, farewells: map[farewell]bool{},
	}
}

// claim takes the profile's folder, or notes why it cannot be had.
func (b *Book) claim(p *profile) {
	folder, err := vault.Claim(b.profileDir(p.id))
	if err == nil {
		p.folder = claimed{folder}
		p.ways, err = folder.Ways()
		if errors.Is(err, vault.ErrNoVault) {
			err = nil
		}
	}
	if err != nil {
		p.state, p.problem = ProfileBroken, vaultProblem(err, p.card.Name)
	}
	if p.card.LoggedOut {
		p.why = LockLogOut
	}
}

// writeCard makes the card durable.
func (b *Book) writeCard(id string, card profileCard) error {
	raw, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(b.cardPath(id), raw); err != nil {
		return diskProblem(err)
	}
	return nil
}

// NewProfile says how a profile is made.
type NewProfile struct {
	Name       string
	Keyring    bool          // open by itself through the desktop's keyring
	Passphrase secret.String // none if empty
}

// CreateProfile makes a profile, opens it and makes it the current one. The
// recovery key opens it when all else is lost; it is returned once and kept
// nowhere. Errors: CodeBadRequest for the name, CodeNoKeyring, CodeDisk.
func (b *Book) CreateProfile(ctx context.Context, n NewProfile) (id string, recoveryKey secret.String, err error) {
	name, err := cleanName(n.Name)
	if err != nil {
		return "", recoveryKey, err
	}
	recoveryKey, err = vault.NewRecoveryKey()
	if err != nil {
		return "", recoveryKey, err
	}
	recovery, err := vault.RecoveryKey(recoveryKey)
	if err != nil {
		return "", secret.String{}, err
	}
	ways := []vault.KeySource{recovery}
	if !n.Passphrase.IsZero() {
		ways = append(ways, vault.Passphrase(n.Passphrase))
	}
	if n.Keyring {
		ways = append(ways, vault.Keyring(vault.KeyringConfig{Interactive: true}))
	}
	p := newProfile(newID("p"))
	p.card = profileCard{Name: name, Made: time.Now()}
	if err := b.makeVault(ctx, p, ways); err != nil {
		return "", secret.String{}, err
	}
	b.mu.Lock()
	b.profiles[p.id] = p
	b.mu.Unlock()
	b.announce(Event{Type: EventProfileCreated, Profile: p.id, Data: map[string]string{"name": name}},
		Event{Type: EventProfileOpened, Profile: p.id, Data: map[string]string{"name": name}})
	if err := b.SwitchProfile(p.id); err != nil {
		// The profile is there, and this is the only chance to see its key.
		b.alarm(Alarm{Code: "disk", Text: err.Error(), Hint: "Make room on the disk, then switch profiles."})
	}
	return p.id, recoveryKey, nil
}

// makeVault writes card and vault; on an error neither is left.
func (b *Book) makeVault(ctx context.Context, p *profile, ways []vault.KeySource) (err error) {
	if err := b.writeCard(p.id, p.card); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			p.folder.close()
			os.RemoveAll(b.profileDir(p.id))
			os.Remove(b.cardPath(p.id))
		}
	}()
	folder, err := vault.Claim(b.profileDir(p.id))
	if err != nil {
		return vaultProblem(err, p.card.Name)
	}
	p.folder = claimed{folder}
	v, err := folder.Create(ctx, ways...)
	if err != nil {
		return vaultProblem(err, p.card.Name)
	}
	return b.adopt(p, v)
}

// cleanName checks a name that the user gives to a profile or an account.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || name == "." || name == ".." || len(name) > 80 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", &Error{Code: CodeBadRequest, Text: "That name cannot be used.",
			Hint: "Choose one of 1 to 80 printable characters; a dot or two alone are none."}
	}
	return name, nil
}

// RenameProfile changes the name that the user sees.
func (b *Book) RenameProfile(id, name string) error {
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	return b.changeCard(id, func(c *profileCard) { c.Name = name })
}

// SwitchProfile makes a profile the one that the doors show.
func (b *Book) SwitchProfile(id string) error {
	if _, err := b.profile(id); err != nil {
		return err
	}
	for _, p := range b.profileList() {
		if err := b.changeCard(p.id, func(c *profileCard) { c.Current = p.id == id }); err != nil {
			return err
		}
	}
	b.mu.Lock()
	left := b.current
	b.current = id
	b.mu.Unlock()
	if left != id {
		b.withdrawQuestions(left)
	}
	b.announce(Event{Type: EventChanged, Profile: id})
	return nil
}

func (b *Book) changeCard(id string, change func(*profileCard)) error {
	p, err := b.profile(id)
	if err != nil {
		return err
	}
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	card, gone := p.card, b.profiles[p.id] != p
	b.mu.Unlock()
	if gone {
		return nil // deleted meanwhile
	}
	old := card
	change(&card)
	if card == old {
		return nil
	}
	if err := b.writeCard(p.id, card); err != nil {
		return err
	}
	b.mu.Lock()
	p.card = card
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged, Profile: p.id})
	return nil
}

// profile finds a profile; "" means the current one.
func (b *Book) profile(id string) (*profile, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id == "" {
		id = b.current
	}
	if p, ok := b.profiles[id]; ok {
		return p, nil
	}
	if len(b.profiles) == 0 {
		return nil, &Error{Code: CodeNoProfile, Text: "There is no profile yet.", Hint: "Open Dancecard and create one."}
	}
	return nil, &Error{Code: CodeNoSuchProfile, Text: fmt.Sprintf("There is no profile %q.", id),
		Hint: "dancectl profile lists the profiles."}
}

func (b *Book) profileList() []*profile {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.profiles), func(x, y *profile) int {
		return strings.Compare(x.card.Name+x.id, y.card.Name+y.id)
	})
}
