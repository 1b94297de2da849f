package ui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dancecard/accounts"
	"dancecard/dance"
)

// verb is what a button does to an account.
type verb string

const (
	verbNone       verb = ""
	verbSignIn     verb = "sign in"
	verbTryNow     verb = "try now"
	verbRefresh    verb = "refresh"
	verbReconnect  verb = "reconnect"
	verbRegister   verb = "register"
	verbSignOut    verb = "sign out"
	verbDisconnect verb = "disconnect"
	verbGiveUp     verb = "give up"
	verbOpen       verb = "open"
	verbSettings   verb = "settings page"
	verbConnect    verb = "connect"
	verbMore       verb = "ask for more"
)

// tone is the weight of a status' words.
type tone int

const (
	toneInk tone = iota
	toneAttention
	toneDanger
)

// statusState is how an account stands, in a shape and words.
type statusState struct {
	Glyph  glyphName
	Words  string
	Tone   tone
	Sub    string
	Life   float32 // the rest of the token's life, 0 to 1; -1: no cord
	Button string
	Verb   verb
	Ticks  bool // the words change every second
}

// statusOf is LOOK's table of states.
func statusOf(a accounts.Account, now time.Time) statusState {
	s := statusState{Life: -1}
	left := a.Expiry.Sub(now)
	switch a.Status {
	case accounts.Ready:
		s.Glyph, s.Words, s.Sub = glyphOK, "Ready", "No end is known"
		if a.Endless {
			s.Sub = "Does not expire"
		}
		if a.StepUp != nil {
			s.Button, s.Verb = "Sign in", verbSignIn
		}
		if !a.Expiry.IsZero() {
			s.Sub, s.Ticks = durationWords(left)+" left", left < 10*time.Minute
			s.Life = lifeOf(a, now)
		}
		if a.StepUp != nil {
			s.Glyph, s.Sub, s.Life = glyphAttention, "An API wants a new sign-in", -1
		}
	case accounts.Expiring:
		s.Glyph, s.Words, s.Sub = glyphExpiring, "Expires in "+durationWords(left), "Refreshes by itself"
		if left <= 0 {
			s.Words = "Expired"
		}
		if !a.Refreshes {
			s.Sub, s.Button, s.Verb = "Sign in again then", "Sign in", verbSignIn
		}
		s.Ticks, s.Life = left < 10*time.Minute, lifeOf(a, now)
	case accounts.Refreshing:
		s.Glyph, s.Words, s.Sub = glyphRefreshing, "Refreshing", "Apps keep the old one"
	case accounts.Offline:
		s.Glyph, s.Words, s.Button, s.Verb = glyphOffline, "Offline, will retry", "Try now", verbTryNow
		s.Sub, s.Ticks = nextTryWords(a.NextTry, now), true
	case accounts.NeedsSignIn:
		s.Glyph, s.Words, s.Tone, s.Button, s.Verb = glyphAttention, "Needs sign-in", toneAttention, "Sign in", verbSignIn
		s.Sub = cmp.Or(sentence(a.Why), sinceWords(a.Since, now))
	case accounts.NeedsRegistration:
		s.Glyph, s.Words, s.Tone, s.Button, s.Verb = glyphAttention, "Needs registration", toneAttention, "Set up", verbRegister
		s.Sub = cmp.Or(sentence(a.Why), sinceWords(a.Since, now))
	case accounts.Revoking:
		s.Glyph, s.Words, s.Sub = glyphRevoking, "Revocation pending", "Erased here"
		if !a.NextTry.IsZero() {
			s.Sub = "Erased here. Next try at " + clock(a.NextTry)
		}
	default:
		s.Glyph, s.Words = glyphDanger, string(a.Status)
		s.Tone = toneDanger
	}
	return s
}

func lifeOf(a accounts.Account, now time.Time) float32 {
	whole := a.Expiry.Sub(a.Issued)
	if a.Issued.IsZero() || whole <= 0 {
		return -1
	}
	return float32(min(1, max(0, float64(a.Expiry.Sub(now))/float64(whole))))
}

func nextTryWords(t, now time.Time) string {
	if t.IsZero() || !t.After(now) {
		return "Trying now"
	}
	return "Next try in " + durationWords(t.Sub(now))
}

func sinceWords(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "Since " + whenWords(t, now)
}

// tileState is a provider's mark.
type tileState struct {
	Monogram string
	Tile     dance.Tile
}

