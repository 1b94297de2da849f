package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dancecard/accounts"
)

// activityMost is how many lines are looked at.
const activityMost = 500

// loadActivity reads the lines away from the main thread, when they may have changed.
func (u *UI) loadActivity() {
	m := u.win
	if !m.activityStale && m.activity != nil || u.busy["activity"] || u.book == nil {
		return
	}
	m.activityStale = false
	u.busy["activity"] = true
	u.work.Go(func() {
		lines, err := u.book.Activity(activityMost)
		u.do(func() {
			delete(u.busy, "activity")
			if err != nil && accounts.CodeOf(err) != accounts.CodeProfileLocked {
				n := problemOf(err)
				u.nav.notice = &n
			}
			if m.activity = lines; m.activity == nil {
				m.activity = []accounts.Activity{}
			}
			m.render()
		})
	})
}

// steady leaves the lines out: the list takes them in place.
func (s activityState) steady() any { return s.Nothing }

// activityView is for reading: it has no filled button.
func (u *UI) activityView(s activityState) built {
	search := u.nav.entry("search", "Search activity", false)
	search.OnChanged = func(string) { u.win.render() }
	find := searchField(search, "Search activity", "Ctrl F")
	title := newWords("Activity", styleTitle, colInk)
	lines := s.Lines
	list := widget.NewList(func() int { return len(lines) },
		func() fyne.CanvasObject { return newActivityRow() },
		func(id widget.ListItemID, o fyne.CanvasObject) { o.(*activityRow).set(lines[id]) })
	list.HideSeparators = true
	calm := container.NewThemeOverride(list, calmTheme{fyne.CurrentApp().Settings().Theme()})
	ground := newPlate(colLeaf, colLine, 12)
	nothing := newPara(s.Nothing, 2, styleText, colInk2)
	object := placed(560, 240, func(size fyne.Size) {
		put(title, 0, 28, title.MinSize().Width, 32)
		put(find, size.Width-232, 26, 232, 36)
		put(ground, 0, 84, size.Width, size.Height-84-20)
		put(calm, 8, 92, size.Width-16, size.Height-84-36)
		put(nothing, 16, 104, size.Width-32, 40)
	}, title, find, ground, calm, nothing)
	return built{object: object, update: func(state any) {
		lines = state.(activityState).Lines
		list.Refresh()
	}}
}

// activityRow is 44 high: time, a glyph on the cord, words, a caption, a tile.
type activityRow struct {
	widget.BaseWidget
	day, time        *words
	cord             *plate
	dot              *plate
	glyph            *glyph
	bold, words, sub *words
	tile             *tile
	state            lineState
}

func newActivityRow() *activityRow {
	r := &activityRow{day: newWords("", styleCaptionBold, colInk2), time: newWords("", styleCaption, colInk3), cord: hairline(),
		dot: newPlate(colAccent, colNone, 4), glyph: statusGlyph(glyphOK), bold: fitting("", styleBold, colInk),
		words: fitting("", styleText, colInk), sub: fitting("", styleCaption, colInk2), tile: newTile(tileState{}, 24)}
	r.ExtendBaseWidget(r)
	return r
}

// CreateRenderer implements fyne.Widget.
func (r *activityRow) CreateRenderer() fyne.WidgetRenderer {
	return &simple{objects: []fyne.CanvasObject{r.day, r.time, r.cord, r.dot, r.glyph, r.bold, r.words, r.sub, r.tile},
		min: r.MinSize, layout: r.lay}
}

// MinSize is a row of 44.
func (r *activityRow) MinSize() fyne.Size { return fyne.NewSize(300, 44) }

func (r *activityRow) lay(s fyne.Size) {
	put(r.day, 8, 16, 200, 16)
	put(r.time, 8, 14, 40, 16)
	put(r.cord, 63, 34, 2, 20)
	put(r.dot, 60, 18, 8, 8)
	put(r.glyph, 56, 14, 16, 16)
	w := min(r.bold.style.width(r.bold.text)+1, s.Width/2)
	put(r.bold, 84, 4, w, 20)
	x := float32(84)
	if r.state.Bold != "" {
		x += w + 3
	}
	put(r.words, x, 4, max(0, s.Width-x-48), 20)
	put(r.sub, 84, 24, s.Width-84-48, 16)
	put(r.tile, s.Width-32, 10, 24, 24)
}

func (r *activityRow) set(l lineState) {
	r.state = l
	day := l.Day != ""
	r.day.set(l.Day)
	r.time.set(l.Time)
	r.bold.set(l.Bold)
	r.words.set(l.Words)
	r.sub.cut = cutEnd
	if strings.HasPrefix(l.Sub, "/") { // paths lose their middle
		r.sub.cut = cutMiddle
	}
	r.sub.set(l.Sub)
	r.tile.set(l.Tile)
	if l.Glyph != "" {
		r.glyph.setStatus(l.Glyph)
	}
	show(r.day, day)
	for _, o := range []fyne.CanvasObject{r.time, r.cord, r.bold, r.words, r.sub} {
		show(o, !day)
	}
	show(r.dot, !day && l.Glyph == "")
	show(r.glyph, !day && l.Glyph != "")
	show(r.tile, !day && l.Tile.Monogram != "")
	r.lay(r.Size())
}
