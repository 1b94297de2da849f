package ui

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"dancecard/accounts"
)

// asking opens the question of a staged scene; answers gathers what is said.
func openAsked(t *testing.T) (u *UI, a *asking, answers *[]accounts.Answer) {
	u = staged(t, stage(), false, 900, 620)
	q, _ := questionOf(asked(func(*accounts.Question) {}))
	answers = new([]accounts.Answer)
	u.openQuestion(q, func(x accounts.Answer) { *answers = append(*answers, x) })
	return u, u.ask, answers
}

func press(t *testing.T, a *asking, label string) {
	t.Helper()
	for _, b := range a.buttons {
		if b.label == label {
			test.Tap(b)
			return
		}
	}
	t.Fatalf("no button %q", label)
}

func TestConsentTakesNoClickForHalfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, answers := openAsked(t)
		for _, label := range []string{"Always", "Once", "An hour", "Never"} {
			press(t, a, label)
		}
		if len(*answers) != 0 {
			t.Fatalf("answered at once: %+v", *answers)
		}
		time.Sleep(guard)
		press(t, a, "Always")
		if want := []accounts.Answer{{Allow: true, For: accounts.Always}}; !slices.Equal(*answers, want) {
			t.Errorf("got %+v", *answers)
		}
	})
}

func TestConsentEnterDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, answers := openAsked(t)
		time.Sleep(time.Second)
		c := a.w.Canvas()
		if c.Focused() != nil {
			t.Error("something has the focus")
		}
		c.OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyReturn})
		for _, b := range a.buttons { // even if the user tabs to one
			b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
			b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnter})
		}
		if len(*answers) != 0 {
			t.Errorf("Enter answered %+v", *answers)
		}
	})
}

// Somebody types into a terminal when the question comes up: Tab, Tab and Space
// must not answer it. Who tabs to a button, looks and presses Space means it.
func TestConsentIsNotAnsweredByTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, answers := openAsked(t)
		time.Sleep(time.Second)
		c := a.w.Canvas()
		space := func() {
			c.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
			c.Focused().TypedRune(' ')
		}
		c.FocusNext()
		c.FocusNext()
		for range 5 {
			time.Sleep(200 * time.Millisecond)
			space()
		}
		if len(*answers) != 0 {
			t.Fatalf("typing answered %+v", *answers)
		}
		c.Focused().TypedRune('x')
		if c.Focused() != nil {
			t.Error("who writes words keeps the focus on an answer")
		}
		c.FocusNext()
		c.FocusNext()
		time.Sleep(keyRest)
		c.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
		if want := []accounts.Answer{{Allow: true, For: accounts.Once}}; !slices.Equal(*answers, want) {
			t.Errorf("got %+v", *answers)
		}
	})
}

func TestConsentEscapeSaysNoThisTime(t *testing.T) {
	u, a, answers := openAsked(t)
	a.w.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if want := []accounts.Answer{{Allow: false, For: accounts.Once}}; !slices.Equal(*answers, want) {
		t.Errorf("got %+v", *answers)
	}
	if u.ask != nil {
		t.Error("the window is still open")
	}
}

func TestConsentChoiceGoesWithTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := staged(t, stage(), false, 900, 620)
		q, _ := questionOf(asked(func(q *accounts.Question) { q.Choices = []string{"01", "03"} }))
		var got accounts.Answer
		u.openQuestion(q, func(x accounts.Answer) { got = x })
		u.ask.choose("03")
		time.Sleep(guard)
		press(t, u.ask, "Once")
		if got != (accounts.Answer{Allow: true, For: accounts.Once, Account: "03"}) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestQuestionGoesWhenItIsAnsweredElsewhere(t *testing.T) {
	s := asked(func(*accounts.Question) {})
	u := staged(t, s, false, 900, 620)
	if u.ask == nil {
		t.Fatal("no question on screen")
	}
	u.apply(stage(), nil)
	if u.ask != nil {
		t.Error("the question stays although nobody waits")
	}
}

func TestNoQuestionBeforeRun(t *testing.T) {
	u := build(test.NewTempApp(t), nil, Options{}, func() accounts.Snapshot { return asked(func(*accounts.Question) {}) })
	if u.ask != nil {
		t.Error("a window is shown before Run")
	}
}

// Without a tray, closing the window never hides or quits unasked.
func TestCloseWithoutTrayAsks(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	quits := 0
	u.o.Quit = func() { quits++ }
	u.closeWindow()
	if u.ask == nil || u.ask.state.Title.String() != "Quit Dancecard?" || !u.visible || quits != 0 {
		t.Fatal("closing did not ask")
	}
	u.ask.refuse()
	if u.ask != nil || !u.visible || quits != 0 {
		t.Error("Cancel did something")
	}
	u.closeWindow()
	u.ask.since = u.ask.since.Add(-guard)
	press(t, u.ask, "Hide")
	if u.visible || quits != 0 {
		t.Error("Hide did not hide")
	}
	u.visible = true
	u.closeWindow()
	u.ask.since = u.ask.since.Add(-guard)
	press(t, u.ask, "Quit")
	if quits != 1 {
		t.Error("Quit did not quit")
	}
}
