package ui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"dancecard/accounts"
)

// on lists what a window shows, by kind.
func on(w fyne.Window) (out []string) {
	for _, o := range test.LaidOutObjects(w.Content()) {
		if m, ok := o.(mappable); ok && o.Visible() {
			kind, label, _ := m.mapEntry()
			out = append(out, kind+" "+label)
		}
	}
	return out
}

func shows(t *testing.T, w fyne.Window, want ...string) {
	t.Helper()
	all := "\n" + strings.Join(on(w), "\n") + "\n"
	for _, x := range want {
		if !strings.Contains(all, "\n"+x+"\n") {
			t.Errorf("%q is not on screen; there is %s", x, all)
		}
	}
}

func ctrl(u *UI, k fyne.KeyName) {
	u.win.shortcut(&desktop.CustomShortcut{KeyName: k, Modifier: fyne.KeyModifierControl})
}

func TestKeysGoToThePlacesOfTheRail(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	for k, want := range map[fyne.KeyName]page{"2": pageConnect, "3": pageApps, "5": pageSettings, "1": pageAccounts, fyne.KeyN: pageConnect} {
		ctrl(u, k)
		if u.nav.page != want || u.win.rail.state.Selected != want {
			t.Errorf("Ctrl+%s: %s", k, u.nav.page)
		}
	}
}

func TestSearchHasFocusAndEscapeGoesBack(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	ctrl(u, fyne.KeyF)
	e, ok := u.win.w.Canvas().Focused().(*entry)
	if !ok || e.name != "Search accounts" {
		t.Fatalf("Ctrl+F: %T", u.win.w.Canvas().Focused())
	}
	test.Type(e, "gmail")
	if len(u.win.accounts.cards) != 1 || u.win.accounts.cards[0].state.Name != "mira.okafor@gmail.com" {
		t.Errorf("%d cards", len(u.win.accounts.cards))
	}
	e.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyN, Modifier: fyne.KeyModifierControl})
	e, ok = u.win.w.Canvas().Focused().(*entry)
	if u.nav.page != pageConnect || !ok || e.name != "Search services" {
		t.Fatalf("a shortcut inside a field: %s, %T", u.nav.page, u.win.w.Canvas().Focused())
	}
	e.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if u.nav.page != pageAccounts {
		t.Error(u.nav.page)
	}
}

func TestCardsByKeyboard(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	cards, c := u.win.accounts.cards, u.win.w.Canvas()
	c.Focus(cards[0].leaf)
	cards[0].TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	if c.Focused() != fyne.Focusable(cards[1].leaf) {
		t.Fatal("Down does not go to the next card")
	}
	cards[1].TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if u.nav.page != pageAccount || u.nav.account != "01" {
		t.Errorf("Enter: %s %s", u.nav.page, u.nav.account)
	}
	shows(t, u.win.w, "heading mira-o", "button Refresh", "button Reconnect", "button Sign out at GitHub", "button Disconnect", "button Back")
}

// A refresh of the snapshot keeps the cards, and with them a click under way
// and the focus.
func TestCardsStayWhileTimePasses(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	before := u.win.accounts.cards[1]
	u.win.w.Canvas().Focus(before.leaf)
	s := stage()
	s.At = s.At.Add(time.Hour)
	u.apply(s, nil)
	if after := u.win.accounts.cards[1]; after != before || after.state.Status.Sub != "6 h 25 min left" || u.win.w.Canvas().Focused() != fyne.Focusable(before.leaf) {
		t.Errorf("%p %p %+v", before, after, after.state.Status)
	}
}

func TestWaitingCountsInPlace(t *testing.T) {
	s := stage()
	s.Dances = []accounts.Dance{stageDance(accounts.DanceWaiting)}
	u := staged(t, s, false, 900, 620)
	if u.nav.page != pageDance {
		t.Fatal("a dance that begins is not shown")
	}
	shows(t, u.win.w, "heading Connect GitHub", "button Copy link", "button Open again", "button Cancel")
	object := u.win.shown.object
	u.last.At = u.last.At.Add(time.Second)
	u.win.render()
	if u.win.shown.object != object {
		t.Error("the page is built anew each second: clicks get lost")
	}
	if !u.win.counts {
		t.Error("nothing counts the seconds")
	}
}

func TestDanceLeadsToWhoCameBackAndOn(t *testing.T) {
	s := stage()
	s.Dances = []accounts.Dance{stageDance(accounts.DanceWaiting)}
	u := staged(t, s, false, 900, 620)
	back := stageDance(accounts.DanceCameBack)
	back.Came = stageCameBack()
	s.Dances = []accounts.Dance{back}
	u.apply(s, nil)
	shows(t, u.win.w, "heading This account came back", "heading mira-o", "button Not me", "button Add to Home", "entry Name on your card")
	if u.nav.text("label") != "mira-o" {
		t.Errorf("suggested name %q", u.nav.text("label"))
	}
	s.Dances = []accounts.Dance{stageDance(accounts.DanceDone)}
	u.apply(s, nil)
	if u.nav.page != pageAccounts {
		t.Error(u.nav.page)
	}
}

func TestTypedTextOutlivesASnapshot(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	u.visit(func(n *nav) { n.page, n.provider = pageRegister, "gitlab" })
	u.win.render()
	id := u.nav.entries["client"]
	test.Type(id, "abc")
	s := stage()
	s.Gallery[3].RegistrationHelp = "It is under Preferences."
	u.apply(s, nil)
	if u.nav.text("client") != "abc" {
		t.Error("what was typed is lost")
	}
	u.open(pageAccounts)
	if _, kept := u.nav.entries["secret"]; kept {
		t.Error("the field of a secret outlives its page")
	}
}

func TestALockForgetsWhatWasTyped(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	u.visit(func(n *nav) { n.page, n.provider = pageRegister, "gitlab" })
	u.win.render()
	hidden := u.nav.entries["secret"]
	test.Type(hidden, "s3cret")
	test.Tap(hidden.ActionItem.(*button)) // the eye
	u.apply(locked(accounts.LockIdle)(), nil)
	if hidden.Text != "" || u.nav.page != pageAccounts || u.win.activity != nil {
		t.Errorf("%q is still there", hidden.Text)
	}
}

func TestLockedScreenHasNoRail(t *testing.T) {
	u := staged(t, locked(accounts.LockUser)(), false, 900, 620)
	shows(t, u.win.w, "heading Home is locked", "entry Passphrase", "button Unlock", "card Recovery key")
	for _, x := range on(u.win.w) {
		if x == "button Accounts" {
			t.Error("the rail is on screen")
		}
	}
	if e, ok := u.win.w.Canvas().Focused().(*entry); !ok || e.name != "Passphrase" {
		t.Errorf("focus on %T", u.win.w.Canvas().Focused())
	}
}
