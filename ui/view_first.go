package ui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"dancecard/accounts"
	"dancecard/internal/secret"
)

// cover is the booklet's front at the left of a first start: 296 wide.
func cover() fyne.CanvasObject {
	ground := newPlate(colCover, colNone, 0)
	d := mark("icon-cover.svg", "icon-dark.svg", 56)
	lines := blankLines(6, 32, colCoverInk2, colCoverLine)
	name := newWords("Dancecard", styleTitle, colCoverInk)
	text := newPara("Who you are linked with, and who may use it.", 3, styleText, colCoverInk2)
	return placed(200, 400, func(s fyne.Size) {
		put(ground, 0, 0, s.Width, s.Height)
		put(d, 32, 40, 56, 56)
		put(lines, 36, max(120, s.Height*0.31), s.Width-68, 192)
		put(name, 32, s.Height-116, s.Width-64, 32)
		put(text, 32, s.Height-80, min(180, s.Width-56), 60)
	}, ground, d, lines, name, text)
}

// coverPage is the cover with a page of 508 at its right.
func coverPage(content, bar fyne.CanvasObject) fyne.CanvasObject {
	left := cover()
	scroll := container.NewVScroll(content)
	return placed(640, 400, func(s fyne.Size) {
		cw := float32(296)
		if s.Width < narrowAt {
			cw = 200
		}
		put(left, 0, 0, cw, s.Height)
		w := min(508, s.Width-cw-80)
		x := cw + max(40, min(48, (s.Width-cw-w)/2))
		put(scroll, x-4, 40, w+12, s.Height-40-84)
		put(bar, x, s.Height-68, w, 36)
	}, left, scroll, bar)
}

// firstView makes the first profile, or another one.
func (u *UI) firstView(s firstState) built {
	n := &u.nav
	if s.KeyringWhy != "" {
		n.protect = protectPassphrase
	}
	name := n.entry("name", "Name your profile", false)
	if name.Text == "" && !s.CanCancel {
		name.SetText("Home")
	}
	create := newButton("", "", filled, func() { u.create("") })
	create.disable(u.busy["create"])
	label := func(string) {
		create.setLabel(strings.TrimSpace("Create " + brief(clean(name.Text), 16)))
		u.win.holder.Refresh()
	}
	name.OnChanged = label
	name.OnSubmitted = func(string) { create.press() }
	content := rows(0, newWords(s.Title, styleTitle, colInk), gap(1, 8), newPara(s.Text, 3, styleText, colInk2), gap(1, 12),
		labelled("Name your profile", field(name)))
	if len(s.Starters) > 0 && !s.CanCancel {
		content.Add(gap(1, 14))
		content.Add(u.beginWith(s.Starters))
	}
	content.Add(gap(1, 20))
	content.Add(fitting("How shall it be protected?", styleCaptionBold, colInk2))
	content.Add(gap(1, 4))
	u.protections(content, s)
	promise := "Everything stays on this machine."
	if n.protect == protectKeyring {
		content.Add(gap(1, 12))
		content.Add(note("paper", "Next you get a recovery key to write down, in case this is ever lost."))
	} else {
		promise = "Next you get a recovery key to write down."
	}
	if n.notice != nil {
		content.Add(gap(1, 8))
		content.Add(formProblem(*n.notice))
	}
	buttons := []fyne.CanvasObject{create}
	if s.CanCancel {
		buttons = []fyne.CanvasObject{newButton("Cancel", "", outlined, u.back), create}
	}
	bar := footWith("", fitting(promise, styleCaption, colInk2), buttons...)
	object := coverPage(padded(0, 0, 4, 8, content), bar)
	label("")
	return built{object: object, focus: name}
}

// beginWith are the providers to begin with.
func (u *UI) beginWith(tiles []galleryTile) fyne.CanvasObject {
	objects := []fyne.CanvasObject{newWords("or begin by signing in with", styleText, colInk2)}
	for _, t := range tiles {
		mark := newTile(t.Tile, 32)
		l := newLeaf("Begin with "+t.Name, fyne.NewSize(32, 32), placed(32, 32, func(fyne.Size) { put(mark, 0, 0, 32, 32) }, mark),
			func() { u.create(t.ID) })
		l.bare, l.tip = true, true
		objects = append(objects, l)
	}
	another := newButton("another", "", quiet, func() { u.create(anyProvider) })
	objects = append(objects, another)
	return placed(300, 32, func(s fyne.Size) {
		x := float32(0)
		for _, o := range objects {
			m := o.MinSize()
			put(o, x, (32-m.Height)/2, m.Width, m.Height)
			x += m.Width + 12
		}
	}, objects...)
}

// anyProvider opens the gallery after the recovery key.
const anyProvider = "*"

func (u *UI) protections(box *fyne.Container, s firstState) {
	choose := func(p protect) func() {
		return func() { u.nav.protect = p; u.win.render() }
	}
	sub := "Opens when you log in to the computer"
	if s.KeyringWhy != "" {
		sub = upperFirst(s.KeyringWhy)
	}
	ring := u.radioRow("With this desktop's keyring", sub, "shield", u.nav.protect == protectKeyring, choose(protectKeyring), s.KeyringWhy != "")
	box.Add(ring)
	box.Add(gap(1, 8))
	box.Add(u.radioRow("With a passphrase", "You type it after each start", "key", u.nav.protect == protectPassphrase, choose(protectPassphrase), false))
	if u.nav.protect == protectPassphrase {
		a, b := u.nav.entry("pass", "Passphrase", true), u.nav.entry("again", "Once more", true)
		b.OnSubmitted = func(string) { u.create("") }
		two := container.New(halves{}, labelled("Passphrase", field(a)), labelled("Once more", field(b)))
		box.Add(gap(1, 12))
		box.Add(two)
	}
}

