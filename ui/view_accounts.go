package ui

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"
)

// accountsView is the list of cards. It stays while the accounts change, so
// that a click and the focus survive a refresh. Cards are plain widgets in a
// scroll, not a widget.List: a list takes the focus for itself, and the cards
// have to be reached by Tab and by Up and Down.
type accountsView struct {
	u       *UI
	search  *entry
	all     *button
	need    *button
	connect *button
	box     *fyne.Container
	cards   []*card
	nothing *words
}

// steady leaves the whole list out: the view takes every change in place.
func (accountsState) listKey() string { return "accounts" }

func (s accountsState) steady() any {
	if s.Empty {
		return s.Starters
	}
	return s.listKey()
}

func (u *UI) accountsView(s accountsState) built {
	if s.Empty {
		return u.emptyView(s)
	}
	v := &accountsView{u: u, search: u.nav.entry("search", "Search accounts", false), nothing: newWords("", styleText, colInk2)}
	v.all = newButton("", "", chip, func() { u.nav.onlyNeed = false; u.win.render() })
	v.need = newButton("", "", chip, func() { u.nav.onlyNeed = true; u.win.render() })
	v.connect = newButton("Connect", "plus", outlined, func() { u.open(pageConnect) })
	v.search.OnChanged = func(string) { u.win.render() }
	v.search.onKey = func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyDown && len(v.cards) > 0 {
			u.win.w.Canvas().Focus(v.cards[0].leaf)
			return true
		}
		return false
	}
	v.box = rows(8)
	find := searchField(v.search, "Search accounts", "Ctrl F")
	title := newWords("Accounts", styleTitle, colInk)
	list := scrolled(v.box)
	object := placed(560, 240, func(s fyne.Size) {
		cw := v.connect.MinSize().Width
		put(title, 0, 28, title.MinSize().Width, 32)
		put(v.connect, s.Width-cw, 26, cw, 36)
		put(find, s.Width-cw-8-232, 26, 232, 36)
		putMin(v.all, 0, 76)
		putMin(v.need, v.all.MinSize().Width+8, 76)
		putScroll(list, 0, 116, s.Width, s.Height-116)
		putMin(v.nothing, 0, 132)
	}, title, find, v.connect, v.all, v.need, list, v.nothing)
	u.win.accounts = v
	v.apply(s)
	return built{object: object, update: func(st any) { v.apply(st.(accountsState)) }}
}

// apply shows a state in place.
func (v *accountsView) apply(s accountsState) {
	v.all.setLabel(fmt.Sprintf("All %d", s.Total))
	v.need.setLabel(fmt.Sprintf("Needs attention %d", s.Need))
	v.all.setKind(chipKind(!s.OnlyNeed))
	v.need.setKind(chipKind(s.OnlyNeed))
	k := outlined
	if s.ConnectFilled {
		k = filled
	}
	v.connect.setKind(k)
	v.nothing.set(s.Nothing)
	if v.deal(s.Cards) {
		v.box.Refresh()
	}
}

// deal gives every account its card, in their order, and keeps the cards that
// are there: the focus stays with its account. It reports whether one moved.
func (v *accountsView) deal(states []cardState) bool {
	old := map[string]*card{}
	for _, c := range v.cards {
		old[c.id] = c
	}
	var cards []*card
	acts := cardActs{do: v.u.verb, menu: v.u.cardMenu}
	for _, st := range states {
		c, ok := old[st.ID]
		if ok {
			c.apply(st)
		} else {
			c = newCard(st, acts)
			c.leaf.onKey = func(k *fyne.KeyEvent) bool { return v.key(c, k) }
		}
		cards = append(cards, c)
	}
	if slices.Equal(cards, v.cards) && len(v.box.Objects) > 0 {
		return false
	}
	v.cards, v.box.Objects = cards, nil
	for _, c := range cards {
		v.box.Objects = append(v.box.Objects, c.leaf)
	}
	v.box.Objects = append(v.box.Objects, gap(1, 16))
	return true
}

// key moves among the cards, and asks to disconnect.
func (v *accountsView) key(c *card, k *fyne.KeyEvent) bool {
	i := slices.Index(v.cards, c)
	switch k.Name {
	case fyne.KeyDown:
		i++
	case fyne.KeyUp:
		i--
	case fyne.KeyDelete:
		v.u.verb(verbDisconnect, c.id)
		return true
	default:
		return false
	}
	if i >= 0 && i < len(v.cards) {
		v.u.win.w.Canvas().Focus(v.cards[i].leaf)
	}
	return true
}

func chipKind(on bool) kind {
	if on {
		return chipOn
	}
	return chip
}

// emptyView is the open booklet with blank lines.
func (u *UI) emptyView(s accountsState) built {
	title := newWords("Accounts", styleTitle, colInk)
	lines := blankLines(5, 28, colInk3, colLine)
	card := booklet(20, false, padded(26, 20, 24, 32, lines))
	lead := newWords("Your card is empty", styleLead, colInk)
	text := newWords("Your browser opens, you approve, and the account appears here.", styleText, colInk2)
	button := newButton("Connect an account", "plus", filled, func() { u.open(pageConnect) })
	objects := []fyne.CanvasObject{title, card, lead, text, button}
	or := newWords("or start with", styleCaption, colInk2)
	start := []fyne.CanvasObject{or}
	for _, t := range s.Starters {
		start = append(start, u.tileButton(t))
	}
	row := line(12, start...)
	if len(s.Starters) > 0 {
		objects = append(objects, row)
	}
	mid := func(o fyne.CanvasObject, s fyne.Size, y float32) {
		m := o.MinSize()
		put(o, (s.Width-m.Width)/2, y, m.Width, m.Height)
	}
	return built{object: placed(440, 420, func(s fyne.Size) {
		put(title, 0, 28, title.MinSize().Width, 32)
		top := max(76, min(104, s.Height-410))
		put(card, (s.Width-320)/2, top, 320, 178+36)
		mid(lead, s, top+235)
		mid(text, s, top+262)
		mid(button, s, top+302)
		mid(row, s, top+362)
	}, objects...)}
}

// tileButton is a provider's tile that can be clicked.
func (u *UI) tileButton(t galleryTile) fyne.CanvasObject {
	mark := newTile(t.Tile, 32)
	l := newLeaf("Start with "+t.Name, fyne.NewSize(32, 32), placed(32, 32, func(fyne.Size) { put(mark, 0, 0, 32, 32) }, mark),
		func() { u.start(t.ID) })
	l.bare, l.tip = true, true
	return l
}
