package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// leaf is a card's ground that can be clicked: hover, a focus ring, Enter.
type leaf struct {
	widget.BaseWidget
	name         string // for the map
	ground       *plate
	ring         bool // the accent ring without focus: the first hit of a search
	bare         bool // no ground at rest
	off          bool // cannot be chosen
	tip          bool // a picture alone: its name shows under the pointer
	hover, focus bool
	edge         fyne.ThemeColorName // of the ground; "" line
	on           func()
	menu         func()          // of the right button and the menu key
	painted      func()          // after hover or focus changed
	tab          func(back bool) // out of a grid whose cells the arrows walk
	onKey        func(*fyne.KeyEvent) bool
	content      fyne.CanvasObject
	min          fyne.Size
}

func newLeaf(name string, min fyne.Size, content fyne.CanvasObject, on func()) *leaf {
	l := &leaf{name: name, content: content, on: on, min: min, ground: newPlate(colLeaf, colLine, 12)}
	l.ExtendBaseWidget(l)
	return l
}

func (l *leaf) MinSize() fyne.Size { return l.min }

func (l *leaf) CreateRenderer() fyne.WidgetRenderer {
	mapped(l)
	l.paint()
	return &simple{objects: []fyne.CanvasObject{l.ground, l.content}, min: l.MinSize,
		layout:  func(s fyne.Size) { put(l.ground, 0, 0, s.Width, s.Height); put(l.content, 0, 0, s.Width, s.Height) },
		refresh: l.paint, destroy: func() { unmapped(l) }}
}

func (l *leaf) paint() {
	fill, line := colLeaf, colLine
	if l.edge != "" {
		line = l.edge
	}
	if l.bare {
		fill, line = colNone, colNone
	}
	if l.off {
		fill = colSunk
	} else if l.hover {
		fill = colLeafHover
	}
	if l.focus || l.ring {
		l.ground.paint(fill, colAccent, 2)
	} else {
		l.ground.paint(fill, line, 1)
	}
	if l.painted != nil {
		l.painted()
	}
}

// Tapped, and what follows, are Fyne's hooks.
func (l *leaf) Tapped(*fyne.PointEvent)        { unhint(l); l.press() }
func (l *leaf) MouseMoved(*desktop.MouseEvent) {}
func (l *leaf) MouseOut()                      { l.hover = false; unhint(l); l.paint() }
func (l *leaf) FocusGained()                   { l.focus = true; l.paint(); reveal(l) }
func (l *leaf) FocusLost()                     { l.focus = false; l.paint() }
func (l *leaf) TypedRune(rune)                 {}

// MouseIn names what is a picture alone.
func (l *leaf) MouseIn(*desktop.MouseEvent) {
	l.hover = true
	if l.tip {
		hint(l, l.name)
	}
	l.paint()
}

// Cursor is a hand over what can be clicked.
func (l *leaf) Cursor() desktop.Cursor {
	if l.off {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// TappedSecondary opens the menu.
func (l *leaf) TappedSecondary(*fyne.PointEvent) {
	if l.menu != nil && !l.off {
		l.menu()
	}
}

func (l *leaf) press() {
	if !l.off {
		l.on()
	}
}

// AcceptsTab keeps Tab from walking hundreds of cells.
func (l *leaf) AcceptsTab() bool { return l.tab != nil }

// TypedKey opens with Enter or Space.
func (l *leaf) TypedKey(k *fyne.KeyEvent) {
	switch {
	case l.onKey != nil && l.onKey(k):
	case k.Name == fyne.KeyReturn || k.Name == fyne.KeyEnter || k.Name == fyne.KeySpace:
		l.press()
	case (k.Name == desktop.KeyMenu || k.Name == fyne.KeyF10) && l.menu != nil:
		l.menu()
	case k.Name == fyne.KeyTab && l.tab != nil:
		d, ok := fyne.CurrentApp().Driver().(desktop.Driver)
		l.tab(ok && d.CurrentKeyModifiers()&fyne.KeyModifierShift != 0)
	default:
		windowKey(l, k)
	}
}

func (l *leaf) mapEntry() (string, string, bool) { return "card", l.name, !l.off }

// card is one account: 72 high.
type card struct {
	*leaf
	id         string
	state      cardState
	tile       *tile
	name, sub  *words
	status     *statusView
	next, more *button
}

type cardActs struct {
	do   func(v verb, account string)
	menu func(c *card)
}

func newCard(s cardState, acts cardActs) *card {
	c := &card{id: s.ID, tile: newTile(s.Tile, 40), name: fitting("", styleBold, colInk), sub: fitting("", styleCaption, colInk2),
		status: newStatusView(s.Status)}
	c.next = newButton("", "", outlined, func() { acts.do(c.state.Status.Verb, c.id) })
	c.more = iconButton("more", "", func() { acts.menu(c) })
	content := placed(320, 72, c.lay, c.tile, c.name, c.sub, c.status.Container, c.next, c.more)
	c.leaf = newLeaf("", fyne.NewSize(320, 72), content, func() { acts.do(verbOpen, c.id) })
	c.apply(s)
	return c
}

func (c *card) lay(s fyne.Size) {
	const slot = 121 // button up to 89, "more" 32
	status := float32(208)
	if s.Width < 640 {
		status = 176
	}
	put(c.tile, 16, 16, 40, 40)
	right := s.Width - 16 - slot
	put(c.more, s.Width-16-32, 20, 32, 32)
	w := c.next.MinSize().Width
	put(c.next, s.Width-16-32-5-w, 18, w, 36)
	put(c.status.Container, right-12-status, 18, status, 40)
	put(c.name, 68, 18, right-12-status-12-68, 20)
	put(c.sub, 68, 38, right-12-status-12-68, 16)
}

// apply shows a state, in place.
func (c *card) apply(s cardState) {
	c.state, c.id = s, s.ID
	c.leaf.name = s.Name
	c.more.label = "More about " + s.Name
	c.tile.set(s.Tile)
	c.name.set(s.Name)
	c.sub.set(s.Caption)
	c.status.set(s.Status)
	show(c.next, s.Status.Verb != verbNone)
	k := outlined
	if s.Filled {
		k = filled
	}
	c.next.setLabel(s.Status.Button)
	c.next.setKind(k)
	if size := c.Size(); size.Width > 0 {
		c.lay(size)
	}
}
