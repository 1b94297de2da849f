package ui

import (
	"fyne.io/fyne/v2"
)

// foot is the last line of a sheet: words at the left, buttons at the right.
func foot(icon, text string, buttons ...fyne.CanvasObject) *fyne.Container {
	return footWith(icon, fitting(text, styleText, colInk2), buttons...)
}

func footWith(icon string, w *words, buttons ...fyne.CanvasObject) *fyne.Container {
	right := line(8, buttons...)
	objects := []fyne.CanvasObject{w, right}
	x := float32(0)
	var g *glyph
	if icon != "" {
		g, x = lineIcon(icon, 16, colInk2), 24
		objects = append(objects, g)
	}
	return placed(200, 36, func(s fyne.Size) {
		m := right.MinSize().Width
		if g != nil {
			put(g, 0, 10, 16, 16)
		}
		put(w, x, 8, s.Width-m-x-12, 20)
		put(right, s.Width-m, 0, m, 36)
	}, objects...)
}

// sheetHead is the head of a page below another: back, a tile, a title, a line.
func (u *UI) sheetHead(t tileState, title string, sub fyne.CanvasObject, actions ...fyne.CanvasObject) fyne.CanvasObject {
	back := iconButton("left", "Back", u.back)
	mark := newTile(t, 40)
	head := fitting(title, styleTitle, colInk)
	right := line(12, actions...)
	return placed(320, 64, func(s fyne.Size) {
		w := right.MinSize().Width
		put(back, 0, 24, 32, 32)
		put(mark, 44, 20, 40, 40)
		room := s.Width - 96 - w - 12
		put(head, 96, 14, room, 32)
		put(sub, 96, 44, room, 20)
		put(right, s.Width-w, 22, w, 36)
	}, back, mark, head, sub, right)
}

func plainSub(text string) fyne.CanvasObject { return fitting(text, styleText, colInk2) }

// sheet is a head, a scrolled middle and perhaps a foot of 60.
func sheet(head, content, foot fyne.CanvasObject) fyne.CanvasObject {
	scroll := scrolled(content)
	objects := []fyne.CanvasObject{head, scroll}
	if foot != nil {
		objects = append(objects, foot)
	}
	return placed(320, 240, func(s fyne.Size) {
		put(head, 0, 0, s.Width, 64)
		bottom := s.Height
		if foot != nil {
			bottom -= 68
			put(foot, 0, s.Height-60, s.Width, 36)
		}
		putScroll(scroll, 0, 80, s.Width, bottom-80)
	}, objects...)
}
