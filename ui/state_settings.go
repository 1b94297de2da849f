package ui

import (
	"path/filepath"
	"slices"
	"time"

	"dancecard/accounts"
)

// settingState is a row of Settings.
type settingState struct {
	Icon, Title, Sub string
	Copy             string // "": nothing to copy
}

// settingsState is the Settings view.
type settingsState struct {
	Profile string
	Delete  string // what the button says; "": there is no profile
	Anyway  bool   // only what a provider could not be told of is left
	Ways    []settingState
	Locks   []lockState
	Machine []settingState
}

// lockState is a rule by which the profile locks by itself.
type lockState struct {
	Icon, Title, Sub string
	On               bool
	Flip             accounts.LockRules // the rules with this one the other way
}

// idleDefault is what "when nobody is there" means unless it was said.
const idleDefault = 15 * time.Minute

// locksOf are the switches of the rules.
func locksOf(r accounts.LockRules) []lockState {
	screen, sleep, idle := r, r, r
	screen.Screen, sleep.Sleep = !r.Screen, !r.Sleep
	after := idleDefault
	if r.Idle > 0 {
		after, idle.Idle = r.Idle, 0
	} else {
		idle.Idle = idleDefault
	}
	return []lockState{
		{"lock", "When the screen locks", "and when somebody else takes the seat", r.Screen, screen},
		{"clock", "Before the computer sleeps", "the computer waits a moment for it", r.Sleep, sleep},
		{"info", "When nobody is there for " + minutesWords(after), "where the desktop tells", r.Idle > 0, idle},
	}
}

func minutesWords(d time.Duration) string {
	if d%time.Hour == 0 {
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/time.Minute), "minute")
}

func settingsOf(s accounts.Snapshot, o Options) settingsState {
	p, _ := s.Profile(s.Current)
	out := settingsState{Profile: clean(p.Name)}
	for _, w := range p.Ways {
		row := settingState{Sub: "since " + whenWords(w.Added, s.At)}
		if w.Added.IsZero() {
			row.Sub = ""
		}
		switch w.Kind {
		case accounts.WayKeyring:
			row.Icon, row.Title, row.Sub = "shield", "This desktop's keyring", "opens by itself after you log in"
		case accounts.WayPassphrase:
			row.Icon, row.Title = "key", "Passphrase"
		case accounts.WayRecovery:
			row.Icon, row.Title = "paper", "Recovery key"
		default:
			row.Icon, row.Title = "key", clean(string(w.Kind))
		}
		out.Ways = append(out.Ways, row)
	}
	if p.ID != "" {
		out.Locks = locksOf(p.Locks)
		out.Delete = "Delete..."
		if len(s.Accounts) > 0 && !slices.ContainsFunc(s.Accounts, func(a accounts.Account) bool { return a.Status != accounts.Revoking }) {
			out.Delete, out.Anyway = "Delete anyway...", true
		}
	}
	add := func(icon, title, sub string, copied bool) {
		if sub == "" {
			return
		}
		row := settingState{Icon: icon, Title: title, Sub: sub}
		if copied {
			row.Copy = sub
		}
		out.Machine = append(out.Machine, row)
	}
	add("lock", "Profiles", o.Data, true)
	if o.Providers != "" {
		add("globe", "Your provider files", filepath.Clean(o.Providers), true)
	}
	add("apps", "Socket for apps", o.Socket, true)
	add("info", "Version", o.Version, false)
	return out
}
