package ui

import (
	"cmp"
	"fmt"
	"net/url"
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
	verbOpen       verb = "open"
	verbSettings   verb = "settings page"
	verbConnect    verb = "connect"
	verbDismiss    verb = "dismiss"
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
		s.Glyph, s.Words, s.Sub = glyphOK, "Ready", "Does not expire"
		if !a.Expiry.IsZero() {
			s.Sub, s.Ticks = durationWords(left)+" left", left < 10*time.Minute
			s.Life = lifeOf(a, now)
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
			return []verb{verbOpen, verbSettings}
		}
		return []verb{verbOpen}
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
	case verbSettings:
		return provider + "'s settings page"
	case verbOpen:
		return "Open"
	}
	return string(v)
}

// leavesState is a verb on an account's page with what it leaves.
type leavesState struct {
	Label  string
	Verb   verb
	Leaves string
	Danger bool
}

// beadState is a line of the token's timeline.
type beadState struct {
	Time  string
	Words string
	Kind  beadKind
}

type beadKind int

const (
	beadToCome beadKind = iota
	beadNow
	beadDone
)

// accountState is an account's page.
type accountState struct {
	ID, Label    string
	Tile         tileState
	Provider     string
	Sub          string // "GitHub, since May 2025"
	Status       statusState
	Seed         string
	Initials     string
	There        string // "at GitHub"
	ThereSub     string // "the account, id 4817202"
	Profile      string
	ProfileSeed  string
	Scopes       []scopeState
	MayNot       string
	Beads        []beadState
	TokenNote    string
	Apps         []appState
	AppsMore     int
	Buttons      []verb // head, the last one is filled
	Verbs        []leavesState
	SettingsPage string
}

func accountOf(s accounts.Snapshot, id string) (accountState, bool) {
	a, ok := s.Account(id)
	if !ok {
		return accountState{}, false
	}
	prof, _ := s.Profile(s.Current)
	name := clean(a.ProviderName)
	out := accountState{ID: a.ID, Label: clean(a.Label), Tile: tileOf(a.Tile, a.ProviderName), Provider: name,
		Sub: name + ", since " + a.Linked.Local().Format("January 2006"), Status: statusOf(a, s.At),
		Seed: a.ID, Initials: initials(cmp.Or(a.Name, a.Label)),
		There: "at " + name, ThereSub: "the account, id " + clean(a.Subject),
		Profile: clean(prof.Name), ProfileSeed: prof.ID,
		Scopes: scopesOf(a.Asked, a.Granted, a.Words), Beads: beadsOf(a, s.At), SettingsPage: a.SettingsPage}
	out.TokenNote = tokenNote(a)
	grants := appsOf(s, "", grantsAll)
	for _, g := range grants.Rows {
		if g.AccountID == a.ID {
			out.Apps = append(out.Apps, g)
		}
	}
	if len(out.Apps) > 3 {
		out.AppsMore, out.Apps = len(out.Apps)-3, out.Apps[:3]
	}
	out.Buttons = headVerbs(a)
	out.Verbs = leavesOf(a, out.Profile)
	return out, true
}

func headVerbs(a accounts.Account) []verb {
	switch {
	case a.Status == accounts.Offline:
		return []verb{verbTryNow}
	case a.Status == accounts.NeedsSignIn, a.Status == accounts.Expiring && !a.Refreshes:
		return []verb{verbSignIn}
	case a.Status == accounts.NeedsRegistration:
		return []verb{verbRegister}
	case a.Refreshes && a.Status != accounts.Revoking && a.Status != accounts.Refreshing:
		return []verb{verbRefresh}
	}
	return nil
}

func leavesOf(a accounts.Account, profile string) []leavesState {
	name := clean(a.ProviderName)
	var out []leavesState
	if a.Status != accounts.Revoking {
		out = append(out, leavesState{Label: "Reconnect", Verb: verbReconnect,
			Leaves: "Sign in again as " + clean(cmp.Or(a.Login, a.Label)) + ". Leaves every app its access."})
		if a.EndSession {
			out = append(out, leavesState{Label: "Sign out at " + name, Verb: verbSignOut,
				Leaves: "Ends the browser's session. Leaves link and token."})
		}
		out = append(out, leavesState{Label: "Disconnect", Verb: verbDisconnect, Danger: true, Leaves: disconnectLeaves(a, profile)})
		return out
	}
	if a.SettingsPage != "" {
		out = append(out, leavesState{Label: "Open " + name, Verb: verbSettings, Leaves: "The page where " + name + " lists what is linked."})
	}
	return out
}

