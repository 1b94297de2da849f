package ui

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// The measures of the gallery's tiles.
const (
	tileWide = 152
	tileHigh = 64
	tileGap  = 12
)

// tileGrid shows the gallery: tiles of one size, more columns when it is wider,
// never wider tiles. Only what is seen is drawn: hundreds of rows cost no more
// than the few on screen, and a letter typed changes those in place.
type tileGrid struct {
	u      *UI
	tiles  []galleryTile
	ring   bool // the first tile has the accent ring: Enter connects it
	cells  map[string]*galleryCell
	spare  []*galleryCell
	box    *fyne.Container
	scroll *container.Scroll
	width  float32
	above  fyne.Focusable // where Up leads from the first row, and Tab back
	after  fyne.Focusable // where Tab leads
}

func newTileGrid(u *UI, above ...fyne.CanvasObject) *tileGrid {
	g := &tileGrid{u: u, cells: map[string]*galleryCell{}, width: 644}
	g.box = container.New(g)
	g.scroll = scrolled(rows(16, append(above, g.box, gap(1, 1))...))
	g.scroll.OnScrolled = func(fyne.Position) { g.look() }
	return g
}

func (g *tileGrid) columns() int { return max(1, int((g.width+tileGap)/(tileWide+tileGap))) }

// set shows other tiles, from the top.
func (g *tileGrid) set(tiles []galleryTile, ring bool) {
	g.tiles, g.ring = tiles, ring
	g.scroll.Offset = fyne.Position{}
	g.look()
	g.box.Refresh()
	g.scroll.Refresh()
}

// place gives the grid its room. Its height depends on the width, which Fyne
// does not say when it asks for the height.
func (g *tileGrid) place(x, y, w, h float32) {
	g.width = w
	putScroll(g.scroll, x, y, w, h)
	g.look()
}

// seen are the first tile that is on screen and the one after the last, with a
// row more at either end for the keys.
func (g *tileGrid) seen() (from, to int) {
	n, pitch := g.columns(), float64(tileHigh+tileGap)
	top, h := max(0, float64(g.scroll.Offset.Y-g.box.Position().Y)), max(0, float64(g.scroll.Size().Height))
	from = max(0, (int(math.Floor(top/pitch))-1)*n)
	to = min(len(g.tiles), (int(math.Ceil((top+h)/pitch))+1)*n)
	return min(from, to), to
}

// look deals cells to the tiles that are on screen.
func (g *tileGrid) look() {
	from, to := g.seen()
	want := make(map[string]bool, to-from)
	for _, t := range g.tiles[from:to] {
		want[t.ID] = true
	}
	for id, c := range g.cells {
		if !want[id] {
			delete(g.cells, id)
			g.spare = append(g.spare, c)
		}
	}
	objects := make([]fyne.CanvasObject, 0, to-from)
	for i := from; i < to; i++ {
		c := g.cell(g.tiles[i])
		c.index = i
		c.setRing(g.ring && i == 0)
		put(c.leaf, float32(i%g.columns())*(tileWide+tileGap), float32(i/g.columns())*(tileHigh+tileGap), tileWide, tileHigh)
		objects = append(objects, c.leaf)
	}
	g.box.Objects = objects
}

// cell is the one that shows a tile already, a spare one, or a new one.
func (g *tileGrid) cell(t galleryTile) *galleryCell {
	c := g.cells[t.ID]
	switch n := len(g.spare); {
	case c != nil:
	case n > 0:
		c, g.spare = g.spare[n-1], g.spare[:n-1]
	default:
		c = g.u.newGalleryCell()
		c.onKey = func(k *fyne.KeyEvent) bool { return g.key(c, k) }
		c.tab = g.leave
	}
	g.cells[t.ID] = c
	c.set(t)
	return c
}

// key moves among the tiles.
func (g *tileGrid) key(c *galleryCell, k *fyne.KeyEvent) bool {
	step := map[fyne.KeyName]int{fyne.KeyLeft: -1, fyne.KeyRight: 1, fyne.KeyUp: -g.columns(), fyne.KeyDown: g.columns()}[k.Name]
	switch i := c.index + step; {
	case step == 0:
		return false
	case i < 0 && k.Name == fyne.KeyUp && g.above != nil:
		g.u.win.w.Canvas().Focus(g.above)
	default:
		g.focus(i)
	}
	return true
}

