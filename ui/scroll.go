package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// scrollRoom stands free at the right of what scrolls, for the bar: it would
// cover the edges of cards.
const scrollRoom = 14

// scrolled is content that scrolls; putScroll places it so that the content is
// as wide as asked.
func scrolled(content fyne.CanvasObject) *container.Scroll {
	return container.NewVScroll(padded(0, 0, 0, scrollRoom, content))
}

func putScroll(s *container.Scroll, x, y, w, h float32) { put(s, x, y, w+scrollRoom, h) }

// reveal scrolls to what has got the focus by a key: Fyne lets the focus go out
// of sight.
func reveal(o fyne.CanvasObject) {
	drv := fyne.CurrentApp().Driver()
	c := drv.CanvasForObject(o)
	if c == nil {
		return
	}
	s, _ := scrollAround(c.Content(), o, nil)
	if s == nil || s.Size().Height == 0 {
		return
	}
	const air = 8
	y := drv.AbsolutePositionForObject(o).Y - drv.AbsolutePositionForObject(s).Y
	over := y + o.Size().Height + air - s.Size().Height
	switch {
	case y < air:
		s.ScrollToOffset(s.Offset.AddXY(0, y-air))
	case over > 0:
		s.ScrollToOffset(s.Offset.AddXY(0, min(over, y-air)))
	}
}

// scrollAround is the innermost scroll that holds an object.
func scrollAround(root, o fyne.CanvasObject, around *container.Scroll) (*container.Scroll, bool) {
	if root == o {
		return around, true
	}
	if s, ok := root.(*container.Scroll); ok {
		around = s
	}
	for _, child := range inside(root) {
		if s, ok := scrollAround(child, o, around); ok {
			return s, true
		}
	}
	return nil, false
}

// inside are the objects that an object is made of, as far as views are built.
func inside(o fyne.CanvasObject) []fyne.CanvasObject {
	switch t := o.(type) {
	case *fyne.Container:
		return t.Objects
	case *container.Scroll:
		return []fyne.CanvasObject{t.Content}
	case *container.ThemeOverride:
		return []fyne.CanvasObject{t.Content}
	case *leaf:
		return []fyne.CanvasObject{t.content}
	}
	return nil
}

// firstScroll is the scroll of a view, which keeps its place when the view is
// built anew.
func firstScroll(o fyne.CanvasObject) *container.Scroll {
	switch t := o.(type) {
	case *container.Scroll:
		return t
	case *fyne.Container:
		for _, child := range t.Objects {
			if s := firstScroll(child); s != nil {
				return s
			}
		}
	}
	return nil
}

func scrollOffset(o fyne.CanvasObject) fyne.Position {
	if s := firstScroll(o); s != nil {
		return s.Offset
	}
	return fyne.Position{}
}
