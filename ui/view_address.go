package ui

import (
	"strings"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
)

// addressRow is the first entry of the gallery where an address is typed: any
// OpenID provider or MCP server.
type addressRow struct {
	leaf       *leaf
	state      addressState
	title, sub *words
}

func (u *UI) newAddressRow() *addressRow {
	r := &addressRow{title: fitting("", styleBold, colInk), sub: fitting("", styleCaption, colInk2)}
	icon, ground := lineIcon("globe", 24, colInk2), newPlate(colSunk, colLine, 10)
	content := placed(200, tileHigh, func(s fyne.Size) {
		put(ground, 12, 12, 40, 40)
		put(icon, 20, 20, 24, 24)
		put(r.title, 64, 14, s.Width-80, 20)
		put(r.sub, 64, 34, s.Width-80, 16)
	}, ground, icon, r.title, r.sub)
	r.leaf = newLeaf("", fyne.NewSize(200, tileHigh), content, func() { u.connectAddress(r.state.Text) })
	r.leaf.ring = true
	r.leaf.Hide()
	return r
}

func (r *addressRow) set(s addressState) {
	r.state, r.leaf.name = s, s.Title
	r.title.set(s.Title)
	r.sub.set(s.Sub)
	show(r.leaf, s.Host != "")
}

// addressForm is a card with a field for an address: what it is for, the field
// and Look up.
type addressForm struct {
	object fyne.CanvasObject
	help   *words
	rest   string // what help says while nothing is looked up
	button *button
	field  *entry
}

func (u *UI) newAddressForm(key, icon, title, help, example string) *addressForm {
	f := &addressForm{rest: help, help: fitting(help, styleCaption, colInk2), field: u.nav.entry("address "+key, title, false)}
	f.field.SetPlaceHolder(example)
	f.button = newButton("Look up", "", outlined, func() { u.connectAddress(strings.TrimSpace(f.field.Text)) })
	f.button.name = "Look up: " + title
	check := func(text string) {
		_, ok := addressOf(text)
		f.button.disable(!ok)
	}
	f.field.OnChanged, f.field.OnSubmitted = check, func(string) { f.button.press() }
	check(f.field.Text)
	g, t := lineIcon(icon, 20, colInk2), fitting(title, styleBold, colInk)
	ground, box := newPlate(colLeaf, colLine, 12), field(f.field)
	f.object = placed(220, 112, func(s fyne.Size) {
		put(ground, 0, 0, s.Width, s.Height)
		put(g, 16, 13, 20, 20)
		put(t, 44, 13, s.Width-60, 20)
		put(f.help, 16, 35, s.Width-32, 16)
		w := f.button.MinSize().Width
		put(box, 16, 60, s.Width-32-w-8, 36)
		put(f.button, s.Width-16-w, 60, w, 36)
	}, ground, g, t, f.help, box, f.button)
	return f
}

// wait says that an address is being looked up.
func (f *addressForm) wait(looking bool) {
	_, ok := addressOf(f.field.Text)
	f.button.disable(looking || !ok)
	words := f.rest
	if looking && f.field.Text != "" {
		words = "Looking it up."
	}
	f.help.set(words)
}

// connectAddress connects an OpenID provider, an MCP server or a handle by its
// address.
func (u *UI) connectAddress(text string) {
	if a, ok := addressOf(text); ok {
		u.connect(accounts.ConnectRequest{Address: a.Text})
	}
}
