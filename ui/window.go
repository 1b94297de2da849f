package ui

import (
	"reflect"
	"runtime"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"dancecard/accounts"
)

// window is the main window: a rail and one view, or one of the screens that
// have no rail.
type window struct {
	u    *UI
	w    fyne.Window
	rail *rail

	key    viewKey
	shown  built
	holder *fyne.Container // root
	body   *fyne.Container // beside the rail
	tip    *tip

	shortcuts     map[fyne.KeyName]func() // with Control
	fresh         bool                    // the next view takes the focus where it wants it
	counts        bool                    // something on screen counts seconds
	accounts      *accountsView
	activity      []accounts.Activity
	activityStale bool
}

// built is a view: its object, what has the focus at first, and how it takes a
// state that differs only in words that tell time.
type built struct {
	object fyne.CanvasObject
	focus  fyne.Focusable
	update func(state any)
}

// viewKey says what is shown. While it stays equal the view stands.
type viewKey struct {
	screen  screen
	page    page
	state   any
	notices []noticeState
	copied  string
	busy    int
}

const (
	railWide   = 208
	railNarrow = 64
	narrowAt   = 800 // windows below it have icons alone in the rail
)

func newWindow(u *UI) *window {
	m := &window{u: u, w: u.app.NewWindow("Dancecard"), fresh: true}
	m.w.SetPadded(false)
	m.w.Resize(fyne.NewSize(900, 620))
	m.w.SetCloseIntercept(u.closeWindow)
	m.w.SetOnDropped(u.dropped)
	m.rail = newRail(u)
	m.body = container.NewStack()
	m.tip = newTip(u.do)
	m.holder = container.New(placer{
		min: func() fyne.Size { return fyne.NewSize(720, 480) },
		lay: m.lay,
	})
	ground := newPlate(colPage, colNone, 0)
	m.w.SetContent(container.NewStack(ground, m.holder, m.tip))
	m.keys()
	return m
}

func (m *window) lay(s fyne.Size) {
	if len(m.holder.Objects) == 1 { // a screen without a rail
		put(m.holder.Objects[0], 0, 0, s.Width, s.Height)
		return
	}
	side, pad := float32(railWide), float32(24)
	narrow := s.Width < narrowAt
	if narrow {
		side, pad = railNarrow, 16
	}
	if m.rail.narrow != narrow {
		m.tip.clear()
		m.rail.setNarrow(narrow)
	}
	width := min(960, s.Width-side-2*pad)
	put(m.body, side+(s.Width-side-width)/2, 0, width, s.Height)
	put(m.rail.object, 0, 0, side+8, s.Height) // the bead stands on the spine
}

// keys are the window's shortcuts.
func (m *window) keys() {
	u, c := m.u, m.w.Canvas()
	u.nav.shortcut = m.shortcut
	m.shortcuts = map[fyne.KeyName]func(){}
	add := func(key fyne.KeyName, do func()) {
		s := &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierControl}
		m.shortcuts[key] = do
		c.AddShortcut(s, func(fyne.Shortcut) { m.shortcut(s) })
	}
	add(fyne.KeyN, func() { u.open(pageConnect) })
	add(fyne.KeyL, u.lock)
	add(fyne.KeyF, func() {
		if e, ok := u.nav.entries["search"]; ok {
			c.Focus(e)
		}
	})
	for i, p := range railPages {
		add(fyne.KeyName(rune('1'+i)), func() { u.open(p) })
	}
	c.SetOnTypedKey(func(k *fyne.KeyEvent) {
		if k.Name == fyne.KeyEscape && !u.closeChooser() {
			u.back()
		}
	})
}

// shortcut does what a key with Control does; text fields hand theirs on.
func (m *window) shortcut(s *desktop.CustomShortcut) {
	if do := m.shortcuts[s.KeyName]; do != nil && s.Modifier == fyne.KeyModifierControl {
		do()
	}
}

// render brings the window up to date with u.last and u.nav.
func (m *window) render() {
	u := m.u
	sc := screenOf(u.last, !u.nav.key.IsZero(), u.nav.newProfile)
	m.counts = false
	if sc == screenFrame {
		m.rail.apply(railOf(u.last, u.nav.page))
	}
	state, make := m.view(sc)
	key := viewKey{screen: sc, page: u.nav.page, state: steady(state), notices: m.notices(sc), copied: u.nav.copied, busy: m.busy(sc)}
	if sc != screenFrame {
		key.page = ""
	}
	if m.shown.object != nil && reflect.DeepEqual(key, m.key) && !m.fresh {
		if m.shown.update != nil {
			m.shown.update(state)
		}
		return
	}
	focused, before := m.focusedName(), m.key
	at := scrollOffset(m.shown.object)
	m.key = key
	m.shown = make()
	m.place(sc, key.notices)
	if !m.fresh && before.screen == key.screen && before.page == key.page {
		if s := firstScroll(m.shown.object); s != nil {
			s.ScrollToOffset(at)
		}
	}
	m.refocus(focused)
}