// radioRow is a choice: a card of 60 with a ring, words and an icon.
func (u *UI) radioRow(title, sub, icon string, on bool, pick func(), off bool) *leaf {
	dot := radio(on)
	st := styleText
	if on {
		st = styleBold
	}
	ink, ink2 := colInk, colInk2
	if off {
		ink, ink2 = colInk3, colInk3
	}
	t, c, g := fitting(title, st, ink), fitting(sub, styleCaption, ink2), lineIcon(icon, 20, ink2)
	content := placed(200, 60, func(s fyne.Size) {
		put(dot, 17, 20, 20, 20)
		put(t, 49, 11, s.Width-49-52, 20)
		put(c, 49, 31, s.Width-49-52, 16)
		put(g, s.Width-38, 20, 20, 20)
	}, dot, t, c, g)
	l := newLeaf(title, fyne.NewSize(200, 60), content, pick)
	l.ring, l.off = on, off
	return l
}

// create makes the profile and shows its recovery key; then is a provider to
// connect after that.
func (u *UI) create(then string) {
	n := &u.nav
	name, pass, again := strings.TrimSpace(n.text("name")), n.text("pass"), n.text("again")
	if p := newProfileProblem(name, n.protect, pass, again); p != "" {
		n.notice = &noticeState{Title: p}
		u.win.render()
		return
	}
	req := accounts.NewProfile{Name: name, Keyring: n.protect == protectKeyring}
	if n.protect == protectPassphrase {
		req.Passphrase = secret.New(pass)
	}
	var key secret.String
	u.run("create", networkLimit, func(ctx context.Context) (err error) {
		_, key, err = u.book.CreateProfile(ctx, req)
		return err
	}, func() {
		u.nav.forget()
		u.visit(func(n *nav) { n.newProfile, n.page = false, pageAccounts })
		u.nav.key, u.nav.keyProfile, u.nav.thenConnect = key, name, then
		u.win.accounts, u.win.activity, u.win.fresh = nil, nil, true
	})
}

// recoveryView shows the recovery key, once.
func (u *UI) recoveryView() built {
	n := &u.nav
	key := n.key.Reveal()
	groups := keyGroups(key)
	typed := n.entry("last group", "Last group of the recovery key", false)
	done := newButton("I wrote it down", "", filled, u.keyWritten)
	check := func(string) { done.disable(!wroteDown(key, typed.Text)) }
	typed.OnChanged = check
	typed.OnSubmitted = func(string) { done.press() }
	check("")
	ground := newPlate(colSunk, colLine, 8)
	cells := container.New(&gridLayout{w: 84, h: 26, gap: 4, width: 460})
	for _, g := range groups {
		cells.Add(newWords(g, styleMonoText, colInk))
	}
	box := placed(300, cells.MinSize().Height+24, func(s fyne.Size) {
		put(ground, 0, 0, s.Width, s.Height)
		put(cells, 20, 12, s.Width-40, s.Height-24)
	}, ground, cells)
	cp := u.copyButton("recovery", "Copy", key, true)
	hint := newPara("A copy leaves the clipboard after a minute.", 2, styleCaption, colInk3)
	content := rows(0, newWords("Your recovery key", styleTitle, colInk), gap(1, 8),
		newPara("Write it down and keep it away from this machine. It opens "+clean(n.keyProfile)+" when nothing else does. It is shown once, now.", 3, styleText, colInk2),
		gap(1, 12), box, gap(1, 12), beside(cp, hint), gap(1, 20), labelled("Type its last group, to be sure", field(typed)))
	bar := footWith("", fitting("Whoever has it can open "+clean(n.keyProfile)+".", styleCaption, colInk2), done)
	return built{object: coverPage(padded(0, 0, 4, 8, content), bar), focus: typed}
}

// keyWritten goes on after the recovery key.
func (u *UI) keyWritten() {
	then := u.nav.thenConnect
	u.nav.forget()
	u.nav.key, u.nav.keyProfile, u.nav.thenConnect, u.nav.copied = secret.String{}, "", "", ""
	u.win.fresh = true
	u.refresh()
	switch {
	case then == anyProvider:
		u.open(pageConnect)
	case then != "":
		u.start(then)
	}
}

// gridLayout lays cells of one size; more columns when wider, never wider cells.
// Its height depends on the width, which Fyne does not say when it asks for the
// height, so whoever places the grid sets width first.
type gridLayout struct{ w, h, gap, width float32 }

func (g *gridLayout) columns() int { return max(1, int((g.width+g.gap)/(g.w+g.gap))) }

// Layout implements fyne.Layout.
func (g *gridLayout) Layout(objects []fyne.CanvasObject, _ fyne.Size) {
	n := g.columns()
	for i, o := range objects {
		put(o, float32(i%n)*(g.w+g.gap), float32(i/n)*(g.h+g.gap), g.w, g.h)
	}
}

// MinSize implements fyne.Layout.
func (g *gridLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	lines := (len(objects) + g.columns() - 1) / g.columns()
	return fyne.NewSize(g.w, max(0, float32(lines)*(g.h+g.gap)-g.gap))
}
