package ui

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
)

// in reports whether an object is in sight.
func in(w fyne.Window, o fyne.CanvasObject) bool {
	y := fyne.CurrentApp().Driver().AbsolutePositionForObject(o).Y
	return y >= 116 && y+o.Size().Height <= w.Canvas().Size().Height
}

func TestFocusStaysInSight(t *testing.T) {
	u := staged(t, crowd(), false, 720, 480)
	cards, w := u.win.accounts.cards, u.win.w
	w.Canvas().Focus(cards[0].leaf)
	for range 39 {
		w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	}
	if w.Canvas().Focused() != fyne.Focusable(cards[39].leaf) || !in(w, cards[39].leaf) || in(w, cards[0].leaf) {
		t.Error("the last card is out of sight")
	}
	w.Canvas().FocusNext() // its More button
	if b, ok := w.Canvas().Focused().(*button); !ok || !in(w, b) {
		t.Errorf("%T", w.Canvas().Focused())
	}
	for range 39 {
		cards[39].onKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	}
	w.Canvas().Focus(cards[0].leaf)
	if !in(w, cards[0].leaf) {
		t.Error("the first card is out of sight")
	}
}

// When the order changes, the focus stays with its account: Delete and Enter
// must not fall on another one.
func TestFocusFollowsItsAccount(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	card := u.win.accounts.cards[3]
	u.win.w.Canvas().Focus(card.leaf)
	s := stage()
	for i := range s.Accounts {
		if s.Accounts[i].ID == card.id {
			s.Accounts[i].LastUsed = now.Add(time.Second)
		}
	}
	u.apply(s, []accounts.Event{{Type: "grant.used"}})
	if u.win.accounts.cards[1] != card || u.win.w.Canvas().Focused() != fyne.Focusable(card.leaf) || card.leaf.Position().Y != 80 {
		t.Errorf("card at %v", card.leaf.Position())
	}
}

func TestRebuiltViewKeepsItsPlace(t *testing.T) {
	u := staged(t, crowd(), false, 720, 480)
	u.visit(func(n *nav) { n.page = pageApps })
	u.win.render()
	old := firstScroll(u.win.shown.object)
	old.ScrollToOffset(fyne.NewPos(0, 200))
	s := crowd()
	s.Grants = s.Grants[1:]
	u.apply(s, nil)
	if now := firstScroll(u.win.shown.object); now == old || now.Offset.Y != 200 {
		t.Errorf("rebuilt: %v, at %v", now != old, now.Offset)
	}
}

// While lines are read anew, the list stands: it would jump to its top.
func TestActivityStandsWhileItIsRead(t *testing.T) {
	u := staged(t, crowd(), false, 900, 620)
	u.win.activity = crowdLines()
	u.open(pageActivity)
	object := u.win.shown.object
	u.busy["activity"] = true
	u.win.render()
	delete(u.busy, "activity")
	u.win.render()
	if u.win.shown.object != object {
		t.Error("the list is built anew")
	}
}
