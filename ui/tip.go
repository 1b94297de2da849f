package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// tip is the layer above a window's content that names what has no words of its
// own: buttons that are an icon alone, tiles, the collapsed rail. It takes no
// click. Nothing runs but while the pointer rests on such a thing.
type tip struct {
	widget.BaseWidget
	do     func(func()) // runs on the main thread
	over   fyne.CanvasObject
	timer  *time.Timer
	ground *plate
	words  *words
}

// tipDelay is how long the pointer rests before the name shows.
const tipDelay = 600 * time.Millisecond

func newTip(do func(func())) *tip {
	t := &tip{do: do, ground: newPlate(colLeaf, colEdge, 6), words: fitting("", styleCaption, colInk)}
	t.ground.Hide()
	t.words.Hide()
	t.ExtendBaseWidget(t)
	return t
}

// CreateRenderer implements fyne.Widget.
func (t *tip) CreateRenderer() fyne.WidgetRenderer {
	return &simple{objects: []fyne.CanvasObject{t.ground, t.words}, min: func() fyne.Size { return fyne.Size{} },
		layout: func(fyne.Size) {}}
}

// tipOf is the layer of the window that an object is in; nil where there is none.
func tipOf(o fyne.CanvasObject) *tip {
	c := fyne.CurrentApp().Driver().CanvasForObject(o)
	if c == nil {
		return nil
	}
	if root, ok := c.Content().(*fyne.Container); ok && len(root.Objects) > 0 {
		t, _ := root.Objects[len(root.Objects)-1].(*tip)
		return t
	}
	return nil
}

// hint names an object once the pointer has rested on it.
func hint(o fyne.CanvasObject, text string) {
	t := tipOf(o)
	if t == nil || text == "" {
		return
	}
	t.clear()
	t.over = o
	t.timer = time.AfterFunc(tipDelay, func() {
		t.do(func() {
			if t.over == o && o.Visible() {
				t.show(o, text)
			}
		})
	})
}

// unhint takes the name of an object away.
func unhint(o fyne.CanvasObject) {
	if t := tipOf(o); t != nil && t.over == o {
		t.clear()
	}
}

func (t *tip) clear() {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.over, t.timer = nil, nil
	t.ground.Hide()
	t.words.Hide()
}

func (t *tip) show(o fyne.CanvasObject, text string) {
	room, at := t.Size(), fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
	w, h := min(t.words.style.width(text)+1, room.Width-32), float32(24)
	x, y := at.X+(o.Size().Width-w-16)/2, at.Y+o.Size().Height+6
	switch {
	case at.X+o.Size().Width < railNarrow && o.Size().Height <= 40: // the collapsed rail: beside, not over the next place
		x, y = railNarrow+4, at.Y+(o.Size().Height-h)/2
	case y+h > room.Height-4:
		y = at.Y - h - 6
	}
	x = max(8, min(x, room.Width-w-16-8))
	t.words.set(text)
	put(t.ground, x, y, w+16, h)
	put(t.words, x+8, y+4, w, 16)
	t.ground.Show()
	t.words.Show()
}
