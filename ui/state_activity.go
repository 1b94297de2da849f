package ui

import (
	"cmp"
	"strings"

	"dancecard/accounts"
)

// lineState is a row of Activity; a row with a Day alone is a heading.
type lineState struct {
	Day   string
	Time  string
	Glyph glyphName // "": a plain bead
	Bold  string    // begins the line
	Words string
	Sub   string
	Tile  tileState
}

// activityState is the Activity view.
type activityState struct {
	Lines   []lineState
	Nothing string
}

func activityOf(s accounts.Snapshot, list []accounts.Activity, search string) activityState {
	var out activityState
	day := ""
	for _, a := range list {
		l := lineOf(s, a)
		if !matches(search, l.Bold, l.Words, l.Sub) {
			continue
		}
		name := dayWords(a, s)
		if name != day {
			day = name
			out.Lines = append(out.Lines, lineState{Day: day})
		}
		out.Lines = append(out.Lines, l)
	}
	if len(out.Lines) == 0 {
		out.Nothing = "Nothing has happened yet. What apps ask for and what becomes of accounts is listed here."
		if search != "" {
			out.Nothing = "Nothing matches. Type less."
		}
	}
	return out
}

// signIn names a dance by its provider; older lines name none.
func signIn(provider string) string {
	if provider == "" {
		return "A sign-in"
	}
	return "The sign-in at " + clean(provider)
}

func dayWords(a accounts.Activity, s accounts.Snapshot) string {
	if sameDay(a.At, s.At) {
		return "Today"
	}
	return whenWords(a.At, s.At)
}

func lineOf(s accounts.Snapshot, a accounts.Activity) lineState {
	acc, _ := s.Account(a.Account)
	label := clean(cmp.Or(acc.Label, a.Label, "an account"))
	app := clean(cmp.Or(a.App, "An app"))
	l := lineState{Time: clock(a.At), Sub: clean(a.Note)}
	if acc.ID != "" {
		l.Tile = tileOf(acc.Tile, acc.ProviderName)
	}
	switch a.Type {
	case "grant.used":
		l.Bold, l.Words, l.Sub = app, "used "+label, clean(cmp.Or(a.Path, a.Note))
	case "grant.asked":
		l.Bold, l.Words, l.Sub = app, "asked for "+label, clean(cmp.Or(a.Path, a.Note))
	case "grant.allowed":
		l.Glyph, l.Words, l.Sub = glyphOK, "You allowed "+app+": "+label, forWords(a.Note)
	case "grant.denied":
		l.Glyph, l.Words, l.Sub = glyphDanger, app+" was told no: "+label, forWords(a.Note)
	case "grant.revoked":
		l.Words = "You took back the access of " + app + " to " + label
	case "account.connected":
		l.Glyph, l.Bold, l.Words = glyphOK, label, "connected"
	case "account.reconnected":
		l.Glyph, l.Bold, l.Words = glyphOK, label, "signed in again"
	case "account.disconnected":
		l.Glyph, l.Bold, l.Words = glyphRevoking, label, "disconnected"
	case "account.needs_sign_in":
		l.Glyph, l.Bold, l.Words = glyphAttention, label, "needs sign-in"
	case "account.needs_registration":
		l.Glyph, l.Bold, l.Words = glyphAttention, label, "needs a registration"
	case "account.recovered":
		l.Glyph, l.Bold, l.Words = glyphOK, label, "is back"
	case "token.refreshed":
		l.Glyph, l.Bold, l.Words = glyphRefreshing, label, "refreshed"
	case "token.refresh_failed":
		l.Glyph, l.Bold, l.Words = glyphOffline, label, "could not refresh"
	case "revocation.pending":
		l.Glyph, l.Bold, l.Words = glyphRevoking, label, "waits to be revoked"
	case "revocation.done":
		l.Glyph, l.Bold, l.Words = glyphOK, label, "revoked at the provider"
	case "revocation.given_up":
		l.Glyph, l.Bold, l.Words = glyphRevoking, label, "not revoked: given up"
	case "dance.started":
		l.Words = signIn(a.Label) + " began"
	case "dance.failed":
		l.Glyph, l.Words = glyphDanger, signIn(a.Label)+" did not work"
	case "dance.cancelled":
		l.Words = signIn(a.Label) + " was cancelled"
	case "profile.opened", "profile.locked", "profile.created", "profile.deleted":
		l.Glyph, l.Words = glyphLocked, "Profile "+strings.TrimPrefix(a.Type, "profile.")
		if a.Type != "profile.locked" {
			l.Glyph = ""
		}
	default:
		l.Bold, l.Words = label, strings.NewReplacer(".", " ", "_", " ").Replace(clean(a.Type))
	}
	return l
}

// forWords says for how long an answer holds.
func forWords(note string) string {
	switch accounts.Duration(note) {
	case accounts.Once:
		return "once"
	case accounts.Hour:
		return "for an hour"
	case accounts.Always:
		return "always, until you take it back"
	case accounts.Never:
		return "for ever, until you remove it"
	}
	return clean(note)
}
