package ui

import (
	"context"
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// steady leaves out the words that tell time.
func (s accountState) steady() any {
	s.Status.Sub, s.Status.Life = "", 0
	if s.Status.Ticks {
		s.Status.Words, s.Status.Ticks = "", false
	}
	s.Beads = nil
	return s
}

func (u *UI) accountView(s accountState) built {
	glyph := statusGlyph(s.Status.Glyph)
	st, col := toneStyle(s.Status.Tone)
	state := newWords(s.Status.Words, st, col)
	since := fitting("· "+s.Sub, styleText, colInk2)
	sub := placed(100, 20, func(size fyne.Size) {
		put(glyph, 0, 2, 16, 16)
		w := state.MinSize().Width
		put(state, 22, 0, w, 20)
		put(since, 26+w, 0, max(0, size.Width-26-w), 20)
	}, glyph, state, since)
	var actions []fyne.CanvasObject
	for i, v := range s.Buttons {
		k := outlined
		if i == len(s.Buttons)-1 {
			k = filled
		}
		b := newButton(verbWords(v, s.Provider), "", k, func() { u.verb(v, s.ID) })
		b.disable(u.busy["refresh "+s.ID])
		actions = append(actions, b)
	}
	beads := container.NewStack(timeline(s.Beads))
	life := rows(10, beads)
	if s.FetchOnly != "" {
		life.Add(line(0, pill("shield", s.FetchOnly)))
		life.Add(newPara("Apps use fetch: each request is signed here.", 2, styleCaption, colInk2))
	}
	token := moduleWith("Token", captionWords(s.TokenNote), life)
	var ask fyne.CanvasObject
	if s.More {
		b := newButton("Ask for more", "", quiet, func() { u.verb(verbMore, s.ID) })
		b.small, ask = true, b
	}
	may := moduleWith("What it may do", ask, scopeRows(s.Scopes, false))
	content := []fyne.CanvasObject{identity(s), twoColumns(may, token), u.accountApps(s), u.threeVerbs(s)}
	if s.StepUp != nil {
		content = append([]fyne.CanvasObject{strip(*s.StepUp, nil, nil)}, content...)
	}
	if s.Browser.Change || s.Browser.ID != "" {
		content = append(content, u.browserRow(s))
	}
	content = append(content, u.renaming(s), gap(1, 12))
	update := func(state_ any) {
		now := state_.(accountState)
		glyph.setStatus(now.Status.Glyph)
		state.set(now.Status.Words)
		beads.Objects = []fyne.CanvasObject{timeline(now.Beads)}
		beads.Refresh()
	}
	return built{object: sheet(u.sheetHead(s.Tile, s.Label, sub, actions...), rows(12, content...), nil), update: update}
}

func captionWords(text string) fyne.CanvasObject {
	if text == "" {
		return nil
	}
	return newWords(text, styleCaption, colInk2)
}

// moduleWith is a card with a title, something at its right, and content.
func moduleWith(title string, right fyne.CanvasObject, content fyne.CanvasObject) fyne.CanvasObject {
	t := newWords(title, styleBold, colInk)
	objects := []fyne.CanvasObject{t}
	if right != nil {
		objects = append(objects, right)
	}
	head := placed(100, 20, func(s fyne.Size) {
		putMin(t, 0, 0)
		if right != nil {
			m := right.MinSize()
			put(right, s.Width-m.Width, (20-m.Height)/2, m.Width, m.Height)
		}
	}, objects...)
	return module(rows(10, head, content))
}

// twoColumns are modules of 364 and 268, in proportion, as high as the higher.
func twoColumns(left, right fyne.CanvasObject) fyne.CanvasObject {
	return container.New(placer{
		min: func() fyne.Size { return fyne.NewSize(400, max(left.MinSize().Height, right.MinSize().Height)) },
		lay: func(s fyne.Size) {
			w := (s.Width - 12) * 364 / 632
			put(left, 0, 0, w, s.Height)
			put(right, w+12, 0, s.Width-12-w, s.Height)
		},
	}, left, right)
}

// identity is the strip: the account there, a cord, the profile here.
func identity(s accountState) fyne.CanvasObject {
	there, here := newAvatar(s.Seed, s.Initials, 40), newAvatar(s.ProfileSeed, initials(s.Profile), 40)
	who := fitting(s.Label+" "+s.There, styleText, colInk)
	id := newWords(s.ThereSub, styleCaption, colInk2)
	id.cut = cutMiddle
	home := fitting(s.Profile+" on this machine", styleText, colInk)
	known := fitting("the profile, known only here", styleCaption, colInk2)
	a, b := newPlate(colAccent, colNone, 0), newPlate(colAccent, colNone, 0)
	knobA, knobB := newPlate(colAccent, colNone, 4), newPlate(colAccent, colNone, 4)
	linked := newWords("linked to", styleCaption, colInk2)
	ground := newPlate(colLeaf, colLine, 12)
	return placed(400, 64, func(s fyne.Size) {
		put(ground, 0, 0, s.Width, s.Height)
		put(there, 16, 12, 40, 40)
		half := s.Width/2 - 8
		put(who, 68, 12, half-68-84, 20)
		put(id, 68, 32, half-68-84, 16)
		x := half - 76
		w := linked.MinSize().Width
		put(knobA, x, 28, 8, 8)
		put(a, x+4, 31, 34, 2)
		put(linked, x+44, 24, w, 16)
		put(b, x+50+w, 31, 34, 2)
		put(knobB, x+50+w+30, 28, 8, 8)
		right := x + 50 + w + 58
		put(here, right, 12, 40, 40)
		put(home, right+52, 12, s.Width-right-52-16, 20)
		put(known, right+52, 32, s.Width-right-52-16, 16)
	}, ground, there, who, id, knobA, a, linked, b, knobB, here, home, known)
}

// scopeRows are permissions: a tick, plain words, the scope in mono.
func scopeRows(scopes []scopeState, discs bool) fyne.CanvasObject {
	if len(scopes) == 0 {
		return newPara("The provider did not say.", 1, styleText, colInk2)
	}
	box := rows(4)
	for _, sc := range scopes {
		var g fyne.CanvasObject = lineIcon("check", 16, colOK)
		if discs {
			g = statusGlyph(glyphOK)
		}
		col, tail := colInk, newWords(sc.Scope, styleMono, colInk2)
		if !sc.Given {
			g, col, tail = bead(beadToCome), colInk2, newWords("not given", styleCaption, colInk2)
		}
		w := fitting(sc.Words, styleText, col)
		if sc.Scope == "" { // no plain words for it
			w.cut = cutMiddle
		}
		tail.cut = cutMiddle // scopes differ at their end
		natural := tail.style.width(tail.text)
		if natural > 0 {
			natural++
		}
		box.Add(placed(160, 20, func(s fyne.Size) {
			centred(g, 8-g.MinSize().Width/2, 0, 20)
			have := w.style.width(w.text)
			tw := min(natural, max((s.Width-24)*0.4, s.Width-24-have-12))
			put(w, 24, 0, max(0, s.Width-24-tw-12), 20)
			if discs {
				put(tail, min(24+have+8, s.Width-tw), 2, tw, 16)
			} else {
				put(tail, s.Width-tw, 2, tw, 16)
			}
		}, g, w, tail))
	}
	return box
}

func (u *UI) accountApps(s accountState) fyne.CanvasObject {
	all := newButton("All apps", "", quiet, func() { u.open(pageApps) })
	all.small = true
	if len(s.Apps) == 0 {
		return moduleWith("Apps with access", nil, newPara("No app has access yet. The first one that asks shows a question here.", 2, styleCaption, colInk2))
	}
	box := rows(8)
	for _, a := range s.Apps {
		icon := programBox(a.Icon, 28)
		name, how := fitting(a.Name, styleBold, colInk), fitting(a.Words, styleCaption, colInk2)
		used := newWords(a.Sub, styleCaption, colInk2)
		box.Add(placed(200, 28, func(s fyne.Size) {
			put(icon, 0, 0, 28, 28)
			w := used.MinSize().Width
			third := (s.Width - 40 - w) / 2
			put(name, 40, 4, third-8, 20)
			put(how, 40+third, 6, third-12, 16)
			put(used, s.Width-w, 6, w, 16)
		}, icon, name, how, used))
	}
	if s.AppsMore > 0 {
		all.setLabel(fmt.Sprintf("All %d", len(s.Apps)+s.AppsMore))
	}
	return moduleWith("Apps with access", all, box)
}

// browserRow is the browser that the account signs in with.
func (u *UI) browserRow(s accountState) fyne.CanvasObject {
	change := newButton("Change", "", quiet, nil)
	change.small, change.name = true, "Change the browser"
	change.on = func() {
		u.browserMenu(change, s.Browser.ID, func(id string) { u.setBrowser(s.ID, id) })
	}
	g, w := lineIcon("globe", 20, colInk2), fitting(s.Browser.Words, styleText, colInk)
	sub := fitting("where you are signed in as "+s.Label, styleCaption, colInk2)
	row := placed(200, 40, func(size fyne.Size) {
		put(g, 0, 10, 20, 20)
		put(w, 32, 2, size.Width-32, 20)
		put(sub, 32, 22, size.Width-32, 16)
	}, g, w, sub)
	var right fyne.CanvasObject
	if s.Browser.Change {
		right = change
	}
	return moduleWith("Signs in with", right, row)
}

// renaming is the name on the card, for the user alone.
func (u *UI) renaming(s accountState) fyne.CanvasObject {
	name := u.nav.entry("rename", "Name on your card", false)
	if name.Text == "" {
		name.SetText(s.Label)
	}
	save := newButton("Rename", "", outlined, func() {
		label := strings.TrimSpace(name.Text)
		u.run("rename "+s.ID, quickLimit, func(context.Context) error { return u.book.Rename(s.ID, label) }, nil)
	})
	check := func(string) {
		label := strings.TrimSpace(name.Text)
		save.disable(label == "" || label == s.Label || u.busy["rename "+s.ID])
	}
	name.OnChanged, name.OnSubmitted = check, func(string) { save.press() }
	check("")
	f := field(name)
	return moduleWith("Name on your card", newWords("Only for you", styleCaption, colInk2), placed(300, 36, func(size fyne.Size) {
		w := save.MinSize().Width
		put(f, 0, 0, size.Width-w-8, 36)
		put(save, size.Width-w, 0, w, 36)
	}, f, save))
}

// threeVerbs is the card with what each verb leaves.
func (u *UI) threeVerbs(s accountState) fyne.CanvasObject {
	ground := newPlate(colLeaf, colLine, 12)
	objects := []fyne.CanvasObject{ground}
	type cell struct {
		b *button
		t *para
		l *plate
	}
	var cells []cell
	for _, v := range s.Verbs {
		k := outlined
		if v.Danger {
			k = danger
		}
		c := cell{smallButton(v.Label, k, func() { u.verb(v.Verb, s.ID) }), newPara(v.Leaves, 3, styleCaption, colInk2), hairline()}
		cells = append(cells, c)
		objects = append(objects, c.b, c.t, c.l)
	}
	return placed(400, 112, func(size fyne.Size) {
		put(ground, 0, 0, size.Width, size.Height)
		w := size.Width / float32(max(1, len(cells)))
		for i, c := range cells {
			x := w * float32(i)
			putMin(c.b, x+16, 12)
			put(c.t, x+16, 48, w-28, 48)
			show(c.l, i > 0)
			put(c.l, x, 1, 1, size.Height-2)
		}
	}, objects...)
}
