package ui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// steady leaves the tiles out: they change with each letter of the search, in place.
func (s galleryState) steady() any {
	s.Tiles, s.Nothing = nil, ""
	return s
}

func (u *UI) connectView(s galleryState) built {
	search := u.nav.entry("search", "Search services", false)
	search.OnChanged = func(string) { u.win.render() }
	search.OnSubmitted = func(string) {
		if st := galleryOf(u.last, u.nav.text("search"), u.nav.category); len(st.Tiles) > 0 {
			u.start(st.Tiles[0].ID)
		}
	}
	find := searchField(search, fmt.Sprintf("Search %s", count(s.Total, "service")), "Enter connects")
	title := newWords("Connect", styleTitle, colInk)
	objects := []fyne.CanvasObject{title, find}
	var chips []fyne.CanvasObject
	for i, c := range s.Categories {
		if len(s.Categories) == 1 {
			break
		}
		b := newButton(c, "", chipKind(c == s.Category || i == 0 && s.Category == ""), func() { u.nav.category = c; u.win.render() })
		chips = append(chips, b)
	}
	filter := line(8, chips...)
	cells := &gridLayout{w: 152, h: 64, gap: 12, width: 644}
	grid := container.New(cells)
	nothing := newPara("", 2, styleText, colInk2)
	fill := func(st galleryState) {
		grid.Objects = nil
		for i, t := range st.Tiles {
			l := u.galleryCard(t)
			l.ring = i == 0
			grid.Objects = append(grid.Objects, l)
		}
		nothing.set(st.Nothing)
		show(nothing, st.Nothing != "")
		grid.Refresh()
	}
	fill(s)
	rest := rows(12, nothing, grid)
	if len(s.Broken) > 0 {
		rest.Add(brokenFiles(s.Broken))
	}
	rest.Add(gap(1, 16))
	list := scrolled(rest)
	objects = append(objects, filter, list)
	shown := s
	return built{focus: search, object: placed(480, 240, func(size fyne.Size) {
		put(title, 0, 28, title.MinSize().Width, 32)
		put(find, size.Width-320, 26, 320, 36)
		putMin(filter, 0, 76)
		top := float32(116)
		if len(chips) == 0 {
			top = 84
		}
		cells.width = size.Width
		putScroll(list, 0, top, size.Width, size.Height-top)
	}, objects...), update: func(state any) {
		st := state.(galleryState)
		if !sameTiles(st.Tiles, shown.Tiles) {
			shown = st
			fill(st)
		}
	}}
}

func sameTiles(a, b []galleryTile) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// galleryCard is a provider: 152 by 64.
func (u *UI) galleryCard(t galleryTile) *leaf {
	mark := newTile(t.Tile, 40)
	name, hint := fitting(t.Name, styleBold, colInk), fitting(t.Hint, styleCaption, colInk2)
	content := placed(152, 64, func(s fyne.Size) {
		put(mark, 12, 12, 40, 40)
		put(name, 64, 14, s.Width-64-8, 20)
		put(hint, 64, 34, s.Width-64-8, 16)
	}, mark, name, hint)
	return newLeaf(t.Name, fyne.NewSize(152, 64), content, func() { u.start(t.ID) })
}

// brokenFiles names the provider files that could not be used.
func brokenFiles(list []brokenState) fyne.CanvasObject {
	box := rows(8)
	for _, b := range list {
		g := statusGlyph(glyphAttention)
		name, why := fitting(b.File, styleBold, colInk), newPara(b.Reason+". "+b.Fix, 2, styleCaption, colInk2)
		box.Add(placed(200, 54, func(s fyne.Size) {
			put(g, 0, 2, 16, 16)
			put(name, 28, 0, s.Width-28, 20)
			put(why, 28, 20, s.Width-28, 32)
		}, g, name, why))
	}
	title := "A provider file could not be used"
	if len(list) > 1 {
		title = fmt.Sprintf("%d provider files could not be used", len(list))
	}
	return moduleWith(title, newWords("The others are above.", styleCaption, colInk2), box)
}

// gridLayout lays cells of one size; more columns when wider, never wider cells.
// Its height depends on the width, which Fyne does not say when it asks for the
// height, so whoever places the grid sets width first.
type gridLayout struct{ w, h, gap, width float32 }

func (g *gridLayout) columns() int { return max(1, int((g.width+g.gap)/(g.w+g.gap))) }

// Layout implements fyne.Layout.
func (g *gridLayout) Layout(objects []fyne.CanvasObject, _ fyne.Size) {
	n := g.columns()
	for i, o := range objects {
		put(o, float32(i%n)*(g.w+g.gap), float32(i/n)*(g.h+g.gap), g.w, g.h)
	}
}

// MinSize implements fyne.Layout.
func (g *gridLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	lines := (len(objects) + g.columns() - 1) / g.columns()
	return fyne.NewSize(g.w, max(0, float32(lines)*(g.h+g.gap)-g.gap))
}
