package test

import (
	"context"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const sessionManager = "org.gnome.SessionManager"

// manager is a desktop's session manager, as far as programs see it.
type manager struct {
	conn    *dbus.Conn
	clients chan dbus.ObjectPath
	agreed  chan bool
}

// RegisterClient is called by a program that wants to hear of the session's end.
func (m manager) RegisterClient(string, string) (dbus.ObjectPath, *dbus.Error) {
	const client = dbus.ObjectPath("/org/gnome/SessionManager/Client1")
	if err := m.conn.Export(m, client, sessionManager+".ClientPrivate"); err != nil {
		return "", dbus.MakeFailedError(err)
	}
	m.clients <- client
	return client, nil
}

// EndSessionResponse is a program's word on whether the session may end.
func (m manager) EndSessionResponse(ok bool, _ string) *dbus.Error {
	m.agreed <- ok
	return nil
}

// The desktop ends the session: Dancecard lets it, locks and ends in good order
// while the display is still there.
func TestK11SessionEnd(t *testing.T) {
	w, err := New(Options{Screen: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := w.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := manager{conn, make(chan dbus.ObjectPath, 1), make(chan bool, 1)}
	if err := conn.Export(m, "/org/gnome/SessionManager", sessionManager); err != nil {
		t.Fatal(err)
	}
	if r, err := conn.RequestName(sessionManager, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(r, err)
	}
	app, err := w.Start("dancecard")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AwaitWindow(ctx, "Dancecard"); err != nil {
		t.Fatal(err)
	}
	var client dbus.ObjectPath
	select {
	case client = <-m.clients:
	case <-ctx.Done():
		t.Fatal("it did not register")
	}
	if err := conn.Emit(client, sessionManager+".ClientPrivate.QueryEndSession", uint32(0)); err != nil {
		t.Fatal(err)
	}
	select {
	case ok := <-m.agreed:
		if !ok {
			t.Error("it does not let the session end")
		}
	case <-ctx.Done():
		t.Fatal("it did not answer")
	}
	if err := conn.Emit(client, sessionManager+".ClientPrivate.EndSession", uint32(0)); err != nil {
		t.Fatal(err)
	}
	if code, err := app.Wait(ctx); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v\n%s", code, err, app.Log())
	}
	if err := w.Wrong(); err != nil {
		t.Error(err)
	}
}
