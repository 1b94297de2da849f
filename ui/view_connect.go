package ui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"dancecard/accounts"
)

// steady leaves out what changes with each letter of the search, in place.
func (s galleryState) steady() any {
	s.Tiles, s.Nothing, s.Category, s.Address, s.Looking = nil, "", "", addressState{}, false
	return s
}

// connectView is the gallery with its search, and the two addresses below it.
type connectView struct {
	u       *UI
	shown   galleryState
	chips   *chipLine
	grid    *tileGrid
	address *addressRow
	nothing *para
	more    *words
	below   [2]*addressForm
	root    *fyne.Container
}

func (u *UI) connectView(s galleryState) built {
	v := &connectView{u: u, shown: s, nothing: newPara("", 2, styleText, colInk2), more: fitting("", styleCaption, colInk2)}
	search := u.nav.entry("search", "Search services", false)
	search.OnChanged = func(string) { u.win.render() }
	search.OnSubmitted = func(string) { v.enter() }
	find := searchField(search, fmt.Sprintf("Search %s", count(s.Total, "service")), "Enter connects")
	title := newWords("Connect", styleTitle, colInk)
	v.chips = newChipLine(u, s.Categories, func(c string) {
		u.nav.category = c
		search.SetText("")
		u.win.render()
	})
	v.address = u.newAddressRow()
	var broken []fyne.CanvasObject
	if len(s.Broken) > 0 {
		broken = append(broken, brokenFiles(s.Broken))
	}
	v.grid = newTileGrid(u, broken...)
	v.grid.above = search
	search.onKey = func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyDown {
			v.grid.focus(0)
		}
		return k.Name == fyne.KeyDown
	}
	v.below = [2]*addressForm{
		u.newAddressForm("openid", "globe", "Any OpenID provider", "Its address is enough.", "https://login…"),
		u.newAddressForm("mcp", "hub", "MCP server", "The address your AI tool would use.", "https://…/mcp"),
	}
	v.grid.after = v.below[0].field
	v.root = placed(480, 240, func(size fyne.Size) {
		put(title, 0, 28, title.MinSize().Width, 32)
		put(find, size.Width-320, 26, 320, 36)
		v.lay(size)
	}, title, find, v.chips.Container, v.address.leaf, v.nothing, v.grid.scroll, v.more, v.below[0].object, v.below[1].object)
	v.apply(s)
	return built{focus: search, object: v.root, update: func(state any) { v.apply(state.(galleryState)) }}
}

func (v *connectView) lay(size fyne.Size) {
	top, bottom := float32(116), size.Height-24-112
	if len(v.shown.Categories) == 1 {
		top = 84
	}
	put(v.chips.Container, 0, 76, size.Width, 28)
	half := (size.Width - 12) / 2
	for i, f := range v.below {
		put(f.object, float32(i)*(half+12), bottom, half, 112)
	}
	bottom -= 28
	put(v.more, 0, bottom+4, size.Width, 16)
	if v.address.leaf.Visible() {
		put(v.address.leaf, 0, top, size.Width, tileHigh)
		top += tileHigh + tileGap
	}
	put(v.nothing, 0, top+8, size.Width, 40)
	v.grid.place(0, top, size.Width, bottom-top)
	v.more.set(v.moreWords())
}

func (v *connectView) moreWords() string {
	const menu = "Right click, or Shift+F10, for scopes and browser."
	switch n := v.grid.hidden(); {
	case len(v.shown.Tiles) == 0:
		return ""
	case n == 0:
		return menu
	default:
		return fmt.Sprintf("%d more below. Scroll, or type a name. %s", n, menu)
	}
}

// apply shows a state in place.
func (v *connectView) apply(s galleryState) {
	fresh := v.root.Size().IsZero() || v.grid.tiles == nil || !sameTiles(s.Tiles, v.shown.Tiles) || s.Address != v.shown.Address
	v.shown = s
	v.chips.choose(s.Category)
	for _, f := range v.below {
		f.wait(s.Looking)
	}
	if !fresh {
		return
	}
	v.address.set(s.Address)
	v.nothing.set(s.Nothing)
	show(v.nothing, s.Nothing != "")
	v.grid.set(s.Tiles, !v.first())
	if size := v.root.Size(); size.Width > 0 {
		v.lay(size)
	}
}

