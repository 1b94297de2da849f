package ui

import (
	"context"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
	"dancecard/dance"
)

// loadBrowsers looks for the browsers that are installed, away from the main
// thread.
func (u *UI) loadBrowsers() {
	if u.book == nil {
		return
	}
	u.work.Go(func() {
		list := u.book.Browsers()
		u.do(func() {
			u.browsers = list
			if u.visible {
				u.win.render()
			}
		})
	})
}

// browserMenu lets the user choose a browser, a profile of one or its private
// window.
func (u *UI) browserMenu(at fyne.CanvasObject, chosen string, pick func(id string)) {
	var items []*fyne.MenuItem
	for _, b := range u.browsers {
		item := fyne.NewMenuItem(brief(browserWords(b), 40), func() { pick(b.ID) })
		item.Checked = b.ID == chosen
		items = append(items, item)
	}
	u.popUp(items, at)
}

// setBrowser remembers in which browser an account signs in.
func (u *UI) setBrowser(account, id string) {
	u.run("browser "+account, quickLimit, func(context.Context) error { return u.book.SetBrowser(account, id) }, nil)
}

// request is what a dance was begun with; for one that was begun elsewhere what
// can be seen of it.
func (u *UI) request(d accounts.Dance) accounts.ConnectRequest {
	if r, ok := u.requests[d.ID]; ok {
		return r
	}
	return accounts.ConnectRequest{Provider: d.Provider, Reconnect: d.Reconnects, Label: d.Label, By: d.By}
}

// againIn begins anew in another browser.
func (u *UI) againIn(s danceState, browser string) {
	u.anew(s, func(r *accounts.ConnectRequest) { r.Browser, r.Device = browser, false })
}

// openLink opens the page at which a code is typed. It is no start of a dance:
// the address holds nothing but the code that is on screen.
func (u *UI) openLink(address, browser string) {
	u.run("open page", quickLimit, func(ctx context.Context) error { return dance.OpenBrowserIn(ctx, browser, address) }, nil)
}

// withCode begins anew with a code for another device.
func (u *UI) withCode(s danceState) {
	u.anew(s, func(r *accounts.ConnectRequest) { r.Device = true })
}

// again puts the old attempt away and begins anew.
func (u *UI) again(s danceState) { u.anew(s, func(*accounts.ConnectRequest) {}) }

func (u *UI) anew(s danceState, change func(*accounts.ConnectRequest)) {
	d, ok := u.last.Dance(s.ID)
	if !ok {
		return
	}
	r := u.request(d)
	change(&r)
	var id string
	u.run("connect", networkLimit, func(ctx context.Context) (err error) {
		if err := u.book.CancelDance(d.ID); err != nil && accounts.CodeOf(err) != accounts.CodeNoSuchDance {
			return err
		}
		id, err = u.book.Connect(ctx, r)
		return err
	}, func() { u.follows(id, r) })
}

// follows goes to a dance that was begun here.
func (u *UI) follows(id string, r accounts.ConnectRequest) {
	u.requests[id] = r
	u.last = u.snap()
	u.visit(func(n *nav) { n.page, n.dance = pageDance, id })
}
