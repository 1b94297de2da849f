package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
	"strconv"
)

// rail is the left edge: the profile, the five places, how things stand, and
// the spine with its bead at the place where the user is.
type rail struct {
	u      *UI
	object *fyne.Container
	narrow bool
	state  railState

	ground, spine, bead *plate
	profile             *railProfile
	lock                *button
	items               map[page]*railItem
	foot                *glyph
	words, sub          *words
	slide               *fyne.Animation
}

func newRail(u *UI) *rail {
	r := &rail{u: u, ground: newPlate(colRail, colNone, 0), spine: hairline(), bead: newPlate(colAccent, colNone, 5),
		items: map[page]*railItem{}, foot: statusGlyph(glyphOK),
		words: fitting("", styleCaption, colInk), sub: fitting("", styleCaption, colInk3)}
	r.profile = newRailProfile(u.profileMenu)
	r.lock = iconButton("lock", "Lock", u.lock)
	objects := []fyne.CanvasObject{r.ground, r.profile.leaf}
	for _, p := range railPages {
		r.items[p] = newRailItem(p, func() { u.open(p) })
		objects = append(objects, r.items[p])
	}
	objects = append(objects, r.lock, r.foot, r.words, r.sub, r.spine, r.bead)
	r.object = placed(railNarrow, 480, r.lay, objects...)
	return r
}

func (r *rail) lay(s fyne.Size) {
	w := s.Width - 8 // the last 8 hold the bead's half
	put(r.ground, 0, 0, w, s.Height)
	put(r.spine, w-1, 0, 1, s.Height)
	for i, p := range railPages {
		item := r.items[p]
		if r.narrow {
			put(item, 12, 80+44*float32(i), 40, 40)
		} else {
			put(item, 12, 80+44*float32(i), 184, 40)
		}
	}
	if r.narrow {
		put(r.profile.leaf, 12, 16, 40, 40)
		put(r.lock, 16, s.Height-42, 32, 32)
	} else {
		put(r.profile.leaf, 8, 12, 155, 48)
		put(r.lock, 163, 20, 32, 32)
	}
	show(r.foot, !r.narrow)
	show(r.words, !r.narrow)
	show(r.sub, !r.narrow)
	put(r.foot, 16, s.Height-48, 16, 16)
	put(r.words, 40, s.Height-48, w-48, 16)
	put(r.sub, 40, s.Height-32, w-48, 16)
	put(r.bead, w-5.5, r.beadY(), 10, 10)
}

func (r *rail) beadY() float32 {
	for i, p := range railPages {
		if p == r.state.Selected {
			return 80 + 44*float32(i) + 15
		}
	}
	return 95
}

func (r *rail) setNarrow(narrow bool) {
	if r.narrow == narrow {
		return
	}
	r.narrow = narrow
	r.profile.narrow, r.profile.tip = narrow, narrow
	r.profile.lay(r.profile.leaf.Size())
	for _, i := range r.items {
		i.narrow = narrow
		i.Refresh()
	}
	r.lay(r.object.Size())
}

func (r *rail) apply(s railState) {
	if r.state == s {
		return
	}
	moved := r.state.Selected != "" && r.state.Selected != s.Selected
	r.state = s
	r.profile.set(s)
	for p, item := range r.items {
		badge := 0
		if p == pageAccounts {
			badge = s.Badge
		}
		item.set(p == s.Selected, badge)
	}
	r.foot.setStatus(s.Glyph)
	r.words.set(s.Foot)
	r.sub.set(s.Sub)
	if moved {
		r.slideBead()
	}
}

// slideBead moves the bead along the spine, 160 ms.
func (r *rail) slideBead() {
	if r.slide != nil {
		r.slide.Stop()
	}
	from, x := r.bead.Position().Y, r.bead.Position().X
	to := r.beadY()
	if !r.u.visible || !r.u.app.Settings().ShowAnimations() {
		r.bead.Move(fyne.NewPos(x, to))
		return
	}
	r.slide = fyne.NewAnimation(canvas.DurationShort, func(f float32) {
		r.bead.Move(fyne.NewPos(r.bead.Position().X, from+(to-from)*f))
	})
	r.slide.Curve = fyne.AnimationEaseOut
	r.slide.Start()
}

// railItem is a place.
type railItem struct {
	widget.BaseWidget
	page         page
	on           func()
	selected     bool
	badge        int
	narrow       bool
	hover, focus bool
	ground       *plate
	icon         *glyph
	words        *words
	pill         *plate
	number       *words
	warn         *glyph
}

func newRailItem(p page, on func()) *railItem {
	i := &railItem{page: p, on: on}
	i.ExtendBaseWidget(i)
	return i
}

var railIcons = map[page]string{pageAccounts: "accounts", pageConnect: "connect", pageApps: "apps", pageActivity: "activity", pageSettings: "settings"}

func (i *railItem) set(selected bool, badge int) {
	if i.selected != selected || i.badge != badge {
		i.selected, i.badge = selected, badge
		i.Refresh()
	}
}

