package ui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
)

// danceView is a dance under way: waiting, who came back, or how it ended.
func (u *UI) danceView(s danceState) built {
	switch {
	case s.Came != nil && s.Came.Wrong != nil:
		return u.wrongView(s)
	case s.Came != nil:
		return u.cameView(s)
	}
	return u.waitingView(s)
}

// beadsAcross are the three steps: tick, ring with a dot, hollow ring.
func beadsAcross(steps [3]stepState) fyne.CanvasObject {
	var objects []fyne.CanvasObject
	var lays []func(fyne.Size)
	for i, st := range steps {
		mid := func(s fyne.Size) float32 { return s.Width * (float32(i)*2 + 1) / 6 }
		ring := newPlate(colLeaf, colEdge, 10)
		inner := gap(1, 1)
		ws, col := styleText, colInk2
		switch st.Kind {
		case beadDone:
			ring = newPlate(colAccent, colNone, 10)
			inner, col = lineIcon("check", 16, colOnAccent), colInk
		case beadNow:
			ring = newPlate(colLeaf, colAccent, 10)
			ring.width = 2
			inner, ws, col = newPlate(colAccent, colNone, 5), styleBold, colInk
		}
		w, sub := fitting(st.Words, ws, col), fitting(st.Sub, styleCaption, colInk2)
		w.align, sub.align = fyne.TextAlignCenter, fyne.TextAlignCenter
		if i < 2 {
			cord := newPlate(colLine, colNone, 0)
			if st.Kind == beadDone {
				cord = newPlate(colAccent, colNone, 0)
			}
			objects = append(objects, cord)
			lays = append(lays, func(s fyne.Size) { put(cord, mid(s)+16, 9, s.Width/3-32, 2) })
		}
		objects = append(objects, ring, inner, w, sub)
		lays = append(lays, func(s fyne.Size) {
			x := mid(s)
			put(ring, x-10, 0, 20, 20)
			if st.Kind == beadNow {
				put(inner, x-5, 5, 10, 10)
			} else {
				put(inner, x-8, 2, 16, 16)
			}
			put(w, x-s.Width/6, 26, s.Width/3, 20)
			put(sub, x-s.Width/6, 46, s.Width/3, 16)
		})
	}
	return placed(300, 64, func(s fyne.Size) {
		for _, lay := range lays {
			lay(s)
		}
	}, objects...)
}

// cameView is who came back.
func (u *UI) cameView(s danceState) built {
	c := s.Came
	face := newAvatar(c.Seed, c.Initials, 80)
	who, name := fitting(c.Who, styleLead, colInk), fitting(c.Name, styleText, colInk2)
	objects := []fyne.CanvasObject{face, who, name}
	var facts [][2]*words
	for i, f := range c.Facts {
		st := styleText
		if i == 1 {
			st = styleMono
		}
		pair := [2]*words{newWords(f[0], styleCaption, colInk2), fitting(f[1], st, colInk)}
		facts = append(facts, pair)
		objects = append(objects, pair[0], pair[1])
	}
	rule := hairline()
	got := newWords("You asked for, and got", styleCaptionBold, colInk2)
	scopes := scopeRows(c.Scopes, true)
	label := u.nav.entry("label", "Name on your card", false)
	if label.Text == "" && c.Label != "" {
		label.SetText(c.Label)
	}
	called := labelled("Name on your card", field(label))
	help := newPara(c.LabelHelp, 2, styleCaption, colInk3)
	objects = append(objects, rule, got, scopes, called, help)
	low := max(scopes.MinSize().Height+24, 100)
	body := placed(400, 164+low+12, func(size fyne.Size) {
		put(face, 8, 8, 80, 80)
		put(who, 112, 8, size.Width-120, 24)
		put(name, 112, 32, size.Width-120, 20)
		for i, f := range facts {
			y := 66 + 24*float32(i)
			put(f[0], 112, y, 108, 16)
			put(f[1], 224, y-2, size.Width-232, 20)
		}
		put(rule, 8, 150, size.Width-16, 1)
		put(got, 8, 166, 200, 16)
		half := (size.Width-16)*0.56 - 12
		put(scopes, 8, 190, half, scopes.MinSize().Height)
		put(called, 8+half+24, 166, size.Width-16-half-24, 56)
		put(help, 8+half+24, 226, size.Width-16-half-24, 32)
	}, objects...)
	content := rows(16)
	if c.Moved != nil {
		content.Add(strip(*c.Moved, nil, nil))
	}
	content.Add(module(body))
	if c.Missing != "" {
		content.Add(note("info", c.Missing))
	}
	not := newButton("Not me", "", outlined, func() { u.putAway(s.ID) })
	add := newButton(c.Button, "", filled, func() { u.keep(s.ID, label.Text, false) })
	label.OnChanged = func(text string) { add.disable(strings.TrimSpace(text) == "") }
	label.OnSubmitted = func(string) { add.press() }
	if c.Moved != nil { // nobody goes on by habit
		add.kind, label.OnSubmitted = outlined, nil
	}
	label.OnChanged(label.Text)
	provider := providerName(u.last, s)
	return built{focus: label, object: sheet(u.sheetHead(s.Tile, c.Title, plainSub(c.Sub)), content,
		footWith("", fitting("“Not me” gives the token back to "+provider+".", styleCaption, colInk2), not, add))}
}

