package ui

// What the views show, computed from a Snapshot. No file named state*.go knows
// Fyne: a view applies what it finds here and decides nothing.

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"

	"dancecard/accounts"
)

// page is where the user is inside the frame.
type page string

const (
	pageAccounts page = "Accounts"
	pageAccount  page = "Account"
	pageConnect  page = "Connect"
	pageRegister page = "Register"
	pageDance    page = "Dance"
	pageMore     page = "More"
	pageApps     page = "Apps"
	pageActivity page = "Activity"
	pageSettings page = "Settings"
)

// railPages are the rail's items in their order, which Ctrl+1 to 5 follow.
var railPages = []page{pageAccounts, pageConnect, pageApps, pageActivity, pageSettings}

// rail is the item of the rail that a page belongs to.
func (p page) rail() page {
	switch p {
	case pageAccount, pageMore:
		return pageAccounts
	case pageRegister, pageDance:
		return pageConnect
	}
	return p
}

// screen is the whole window's mode.
type screen string

const (
	screenFirst    screen = "first"
	screenRecovery screen = "recovery"
	screenLocked   screen = "locked"
	screenFrame    screen = "frame"
)

// screenOf says which mode fits. keyShown: a recovery key waits to be written
// down; newProfile: the user asked for a new profile.
func screenOf(s accounts.Snapshot, keyShown, newProfile bool) screen {
	switch p, ok := s.Profile(s.Current); {
	case keyShown:
		return screenRecovery
	case newProfile, !ok && len(s.Profiles) == 0:
		return screenFirst
	case !ok, p.State != accounts.ProfileOpen:
		return screenLocked
	}
	return screenFrame
}

// glyphName is the shape of a status.
type glyphName string

const (
	glyphOK         glyphName = "ok"
	glyphExpiring   glyphName = "expiring"
	glyphRefreshing glyphName = "refreshing"
	glyphOffline    glyphName = "offline"
	glyphAttention  glyphName = "attention"
	glyphRevoking   glyphName = "revoking"
	glyphDanger     glyphName = "danger"
	glyphLocked     glyphName = "locked"
)

// railState is the rail.
type railState struct {
	Profile  string
	Person   string
	Initials string
	Seed     string // of the avatar's colours
	Selected page
	Badge    int // accounts that need the user
	Foot     string
	Sub      string
	Glyph    glyphName
}

func railOf(s accounts.Snapshot, p page) railState {
	prof, _ := s.Profile(s.Current)
	r := railState{Profile: clean(prof.Name), Person: "On this machine", Selected: p.rail(), Seed: prof.ID,
		Foot: "Ready for apps", Sub: "No app has asked yet", Glyph: glyphOK}
	r.Initials = initials(r.Profile)
	var oldest time.Time
	for _, a := range s.Accounts {
		if a.Status.NeedsUser() {
			r.Badge++
		}
		if a.Name != "" && (oldest.IsZero() || a.Linked.Before(oldest)) { // the first account names the person
			r.Person, oldest = clean(a.Name), a.Linked
			r.Initials = initials(r.Person)
		}
	}
	if !s.LastToken.IsZero() {
		r.Sub = "Last token " + agoWords(s.LastToken, s.At)
	}
	if len(s.Alarms) > 0 {
		r.Glyph = glyphAttention
	}
	return r
}

// noticeState is a strip above a view: an alarm, or what went wrong.
type noticeState struct {
	Title  string // bold
	Text   string
	Danger bool
	Button string // "": none
	Verb   verb

	Provider string // what Button is about, where it is not the page's
}

// alarmsOf are the strips that the Book's alarms make.
func alarmsOf(s accounts.Snapshot) []noticeState {
	var out []noticeState
	for _, a := range s.Alarms {
		out = append(out, noticeState{Title: clean(a.Text), Text: clean(a.Hint)})
	}
	return out
}

