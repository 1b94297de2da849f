package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// check is something that is on or off: a box of 20 with a tick, or a switch of
// 40 by 24, with words behind it and perhaps a scope in mono.
type check struct {
	widget.BaseWidget
	label        string
	toggle       bool // a switch
	on           bool
	locked       bool
	hover, focus bool
	change       func(on bool)
	box, knob    *plate
	ring         *plate
	tick         *glyph
	words, tail  *words
}

func newCheck(s checkState, toggle bool, change func(on bool)) *check {
	c := &check{label: s.Words, toggle: toggle, on: s.On, locked: s.Locked, change: change,
		ring: newPlate(colNone, colAccent, 9), box: newPlate(colLeaf, colEdge, 6), knob: newPlate(colEdge, colNone, 7), tick: lineIcon("check", 16, colOnAccent),
		words: fitting(s.Words, styleText, colInk), tail: newWords(s.Scope, styleMono, colInk2)}
	c.ring.width = 2
	c.tail.cut = cutMiddle // scopes differ at their end
	if s.Words == s.Scope || s.Scope == "" {
		c.words.cut = cutMiddle
	}
	if toggle {
		c.ring.radius, c.box.radius = [4]float32{15, 15, 15, 15}, [4]float32{12, 12, 12, 12}
	}
	c.ExtendBaseWidget(c)
	return c
}

func (c *check) MinSize() fyne.Size { return fyne.NewSize(120, 24) }

func (c *check) CreateRenderer() fyne.WidgetRenderer {
	mapped(c)
	c.paint()
	return &simple{objects: []fyne.CanvasObject{c.ring, c.box, c.knob, c.tick, c.words, c.tail}, min: c.MinSize, layout: c.lay,
		refresh: func() { c.paint(); c.lay(c.Size()) }, destroy: func() { unmapped(c) }}
}

func (c *check) lay(s fyne.Size) {
	x := float32(28)
	if c.toggle {
		x = 52
		put(c.ring, -3, -3, 46, 30)
		put(c.box, 0, 0, 40, 24)
		at := float32(5)
		if c.on {
			at = 21
		}
		put(c.knob, at, 5, 14, 14)
	} else {
		put(c.ring, -3, -1, 26, 26)
		put(c.box, 0, 2, 20, 20)
		put(c.tick, 2, 4, 16, 16)
	}
	room := max(0, s.Width-x)
	have, want := c.words.style.width(c.words.text)+1, float32(0)
	if c.tail.text != "" {
		want = c.tail.style.width(c.tail.text) + 1
	}
	tw := min(want, room-have-12)
	if tw < min(want, 48) { // no room for both
		tw = 0
	}
	show(c.tail, tw > 0)
	put(c.words, x, 2, max(0, room-tw), 20)
	put(c.tail, s.Width-tw, 4, tw, 16)
}

func (c *check) paint() {
	fill, edge := colLeaf, colEdge
	if c.hover && !c.locked {
		fill = colLeafHover
	}
	if c.on {
		fill, edge = colAccent, colNone
	}
	knob, ink := colEdge, colOnAccent
	if c.on {
		knob = colOnAccent
	}
	if c.locked {
		fill, edge, knob, ink = colSunk, colLine, colInk3, colInk3
	}
	c.box.paint(fill, edge, 1)
	c.knob.paint(knob, colNone, 0)
	c.tick.set("line/check.svg", ink)
	show(c.tick, c.on && !c.toggle)
	show(c.knob, c.toggle)
	show(c.ring, c.focus)
}

func (c *check) press() {
	if c.locked {
		return
	}
	c.on = !c.on
	c.Refresh()
	c.change(c.on)
}

// Tapped, and what follows, are Fyne's hooks.
func (c *check) Tapped(*fyne.PointEvent)        { c.press() }
func (c *check) MouseMoved(*desktop.MouseEvent) {}
func (c *check) MouseOut()                      { c.hover = false; unhint(c); c.paint() }
func (c *check) FocusGained()                   { c.focus = true; c.paint(); reveal(c) }
func (c *check) FocusLost()                     { c.focus = false; c.paint() }
func (c *check) TypedRune(rune)                 {}

// MouseIn shows whole what has no room.
func (c *check) MouseIn(*desktop.MouseEvent) {
	c.hover = true
	if c.tail.text != "" {
		hint(c, c.label+": "+c.tail.text)
	} else if c.words.style.width(c.label) > c.words.Size().Width {
		hint(c, c.label)
	}
	c.paint()
}

// TypedKey changes it with Space; other keys go to the window.
func (c *check) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeySpace {
		c.press()
		return
	}
	windowKey(c, k)
}

// Cursor is a hand over what can be changed.
func (c *check) Cursor() desktop.Cursor {
	if c.locked {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

func (c *check) mapEntry() (string, string, bool) { return "check", c.label, !c.locked }

// checkGrid lays checks in two columns where there is room for both.
func checkGrid(list []*check) fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, len(list))
	for i, c := range list {
		objects[i] = c
	}
	lines := (len(list) + 1) / 2
	return placed(240, float32(lines)*28-4, func(s fyne.Size) {
		w := (s.Width - 24) / 2
		for i, o := range objects {
			put(o, float32(i%2)*(w+24), float32(i/2)*28, w, 24)
		}
	}, objects...)
}

// selectButton is a field with a choice: what is chosen, and a menu below it.
func selectButton(label, chosen string, open func(at fyne.CanvasObject)) *leaf {
	words, down := fitting(chosen, styleText, colInk), lineIcon("down", 16, colInk2)
	content := placed(140, 36, func(s fyne.Size) {
		put(words, 12, 8, s.Width-12-32, 20)
		put(down, s.Width-28, 10, 16, 16)
	}, words, down)
	var l *leaf
	l = newLeaf(label, fyne.NewSize(140, 36), content, func() { open(l) })
	l.ground, l.edge = newPlate(colLeaf, colEdge, 8), colEdge
	return l
}
