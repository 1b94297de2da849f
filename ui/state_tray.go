package ui

import (
	"dancecard/accounts"
)

// trayIcon is what stands in the frame of the D.
type trayIcon string

const (
	trayOK        trayIcon = "ok"
	trayAttention trayIcon = "attention"
	trayLocked    trayIcon = "locked"
)

// trayVerb is what a click in the tray does. Nothing here gives anything away:
// any program of the session can click it.
type trayVerb string

const (
	trayShow       trayVerb = "show"
	trayRefresh    trayVerb = "refresh"
	trayDisconnect trayVerb = "disconnect" // opens the question
	traySignIn     trayVerb = "sign in"    // opens the window on the account
	trayConnect    trayVerb = "connect"
	trayLock       trayVerb = "lock"
	trayLogOut     trayVerb = "log out"
	traySwitch     trayVerb = "switch"
	trayQuit       trayVerb = "quit"
)

// trayItem is a line of the menu; an empty Label is a separator.
type trayItem struct {
	Label    string
	Verb     trayVerb
	ID       string // account or profile
	Disabled bool
	Checked  bool
	Children []trayItem
}

// trayState is the tray's icon and menu. It holds moments, not lengths of time,
// so that an open menu is not rebuilt under the pointer.
type trayState struct {
	Icon     trayIcon
	Problems int // how many things need the user
	Items    []trayItem
}

func trayOf(s accounts.Snapshot) trayState {
	out := trayState{Icon: trayOK}
	items := []trayItem{{Label: "Open Dancecard", Verb: trayShow}, {}}
	prof, ok := s.Profile(s.Current)
	open := ok && prof.State == accounts.ProfileOpen
	name := brief(clean(prof.Name), 40)
	switch {
	case !ok:
	case !open:
		out.Icon = trayLocked
		label := name + " is locked"
		if prof.State == accounts.ProfileBroken {
			label, out.Icon = name+" cannot be opened", trayAttention
		}
		items = append(items, trayItem{Label: label, Disabled: true}, trayItem{Label: "Unlock...", Verb: trayShow}, trayItem{})
	default:
		for _, a := range sortedAccounts(s) {
			items = append(items, trayAccount(a, s))
			if a.Status.NeedsUser() {
				out.Icon = trayAttention
				out.Problems++
			}
		}
		if len(s.Accounts) > 0 {
			items = append(items, trayItem{})
		}
		items = append(items, trayItem{Label: "Connect...", Verb: trayConnect}, trayItem{Label: "Lock " + name, Verb: trayLock, ID: prof.ID})
	}
	if ok && prof.State != accounts.ProfileBroken {
		items = append(items, trayItem{Label: "Log out of " + name, Verb: trayLogOut, ID: prof.ID, Disabled: prof.Why == accounts.LockLogOut && !open})
	}
	if len(s.Profiles) > 1 {
		sub := trayItem{Label: "Profiles"}
		for _, p := range profilesOf(s) {
			sub.Children = append(sub.Children, trayItem{Label: brief(p.Name, 40), Verb: traySwitch, ID: p.ID, Checked: p.Current})
		}
		items = append(items, sub)
	}
	if out.Problems += len(s.Alarms); len(s.Alarms) > 0 && out.Icon == trayOK {
		out.Icon = trayAttention
	}
	out.Items = append(items, trayItem{}, trayItem{Label: "Quit", Verb: trayQuit})
	return out
}

func trayAccount(a accounts.Account, s accounts.Snapshot) trayItem {
	item := trayItem{Label: brief(clean(a.Label), 40)}
	head := statusOf(a, s.At).Words
	switch a.Status {
	case accounts.Revoking:
		return trayItem{Label: item.Label + ": revoking", Disabled: true}
	case accounts.Ready, accounts.Expiring:
		head = "Ready"
		if !a.Expiry.IsZero() {
			head = "Ready until " + whenWords(a.Expiry, s.At)
		}
	case accounts.NeedsSignIn, accounts.NeedsRegistration, accounts.Offline:
		item.Label += ": " + string(a.Status)
	}
	item.Children = []trayItem{{Label: head, Disabled: true}, {}}
	if a.Status.NeedsUser() {
		item.Children = append(item.Children, trayItem{Label: verbWords(statusOf(a, s.At).Verb, "") + "...", Verb: traySignIn, ID: a.ID})
	} else {
		item.Children = append(item.Children, trayItem{Label: "Refresh", Verb: trayRefresh, ID: a.ID, Disabled: !a.Refreshes || a.Status == accounts.Refreshing})
	}
	item.Children = append(item.Children, trayItem{Label: "Disconnect...", Verb: trayDisconnect, ID: a.ID})
	return item
}

// sortedAccounts is the order of the accounts list.
func sortedAccounts(s accounts.Snapshot) []accounts.Account {
	st := accountsOf(s, "", false)
	out := make([]accounts.Account, 0, len(st.Cards))
	for _, c := range st.Cards {
		a, _ := s.Account(c.ID)
		out = append(out, a)
	}
	return out
}
