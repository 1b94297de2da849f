package ui

import (
	"cmp"
	"time"

	"dancecard/accounts"
)

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
	More         bool         // there are scopes to ask for
	FetchOnly    string       // a word about tokens that need signing; ""
	StepUp       *noticeState // an API asked for another sign-in
	Browser      browserState
}

// browserState is the browser that an account signs in with.
type browserState struct {
	ID     string
	Words  string
	Change bool // there is another one
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
	out.Browser.ID = a.Browser
	out.More = len(missing(s, a)) > 0 && a.Status != accounts.Revoking
	out.StepUp = stepUpOf(a, s.At)
	if a.FetchOnly {
		out.FetchOnly = "Signed requests only"
	}
	if a.Unnamed {
		out.ThereSub = name + " does not say whose it is"
	}
	grants := appsOf(s, "", grantsAll)
	for _, g := range grants.Rows {
		if g.AccountID == a.ID && !g.Never {
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
	case a.StepUp != nil && a.Status != accounts.Revoking:
		return []verb{verbSignIn}
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
			out = append(out, leavesState{Label: verbWords(verbSignOut, name), Verb: verbSignOut,
				Leaves: "Ends the browser's session. Leaves link and token."})
		}
		out = append(out, leavesState{Label: "Disconnect", Verb: verbDisconnect, Danger: true, Leaves: disconnectLeaves(a, profile)})
		return out
	}
	if a.SettingsPage != "" {
		out = append(out, leavesState{Label: "Open " + brief(name, 20), Verb: verbSettings, Leaves: "The page where " + name + " lists what is linked."})
	}
	out = append(out, leavesState{Label: "Give up revoking", Verb: verbGiveUp, Danger: true, Leaves: "Tries no more. Leaves the token good at " + name + "."})
	return out
}

// stepUpOf says that an API wants another sign-in (RFC 9470).
func stepUpOf(a accounts.Account, now time.Time) *noticeState {
	if a.StepUp == nil {
		return nil
	}
	n := &noticeState{Title: "An API asks for a stronger sign-in.", Text: "Everything else goes on."}
	if a.StepUp.MaxAge != nil && len(a.StepUp.ACRValues) == 0 {
		n.Title = "An API asks for a fresh sign-in."
	}
	if !a.StepUp.Since.IsZero() {
		n.Text = "Asked " + agoWords(a.StepUp.Since, now) + ". Everything else goes on."
	}
	return n
}

func disconnectLeaves(a accounts.Account, profile string) string {
	if !a.CanRevoke && a.SettingsPage != "" {
		return "Erases the token here and opens " + clean(a.ProviderName) + "'s page to end it there. Leaves " + profile + " as it is."
	}
	if !a.CanRevoke {
		return "Erases the token here; " + clean(a.ProviderName) + " cannot be told. Leaves " + profile + " as it is."
	}
	if len(a.SharesGrant) > 0 && a.Revokes != "token" {
		return "Revokes and erases the token. Also ends " + listed(cleaned(a.SharesGrant), 2) + "."
	}
	return "Revokes and erases the token. Leaves " + profile + " as it is."
}

func beadsOf(a accounts.Account, now time.Time) []beadState {
	a.StepUp = nil // of the sign-in, not of the token's life
	var out []beadState
	over := !a.Expiry.IsZero() && !a.Expiry.After(now)
	if !over && !a.Expiry.IsZero() && a.Status != accounts.Revoking {
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
	if over {
		out = append(out, beadState{Time: whenWords(a.Expiry, now), Words: "Expired", Kind: beadDone})
	}
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

// cleaned makes names of strangers safe to show.
func cleaned(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, clean(n))
	}
	return out
}