// leave is Tab: the arrows walk the tiles.
func (g *tileGrid) leave(back bool) {
	to := g.after
	if back {
		to = g.above
	}
	g.u.win.w.Canvas().Focus(to)
}

// focus scrolls to a tile and gives it the focus.
func (g *tileGrid) focus(i int) {
	if i < 0 || i >= len(g.tiles) {
		return
	}
	y := float32(i/g.columns()) * (tileHigh + tileGap)
	switch top, h := g.scroll.Offset.Y-g.box.Position().Y, g.scroll.Size().Height; {
	case y < top:
		g.scroll.ScrollToOffset(fyne.NewPos(0, g.box.Position().Y+max(0, y-4)))
	case y+tileHigh > top+h:
		g.scroll.ScrollToOffset(fyne.NewPos(0, g.box.Position().Y+y+tileHigh+4-h))
	}
	g.look()
	if c := g.cells[g.tiles[i].ID]; c != nil {
		g.u.win.w.Canvas().Focus(c.leaf)
	}
}

// hidden is the number of tiles below what fits.
func (g *tileGrid) hidden() int {
	lines := int((g.scroll.Size().Height + tileGap + 8) / (tileHigh + tileGap))
	return max(0, len(g.tiles)-lines*g.columns())
}

// Layout implements fyne.Layout: look has put the cells where they belong.
func (g *tileGrid) Layout([]fyne.CanvasObject, fyne.Size) {}

// MinSize implements fyne.Layout.
func (g *tileGrid) MinSize([]fyne.CanvasObject) fyne.Size {
	lines := (len(g.tiles) + g.columns() - 1) / g.columns()
	return fyne.NewSize(tileWide, max(0, float32(lines)*(tileHigh+tileGap)-tileGap))
}

// galleryCell is a provider in the gallery. A cell goes from one to another as
// the grid scrolls.
type galleryCell struct {
	*leaf
	index      int
	tile       galleryTile
	mark       *tile
	name, hint *words
	more       *button // shows under the pointer and with the focus
}

func (u *UI) newGalleryCell() *galleryCell {
	c := &galleryCell{mark: newTile(tileState{}, 40), name: fitting("", styleBold, colInk), hint: fitting("", styleCaption, colInk2)}
	c.more = iconButton("more", "", func() { u.tileMenu(c.tile.ID, c.more) })
	content := placed(tileWide, tileHigh, c.lay, c.mark, c.name, c.hint, c.more)
	c.leaf = newLeaf("", fyne.NewSize(tileWide, tileHigh), content, func() { u.start(c.tile.ID) })
	c.leaf.menu = func() { u.tileMenu(c.tile.ID, c.more) }
	c.leaf.painted, c.more.painted = c.showMore, c.showMore
	c.more.Hide()
	return c
}

func (c *galleryCell) lay(s fyne.Size) {
	room := s.Width - 64 - 8
	if c.more.Visible() {
		room -= 28
	}
	put(c.mark, 12, 12, 40, 40)
	put(c.name, 64, 14, room, 20)
	put(c.hint, 64, 34, room, 16)
	put(c.more, s.Width-36, 16, 32, 32)
}

// showMore shows the way to the menu while the pointer or the focus is here.
func (c *galleryCell) showMore() {
	on := c.leaf.hover || c.leaf.focus || c.more.hover || c.more.focus
	if on == c.more.Visible() {
		return
	}
	show(c.more, on)
	c.lay(fyne.NewSize(tileWide, tileHigh))
}

func (c *galleryCell) set(t galleryTile) {
	if c.tile == t {
		return
	}
	c.tile, c.leaf.name, c.more.label = t, t.Name, "More about "+t.Name
	c.mark.set(t.Tile)
	c.name.set(t.Name)
	c.hint.set(t.Hint)
}

func (c *galleryCell) setRing(on bool) {
	if c.leaf.ring != on {
		c.leaf.ring = on
		c.leaf.paint()
	}
}
