package ui

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"dancecard/accounts"
	"dancecard/internal/secret"
)

// lockedView is the closed booklet: since when, why, who waits, and the ways in.
func (u *UI) lockedView(s lockedState) built {
	form, focus := u.wayField(s)
	content := []fyne.CanvasObject{}
	d := newGlyph("mark-locked.svg", 46, colAccent)
	content = append(content, placed(46, 54, func(fyne.Size) { put(d, -6, 0, 46, 46) }, d))
	content = append(content, fitting(s.Title, styleTitle, colInk))
	if s.Problem != nil {
		content = append(content, newPara(s.Problem.Title, 3, styleText, colInk), newPara(s.Problem.Text, 3, styleText, colInk2))
	}
	for _, l := range s.Lines {
		if l != "" {
			content = append(content, fitting(l, styleText, colInk2))
		}
	}
	if form != nil {
		content = append(content, gap(1, 8), form)
	}
	if n := u.nav.notice; n != nil {
		content = append(content, formProblem(*n))
	}
	if s.Button != "" {
		label := s.Button
		if u.busy["unlock"] {
			label = "Unlocking"
		}
		unlock := newButton(label, "", filled, func() { u.unlock(s) })
		unlock.disable(u.busy["unlock"])
		content = append(content, gap(1, 4), unlock)
	}
	if len(s.Others) > 0 {
		content = append(content, padded(12, 4, 0, 0, hairlineRow()))
		for _, w := range s.Others {
			content = append(content, u.wayRowView(w))
		}
	}
	inside := rows(4, content...)
	h := inside.MinSize().Height + 28 + 24
	card := booklet(24, true, padded(28, 20, 28, 32, inside))
	who := u.whoButton(s)
	last := newWords("Your accounts stay linked. Only this machine is closed.", styleCaption, colInk2)
	page := placed(420, h+36+60, func(size fyne.Size) {
		put(who, 16, 12, min(who.MinSize().Width, (size.Width-376)/2-24), 48)
		top := max(16, (size.Height-h-36-40)/2)
		put(card, (size.Width-376)/2, top, 376, h+36)
		m := last.MinSize()
		put(last, (size.Width-m.Width)/2, min(size.Height-28, top+h+66-20), m.Width, 16)
	}, who, card, last)
	return built{object: container.NewVScroll(page), focus: focus}
}

// wayField is the field of the chosen way; nil for the keyring.
func (u *UI) wayField(s lockedState) (fyne.CanvasObject, fyne.Focusable) {
	if s.Label == "" {
		return nil, nil
	}
	e := u.nav.entry("way "+s.ID+string(s.Way), s.Label, true)
	e.OnSubmitted = func(string) { u.unlock(s) }
	return labelled(s.Label, field(e)), e
}

func (u *UI) unlock(s lockedState) {
	key := "way " + s.ID + string(s.Way)
	text := secret.New(u.nav.text(key))
	if s.Label != "" && text.IsZero() {
		u.nav.notice = &noticeState{Title: "Type the " + lowerFirst(s.Label) + " first."}
		u.win.render()
		return
	}
	u.run("unlock", networkLimit, func(ctx context.Context) error { return u.book.Unlock(ctx, s.ID, s.Way, text) },
		func() { u.forgetView() })
}

func (u *UI) wayRowView(w wayState) fyne.CanvasObject {
	g, t, more := lineIcon(w.Icon, 20, colInk2), fitting(w.Label, styleText, colInk), lineIcon("right", 16, colInk2)
	content := placed(200, 36, func(s fyne.Size) {
		put(g, 0, 8, 20, 20)
		put(t, 32, 8, s.Width-60, 20)
		put(more, s.Width-20, 10, 16, 16)
	}, g, t, more)
	l := newLeaf(w.Label, fyne.NewSize(200, 36), content, func() {
		u.nav.way, u.nav.notice = w.Kind, nil
		u.nav.forget()
		u.win.fresh = true
		u.win.render()
		if w.Kind == accounts.WayKeyring {
			st := lockedOf(u.last, w.Kind)
			u.unlock(st)
		}
	})
	l.bare = true
	return l
}

// whoButton names the profile and opens the switcher.
func (u *UI) whoButton(s lockedState) fyne.CanvasObject {
	face, name, swap := newAvatar(s.ID, s.Initials, 32), fitting(s.Profile, styleBold, colInk), lineIcon("swap", 16, colInk2)
	natural := min(name.style.width(name.text)+1, 200)
	content := placed(natural+92, 48, func(size fyne.Size) {
		w := min(natural, size.Width-92)
		put(face, 8, 8, 32, 32)
		put(name, 52, 14, w, 20)
		put(swap, 60+w, 16, 16, 16)
	}, face, name, swap)
	var l *leaf
	l = newLeaf("Profile", fyne.NewSize(natural+92, 48), content, func() { u.profileMenu(l) })
	l.bare = true
	return l
}

// formProblem is what is wrong with a form, below its fields.
func formProblem(n noticeState) fyne.CanvasObject {
	g, col := statusGlyph(glyphAttention), colAttention
	if n.Danger {
		g, col = statusGlyph(glyphDanger), colDanger
	}
	t, more := newPara(n.Title, 2, styleCaptionBold, col), newPara(n.Text, 2, styleCaption, colInk2)
	high := float32(16)
	if styleCaptionBold.width(n.Title) > 250 {
		high = 32
	}
	total := high
	if n.Text != "" {
		total += 32
	}
	return placed(200, total+4, func(s fyne.Size) {
		put(g, 0, 4, 16, 16)
		put(t, 24, 4, s.Width-24, high)
		put(more, 24, 4+high, s.Width-24, 32)
	}, g, t, more)
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}
