package ui

import (
	"slices"
	"strings"

	"dancecard/accounts"
)

// protect is how a new profile shall be protected.
type protect string

const (
	protectKeyring    protect = "keyring"
	protectPassphrase protect = "passphrase"
)

// firstState is the first start, and New profile.
type firstState struct {
	Title      string
	Text       string
	KeyringWhy string // why the keyring cannot be chosen; ""
	Starters   []galleryTile
	CanCancel  bool
}

func firstOf(s accounts.Snapshot) firstState {
	f := firstState{Title: "Welcome", KeyringWhy: sentence(s.Keyring), Starters: startersOf(s),
		Text: "Connect an account once, and every program on this machine asks Dancecard for its token. You see who uses what, and you can take it back."}
	if len(s.Profiles) > 0 {
		f.Title, f.CanCancel = "A new profile", true
		f.Text = "It has its own accounts, its own vault and its own ways in. " + clean(s.Profiles[0].Name) + " stays as it is."
	}
	return f
}

// newProfileProblem says what keeps the form from being used; "" if nothing.
func newProfileProblem(name string, p protect, pass, again string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "Give the profile a name."
	case p == protectPassphrase && len([]rune(pass)) < 8:
		return "Use at least 8 characters. Four words are better."
	case p == protectPassphrase && pass != again:
		return "The two passphrases differ."
	}
	return ""
}

// keyGroups splits a recovery key into the groups that are shown.
func keyGroups(key string) []string {
	fields := strings.FieldsFunc(key, func(r rune) bool { return r == ' ' || r == '\n' })
	if len(fields) > 1 {
		return fields
	}
	if parts := strings.Split(key, "-"); len(parts) > 3 {
		return parts
	}
	var out []string
	for r := []rune(key); len(r) > 0; r = r[min(6, len(r)):] {
		out = append(out, string(r[:min(6, len(r))]))
	}
	return out
}

// wroteDown reports whether typed is the key's last group.
func wroteDown(key, typed string) bool {
	g := keyGroups(key)
	return len(g) > 0 && strings.EqualFold(strings.TrimSpace(typed), g[len(g)-1])
}

// wayState is a row that opens another way in.
type wayState struct {
	Kind  accounts.WayKind
	Label string
	Icon  string
}

// lockedState is the closed booklet.
type lockedState struct {
	Profile  string
	ID       string
	Initials string
	Title    string
	Lines    [2]string
	Way      accounts.WayKind // what the form asks for; "" where nothing opens it
	Label    string           // of the field; "" for the keyring
	Button   string
	Others   []wayState
	Problem  *noticeState // damaged, in use
	Profiles []profileState
}

// profileState is an entry of the switcher.
type profileState struct {
	ID, Name string
	Current  bool
	Locked   bool
}

func profilesOf(s accounts.Snapshot) []profileState {
	var out []profileState
	for _, p := range s.Profiles {
		out = append(out, profileState{ID: p.ID, Name: clean(p.Name), Current: p.ID == s.Current, Locked: p.State != accounts.ProfileOpen})
	}
	return out
}

// lockedOf shows the current profile as locked. way is the user's choice among
// the ways in, "" for the usual one.
func lockedOf(s accounts.Snapshot, way accounts.WayKind) lockedState {
	p, ok := s.Profile(s.Current)
	if !ok && len(s.Profiles) > 0 {
		p = s.Profiles[0]
	}
	name := clean(p.Name)
	out := lockedState{Profile: name, ID: p.ID, Initials: initials(name), Title: name + " is locked", Profiles: profilesOf(s)}
	if p.State == accounts.ProfileBroken {
		out.Title = name + " cannot be opened"
		if p.Problem != nil {
			n := problemOf(p.Problem)
			out.Problem = &n
		}
		return out
	}
	out.Lines[0] = lockedWords(p, s)
	if p.Waiting == 1 {
		out.Lines[1] = "1 program is waiting."
	} else if p.Waiting > 1 {
		out.Lines[1] = count(p.Waiting, "program") + " are waiting."
	}
	var kinds []accounts.WayKind
	for _, w := range p.Ways {
		if !slices.Contains(kinds, w.Kind) {
			kinds = append(kinds, w.Kind)
		}
	}
	if !slices.Contains(kinds, way) {
		way = usualWay(kinds, p.Why)
	}
	out.Way = way
	switch way {
	case accounts.WayPassphrase:
		out.Label, out.Button = "Passphrase", "Unlock"
	case accounts.WayRecovery:
		out.Label, out.Button = "Recovery key", "Unlock"
	case accounts.WayKeyring:
		out.Button = "Unlock with the keyring"
	}
	for _, k := range []accounts.WayKind{accounts.WayPassphrase, accounts.WayKeyring, accounts.WayRecovery} {
		if k == way || !slices.Contains(kinds, k) || k == accounts.WayKeyring && p.Why == accounts.LockLogOut {
			continue
		}
		out.Others = append(out.Others, wayRow(k))
	}
	return out
}

func usualWay(kinds []accounts.WayKind, why accounts.LockReason) accounts.WayKind {
	order := []accounts.WayKind{accounts.WayPassphrase, accounts.WayKeyring, accounts.WayRecovery}
	if why == accounts.LockLogOut { // the keyring has forgotten it
		order = []accounts.WayKind{accounts.WayPassphrase, accounts.WayRecovery}
	}
	for _, k := range order {
		if slices.Contains(kinds, k) {
			return k
		}
	}
	return ""
}

func wayRow(k accounts.WayKind) wayState {
	switch k {
	case accounts.WayPassphrase:
		return wayState{k, "Passphrase", "key"}
	case accounts.WayRecovery:
		return wayState{k, "Recovery key", "paper"}
	}
	return wayState{k, "Desktop keyring", "shield"}
}

func lockedWords(p accounts.Profile, s accounts.Snapshot) string {
	since := ""
	if !p.Since.IsZero() {
		since = "Since " + whenWords(p.Since, s.At)
	}
	switch p.Why {
	case accounts.LockStart:
		return "Not opened since Dancecard started."
	case accounts.LockLogOut:
		return join(since, "when you logged out.")
	case accounts.LockScreen:
		return join(since, "when the screen locked.")
	case accounts.LockUserSwitch:
		return join(since, "when somebody else took the seat.")
	case accounts.LockSleep:
		return join(since, "when the computer slept.")
	case accounts.LockIdle:
		return join(since, "when nobody was there.")
	}
	return join(since, "when you locked it.")
}

func join(since, why string) string {
	if since == "" {
		return upperFirst(strings.TrimPrefix(why, "when "))
	}
	return since + ", " + why
}