// clean makes text of strangers safe to show: one line, no control or
// direction characters, at most 200 runes.
func clean(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if r == '\n' || r == '\t' {
			r = ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			continue
		}
		if n++; n > 200 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// brief cuts a name for a button or a menu, which have no ellipsis of their own.
func brief(name string, most int) string {
	if r := []rune(name); len(r) > most {
		return strings.TrimSpace(string(r[:most])) + "…"
	}
	return name
}

// initials are at most two letters for an avatar.
func initials(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	switch len(parts) {
	case 0:
		return "?"
	case 1:
		r := []rune(parts[0])
		return string(r[:min(2, len(r))])
	}
	return string([]rune(parts[0])[:1]) + string([]rune(parts[1])[:1])
}

// durationWords says a length of time: "7 h 25 min", "12 min", "9 min 12 s", "40 s".
func durationWords(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
	case d >= time.Hour:
		if m := int(d/time.Minute) % 60; m > 0 {
			return fmt.Sprintf("%d h %d min", int(d/time.Hour), m)
		}
		return fmt.Sprintf("%d h", int(d/time.Hour))
	case d >= 10*time.Minute:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d >= time.Minute:
		if s := int(d/time.Second) % 60; s > 0 {
			return fmt.Sprintf("%d min %d s", int(d/time.Minute), s)
		}
		return fmt.Sprintf("%d min", int(d/time.Minute))
	}
	return fmt.Sprintf("%d s", int(d/time.Second))
}

// agoWords says how long ago t was.
func agoWords(t, now time.Time) string {
	switch d := now.Sub(t); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d/time.Minute))
	case d < 2*time.Hour:
		return "an hour ago"
	case sameDay(t, now):
		return "at " + clock(t)
	}
	return whenWords(t, now)
}

// whenWords names a moment: "14:20", "Sunday", "3 May", "3 May 2025".
func whenWords(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	switch {
	case sameDay(t, now):
		return clock(t)
	case now.Sub(t) < 6*24*time.Hour && now.After(t):
		return t.Format("Monday")
	case t.Year() == now.Year():
		return t.Format("2 January")
	}
	return t.Format("2 January 2006")
}

func clock(t time.Time) string { return t.Local().Format("15:04") }

func sameDay(a, b time.Time) bool {
	a, b = a.Local(), b.Local()
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}

// count is "1 app", "6 apps".
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func matches(search string, texts ...string) bool {
	search = strings.ToLower(strings.TrimSpace(search))
	if search == "" {
		return true
	}
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), search) {
			return true
		}
	}
	return false
}

// sentence drops a last full stop, for the places where words stand alone.
func sentence(text string) string { return strings.TrimSuffix(clean(text), ".") }

// upperFirst makes a scope's plain words begin a line.
func upperFirst(text string) string {
	r := []rune(text)
	if len(r) == 0 {
		return text
	}
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

// scopeState is one permission in plain words.
type scopeState struct {
	Words string
	Scope string
	Given bool
}

// scopesOf lists what was given, then what was asked for and not given.
func scopesOf(asked, granted []string, plain map[string]string) []scopeState {
	var out []scopeState
	has := map[string]bool{}
	for _, g := range granted {
		has[g] = true
		out = append(out, scopeOf(g, plain, true))
	}
	for _, a := range asked {
		if !has[a] {
			out = append(out, scopeOf(a, plain, false))
		}
	}
	return out
}

// scopeOf says a scope in plain words, or as it is where nobody has any.
func scopeOf(scope string, plain map[string]string, given bool) scopeState {
	if w := clean(cmp.Or(plain[scope], scopeWords[scope])); w != "" {
		return scopeState{Words: upperFirst(w), Scope: clean(scope), Given: given}
	}
	return scopeState{Words: clean(scope), Given: given}
}

// scopeWords are the scopes of OpenID Connect Core 1.0 sections 5.4 and 11.
var scopeWords = map[string]string{
	"openid":         "know who you are",
	"profile":        "read your profile",
	"email":          "read your e-mail address",
	"address":        "read your postal address",
	"phone":          "read your telephone number",
	"offline_access": "stay signed in without you",
}
