package ui

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"dancecard/accounts"
)

// trayWatcher knows whether the desktop shows tray icons now: whether somebody
// owns the name of StatusNotifierItem's watcher.
type trayWatcher struct {
	there atomic.Bool
	gone  func()        // the desktop's tray was there and is not any more; any goroutine
	grace time.Duration // how long a panel may take to start again before that
}

const trayGrace = 3 * time.Second

const watcherName = "org.kde.StatusNotifierWatcher"

func (t *trayWatcher) present() bool { return t.there.Load() }

// run follows the owner of the name until ctx ends.
func (t *trayWatcher) run(ctx context.Context) {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return // no tray: closing the window asks
	}
	defer conn.Close()
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName))
	if err != nil {
		return
	}
	changes := make(chan *dbus.Signal, 8)
	conn.Signal(changes)
	var owned bool
	if conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcherName).Store(&owned) == nil {
		t.there.Store(owned)
	}
	var grace <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-grace:
			grace = nil
			t.gone()
		case s, ok := <-changes:
			if !ok { // the bus has gone
				if t.there.Swap(false) && ctx.Err() == nil {
					t.gone()
				}
				return
			}
			if len(s.Body) == 3 && s.Body[0] == watcherName {
				owner, _ := s.Body[2].(string)
				if was := t.there.Swap(owner != ""); owner != "" {
					grace = nil
				} else if was {
					grace = time.After(t.grace)
				}
			}
		}
	}
}

// notifyLimit is how long a notification daemon may take.
const notifyLimit = 3 * time.Second

// notify tells the desktop, once for each event, that only the user can mend an
// account. Without a bus nothing is told: the window and the tray show it.
func (u *UI) notify(s accounts.Snapshot, events []accounts.Event) {
	if !u.o.Tray {
		return
	}
	for _, n := range noticesOf(s, events) {
		u.work.Go(func() {
			ctx, cancel := context.WithTimeout(u.ctx, notifyLimit)
			defer cancel()
			sendNotice(ctx, n)
		})
	}
}

func sendNotice(ctx context.Context, n noticeState) {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").
		CallWithContext(ctx, "org.freedesktop.Notifications.Notify", dbus.FlagNoAutoStart,
			"Dancecard", uint32(0), "dancecard", n.Title, n.Text, []string{}, map[string]dbus.Variant{}, int32(-1))
}

// noticesOf turns events into notifications: one an account, and one for all
// accounts that hang on the same dead registration.
func noticesOf(s accounts.Snapshot, events []accounts.Event) []noticeState {
	var out []noticeState
	told := map[string]bool{}
	for _, e := range events {
		a, ok := s.Account(e.Account)
		if !ok {
			continue
		}
		switch e.Type {
		case accounts.EventAccountNeedsSignIn:
			out = append(out, noticeState{Title: clean(a.Label) + " needs sign-in", Text: clean(a.Why)})
		case accounts.EventAccountNeedsRegistration:
			if !told[a.Provider] {
				told[a.Provider] = true
				out = append(out, noticeState{Title: clean(a.ProviderName) + " needs a registration", Text: clean(a.Why)})
			}
		}
	}
	return out
}
