package ui

import (
	"context"
	"strings"
	"time"

	"fyne.io/fyne/v2"
)

// waitingView is a dance that waits for the user in a browser, here or on
// another device.
func (u *UI) waitingView(s danceState) built {
	content := rows(12)
	if s.Problem != nil {
		content.Add(strip(*s.Problem, nil, nil))
	}
	if !s.Over || s.Began {
		content.Add(module(padded(8, 4, 0, 0, beadsAcross(s.Steps))))
	}
	var focus fyne.Focusable
	var ways []fyne.CanvasObject
	switch {
	case s.Code != nil:
		ways = append(ways, u.codeModule(s))
	case s.Paste || u.nav.pasting:
		var paste fyne.CanvasObject
		paste, focus = u.pasteModule(s)
		ways = append(ways, paste)
	case s.Device && s.Link != "":
		ways = append(ways, u.deviceOffer(s))
	}
	switch {
	case s.Link != "" && len(ways) > 0:
		content.Add(evenColumns(u.linkModule(s, halfWidth), ways[0]))
	case s.Link != "":
		content.Add(u.linkModule(s, 2*halfWidth))
	case len(ways) > 0:
		content.Add(ways[0])
	}
	cancel := newButton("Cancel", "", outlined, func() { u.putAway(s.ID) })
	wait := fitting(waitWords(s, u.last.At), styleText, colInk2)
	var bar fyne.CanvasObject = footWith("clock", wait, cancel)
	if s.Over {
		bar = u.overFoot(s)
	}
	object := sheet(u.sheetHead(s.Tile, s.Title, plainSub(s.Sub)), content, bar)
	return built{focus: focus, object: object, update: func(state any) { wait.set(waitWords(state.(danceState), u.last.At)) }}
}

// overFoot is what may be done when an attempt is over: to try again, or what
// the problem asks for.
func (u *UI) overFoot(s danceState) fyne.CanvasObject {
	away := newButton("Back", "", outlined, u.back)
	again := newButton("Try again", "", filled, func() { u.again(s) })
	if s.Problem == nil || s.Problem.Verb != verbRegister {
		return foot("", "", away, again)
	}
	again.kind = outlined
	up := newButton("Set up", "", filled, func() { u.register(s.Provider, s.Reconnects) })
	return foot("", "", away, again, up)
}

func waitWords(s danceState, now time.Time) string {
	if s.Deadline.IsZero() || s.Waiting == "" {
		return s.Waiting
	}
	what := "link"
	if s.Code != nil {
		what = "code"
	}
	left := s.Deadline.Sub(now)
	if left <= 0 {
		return s.Waiting + ". The " + what + " has run out."
	}
	return s.Waiting + ". The " + what + " is good for " + durationWords(left) + "."
}

// halfWidth is the least room in one of two modules side by side.
const halfWidth = 268

// titled is a module with an icon before its title.
func titled(icon, title string, content fyne.CanvasObject) fyne.CanvasObject {
	g, t := lineIcon(icon, 20, colInk2), fitting(title, styleBold, colInk)
	head := placed(160, 20, func(s fyne.Size) {
		put(g, 0, 0, 20, 20)
		put(t, 28, 0, s.Width-28, 20)
	}, g, t)
	return module(padded(8, 8, 0, 0, rows(10, head, content)))
}

// evenColumns are two modules of one width, as high as the higher.
func evenColumns(left, right fyne.CanvasObject) fyne.CanvasObject {
	c := placed(0, 0, nil, left, right)
	c.Layout = halves{}
	return c
}

// linkModule is the link, for a browser that did not open or is the wrong one.
func (u *UI) linkModule(s danceState, least float32) fyne.CanvasObject {
	help := newPara(s.LinkHelp, 3, styleText, colInk2)
	link := readOnly(s.Link, cutEnd)
	cp := u.copyButton("link", "Copy link", s.Link, false)
	open := newButton("Open again", "open", filled, func() {
		u.run("open again", quickLimit, func(ctx context.Context) error { return u.book.OpenAgain(ctx, s.ID) }, nil)
	})
	open.trailing = true
	elsewhere := func(id string) { u.againIn(s, id) }
	end := newPara("The link works once, only on this machine, and ends when you cancel.", 2, styleCaption, colInk3)
	if s.Code != nil {
		elsewhere = func(id string) { u.openLink(s.Link, id) }
		open.label, open.on = "Open link", func() { elsewhere(u.requests[s.ID].Browser) }
		end.set("Any browser will do, here or elsewhere.")
	}
	box := column(least, 12, help, link, spread(cp, open), end)
	var quiets []fyne.CanvasObject
	if s.Browsers {
		b := newButton("Open in another browser", "", quiet, nil)
		b.small = true
		b.on = func() { u.browserMenu(b, u.requests[s.ID].Browser, elsewhere) }
		quiets = append(quiets, b)
	}
	if !s.Paste && s.Code == nil && !u.nav.pasting {
		b := newButton("Paste the address instead", "", quiet, func() {
			u.nav.pasting = true
			u.win.fresh = true
			u.win.render()
		})
		b.small = true
		quiets = append(quiets, b)
	}
	for _, q := range quiets {
		box.Add(line(0, q))
	}
	return titled("globe", s.LinkTitle, box)
}

