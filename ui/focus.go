package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// focusedName is the label of what has the focus, to give it back after a redraw.
func (m *window) focusedName() string {
	if f, ok := m.w.Canvas().Focused().(mappable); ok {
		_, label, _ := f.mapEntry()
		return label
	}
	return ""
}

func (m *window) refocus(name string) {
	c := m.w.Canvas()
	if m.fresh {
		m.fresh = false
		if m.shown.focus != nil {
			c.Focus(m.shown.focus)
		} else {
			c.Unfocus()
		}
		return
	}
	if name == "" {
		return
	}
	if f, ok := c.Focused().(mappable); ok && onCanvas(f) {
		return
	}
	if f := findFocusable(m.holder, name); f != nil {
		c.Focus(f)
	}
}

func onCanvas(o fyne.CanvasObject) bool {
	return !fyne.CurrentApp().Driver().AbsolutePositionForObject(o).IsZero()
}

// findFocusable looks for a widget by its label, through containers.
func findFocusable(o fyne.CanvasObject, name string) fyne.Focusable {
	if f, ok := o.(fyne.Focusable); ok {
		if m, ok := o.(mappable); ok {
			if _, label, _ := m.mapEntry(); label == name {
				return f
			}
		}
	}
	switch t := o.(type) {
	case *fyne.Container:
		for _, child := range t.Objects {
			if f := findFocusable(child, name); f != nil {
				return f
			}
		}
	case *container.Scroll:
		return findFocusable(t.Content, name)
	case *leaf:
		return findFocusable(t.content, name)
	}
	return nil
}
