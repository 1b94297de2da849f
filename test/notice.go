package test

import (
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"
)

// Notices is the desktop's notification daemon, as far as programs see it.
type Notices struct {
	mu  sync.Mutex // guards all
	all []string   // titles
}

// Notify is called by a program that has something to tell.
func (n *Notices) Notify(_ string, _ uint32, _, title, _ string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, title)
	return uint32(len(n.all)), nil
}

// Titles are what was told so far.
func (n *Notices) Titles() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}

// StartNotices gives the World's desktop a notification daemon.
func (w *World) StartNotices() (*Notices, error) {
	const name = "org.freedesktop.Notifications"
	conn, err := w.Connect()
	if err != nil {
		return nil, err
	}
	w.onClose(conn.Close)
	n := &Notices{}
	if err := conn.Export(n, "/org/freedesktop/Notifications", name); err != nil {
		return nil, err
	}
	if r, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		return nil, err
	}
	return n, nil
}
