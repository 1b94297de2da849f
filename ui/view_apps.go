package ui

import (
	"context"
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// appsView lists which program may use what, with Take back.
func (u *UI) appsView(s appsState) built {
	search := u.nav.entry("search", "Search apps", false)
	search.OnChanged = func(string) { u.win.render() }
	find := searchField(search, "Search apps", "Ctrl F")
	title := newWords("Apps", styleTitle, colInk)
	objects := []fyne.CanvasObject{title, find}
	var chips []fyne.CanvasObject
	for _, f := range []grantFilter{grantsAll, grantsAlways, grantsForNow, grantsNever} {
		b := newButton(fmt.Sprintf("%s %d", f, s.Counts[f]), "", chipKind(u.nav.grants == f), func() { u.nav.grants = f; u.win.fresh = true; u.win.render() })
		chips = append(chips, b)
	}
	filter := line(8, chips...)
	var list []fyne.CanvasObject
	for i, r := range s.Rows {
		if i > 0 {
			list = append(list, hairlineRow())
		}
		list = append(list, u.appRow(r))
	}
	if len(list) == 0 {
		text := "No app has asked yet. The first time one does, a small window asks you."
		if s.Counts[grantsAll] > 0 {
			text = "No app matches."
		}
		list = append(list, padded(20, 20, 16, 16, newPara(text, 2, styleText, colInk2)))
	}
	card := container.NewStack(newPlate(colLeaf, colLine, 12), rows(0, list...))
	scroll := scrolled(rows(0, card, gap(1, 16)))
	objects = append(objects, filter, scroll)
	return built{object: placed(560, 240, func(size fyne.Size) {
		put(title, 0, 28, title.MinSize().Width, 32)
		put(find, size.Width-232, 26, 232, 36)
		putMin(filter, 0, 76)
		putScroll(scroll, 0, 116, size.Width, size.Height-116)
	}, objects...)}
}

func (u *UI) appRow(r appState) fyne.CanvasObject {
	box := programBox(r.Icon, 36)
	name, path := fitting(r.Name, styleBold, colInk), newWords(r.Path, styleMono, colInk2)
	path.cut = cutMiddle
	mark, account := newTile(r.Tile, 24), fitting(r.Account, styleText, colInk)
	how, used := fitting(r.Words, styleText, colInk), fitting(r.Sub, styleCaption, colInk2)
	never := newGlyph("status/danger.svg", 16, colOffline)
	show(never, r.Never)
	show(mark, r.AccountID != "")
	take := smallButton(r.Button, outlined, func() {
		u.run("take back "+r.ID, quickLimit, func(context.Context) error { return u.book.TakeBack(r.ID) }, nil)
	})
	return placed(400, 64, func(s fyne.Size) {
		right := s.Width - 16 - 80
		put(take, right, 18, 80, 28)
		words := max(110, (s.Width-64-112)*0.27)
		wx := right - 12 - words
		acc := max(120, (s.Width-64-112)*0.36)
		ax := wx - acc
		put(box, 16, 14, 36, 36)
		put(name, 64, 13, ax-64-12, 20)
		put(path, 64, 33, ax-64-12, 16)
		put(mark, ax, 20, 24, 24)
		put(account, ax+32, 22, acc-44, 20)
		x := wx
		if r.Never {
			put(never, wx, 15, 16, 16)
			x += 24
		}
		put(how, x, 13, words-(x-wx), 20)
		put(used, wx, 33, words, 16)
	}, box, name, path, mark, account, how, used, never, take)
}
