package ui

import (
	"context"
	"net/url"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"dancecard/accounts"
	"dancecard/dance"
)

// verb does what a button says to an account.
func (u *UI) verb(v verb, id string) {
	a, ok := u.last.Account(id)
	switch v {
	case verbOpen:
		u.visit(func(n *nav) { n.page, n.account = pageAccount, id })
		u.win.render()
	case verbRefresh, verbTryNow:
		u.run("refresh "+id, networkLimit, func(ctx context.Context) error { return u.book.Refresh(ctx, id) }, nil)
	case verbSignIn, verbReconnect:
		if ok {
			u.connect(accounts.ConnectRequest{Provider: a.Provider, Reconnect: id})
		}
	case verbRegister:
		if ok {
			u.register(a.Provider, id)
		} else {
			u.register(u.nav.provider, "")
		}
	case verbMore:
		u.visit(func(n *nav) { n.page, n.account = pageMore, id })
		u.win.render()
	case verbSignOut:
		u.run("sign out "+id, networkLimit, func(ctx context.Context) error { return u.book.SignOutAtProvider(ctx, id) }, nil)
	case verbDisconnect:
		u.run("disconnect "+id, quickLimit, func(context.Context) error {
			_, err := u.book.AskDisconnect(id, accounts.App{})
			return err
		}, nil)
	case verbGiveUp:
		u.run("give up "+id, quickLimit, func(context.Context) error {
			_, err := u.book.AskGiveUp(id, accounts.App{})
			return err
		}, nil)
	case verbSettings:
		u.openPage(a.SettingsPage)
	}
}

// start is a click in the gallery: the register page or the dance.
func (u *UI) start(provider string) {
	p, ok := providerOf(u.last, provider)
	if !ok {
		return
	}
	for _, d := range u.last.Dances { // one is under way: show it
		if d.Provider == provider && d.Reconnects == "" && !d.Stage.Over() {
			u.visit(func(n *nav) { n.page, n.dance = pageDance, d.ID })
			u.win.render()
			return
		}
	}
	if asksFirst(p) {
		u.prepare(provider)
		return
	}
	u.connect(accounts.ConnectRequest{Provider: provider})
}

// prepare shows the page before a dance: the server, scopes, options, browser.
func (u *UI) prepare(provider string) {
	u.visit(func(n *nav) { n.page, n.provider, n.found, n.renew, n.regain = pageRegister, provider, nil, false, "" })
	u.win.render()
}

// register asks for a new registration, and signs the account in again with it.
func (u *UI) register(provider, account string) {
	var found *accounts.Provider
	if _, known := providerOf(u.last, provider); !known && u.book != nil {
		if row, ok := u.book.Row(provider); ok {
			found = &row
		}
	}
	u.visit(func(n *nav) {
		n.page, n.provider, n.found, n.renew, n.regain = pageRegister, provider, found, true, account
	})
	u.win.render()
}

// connect starts a dance and goes to it.
func (u *UI) connect(r accounts.ConnectRequest) {
	var id string
	u.run("connect", networkLimit, func(ctx context.Context) (err error) {
		id, err = u.book.Connect(ctx, r)
		return err
	}, func() { u.follows(id, r) })
}

// putAway ends a dance or clears a finished one.
func (u *UI) putAway(id string) {
	u.run("cancel "+id, quickLimit, func(context.Context) error { return u.book.CancelDance(id) }, nil)
}

func (u *UI) lock() {
	id := u.last.Current
	if p, ok := u.last.Profile(id); !ok || p.State != accounts.ProfileOpen {
		return
	}
	u.run("lock", quickLimit, func(context.Context) error { return u.book.Lock(id, accounts.LockUser) }, u.forgetView)
}

func (u *UI) logOut(id string) {
	u.run("log out", networkLimit, func(ctx context.Context) error { return u.book.LogOut(ctx, id) }, u.forgetView)
}

// forgetView drops what was on screen of a profile that is closed now.
func (u *UI) forgetView() {
	if u.menu != nil {
		u.menu.Hide()
	}
	u.visit(func(n *nav) { n.page, n.account, n.way = pageAccounts, "", "" })
	u.nav.forget()
	u.win.activity, u.win.accounts, u.win.fresh = nil, nil, true
}

func (u *UI) switchTo(id string) {
	u.run("switch", quickLimit, func(context.Context) error { return u.book.SwitchProfile(id) }, u.forgetView)
}

