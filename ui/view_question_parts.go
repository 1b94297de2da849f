package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"dancecard/accounts"
)

func questionHead(s questionState) fyne.CanvasObject {
	box := programBox(s.Icon, 48)
	const room = questionWide - 12 - 48 - 64
	lines := s.Title.lines(func(t string) bool { return styleLead.width(t) <= room })
	h := 24 * float32(len(lines))
	title, sub := newPara(s.Title.String(), len(lines), styleLead, colInk), fitting(s.Sub, styleText, colInk2)
	title.breaks = lines
	return placed(300, h+24, func(size fyne.Size) {
		put(box, 0, (h-24)/2, 48, 48)
		put(title, 64, 2, size.Width-64, h)
		put(sub, 64, h+2, size.Width-64, 20)
	}, box, title, sub)
}

// facts is the card: the program, its callers, a line, what it wants.
func (a *asking) facts() fyne.CanvasObject {
	s := a.state
	box := rows(4)
	for _, f := range s.Facts {
		label, value := fitting(f.Label, styleCaption, colInk2), fitting(f.Text, styleText, colInk)
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
		shown = scrolled(list)
	}
	return placed(200, h, func(size fyne.Size) {
		put(label, 0, 4, 72, 16)
		put(shown, 76, 0, size.Width-76, h)
	}, label, shown)
}

// wishWide is the least room of a wish in a question.
const wishWide = questionWide - 12 - 2*24 - 2*16 - 76 - scrollRoom

func wishRow(w scopeState, t tileState, marked bool) fyne.CanvasObject {
	words, scope := newPara(w.Words, 2, styleBold, colInk), fitting(w.Scope, styleMono, colInk2)
	mark := newTile(t, 24)
	show(mark, marked)
	words.cut, scope.cut = cutMiddle, cutMiddle // scopes differ at their end
	high := max(24, words.heightFor(wishWide-32)+2)
	total := high
	if w.Scope != "" {
		total += 16
	}
	return placed(160, total, func(s fyne.Size) {
		put(mark, 0, 0, 24, 24)
		put(words, 32, 2, s.Width-32, high-2)
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
		box.Add(newLeaf(c.Name, fyne.NewSize(200, 36), content, func() { a.choose(c.ID) }))
	}
	if len(a.state.Choices) <= 4 {
		return box
	}
	scroll := scrolled(box)
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
		b.careful = true
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
