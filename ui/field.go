package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// entry is a text field that hands on what it has no use for: Escape, and the
// window's shortcuts, which Fyne gives to the focused widget alone.
type entry struct {
	widget.Entry
	name    string // label, for the map
	secret  bool   // what is typed is one, even while the eye shows it
	whole   bool   // what stands in it is a suggestion: typing replaces it
	focused bool
	clicked bool                          // takes the focus by a click, and is in sight
	window  func(*desktop.CustomShortcut) // takes the window's shortcuts
	onFocus func(bool)
	onKey   func(*fyne.KeyEvent) bool
}

func newEntry(name string) *entry {
	e := &entry{name: name}
	e.ExtendBaseWidget(e)
	e.Scroll = container.ScrollHorizontalOnly // without it long text runs out of the field
	return e
}

// secretEntry hides what is typed, with an eye to show it.
func secretEntry(name string) *entry {
	e := newEntry(name)
	e.Password, e.secret = true, true
	var eye *button
	eye = iconButton("eye", "Show what is typed", func() {
		e.Password = !e.Password
		eye.icon = "eye"
		if !e.Password {
			eye.icon = "eyeoff"
		}
		eye.Refresh()
		e.Refresh()
	})
	e.ActionItem = eye
	return e
}

// CreateRenderer enters the field into the window's map, and hides Fyne's own
// ground and border: field draws them.
func (e *entry) CreateRenderer() fyne.WidgetRenderer {
	mapped(e)
	r := e.Entry.CreateRenderer()
	for _, o := range r.Objects() {
		if own, ok := o.(*canvas.Rectangle); ok {
			own.Hide()
		}
	}
	return r
}

func (e *entry) MinSize() fyne.Size { return fyne.NewSize(80, 36) }

func (e *entry) FocusGained() {
	e.focused = true
	e.Entry.FocusGained()
	if e.onFocus != nil {
		e.onFocus(true)
	}
	if !e.clicked {
		reveal(e)
		if e.whole {
			e.Entry.TypedShortcut(&fyne.ShortcutSelectAll{})
		}
	}
}

// MouseDown takes the focus.
func (e *entry) MouseDown(m *desktop.MouseEvent) {
	e.clicked = true
	e.Entry.MouseDown(m)
	e.clicked = false
}

func (e *entry) FocusLost() {
	e.focused = false
	e.Entry.FocusLost()
	if e.onFocus != nil {
		e.onFocus(false)
	}
}

func (e *entry) TypedKey(k *fyne.KeyEvent) {
	if e.onKey != nil && e.onKey(k) {
		return
	}
	if k.Name == fyne.KeyEscape {
		windowKey(e, k)
		return
	}
	e.Entry.TypedKey(k)
}

func (e *entry) TypedShortcut(s fyne.Shortcut) {
	if own, ok := s.(*desktop.CustomShortcut); ok && e.window != nil {
		e.window(own)
		return
	}
	e.Entry.TypedShortcut(s)
}

func (e *entry) mapEntry() (string, string, bool) { return "entry", e.name, !e.Disabled() }

// field draws an entry 36 high on a ground of ours: Fyne shows focus by a border
// of one pixel and pads less.
func field(e *entry) fyne.CanvasObject {
	ground := newPlate(colLeaf, colEdge, 8)
	paint := func(on bool) {
		if on {
			ground.paint(colLeaf, colAccent, 2)
		} else {
			ground.paint(colLeaf, colEdge, 1)
		}
	}
	paint(e.focused)
	e.onFocus = paint
	inside := container.NewThemeOverride(e, fieldTheme{fyne.CurrentApp().Settings().Theme()})
	return placed(80, 36, func(s fyne.Size) {
		put(ground, 0, 0, s.Width, 36)
		put(inside, 4, 0, s.Width-8, 36)
	}, ground, inside)
}

// labelled puts a label above a field.
func labelled(label string, f fyne.CanvasObject) fyne.CanvasObject {
	w := fitting(label, styleCaptionBold, colInk2)
	return placed(80, 56, func(s fyne.Size) {
		put(w, 0, 0, s.Width, 16)
		put(f, 0, 20, s.Width, 36)
	}, w, f)
}

// searchField is the 232 by 36 field of a view's head.
func searchField(e *entry, hint, keys string) fyne.CanvasObject {
	e.SetPlaceHolder(hint)
	e.Icon = nil
	e.ActionItem = newKeycap(keys)
	icon := lineIcon("search", 20, colInk2)
	e.Icon = icon.resource()
	return field(e)
}

// newKeycap is the small word for a key in a field.
func newKeycap(text string) fyne.CanvasObject {
	p := newPlate(colSunk, colLine, 4)
	w := newWords(text, styleCaption, colInk3)
	width := styleCaption.width(text) + 12
	return placed(width+8, 20, func(s fyne.Size) {
		put(p, 0, (s.Height-18)/2, width, 18)
		put(w, 6, (s.Height-16)/2, width-12, 16)
	}, p, w)
}

// readOnly is a value to look at and copy: mono on sunk ground.
func readOnly(text string, c cut) fyne.CanvasObject {
	p := newPlate(colSunk, colLine, 8)
	w := newWords(text, styleMono, colInk)
	w.cut = c
	return placed(80, 36, func(s fyne.Size) {
		put(p, 0, 0, s.Width, s.Height)
		put(w, 12, (s.Height-16)/2, s.Width-24, 16)
	}, p, w)
}
