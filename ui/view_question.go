package ui

import (
	"context"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"dancecard/accounts"
)

// asking is a question in its own small window, known as ours by the spine at
// its left. No button has the focus, Enter does nothing, Escape and closing say
// no, and for half a second after it appears clicks do nothing: nobody allows
// an app by typing or clicking at something else.
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

const questionTitle = "Dancecard asks"

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
	a.w.Resize(fyne.NewSize(460, a.height()))
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
	a.w.SetContent(placed(460, 200, func(s fyne.Size) {
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
	return placed(448, 24+48+20+mh+24+36+12+32+16, func(size fyne.Size) {
		w := size.Width - 48
		put(head, 24, 24, w, 48)
		put(middle, 24, 92, w, mh)
		put(bar, 24, size.Height-84, w, 36)
		put(last, 24, size.Height-36, w, 32)
	}, head, middle, bar, last)
}

func questionHead(s questionState) fyne.CanvasObject {
	box := programBox(s.Icon, 48)
	title, sub := fitting(s.Title, styleLead, colInk), fitting(s.Sub, styleText, colInk2)
	return placed(300, 48, func(size fyne.Size) {
		put(box, 0, 0, 48, 48)
		put(title, 64, 2, size.Width-64, 24)
		put(sub, 64, 26, size.Width-64, 20)
	}, box, title, sub)
}

// facts is the card: the program, its callers, a line, what it wants.
func (a *asking) facts() fyne.CanvasObject {
	s := a.state
	box := rows(4)
	for _, f := range s.Facts {
		label, value := newWords(f.Label, styleCaption, colInk2), fitting(f.Text, styleText, colInk)
		if f.Mono {
			value.style, value.cut = styleMono, cutMiddle
		}
		box.Add(placed(200, 20, func(size fyne.Size) {
			put(label, 0, 2, 72, 16)
			put(value, 76, 0, size.Width-76, 20)
		}, label, value))
	}
	if len(s.Wishes) > 0 {
		if len(s.Facts) > 0 {
			box.Add(padded(6, 6, 0, 0, hairlineRow()))
		}
		box.Add(a.wishes())
	}
	return container.NewStack(newPlate(colLeaf, colLine, 12), padded(12, 12, 16, 16, box))
}

// wishes says in plain words what the token can do, each with its scope.
func (a *asking) wishes() fyne.CanvasObject {
	s := a.state
	label := newWords("Wants to", styleCaption, colInk2)
	if s.Kind == accounts.QuestionConnect {
		label.text = "Asks for"
	}
	list, can := rows(6), s.Wishes
	for _, c := range s.Choices {
		if c.ID == a.choice {
			can = c.Wishes
		}
	}
	for i, w := range can {
		list.Add(wishRow(w, s.Tile, i == 0 && s.Tile.Monogram != ""))
	}
	var shown fyne.CanvasObject = list
	h := list.MinSize().Height
	if len(can) > 4 {
		h = 160
		shown = container.NewVScroll(list)
	}
	return placed(200, h, func(size fyne.Size) {
		put(label, 0, 4, 72, 16)
		put(shown, 76, 0, size.Width-76, h)
	}, label, shown)
}

func wishRow(w scopeState, t tileState, marked bool) fyne.CanvasObject {
	words, scope := newPara(w.Words, 2, styleBold, colInk), fitting(w.Scope, styleMono, colInk2)
	mark := newTile(t, 24)
	show(mark, marked)
	high := float32(24)
	long := styleBold.width(w.Words) > 250
	if long {
		high = 42
	}
	total := high
	if w.Scope != "" && w.Scope != w.Words {
		total += 16
	}
	return placed(160, total, func(s fyne.Size) {
		put(mark, 0, 0, 24, 24)
		put(words, 32, 2, s.Width-32, high)
		put(scope, 32, high, s.Width-32, 16)
	}, mark, words, scope)
}

// choices are the accounts that the wish fits.
func (a *asking) choices() fyne.CanvasObject {
	box := rows(4)
	for _, c := range a.state.Choices {
		mark, name := newTile(c.Tile, 24), fitting(c.Name, styleText, colInk)
		dot := radio(c.ID == a.choice)
		content := placed(200, 36, func(s fyne.Size) {
			put(dot, 12, 8, 20, 20)
			put(mark, 44, 6, 24, 24)
			put(name, 80, 8, s.Width-92, 20)
		}, dot, mark, name)
		box.Add(newLeaf(c.Name, fyne.NewSize(200, 36), content, func() { a.choice = c.ID; a.draw() }))
	}
	if len(a.state.Choices) <= 4 {
		return box
	}
	scroll := container.NewVScroll(box)
	return placed(200, 160, func(s fyne.Size) { put(scroll, 0, 0, s.Width, s.Height) }, scroll)
}

// radio is a 20 px ring, with a dot when chosen.
func radio(on bool) fyne.CanvasObject {
	ring, dot := newPlate(colLeaf, colEdge, 10), newPlate(colAccent, colNone, 5)
	if on {
		ring = newPlate(colLeaf, colAccent, 10)
	}
	show(dot, on)
	return placed(20, 20, func(fyne.Size) {
		put(ring, 0, 0, 20, 20)
		put(dot, 5, 5, 10, 10)
	}, ring, dot)
}

func labelledText(label, text string) fyne.CanvasObject {
	l, t := newWords(label, styleCaption, colInk2), newPara(text, 2, styleText, colInk)
	h := float32(20)
	if styleText.width(text) > 300 {
		h = 40
	}
	return placed(200, h, func(s fyne.Size) {
		put(l, 16, 2, 72, 16)
		put(t, 92, 0, s.Width-92, h)
	}, l, t)
}

func warnLine(text string) fyne.CanvasObject {
	g, t := statusGlyph(glyphAttention), newPara(text, 2, styleCaption, colInk)
	return placed(200, 32, func(s fyne.Size) {
		put(g, 16, 0, 16, 16)
		put(t, 44, 0, s.Width-44, 32)
	}, g, t)
}

// bar are the answers: what refuses for good at the left, the others at the right.
func (a *asking) bar() fyne.CanvasObject {
	var left, right []fyne.CanvasObject
	for _, ans := range a.state.Answers {
		k := outlined
		if ans.Danger {
			k = danger
		}
		b := newButton(ans.Label, "", k, func() { a.say(ans.Answer) })
		b.noEnter = true
		a.buttons = append(a.buttons, b)
		if ans.Left {
			left = append(left, wide(b, 80))
		} else {
			w := float32(88)
			if ans.Label == "Once" {
				w = 80
			}
			right = append(right, wide(b, w))
		}
	}
	l, r := line(8, left...), line(8, right...)
	return placed(300, 36, func(s fyne.Size) {
		putMin(l, 0, 0)
		m := r.MinSize()
		put(r, s.Width-m.Width, 0, m.Width, 36)
	}, l, r)
}

// wide gives a button a least width.
func wide(b *button, w float32) fyne.CanvasObject {
	w = max(w, b.MinSize().Width)
	return placed(w, 36, func(s fyne.Size) { put(b, 0, 0, s.Width, 36) }, b)
}

const closeQuestion = "close"

// askClose asks what closing the window shall mean where no tray could bring it back.
func (u *UI) askClose() {
	if u.ask != nil {
		u.ask.w.RequestFocus()
		return
	}
	q := questionState{ID: closeQuestion, Kind: accounts.QuestionConfirm, Icon: "power", Title: "Quit Dancecard?",
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