// busy counts the verbs under way where a view shows them; the others stand.
func (m *window) busy(sc screen) int {
	if p := m.u.nav.page; sc == screenFrame && p != pageAccount && p != pageRegister && p != pageMore {
		return 0
	}
	return len(m.u.busy)
}

// place puts the new view into the window.
func (m *window) place(sc screen, notices []noticeState) {
	m.tip.clear()
	object := m.shown.object
	if len(notices) > 0 && sc == screenFrame { // the other screens say it in their form
		object = underStrips(m.strips(notices), object)
	}
	if sc == screenFrame {
		m.body.Objects = []fyne.CanvasObject{object}
		m.holder.Objects = []fyne.CanvasObject{m.rail.object, m.body} // Tab goes in this order
		m.body.Refresh()
	} else {
		m.holder.Objects = []fyne.CanvasObject{object}
	}
	m.holder.Refresh()
}

// view computes the state of what is to be seen and how to build it.
func (m *window) view(sc screen) (any, func() built) {
	u := m.u
	s, n := u.last, &u.nav
	switch sc {
	case screenRecovery:
		return n.keyProfile, func() built { return u.recoveryView() }
	case screenFirst:
		if s.Keyring == "" && !u.o.Tray && runtime.GOOS == "linux" {
			s.Keyring = "no session bus answers, so there is no keyring"
		}
		st := struct {
			firstState
			Protect protect
		}{firstOf(s), n.protect}
		return st, func() built { return u.firstView(st.firstState) }
	case screenLocked:
		st := lockedOf(s, n.way)
		return st, func() built { return u.lockedView(st) }
	}
	return m.pageView(s, n)
}

func (m *window) pageView(s accounts.Snapshot, n *nav) (any, func() built) {
	u := m.u
	switch n.page {
	case pageAccount:
		st, _ := accountOf(s, n.account)
		m.counts = st.Status.Ticks
		st.Browser.Words = browserName(st.Browser.ID, u.browsers)
		st.Browser.Change = len(u.browsers) > 1
		return st, func() built { return u.accountView(st) }
	case pageMore:
		st, _ := moreOf(s, n.account, n.chosen, u.browsers)
		return st, func() built { return u.moreView(st) }
	case pageConnect:
		st := galleryOf(s, n.text("search"), n.category)
		st.Looking = u.busy["connect"]
		return st, func() built { return u.connectView(st) }
	case pageRegister:
		st, _ := registerOf(s, n.before(), u.browsers)
		return st, func() built { return u.registerView(st) }
	case pageDance:
		st, _ := danceOf(s, n.dance)
		st.Browsers = len(u.browsers) > 1
		m.counts = !st.Over && st.Came == nil
		return st, func() built { return u.danceView(st) }
	case pageApps:
		st := appsOf(s, n.text("search"), n.grants)
		return st, func() built { return u.appsView(st) }
	case pageActivity:
		u.loadActivity()
		st := activityOf(s, m.activity, n.text("search"))
		return st, func() built { return u.activityView(st) }
	case pageSettings:
		st := settingsOf(s, u.o)
		return st, func() built { return u.settingsView(st) }
	}
	st := accountsOf(s, n.text("search"), n.onlyNeed)
	for _, c := range st.Cards {
		m.counts = m.counts || c.Status.Ticks
	}
	return st, func() built { return u.accountsView(st) }
}

// steadier is a state with words that tell time; steady leaves them out.
type steadier interface{ steady() any }

func steady(state any) any {
	if s, ok := state.(steadier); ok {
		return s.steady()
	}
	return state
}

// notices are the strips above the view.
func (m *window) notices(sc screen) []noticeState {
	var out []noticeState
	if sc == screenFrame {
		out = alarmsOf(m.u.last)
		if m.u.nav.page == pageAccounts {
			out = append(out, deadRegistrations(m.u.last)...)
		}
	}
	if n := m.u.nav.notice; n != nil {
		out = append(out, *n)
	}
	return out
}

func (m *window) strips(notices []noticeState) []fyne.CanvasObject {
	u := m.u
	var out []fyne.CanvasObject
	for i, n := range notices {
		var press, dismiss func()
		if i == len(notices)-1 && u.nav.notice != nil {
			dismiss = func() { u.nav.notice = nil; m.render() }
			if n.Verb != verbNone && n.Provider == "" && (u.nav.account != "" || u.nav.provider != "") {
				press = func() { u.verb(n.Verb, u.nav.account) }
			}
		}
		if n.Provider != "" {
			press = func() { u.register(n.Provider, hangsOn(u.last, n.Provider)) }
		}
		out = append(out, strip(n, press, dismiss))
	}
	return out
}

// underStrips puts strips above a view, which keeps its own top air.
func underStrips(strips []fyne.CanvasObject, view fyne.CanvasObject) fyne.CanvasObject {
	objects := append(append([]fyne.CanvasObject{}, view), strips...)
	return placed(320, 240, func(s fyne.Size) {
		y := float32(16)
		for _, o := range strips {
			h := o.MinSize().Height
			put(o, 0, y, s.Width, h)
			y += h + 8
		}
		put(view, 0, y-8, s.Width, s.Height-y+8)
	}, objects...)
}
