package ui

import (
	"cmp"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// kind is the look of a button.
type kind int

const (
	outlined kind = iota
	filled        // one in a view, on the most urgent next step
	quiet         // words alone
	danger        // outlined, words in danger
	bare          // an icon alone, 32 by 32
	framed        // the same, outlined
	chip          // a filter
	chipOn
)

// button is the one clickable thing: a rectangle, an icon, words. Stock buttons
// show keyboard focus by a tint only.
type button struct {
	widget.BaseWidget
	label    string // for an icon alone its name, for the map and the menu key
	icon     string
	trailing bool // the icon stands after the words
	kind     kind
	small    bool
	disabled bool
	careful  bool // questions: Enter does nothing, Space only after a rest
	lastKey  time.Time
	name     string // what the map calls it; "" the label
	on       func()
	painted  func() // after hover or focus changed

	hover, down, focus bool
	ground, ring       *plate
	glyph              *glyph
	words              *words
}

func newButton(label, icon string, k kind, on func()) *button {
	b := &button{label: label, icon: icon, kind: k, on: on}
	b.ExtendBaseWidget(b)
	return b
}

func smallButton(label string, k kind, on func()) *button {
	b := newButton(label, "", k, on)
	b.small = true
	return b
}

func iconButton(icon, name string, on func()) *button { return newButton(name, icon, bare, on) }

func (b *button) setKind(k kind) {
	if b.kind != k {
		b.kind = k
		b.Refresh()
	}
}

func (b *button) setLabel(label string) {
	if b.label != label {
		b.label = label
		b.Refresh()
	}
}

func (b *button) disable(off bool) {
	if b.disabled != off {
		b.disabled = off
		b.Refresh()
	}
}

// alone reports buttons that are an icon without words.
func (b *button) alone() bool { return b.kind == bare || b.kind == framed }

func (b *button) style() style {
	if b.kind == chip {
		return styleCaption
	}
	if b.small || b.kind == chipOn {
		return styleCaptionBold
	}
	return styleBold
}

func (b *button) MinSize() fyne.Size {
	if b.alone() {
		return fyne.NewSquareSize(32)
	}
	pad, h, icon := float32(16), float32(36), float32(28)
	if b.small {
		pad, h, icon = 12, 28, 24
	}
	switch b.kind {
	case quiet:
		pad, h = 0, b.style().line
	case chip, chipOn:
		pad, h = 12, 28
	}
	w := 2*pad + b.style().width(b.label)
	if b.icon != "" {
		w += icon
	}
	return fyne.NewSize(w, h)
}

func (b *button) CreateRenderer() fyne.WidgetRenderer {
	r := float32(8)
	if b.kind == chip || b.kind == chipOn {
		r = 14
	}
	b.ring = newPlate(colNone, colAccent, r+3)
	b.ring.width = 2
	b.ground = newPlate(colLeaf, colEdge, r)
	b.words = newWords("", b.style(), colInk)
	size := float32(20)
	if b.small {
		size = 16
	}
	name := b.icon
	if name == "" {
		name = "more"
	}
	b.glyph = lineIcon(name, size, colInk)
	b.paint()
	mapped(b)
	return &simple{objects: []fyne.CanvasObject{b.ring, b.ground, b.glyph, b.words}, min: b.MinSize, layout: b.lay,
		refresh: func() { b.paint(); b.lay(b.Size()) }, destroy: func() { unmapped(b) }}
}

func (b *button) lay(s fyne.Size) {
	put(b.ring, -4, -4, s.Width+8, s.Height+8)
	put(b.ground, 0, 0, s.Width, s.Height)
	if b.alone() {
		centred(b.glyph, (s.Width-b.glyph.size)/2, 0, s.Height)
		return
	}
	ww := b.style().width(b.label)
	x := (s.Width - ww) / 2
	if b.icon != "" {
		x = (s.Width - ww - b.glyph.size - 8) / 2
		if b.trailing {
			centred(b.glyph, x+ww+8, 0, s.Height)
		} else {
			centred(b.glyph, x, 0, s.Height)
			x += b.glyph.size + 8
		}
	}
	put(b.words, x, (s.Height-b.style().line)/2, ww, b.style().line)
}

func (b *button) paint() {
	fill, stroke, ink := b.colours()
	b.ground.paint(fill, stroke, 1)
	b.words.set(b.label)
	b.words.restyle(b.style(), ink)
	if b.icon != "" {
		b.glyph.set("line/"+b.icon+".svg", ink)
	}
	show(b.glyph, b.icon != "")
	show(b.words, !b.alone())
	show(b.ring, b.focus && !b.disabled)
	if b.painted != nil {
		b.painted()
	}
}

func (b *button) colours() (fill, stroke, ink fyne.ThemeColorName) {
	pick := func(rest, hover, press fyne.ThemeColorName) fyne.ThemeColorName {
		switch {
		case b.down:
			return press
		case b.hover:
			return hover
		}
		return rest
	}
	switch {
	case b.kind == bare && b.disabled:
		return colNone, colNone, colInk3
	case b.kind == bare:
		return pick(colNone, colLeafHover, colLeafPress), colNone, colInk2
	case b.disabled && b.kind == quiet:
		return colNone, colNone, colInk3
	case b.disabled:
		return colSunk, colLine, colInk3
	case b.kind == chipOn:
		return colAccentSoft, colNone, colInk
	case b.kind == chip:
		return pick(colLeaf, colLeafHover, colLeafPress), colLine, colInk2
	case b.kind == filled:
		return pick(colAccent, colAccentHover, colAccentPress), colNone, colOnAccent
	case b.kind == quiet:
		return colNone, colNone, pick(colAccent, colAccentHover, colAccentPress)
	case b.kind == danger:
		return pick(colLeaf, colLeafHover, colLeafPress), colEdge, colDanger
	}
	return pick(colLeaf, colLeafHover, colLeafPress), colEdge, colInk
}

func show(o fyne.CanvasObject, yes bool) {
	if yes {
		o.Show()
	} else {
		o.Hide()
	}
}

func (b *button) press() {
	if !b.disabled && b.on != nil {
		b.on()
	}
}

// Tapped, and what follows, are Fyne's hooks.
func (b *button) Tapped(*fyne.PointEvent)        { b.press() }
func (b *button) MouseMoved(*desktop.MouseEvent) {}
func (b *button) MouseOut()                      { b.hover, b.down = false, false; unhint(b); b.Refresh() }
func (b *button) MouseDown(*desktop.MouseEvent)  { b.down = true; unhint(b); b.Refresh() }
func (b *button) MouseUp(*desktop.MouseEvent)    { b.down = false; b.Refresh() }
func (b *button) FocusLost()                     { b.focus = false; b.Refresh() }

// MouseIn names what is an icon alone.
func (b *button) MouseIn(*desktop.MouseEvent) {
	b.hover = true
	if b.alone() {
		hint(b, b.label)
	}
	b.Refresh()
}

// FocusGained comes by keys alone: a click does not take the focus.
func (b *button) FocusGained() {
	b.focus, b.lastKey = true, time.Now()
	b.Refresh()
	reveal(b)
}

// TypedRune drops the focus of a question: who writes words does not mean it.
func (b *button) TypedRune(r rune) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(b); b.careful && r != ' ' && c != nil {
		c.Unfocus()
	}
}

// keyRest is how long the keys rest before Space answers a question: it may
// have come up under somebody's hands, with Tab and Space on the way.
const keyRest = time.Second

// TypedKey presses with Space or Enter; other keys go to the window.
func (b *button) TypedKey(k *fyne.KeyEvent) {
	rested := time.Since(b.lastKey) >= keyRest
	b.lastKey = time.Now()
	space, enter := k.Name == fyne.KeySpace, k.Name == fyne.KeyReturn || k.Name == fyne.KeyEnter
	switch {
	case b.careful && (enter || space && !rested):
	case space || enter:
		b.press()
	default:
		windowKey(b, k)
	}
}

// Cursor is a hand over what can be clicked.
func (b *button) Cursor() desktop.Cursor {
	if b.disabled {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// windowKey hands a key that a widget has no use for to its window.
func windowKey(o fyne.CanvasObject, k *fyne.KeyEvent) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(o); c != nil && c.OnTypedKey() != nil {
		c.OnTypedKey()(k)
	}
}

func (b *button) mapEntry() (string, string, bool) {
	return "button", cmp.Or(b.name, b.label), !b.disabled
}
