package ui

import (
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
)

// resting waits under the pointer and does on this goroutine what the timer
// asks for.
func resting(tip *tip) (wait func(time.Duration)) {
	asked := make(chan func(), 4)
	tip.do = func(f func()) { asked <- f }
	return func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
		for len(asked) > 0 {
			(<-asked)()
		}
	}
}

func TestIconsAreNamedAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := staged(t, stage(), false, 900, 620)
		tip, lock := u.win.tip, u.win.rail.lock
		wait := resting(tip)
		lock.MouseIn(nil)
		wait(tipDelay / 2)
		if tip.words.Visible() {
			t.Error("named at once")
		}
		wait(tipDelay)
		if !tip.words.Visible() || tip.words.text != "Lock" {
			t.Fatalf("%v %q", tip.words.Visible(), tip.words.text)
		}
		lock.MouseOut()
		if tip.words.Visible() || tip.timer != nil {
			t.Error("the name stays")
		}
		lock.MouseIn(nil)
		lock.MouseDown(nil)
		wait(2 * tipDelay)
		if tip.words.Visible() {
			t.Error("named after a click")
		}
	})
}

func TestCollapsedRailIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := staged(t, stage(), false, 720, 480)
		tip, item := u.win.tip, u.win.rail.items[pageApps]
		wait := resting(tip)
		item.MouseIn(nil)
		wait(2 * tipDelay)
		if !tip.words.Visible() || tip.words.text != "Apps" || tip.ground.Position().X < railNarrow {
			t.Errorf("%v %q at %v", tip.words.Visible(), tip.words.text, tip.ground.Position())
		}
		u.open(pageConnect)
		if tip.words.Visible() {
			t.Error("the name outlives its view")
		}
	})
}

func TestOpenMenuIsInTheMap(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	u.cardMenu(u.win.accounts.cards[1])
	var got []string
	for _, i := range u.mapMenu(nil) {
		got = append(got, i.Label)
		if i.Kind != "choice" || i.Width < 40 || i.Y < 100 {
			t.Errorf("%+v", i)
		}
	}
	if len(got) != 5 || got[0] != "Open" || got[4] != "Disconnect..." {
		t.Errorf("%q", got)
	}
	u.apply(locked(accounts.LockIdle)(), nil)
	if len(u.mapMenu(nil)) > 0 {
		t.Error("the menu outlives the lock")
	}
}

func TestMenuStaysInSightAndOffItsButton(t *testing.T) {
	u := staged(t, stage(), false, 720, 480)
	for _, c := range u.win.accounts.cards[:4] { // what is in sight
		u.cardMenu(c)
		more := int(fyne.CurrentApp().Driver().AbsolutePositionForObject(c.more).Y) + 16
		for _, i := range u.mapMenu(nil) {
			if i.Y < 0 || i.Y+i.Height > 480 || i.X+i.Width > 720 || i.Y < more && more < i.Y+i.Height {
				t.Errorf("%s: more at %d, %+v", c.name.text, more, i)
			}
		}
		u.menu.Hide()
	}
}

func TestTrayIconCountsProblems(t *testing.T) {
	s := stage()
	if st := trayOf(s); st.Problems != 1 || trayPicture(st.Icon, 1).Name() != picture("tray/attention.png").Name() {
		t.Errorf("one problem: %d", st.Problems)
	}
	s.Accounts[1].Status = accounts.NeedsRegistration
	s.Alarms = []accounts.Alarm{{Code: "disk", Text: "The disk is full."}}
	if st := trayOf(s); st.Problems != 3 || st.Icon != trayAttention {
		t.Errorf("%+v", st)
	}
	names := map[string]bool{}
	for _, n := range []int{1, 2, 3, 9, 10, 40} {
		names[trayPicture(trayAttention, n).Name()] = true
	}
	if len(names) != 5 || !names["tray-9+.png"] {
		t.Error(names)
	}
}