func tileOf(t dance.Tile, name string) tileState {
	m := clean(t.Monogram)
	if m == "" {
		m = initials(name)
	}
	r := []rune(m)
	return tileState{Monogram: string(r[:min(2, len(r))]), Tile: t}
}

// cardState is one account's card.
type cardState struct {
	ID      string
	Tile    tileState
	Name    string
	Caption string
	Status  statusState
	Filled  bool
	Verbs   []verb // of the "more" menu
}

// accountsState is the list of accounts.
type accountsState struct {
	Cards         []cardState
	Total, Need   int
	OnlyNeed      bool
	Empty         bool // no account at all
	ConnectFilled bool
	Starters      []galleryTile // of the empty card
	Nothing       string        // what to say where nothing matches
}

func accountsOf(s accounts.Snapshot, search string, onlyNeed bool) accountsState {
	out := accountsState{Total: len(s.Accounts), OnlyNeed: onlyNeed}
	list := slices.Clone(s.Accounts)
	slices.SortStableFunc(list, needsFirst)
	for _, a := range list {
		if a.Status.NeedsUser() {
			out.Need++
		} else if onlyNeed {
			continue
		}
		if !matches(search, a.Label, a.Login, a.Email, a.ProviderName) {
			continue
		}
		c := cardOf(a, s.At)
		c.Filled = a.Status.NeedsUser() && len(out.Cards) == 0
		out.Cards = append(out.Cards, c)
	}
	out.Empty = out.Total == 0
	out.ConnectFilled = out.Empty || len(out.Cards) == 0 || !out.Cards[0].Filled
	if len(out.Cards) == 0 && !out.Empty {
		out.Nothing = "No account matches. Type less, or show all."
	}
	if out.Empty {
		out.Starters = startersOf(s)
	}
	return out
}

// needsFirst sorts: what needs the user, then last used, then by name.
func needsFirst(a, b accounts.Account) int {
	if n, m := a.Status.NeedsUser(), b.Status.NeedsUser(); n != m {
		if n {
			return -1
		}
		return 1
	}
	return cmp.Or(b.LastUsed.Compare(a.LastUsed), cmp.Compare(strings.ToLower(a.Label), strings.ToLower(b.Label)))
}

func cardOf(a accounts.Account, now time.Time) cardState {
	return cardState{ID: a.ID, Tile: tileOf(a.Tile, a.ProviderName), Name: clean(a.Label),
		Caption: clean(a.ProviderName) + " · " + appsWords(a), Status: statusOf(a, now), Verbs: menuVerbs(a)}
}

func appsWords(a accounts.Account) string {
	switch {
	case a.Status == accounts.Revoking:
		return clean(cmp.Or(a.Login, a.Email, a.Subject))
	case a.Apps == 0:
		return "no app yet"
	case a.Status.NeedsUser() && a.Apps == 1:
		return "1 app waits for it"
	case a.Status.NeedsUser():
		return count(a.Apps, "app") + " wait for it"
	}
	return count(a.Apps, "app")
}

// menuVerbs are the verbs that fit an account now.
func menuVerbs(a accounts.Account) []verb {
	if a.Status == accounts.Revoking {
		if a.SettingsPage != "" {
			return []verb{verbOpen, verbSettings, verbGiveUp}
		}
		return []verb{verbOpen, verbGiveUp}
	}
	out := []verb{verbOpen}
	if a.Refreshes && (a.Status == accounts.Ready || a.Status == accounts.Expiring || a.Status == accounts.Offline) {
		out = append(out, verbRefresh)
	}
	out = append(out, verbReconnect)
	if a.EndSession {
		out = append(out, verbSignOut)
	}
	return append(out, verbDisconnect)
}

// verbWords is what a button or menu item of a verb says.
func verbWords(v verb, provider string) string {
	provider = brief(provider, 20)
	switch v {
	case verbSignIn:
		return "Sign in"
	case verbTryNow:
		return "Try now"
	case verbRefresh:
		return "Refresh"
	case verbReconnect:
		return "Reconnect"
	case verbRegister:
		return "Set up"
	case verbSignOut:
		return "Sign out at " + provider
	case verbDisconnect:
		return "Disconnect"
	case verbGiveUp:
		return "Give up revoking"
	case verbSettings:
		return provider + "'s settings page"
	case verbOpen:
		return "Open"
	}
	return string(v)
}