func (i *railItem) MinSize() fyne.Size { return fyne.NewSize(40, 40) }

func (i *railItem) CreateRenderer() fyne.WidgetRenderer {
	i.ground = newPlate(colNone, colNone, 8)
	i.icon = lineIcon(railIcons[i.page], 20, colInk2)
	i.words = newWords(string(i.page), styleText, colInk2)
	i.pill = newPlate(colAttentionSoft, colNone, 10)
	i.number = newWords("", styleCaptionBold, colAttention)
	i.number.align = fyne.TextAlignCenter
	i.warn = statusGlyph(glyphAttention)
	mapped(i)
	i.paint()
	return &simple{objects: []fyne.CanvasObject{i.ground, i.icon, i.words, i.pill, i.number, i.warn}, min: i.MinSize, layout: i.lay,
		refresh: func() { i.paint(); i.lay(i.Size()) }, destroy: func() { unmapped(i) }}
}

func (i *railItem) lay(s fyne.Size) {
	put(i.ground, 0, 0, s.Width, s.Height)
	if i.narrow {
		put(i.icon, 10, 10, 20, 20)
		put(i.warn, s.Width-16, 1, 14, 14)
		return
	}
	put(i.icon, 12, 10, 20, 20)
	put(i.words, 44, 10, 100, 20)
	w := max(20, i.number.style.width(i.number.text)+12)
	put(i.pill, s.Width-12-w, 10, w, 20)
	put(i.number, s.Width-12-w, 12, w, 16)
}

func (i *railItem) paint() {
	fill, stroke, width := colNone, colNone, float32(1)
	st, ink, icon := styleText, colInk2, colInk2
	if i.hover {
		fill = colLeafHover
	}
	if i.selected {
		fill, stroke, st, ink, icon = colLeaf, colLine, styleBold, colInk, colAccent
	}
	if i.focus {
		stroke, width = colAccent, 2
	}
	i.ground.paint(fill, stroke, width)
	i.words.restyle(st, ink)
	i.icon.set("line/"+railIcons[i.page]+".svg", icon)
	i.number.set(strconv.Itoa(i.badge))
	show(i.words, !i.narrow)
	show(i.pill, !i.narrow && i.badge > 0)
	show(i.number, !i.narrow && i.badge > 0)
	show(i.warn, i.narrow && i.badge > 0)
}

// Tapped, and what follows, are Fyne's hooks.
func (i *railItem) Tapped(*fyne.PointEvent)        { unhint(i); i.on() }
func (i *railItem) MouseMoved(*desktop.MouseEvent) {}
func (i *railItem) MouseOut()                      { i.hover = false; unhint(i); i.Refresh() }
func (i *railItem) FocusGained()                   { i.focus = true; i.Refresh() }
func (i *railItem) FocusLost()                     { i.focus = false; i.Refresh() }
func (i *railItem) TypedRune(rune)                 {}
func (i *railItem) Cursor() desktop.Cursor         { return desktop.PointerCursor }

// MouseIn names the place where the rail is icons alone.
func (i *railItem) MouseIn(*desktop.MouseEvent) {
	i.hover = true
	if i.narrow {
		hint(i, string(i.page))
	}
	i.Refresh()
}

// TypedKey goes there.
func (i *railItem) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyReturn || k.Name == fyne.KeyEnter || k.Name == fyne.KeySpace {
		i.on()
		return
	}
	windowKey(i, k)
}

func (i *railItem) mapEntry() (string, string, bool) { return "button", string(i.page), true }

// railProfile is the profile's block: avatar, names, the switcher's sign.
type railProfile struct {
	*leaf
	narrow       bool
	face         *avatar
	name, person *words
	swap         *glyph
}

func newRailProfile(on func(fyne.CanvasObject)) *railProfile {
	p := &railProfile{face: newAvatar("", "", 40), name: fitting("", styleBold, colInk),
		person: fitting("", styleCaption, colInk2), swap: lineIcon("swap", 16, colInk2)}
	content := placed(40, 40, p.lay, p.face, p.name, p.person, p.swap)
	p.leaf = newLeaf("Profile", fyne.NewSize(40, 40), content, func() { on(p.leaf) })
	p.leaf.bare = true
	return p
}

func (p *railProfile) lay(s fyne.Size) {
	show(p.name, !p.narrow)
	show(p.person, !p.narrow)
	show(p.swap, !p.narrow)
	if p.narrow {
		put(p.face, 0, 0, 40, 40)
		return
	}
	put(p.face, 8, 4, 40, 40)
	w := min(p.name.style.width(p.name.text)+1, s.Width-60-24)
	put(p.name, 60, 6, w, 20)
	put(p.swap, 60+w+4, 8, 16, 16)
	put(p.person, 60, 26, s.Width-60, 16)
}

func (p *railProfile) set(s railState) {
	p.face.set(s.Seed, s.Initials)
	p.name.set(s.Profile)
	p.person.set(s.Person)
	p.lay(p.leaf.Size())
}