// newProfile shows the form of a first start again.
func (u *UI) newProfile() {
	u.visit(func(n *nav) { n.newProfile = true })
	u.win.render()
}

// openPage opens a provider's page in the browser; the error says what to do.
func (u *UI) openPage(address string) {
	if _, err := url.Parse(address); err != nil || address == "" {
		return
	}
	u.run("open page", quickLimit, func(ctx context.Context) error { return dance.OpenBrowser(ctx, address) }, nil)
}

// copy puts text on the clipboard; the button with that name says Copied for
// two seconds. A secret is taken off the clipboard after a minute if it still
// is there.
func (u *UI) copy(name, text string, secret bool) {
	clip := u.app.Clipboard()
	clip.SetContent(text)
	u.nav.copied = name
	u.win.render()
	u.later(2*time.Second, func() {
		if u.nav.copied == name {
			u.nav.copied = ""
			u.win.render()
		}
	})
	if secret {
		u.later(time.Minute, func() {
			if clip.Content() == text {
				clip.SetContent("")
			}
		})
	}
}

// later runs f on the main thread after a while, unless the program ends first.
func (u *UI) later(d time.Duration, f func()) {
	u.work.Go(func() {
		select {
		case <-u.ctx.Done():
		case <-time.After(d):
			u.do(f)
		}
	})
}

// copyButton says Copy, or Copied for a moment.
func (u *UI) copyButton(name, label, text string, secret bool) *button {
	icon := "copy"
	if u.nav.copied == name {
		label, icon = "Copied", "check"
	}
	return newButton(label, icon, outlined, func() { u.copy(name, text, secret) })
}

// profileMenu is the switcher.
func (u *UI) profileMenu(at fyne.CanvasObject) {
	prof, open := u.last.Profile(u.last.Current)
	open = open && prof.State == accounts.ProfileOpen
	var items []*fyne.MenuItem
	for _, p := range profilesOf(u.last) {
		label := brief(p.Name, 28)
		if p.Locked {
			label += ": locked"
		}
		item := fyne.NewMenuItem(label, func() { u.switchTo(p.ID) })
		item.Checked = p.Current
		items = append(items, item)
	}
	items = append(items, fyne.NewMenuItemSeparator(), fyne.NewMenuItem("New profile...", u.newProfile))
	if open {
		items = append(items, fyne.NewMenuItemSeparator(),
			fyne.NewMenuItem("Lock "+brief(clean(prof.Name), 28), u.lock),
			fyne.NewMenuItem("Log out of "+brief(clean(prof.Name), 28), func() { u.logOut(prof.ID) }))
	}
	u.popUp(items, at)
}

// cardMenu is the "more" of a card.
func (u *UI) cardMenu(c *card) {
	a, ok := u.last.Account(c.id)
	if !ok {
		return
	}
	var items []*fyne.MenuItem
	for _, v := range menuVerbs(a) {
		label := verbWords(v, clean(a.ProviderName))
		if v == verbDisconnect || v == verbGiveUp {
			label += "..."
		}
		items = append(items, fyne.NewMenuItem(label, func() { u.verb(v, a.ID) }))
	}
	u.popUp(items, c.more)
}

func (u *UI) popUp(items []*fyne.MenuItem, under fyne.CanvasObject) {
	m := widget.NewPopUpMenu(fyne.NewMenu("", items...), u.win.w.Canvas())
	u.menu, u.menuLabels = m, nil
	for _, i := range items {
		u.menuLabels = append(u.menuLabels, i.Label)
	}
	p := fyne.CurrentApp().Driver().AbsolutePositionForObject(under).AddXY(0, under.Size().Height+4)
	room := u.win.w.Canvas().Size().Subtract(m.MinSize()).SubtractWidthHeight(8, 8)
	if p.Y > room.Height { // above it
		p.Y -= under.Size().Height + m.MinSize().Height + 8
	}
	m.ShowAtPosition(fyne.NewPos(max(8, min(p.X, room.Width)), max(8, p.Y)))
}

// closeWindow is the window's own close button. It hides only where a tray can
// bring the window back; elsewhere it asks, so that apps do not lose their
// tokens unnoticed.
func (u *UI) closeWindow() {
	if u.tray.shown && u.watcher.present() {
		u.hide()
		return
	}
	u.askClose()
}

func (u *UI) quit() {
	if u.o.Quit != nil {
		u.o.Quit()
		return
	}
	u.Quit()
}