func disconnectLeaves(a accounts.Account, profile string) string {
	if !a.CanRevoke {
		return "Erases the token here; " + clean(a.ProviderName) + " cannot be told. Leaves " + profile + " as it is."
	}
	return "Revokes and erases the token. Leaves " + profile + " as it is."
}

func beadsOf(a accounts.Account, now time.Time) []beadState {
	var out []beadState
	if !a.Expiry.IsZero() && a.Status != accounts.Revoking {
		end := beadState{Time: whenWords(a.Expiry, now), Words: "Refreshes by itself"}
		if !a.Refreshes {
			end.Words = "Ends, sign in again"
		}
		out = append(out, end)
	}
	st := statusOf(a, now)
	mid := beadState{Time: "now", Words: st.Words, Kind: beadNow}
	if a.Status == accounts.Ready {
		mid.Words = st.Sub
	}
	out = append(out, mid)
	if !a.Issued.IsZero() {
		out = append(out, beadState{Time: whenWords(a.Issued, now), Words: "Given by " + clean(a.ProviderName), Kind: beadDone})
	}
	return out
}

func tokenNote(a accounts.Account) string {
	if a.Issued.IsZero() || a.Expiry.IsZero() {
		return ""
	}
	return durationWords(a.Expiry.Sub(a.Issued).Round(time.Minute)) + " at a time"
}

// hostOf is the host of an address, for people.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return clean(address)
	}
	return clean(u.Host)
}

// grantFilter is a chip of the Apps view.
type grantFilter string

const (
	grantsAll    grantFilter = "All"
	grantsAlways grantFilter = "Always"
	grantsForNow grantFilter = "For now"
	grantsNever  grantFilter = "Never"
)

// appState is one app's grant.
type appState struct {
	ID        string
	Name      string
	Path      string
	Icon      string
	AccountID string
	Account   string
	Tile      tileState
	Words     string
	Sub       string
	Never     bool
	Button    string
}

// appsState is the Apps view.
type appsState struct {
	Rows   []appState
	Counts map[grantFilter]int
}

func appsOf(s accounts.Snapshot, search string, f grantFilter) appsState {
	out := appsState{Counts: map[grantFilter]int{}}
	list := slices.Clone(s.Grants)
	slices.SortStableFunc(list, func(a, b accounts.Grant) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), b.Made.Compare(a.Made))
	})
	for _, g := range list {
		kind := grantsAlways
		switch {
		case !g.Allow:
			kind = grantsNever
		case !g.Until.IsZero():
			kind = grantsForNow
		}
		out.Counts[grantsAll]++
		out.Counts[kind]++
		row := appOf(s, g)
		if (f == grantsAll || f == kind) && matches(search, row.Name, row.Path, row.Account) {
			out.Rows = append(out.Rows, row)
		}
	}
	return out
}

func appOf(s accounts.Snapshot, g accounts.Grant) appState {
	a, _ := s.Account(g.Account)
	r := appState{ID: g.ID, Name: appName(g.App), Path: clean(cmp.Or(g.App.CallerPath, g.App.Path)), Icon: "apps",
		AccountID: g.Account, Account: clean(cmp.Or(a.Label, "every account")), Tile: tileOf(a.Tile, a.ProviderName), Button: "Take back"}
	how := "Token"
	if g.FetchOnly {
		how = "Fetch only"
	}
	switch {
	case !g.Allow:
		r.Never, r.Words, r.Sub, r.Button = true, "Never", "since "+whenWords(g.Made, s.At), "Remove"
		return r
	case g.Until.IsZero():
		r.Words = how + ", always"
	default:
		r.Words = how + ", " + durationWords(g.Until.Sub(s.At).Truncate(time.Minute))
	}
	r.Sub = "not used yet"
	if !g.LastUsed.IsZero() {
		r.Sub = "used " + agoWords(g.LastUsed, s.At)
	}
	return r
}

// appName is the program that a grant or question is about: the one that a
// carrier speaks for, with the carrier.
func appName(a accounts.App) string {
	name := clean(cmp.Or(a.Name, "A program"))
	if c := clean(a.Caller); c != "" && c != name {
		return fmt.Sprintf("%s, by %s", c, name)
	}
	return name
}
