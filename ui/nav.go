package ui

import (
	"fyne.io/fyne/v2/driver/desktop"

	"dancecard/accounts"
	"dancecard/internal/secret"
)

// nav is where the user is and what they have typed: all that the window knows
// and the Book does not.
type nav struct {
	page     page
	account  string             // id, pageAccount
	provider string             // id, pageRegister
	dance    string             // id, pageDance
	renew    bool               // pageRegister: ask for the client even though one is known
	regain   string             // pageRegister: id of the account to sign in again with it
	chosen   chosen             // pageRegister, pageMore: what the user changed
	pasting  bool               // pageDance: the field to paste the address is shown
	found    *accounts.Provider // pageRegister: the row, where it is in no gallery
	pair     pair               // pageRegister: the key pair for OAuth 1.0a

	onlyNeed bool
	category string
	grants   grantFilter
	way      accounts.WayKind // the chosen way in, screenLocked
	protect  protect

	newProfile  bool          // the user asked for one
	key         secret.String // a recovery key that waits to be written down
	keyProfile  string
	thenConnect string // provider to connect after the recovery key
	copied      string // what was copied a moment ago: that button says Copied

	notice  *noticeState
	entries map[string]*entry

	shortcut func(*desktop.CustomShortcut) // the window's
}

func newNav() nav {
	return nav{page: pageAccounts, grants: grantsAll, protect: protectKeyring, entries: map[string]*entry{}}
}

// before is what the page before a dance is for.
func (n *nav) before() before {
	return before{provider: n.provider, found: n.found, reconnect: n.regain, renew: n.renew, keyWords: n.pair.words, publicKey: n.pair.public,
		fileWords: n.pair.file, chosen: n.chosen}
}

// entry is a text field that outlives a redraw of its view.
func (n *nav) entry(key, label string, hidden bool) *entry {
	if e, ok := n.entries[key]; ok {
		return e
	}
	e := newEntry(label)
	if hidden {
		e = secretEntry(label)
	}
	e.window = n.shortcut
	n.entries[key] = e
	return e
}

// text is what stands in a field.
func (n *nav) text(key string) string {
	if e, ok := n.entries[key]; ok {
		return e.Text
	}
	return ""
}

// forget drops what was typed.
func (n *nav) forget() {
	for _, e := range n.entries {
		if e.secret {
			e.SetText("")
		}
	}
	n.entries = map[string]*entry{}
	n.chosen, n.pasting, n.pair = chosen{}, false, pair{}
}

// visit changes where the user is. A new page forgets what was typed in the
// last one, and what went wrong there.
func (u *UI) visit(change func(*nav)) {
	before := u.nav
	change(&u.nav)
	n := &u.nav
	if n.page != before.page || n.account != before.account || n.provider != before.provider || n.dance != before.dance || n.newProfile != before.newProfile {
		u.closeChooser()
		n.forget()
		n.notice, n.copied = nil, ""
		u.win.fresh = true
	}
}

// open goes to a page of the rail.
func (u *UI) open(p page) {
	if screenOf(u.last, !u.nav.key.IsZero(), u.nav.newProfile) != screenFrame {
		return
	}
	u.visit(func(n *nav) { n.page = p })
	u.win.render()
}

// back is Escape and the arrow of a sheet.
func (u *UI) back() {
	switch u.nav.page {
	case pageAccount:
		u.open(pageAccounts)
	case pageRegister:
		if _, ok := u.last.Account(u.nav.regain); ok {
			u.open(pageAccounts)
			return
		}
		u.open(pageConnect)
	case pageMore:
		u.visit(func(n *nav) { n.page = pageAccount })
		u.win.render()
	case pageDance:
		if d, ok := u.last.Dance(u.nav.dance); ok && d.Stage.Over() {
			u.putAway(d.ID)
			u.open(pageConnect)
			return
		}
		u.open(pageAccounts) // the dance goes on; Connect shows it again
	case pageConnect, pageApps, pageActivity, pageSettings:
		u.open(pageAccounts)
	}
	if u.nav.newProfile && len(u.last.Profiles) > 0 {
		u.visit(func(n *nav) { n.newProfile = false })
		u.win.render()
	}
}
