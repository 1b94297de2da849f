package ui

import (
	"testing"
	"time"

	"fyne.io/fyne/v2/test"

	"dancecard/accounts"
)

func TestAccountListsNoRefusedApp(t *testing.T) {
	s := stage()
	s.Grants[0].Allow = false
	st, _ := accountOf(s, "01")
	if len(st.Apps) != 1 || st.Apps[0].Name != "code-agent" {
		t.Errorf("%+v", st.Apps)
	}
}

func TestExpiredTokenIsNotToCome(t *testing.T) {
	a := stage().Accounts[1]
	a.Status, a.Expiry = accounts.Offline, now.Add(-time.Minute)
	if b := beadsOf(a, now); b[0].Time != "now" || b[1] != (beadState{"14:39", "Expired", beadDone}) {
		t.Errorf("%+v", b)
	}
}

func TestRenameNeedsAnotherName(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	u.visit(func(n *nav) { n.page, n.account = pageAccount, "01" })
	u.win.render()
	name := u.nav.entries["rename"]
	can := func() (enabled bool) {
		for _, o := range test.LaidOutObjects(u.win.w.Content()) {
			if b, ok := o.(*button); ok && b.label == "Rename" {
				return !b.disabled
			}
		}
		t.Fatal("no Rename on screen")
		return false
	}
	if name.Text != "mira-o" || can() {
		t.Errorf("%q", name.Text)
	}
	test.Type(name, "x")
	if !can() {
		t.Error("another name cannot be saved")
	}
	name.SetText(" ")
	if can() {
		t.Error("no name can be saved")
	}
}

// D48: a provider that names no end has not said that there is none.
func TestNoEndIsNotForever(t *testing.T) {
	now := time.Now()
	for endless, want := range map[bool]string{true: "Does not expire", false: "No end is known"} {
		if got := statusOf(accounts.Account{Status: accounts.Ready, Endless: endless}, now).Sub; got != want {
			t.Errorf("endless %v: %q", endless, got)
		}
	}
}
