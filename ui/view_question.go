package ui

import (
	"context"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"dancecard/accounts"
)

// asking is a question in its own small window, known as ours by the spine at
// its left. No button has the focus, Enter does nothing, Escape and closing say
// no, for half a second after it appears clicks do nothing, and Space answers
// only after Tab and a rest: nobody allows an app by typing or clicking at
// something else.
type asking struct {
	u       *UI
	w       fyne.Window
	state   questionState
	since   time.Time
	choice  string
	answer  func(accounts.Answer)
	buttons []*button
}

// guard is how long a new question takes no clicks.
const guard = 500 * time.Millisecond

const (
	questionTitle = "Dancecard asks" // of the window
	questionWide  = 460
)

// askNext keeps the window of the first question that waits.
func (u *UI) askNext(s accounts.Snapshot) {
	q, ok := questionOf(s)
	if !u.running || u.ask != nil && u.ask.state.ID == closeQuestion {
		return
	}
	if u.ask != nil && (!ok || u.ask.state.ID != q.ID) {
		u.ask.close()
	}
	if !ok {
		return
	}
	if u.ask != nil {
		if u.ask.state.Foot != q.Foot { // another one came behind it
			u.ask.state.Foot = q.Foot
			u.ask.draw()
		}
		return
	}
	u.openQuestion(q, func(a accounts.Answer) {
		u.run("answer "+q.ID, networkLimit, func(context.Context) error { return u.book.Answer(q.ID, a) }, nil)
	})
}

func (u *UI) openQuestion(q questionState, answer func(accounts.Answer)) {
	a := &asking{u: u, state: q, since: time.Now(), answer: answer, w: u.app.NewWindow(questionTitle)}
	if len(q.Choices) > 0 {
		a.choice = q.Choices[0].ID
	}
	u.ask = a
	a.w.SetPadded(false)
	a.draw()
	a.w.Resize(fyne.NewSize(questionWide, a.height()))
	a.w.SetFixedSize(true)
	a.w.CenterOnScreen()
	a.w.SetCloseIntercept(a.refuse)
	a.w.Canvas().SetOnTypedKey(func(k *fyne.KeyEvent) {
		if k.Name == fyne.KeyEscape {
			a.refuse()
		}
	})
	if top, ok := a.w.(desktop.Window); ok {
		top.RequestAlwaysOnTop()
	}
	a.w.Show()
	a.since = time.Now() // a first window takes its time
}

// choose takes another account; what the token can do may need more room.
func (a *asking) choose(id string) {
	a.choice = id
	a.draw()
	a.w.Resize(fyne.NewSize(questionWide, a.height()))
}

func (a *asking) close() {
	if a.u.ask == a {
		a.u.ask = nil
	}
	a.w.SetCloseIntercept(nil)
	a.w.Close()
}

func (a *asking) refuse() { a.say(a.state.Refuse) }

func (a *asking) say(answer accounts.Answer) {
	if answer.Allow || answer.For == accounts.Never {
		if time.Since(a.since) < guard {
			return
		}
		answer.Account = a.choice
	}
	a.close()
	a.answer(answer)
}

// height fits the content: 420 for the usual question.
func (a *asking) height() float32 { return max(300, a.body().MinSize().Height) }

func (a *asking) draw() {
	spine := newPlate(colAccent, colNone, 0)
	body := a.body()
	ground := newPlate(colPage, colNone, 0)
	a.w.SetContent(placed(questionWide, 200, func(s fyne.Size) {
		put(ground, 0, 0, s.Width, s.Height)
		put(spine, 0, 0, 12, s.Height)
		put(body, 12, 0, s.Width-12, s.Height)
	}, ground, spine, body))
}

func (a *asking) body() fyne.CanvasObject {
	s := a.state
	a.buttons = nil
	head := questionHead(s)
	middle := rows(0, a.facts())
	if len(s.Choices) > 0 {
		middle.Add(gap(1, 12))
		middle.Add(a.choices())
	}
	if s.Gets != "" {
		middle.Add(gap(1, 12))
		middle.Add(labelledText("It gets", s.Gets))
	}
	if s.Warn != "" {
		middle.Add(gap(1, 8))
		middle.Add(warnLine(s.Warn))
	}
	bar, last := a.bar(), newPara(s.Foot, 2, styleCaption, colInk3)
	mh := middle.MinSize().Height
	hh := head.MinSize().Height
	return placed(448, 24+hh+20+mh+24+36+12+32+16, func(size fyne.Size) {
		w := size.Width - 48
		put(head, 24, 24, w, hh)
		put(middle, 24, 44+hh, w, mh)
		put(bar, 24, size.Height-84, w, 36)
		put(last, 24, size.Height-36, w, 32)
	}, head, middle, bar, last)
}

const closeQuestion = "close"

// askClose asks what closing the window shall mean where no tray could bring it back.
func (u *UI) askClose() {
	if u.ask != nil {
		u.ask.w.RequestFocus()
		return
	}
	q := questionState{ID: closeQuestion, Kind: accounts.QuestionConfirm, Icon: "power", Title: titleState{Asks: "Quit", What: "Dancecard", End: "?"},
		Sub: "This desktop has no tray to wait in.",
		Facts: []factState{
			{Label: "Quit", Text: "apps get no token until you start it again"},
			{Label: "Hide", Text: "it goes on; start Dancecard again to see it"}},
		Answers: []answerState{
			{Label: "Cancel", Left: true},
			{Label: "Hide", Answer: accounts.Answer{Allow: true, For: accounts.Hour}},
			{Label: "Quit", Answer: accounts.Answer{Allow: true, For: accounts.Always}}},
		Foot: "Your accounts stay linked either way."}
	u.openQuestion(q, func(a accounts.Answer) {
		switch {
		case a.Allow && a.For == accounts.Always:
			u.quit()
		case a.Allow:
			u.hide()
		}
		u.askNext(u.last)
	})
}