// first reports whether the address is what Enter connects.
func (v *connectView) first() bool { return v.shown.Address.Host != "" }

// enter connects the entry with the ring.
func (v *connectView) enter() {
	st := galleryOf(v.u.last, v.u.nav.text("search"), v.u.nav.category)
	switch {
	case st.Address.Host != "":
		v.u.connectAddress(st.Address.Text)
	case len(st.Tiles) > 0:
		v.u.start(st.Tiles[0].ID)
	}
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

// tileMenu is what may be done with a provider besides connecting it at once.
func (u *UI) tileMenu(provider string, at fyne.CanvasObject) {
	p, ok := providerOf(u.last, provider)
	if !ok {
		return
	}
	items := []*fyne.MenuItem{
		fyne.NewMenuItem("Connect", func() { u.start(provider) }),
		fyne.NewMenuItem("Choose scopes and browser...", func() { u.prepare(provider) }),
	}
	if p.Device && !asksFirst(p) {
		items = append(items, fyne.NewMenuItem("Use a code on another device", func() {
			u.connect(accounts.ConnectRequest{Provider: provider, Device: true})
		}))
	}
	if !p.NeedsRegistration {
		items = append(items, fyne.NewMenuItem("Use your own registration...", func() { u.register(provider, "") }))
	}
	if p.SettingsPage != "" {
		items = append(items, fyne.NewMenuItem(verbWords(verbSettings, clean(p.Name)), func() { u.openPage(p.SettingsPage) }))
	}
	u.popUp(items, at)
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
	return moduleWith(title, newWords("The others work.", styleCaption, colInk2), box)
}

// chipLine is a row of chips. What does not fit is in a menu at its end.
type chipLine struct {
	*fyne.Container
	u     *UI
	names []string
	chips []*button
	more  *button
	pick  func(string)
	out   []string // in the menu now
}

func newChipLine(u *UI, names []string, pick func(string)) *chipLine {
	c := &chipLine{u: u, names: names, pick: pick}
	c.more = newButton("More", "down", chip, func() {
		var items []*fyne.MenuItem
		for _, name := range c.out {
			items = append(items, fyne.NewMenuItem(name, func() { c.pick(name) }))
		}
		u.popUp(items, c.more)
	})
	c.more.small, c.more.trailing, c.more.name = true, true, "More kinds of services"
	c.Container = container.New(placer{min: func() fyne.Size { return fyne.NewSize(100, 28) }, lay: c.lay})
	for _, name := range names {
		b := newButton(name, "", chip, func() { pick(name) })
		c.chips = append(c.chips, b)
		c.Add(b)
	}
	c.Add(c.more)
	return c
}

func (c *chipLine) lay(s fyne.Size) {
	c.out = nil
	x, menu := float32(0), c.more.MinSize().Width
	for i, b := range c.chips {
		w := b.MinSize().Width
		keep := menu + 8
		if i == len(c.chips)-1 {
			keep = 0
		}
		fits := len(c.chips) > 1 && len(c.out) == 0 && x+w+keep <= s.Width
		show(b, fits)
		if !fits {
			c.out = append(c.out, c.names[i])
			continue
		}
		put(b, x, 0, w, 28)
		x += w + 8
	}
	show(c.more, len(c.out) > 0 && len(c.chips) > 1)
	put(c.more, x, 0, menu, 28)
}

// choose marks the chip that is on, which may be in the menu.
func (c *chipLine) choose(name string) {
	hidden := "More"
	for i, b := range c.chips {
		b.setKind(chipKind(c.names[i] == name))
		if c.names[i] == name && i > 0 && !b.Visible() {
			hidden = name
		}
	}
	c.more.setLabel(hidden)
	c.more.setKind(chipKind(hidden != "More"))
	if s := c.Size(); s.Width > 0 {
		c.lay(s)
	}
}
