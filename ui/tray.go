package ui

import (
	"context"
	"reflect"
	"runtime"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"dancecard/accounts"
)

// tray is the icon and its menu. Any program of the session can click it over
// D-Bus, so it narrows at once (Lock, Log out), asks in a window before it
// destroys (Disconnect), and never accepts consent, unlocks or hands out.
type tray struct {
	u     *UI
	app   desktop.App
	shown bool // a menu was given to Fyne
	state trayState
}

// newTray gives Fyne the menu before it runs; that is the only time it takes one
// well. Without a session bus Fyne's tray crashes at the end, so there is none.
func newTray(u *UI) *tray {
	t := &tray{u: u}
	app, ok := u.app.(desktop.App)
	if !ok || !u.o.Tray {
		return t
	}
	t.app, t.shown = app, true
	return t
}

// apply shows a state, if it is another one.
func (t *tray) apply(s trayState) {
	if !t.shown || reflect.DeepEqual(t.state, s) {
		return
	}
	if t.state.Icon != s.Icon || t.state.Problems != s.Problems {
		t.app.SetSystemTrayIcon(trayPicture(s.Icon, s.Problems))
	}
	if !reflect.DeepEqual(t.state.Items, s.Items) {
		t.app.SetSystemTrayMenu(fyne.NewMenu("Dancecard", t.items(s.Items)...))
	}
	t.state = s
}

func (t *tray) items(list []trayItem) []*fyne.MenuItem {
	var out []*fyne.MenuItem
	for _, i := range list {
		if i.Label == "" {
			out = append(out, fyne.NewMenuItemSeparator())
			continue
		}
		item := fyne.NewMenuItem(menuLabel(i.Label, runtime.GOOS), func() { t.u.do(func() { t.click(i) }) })
		item.Disabled, item.Checked = i.Disabled, i.Checked
		item.IsQuit = i.Verb == trayQuit
		if len(i.Children) > 0 {
			item.ChildMenu = fyne.NewMenu("", t.items(i.Children)...)
		}
		out = append(out, item)
	}
	return out
}

// menuLabel doubles underscores where the menu's protocol takes a single one
// for a mark under the next letter (com.canonical.dbusmenu).
func menuLabel(label, system string) string {
	if system == "darwin" || system == "windows" {
		return label
	}
	return strings.ReplaceAll(label, "_", "__")
}

func (t *tray) click(i trayItem) {
	u := t.u
	switch i.Verb {
	case trayShow:
		u.show()
	case trayRefresh:
		u.verb(verbRefresh, i.ID)
	case traySignIn:
		u.show()
		u.verb(verbOpen, i.ID)
	case trayDisconnect:
		u.run("disconnect "+i.ID, quickLimit, func(context.Context) error {
			_, err := u.book.AskDisconnect(i.ID, accounts.App{})
			return err
		}, nil)
	case trayConnect:
		u.show()
		u.open(pageConnect)
	case trayLock:
		u.run("lock", quickLimit, func(context.Context) error { return u.book.Lock(i.ID, accounts.LockUser) }, u.forgetView)
	case trayLogOut:
		u.logOut(i.ID)
	case traySwitch:
		u.switchTo(i.ID)
	case trayQuit:
		u.quit()
	}
}