func providerName(snap accounts.Snapshot, s danceState) string {
	d, _ := snap.Dance(s.ID)
	return clean(d.ProviderName)
}

func (u *UI) keep(dance, label string, asNew bool) {
	u.run("keep", networkLimit, func(ctx context.Context) error {
		_, err := u.book.Keep(ctx, dance, label, asNew)
		return err
	}, func() { u.visit(func(n *nav) { n.page = pageAccounts }) })
}

// wrongView is another account than the one to sign in again. Nothing here
// writes over the old one.
func (u *UI) wrongView(s danceState) built {
	c, w := s.Came, s.Came.Wrong
	warn := newPlate(colAttentionSoft, colNone, 8)
	g := statusGlyph(glyphAttention)
	bold, rest := newWords(w.Strip, styleBold, colInk), fitting(w.StripRest, styleText, colInk)
	top := placed(400, 44, func(size fyne.Size) {
		put(warn, 0, 0, size.Width, 44)
		put(g, 18, 14, 16, 16)
		bw := bold.MinSize().Width
		put(bold, 48, 12, bw, 20)
		put(rest, 48+bw+5, 12, max(0, size.Width-64-bw), 20)
	}, warn, g, bold, rest)
	came := statusState{Words: "Not on your card yet", Sub: "no app can use it", Life: -1}
	if w.Known {
		came = statusState{Words: "Linked already", Sub: "it stays as it is", Life: -1}
	}
	left := personCard("You wanted", w.WantedSeed, w.Wanted, w.WantedSub, newStatusView(w.WantedStatus).Container)
	right := personCard("This came back", w.CameSeed, w.Came, w.CameSub, plusStatus(came))
	disc, differ := newPlate(colLeaf, colLine, 16), lineIcon("notequal", 20, colInk)
	both := placed(400, 178, func(size fyne.Size) {
		half := (size.Width - 48) / 2
		put(left, 0, 0, half, 178)
		put(right, half+48, 0, half, 178)
		put(disc, half+8, 73, 32, 32)
		put(differ, half+14, 79, 20, 20)
	}, left, right, disc, differ)
	try := newButton("Try again", "", filled, func() { u.again(s) })
	choices := []fyne.CanvasObject{choiceRow("refresh", colAccent, "Try again as "+w.Wanted, w.TrySub, try)}
	if !w.Known {
		add := newButton("Add as new", "", outlined, func() { u.keep(s.ID, c.Label, true) })
		choices = append(choices, hairlineRow(), choiceRow("plus", colInk2, "Add "+w.Came+" as a new account", w.NewSub, add))
	}
	ground := newPlate(colLeaf, colLine, 12)
	list := rows(0, choices...)
	card := placed(400, list.MinSize().Height, func(size fyne.Size) {
		put(ground, 0, 0, size.Width, size.Height)
		put(list, 0, 0, size.Width, size.Height)
	}, ground, list)
	cancel := newButton("Cancel", "", outlined, func() { u.putAway(s.ID) })
	return built{object: sheet(u.sheetHead(s.Tile, c.Title, plainSub(c.Sub)), rows(12, top, both, card),
		footWith("", fitting("An account is known by its id, never by name or e-mail.", styleCaption, colInk2), cancel))}
}

func personCard(title, seed, name, sub string, status fyne.CanvasObject) fyne.CanvasObject {
	ground := newPlate(colLeaf, colLine, 12)
	t, face := newWords(title, styleCaptionBold, colInk2), newAvatar(seed, initials(name), 56)
	n, id := fitting(name, styleLead, colInk), newWords(sub, styleCaption, colInk2)
	id.cut = cutMiddle
	return placed(160, 178, func(s fyne.Size) {
		put(ground, 0, 0, s.Width, s.Height)
		put(t, 20, 20, s.Width-40, 16)
		put(face, 20, 49, 56, 56)
		put(n, 92, 56, s.Width-92-16, 24)
		put(id, 92, 80, s.Width-92-16, 16)
		put(status, 20, 121, s.Width-36, 40)
	}, ground, t, face, n, id, status)
}

func plusStatus(s statusState) fyne.CanvasObject {
	g, w, sub := lineIcon("plus", 16, colInk2), fitting(s.Words, styleText, colInk), fitting(s.Sub, styleCaption, colInk2)
	return placed(100, 40, func(size fyne.Size) {
		put(g, 0, 2, 16, 16)
		put(w, 24, 0, size.Width-24, 20)
		put(sub, 24, 20, size.Width-24, 16)
	}, g, w, sub)
}

// choiceRow is an icon, a bold line with its caption, and a button.
func choiceRow(icon string, col fyne.ThemeColorName, title, sub string, b *button) fyne.CanvasObject {
	g, t, c := lineIcon(icon, 20, col), fitting(title, styleBold, colInk), fitting(sub, styleCaption, colInk2)
	return placed(300, 60, func(s fyne.Size) {
		w := b.MinSize().Width
		put(g, 16, 20, 20, 20)
		put(t, 48, 11, s.Width-48-w-24, 20)
		put(c, 48, 31, s.Width-48-w-24, 16)
		put(b, s.Width-12-w, 12, w, 36)
	}, g, t, c, b)
}

func hairlineRow() fyne.CanvasObject {
	h := hairline()
	return placed(100, 1, func(s fyne.Size) { put(h, 1, 0, s.Width-2, 1) }, h)
}
