package main

import (
	"context"
	"os"
	"time"

	"github.com/godbus/dbus/v5"

	"dancecard/internal/bus"
)

// endWithSession registers with the desktop's session manager, if there is one
// that speaks org.gnome.SessionManager (GNOME, Cinnamon, MATE, Budgie), and
// calls quit when it ends the session: before the display goes, which would
// end the program at once. It returns when ctx ends.
func endWithSession(ctx context.Context, id string, quit func()) {
	if !bus.Alive() {
		return
	}
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return
	}
	defer conn.Close()
	const private = "org.gnome.SessionManager.ClientPrivate"
	signals := make(chan *dbus.Signal, 8)
	conn.Signal(signals)
	if conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(private)) != nil {
		return
	}
	var client dbus.ObjectPath
	call, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	manager := conn.Object("org.gnome.SessionManager", "/org/gnome/SessionManager")
	err = manager.CallWithContext(call, "org.gnome.SessionManager.RegisterClient", dbus.FlagNoAutoStart,
		id, os.Getenv("DESKTOP_AUTOSTART_ID")).Store(&client)
	if err != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-signals:
			switch {
			case !ok:
				return
			case s.Path != client:
			case s.Name == private+".QueryEndSession":
				conn.Object("org.gnome.SessionManager", client).CallWithContext(ctx, private+".EndSessionResponse", dbus.FlagNoAutoStart, true, "")
			case s.Name == private+".EndSession", s.Name == private+".Stop":
				quit() // our leaving the bus is the answer
				return
			}
		}
	}
}