// spread puts buttons side by side.
func spread(buttons ...*button) fyne.CanvasObject {
	var objects []fyne.CanvasObject
	for _, b := range buttons {
		objects = append(objects, b)
	}
	return line(8, objects...)
}

// codeModule is the code to type on another device. In a low window it comes
// before the picture, to be in sight at once.
func (u *UI) codeModule(s danceState) fyne.CanvasObject {
	parts := []fyne.CanvasObject{codePlace(s.Code.Lead, s.Code.At), u.codeRow(s)}
	if scan := scanRow(s); scan != nil && u.win.w.Canvas().Size().Height < 560 {
		parts = append(parts, scan)
		parts[0] = codePlace("Type this at", s.Code.At)
	} else if scan != nil {
		parts = append([]fyne.CanvasObject{scan}, parts...)
	}
	return titled("phone", s.Code.Title, column(halfWidth, 10, parts...))
}

// scanRow is the code to scan; nil where its address is too long for one.
func scanRow(s danceState) fyne.CanvasObject {
	q := newQR(s.Code.Scan)
	if q == nil {
		return nil
	}
	edge, side := newPlate(colLeaf, colLine, 8), q.side()
	words := newPara("Scan this with a phone that is signed in to "+s.Name+".", 5, styleText, colInk2)
	return placed(side+80, side+2, func(size fyne.Size) {
		put(edge, 0, 0, side+2, side+2)
		put(q, 1, 1, side, side)
		room := max(60, size.Width-side-18)
		h := words.heightFor(room)
		put(words, side+18, (side-h)/2, room, h)
	}, edge, q, words)
}

// codePlace says where to type the code.
func codePlace(lead, at string) fyne.CanvasObject {
	before, where := newWords(lead, styleCaption, colInk2), newWords(at, styleMono, colInk)
	where.cut = cutMiddle
	return placed(160, 16, func(size fyne.Size) {
		w := before.MinSize().Width
		put(before, 0, 0, w, 16)
		put(where, w+6, 0, size.Width-w-6, 16)
	}, before, where)
}

// codeRow is the code itself with its copy button.
func (u *UI) codeRow(s danceState) fyne.CanvasObject {
	code := newWords(s.Code.User, styleCode, colInk)
	code.cut = cutMiddle
	icon := "copy"
	if u.nav.copied == "code" {
		icon = "check"
	}
	cp := newButton("Copy code", icon, framed, func() { u.copy("code", s.Code.User, false) })
	return placed(160, 36, func(size fyne.Size) {
		put(code, 0, 0, size.Width-40, 36)
		put(cp, size.Width-32, 2, 32, 32)
	}, code, cp)
}

// deviceOffer is the way from the link to a code.
func (u *UI) deviceOffer(s danceState) fyne.CanvasObject {
	help := newPara(s.Name+" may also take a short code on a phone or another computer. This link ends then; if it takes none, start again.", 4, styleText, colInk2)
	b := newButton("Use a code", "phone", outlined, func() { u.withCode(s) })
	return titled("phone", "Or on another device", column(halfWidth, 12, help, line(0, b)))
}

// pasteModule takes what the browser ended at, or the code that it shows.
func (u *UI) pasteModule(s danceState) (fyne.CanvasObject, fyne.Focusable) {
	e := u.nav.entry("paste", "What the browser shows", true)
	e.SetPlaceHolder("Paste it here")
	done := newButton("Done", "", outlined, nil)
	done.name = "Hand over what was pasted"
	check := func(text string) { done.disable(strings.TrimSpace(text) == "") }
	done.on = func() {
		text := strings.TrimSpace(e.Text)
		u.run("paste", quickLimit, func(context.Context) error {
			err := u.book.Paste(s.ID, text)
			if d, ok := u.snap().Dance(s.ID); ok && d.Pasted != "" { // the field says it
				return nil
			}
			return err
		}, nil)
	}
	e.OnChanged, e.OnSubmitted = check, func(string) { done.press() }
	check(e.Text)
	f := field(e)
	row := placed(160, 36, func(size fyne.Size) {
		w := done.MinSize().Width
		put(f, 0, 0, size.Width-w-8, 36)
		put(done, size.Width-w, 0, w, 36)
	}, f, done)
	box := column(halfWidth, 10, newPara(s.PasteHelp, 5, styleText, colInk2), row)
	if s.Pasted != "" {
		box.Add(warnRow(s.Pasted))
	}
	return titled("paper", s.PasteTitle, box), e
}

// warnRow is what is wrong with a field, below it.
func warnRow(text string) fyne.CanvasObject {
	g, t := statusGlyph(glyphDanger), newPara(text, 3, styleCaption, colDanger)
	return placed(160, 48, func(s fyne.Size) {
		put(g, 0, 0, 16, 16)
		put(t, 24, 0, s.Width-24, 48)
	}, g, t)
}
