package ui

import (
	"fyne.io/fyne/v2"
)

// cord is the life of a token: 64 by 8, the rest of it in accent, a bead at its end.
type cord struct {
	*fyne.Container
	life              float32
	track, rest, bead *plate
}

func newCord(life float32) *cord {
	c := &cord{life: life, track: newPlate(colLine, colNone, 1), rest: newPlate(colAccent, colNone, 1), bead: newPlate(colAccent, colNone, 4)}
	c.Container = placed(64, 8, c.lay, c.track, c.rest, c.bead)
	return c
}

func (c *cord) lay(s fyne.Size) {
	x := (s.Width - 8) * min(1, max(0, c.life))
	put(c.track, 0, 3, s.Width, 2)
	put(c.rest, 0, 3, x+4, 2)
	put(c.bead, x, 0, 8, 8)
}

func (c *cord) set(life float32) {
	if c.life != life {
		c.life = life
		c.lay(c.Size())
	}
}

// bead is a point of a timeline.
func bead(k beadKind) fyne.CanvasObject {
	switch k {
	case beadNow:
		p := newPlate(colAccent, colNone, 5)
		return placed(10, 10, func(s fyne.Size) { put(p, 0, 0, 10, 10) }, p)
	case beadDone:
		p := newPlate(colEdge, colNone, 4)
		return placed(10, 10, func(s fyne.Size) { put(p, 1, 1, 8, 8) }, p)
	}
	p := newPlate(colLeaf, colEdge, 4)
	return placed(10, 10, func(s fyne.Size) { put(p, 1, 1, 8, 8) }, p)
}

// timeline is rows of 24 in a module: bead, time, words.
func timeline(beads []beadState) fyne.CanvasObject {
	var objects []fyne.CanvasObject
	var lays []func(w float32)
	for i, b := range beads {
		y := float32(i) * 24
		if i > 0 {
			c := hairline()
			objects = append(objects, c)
			lays = append(lays, func(float32) { put(c, 7, y-12+8, 2, 12) })
		}
		dot := bead(b.Kind)
		at := newWords(b.Time, styleCaption, colInk2)
		st, col := styleText, colInk2
		switch b.Kind {
		case beadNow:
			st, col = styleBold, colInk
		case beadToCome:
			col = colInk
		}
		w := fitting(b.Words, st, col)
		objects = append(objects, dot, at, w)
		lays = append(lays, func(width float32) {
			put(dot, 3, y+5, 10, 10)
			put(at, 24, y+2, 44, 16)
			put(w, 72, y, max(0, width-72), 20)
		})
	}
	return placed(120, float32(len(beads))*24, func(s fyne.Size) {
		for _, lay := range lays {
			lay(s.Width)
		}
	}, objects...)
}

// booklet is the card: a straight left edge with the spine, a round right edge,
// the cord and its bead below.
func booklet(spine float32, shadow bool, content fyne.CanvasObject) fyne.CanvasObject {
	leaf := newPlate(colLeaf, colLine, 8)
	leaf.radius = [4]float32{8, 24, 24, 8}
	leaf.shadow = shadow
	back := newPlate(colAccent, colNone, 8)
	back.radius = [4]float32{8, 0, 0, 8}
	thread := newPlate(colAccent, colNone, 0)
	knob := newPlate(colAccent, colNone, 6)
	return placed(200, 100, func(s fyne.Size) {
		h := s.Height - 36
		put(leaf, 0, 0, s.Width, h)
		put(back, 0, 0, spine, h)
		put(thread, spine/2-1, h, 2, 20)
		put(knob, spine/2-6, h+18, 12, 12)
		put(content, spine, 0, s.Width-spine, h)
	}, leaf, back, thread, knob, content)
}

// blankLines are the numbered blank lines of a card.
func blankLines(n int, pitch float32, ink, rule fyne.ThemeColorName) fyne.CanvasObject {
	var objects []fyne.CanvasObject
	var lays []func(fyne.Size)
	for i := range n {
		num := newWords(string(rune('1'+i)), styleCaption, ink)
		rul := newPlate(rule, colNone, 0)
		objects = append(objects, num, rul)
		y := float32(i) * pitch
		lays = append(lays, func(s fyne.Size) {
			put(num, 0, y, 12, 16)
			put(rul, 20, y+14, s.Width-20, 1)
		})
	}
	return placed(100, pitch*float32(n), func(s fyne.Size) {
		for _, lay := range lays {
			lay(s)
		}
	}, objects...)
}
