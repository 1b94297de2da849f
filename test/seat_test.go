package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dancecard/ipc"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

const login1 = "org.freedesktop.login1"

// logind is systemd's login manager, as far as programs see it: one session,
// and a pipe a program for whom the machine waits before it sleeps.
type logind struct {
	conn    *dbus.Conn
	waiting chan int // read ends; a program lets the machine sleep by closing the other
}

const session1 = dbus.ObjectPath("/org/freedesktop/login1/session/_31")

// GetSession is called by a program that wants its session.
func (logind) GetSession(string) (dbus.ObjectPath, *dbus.Error) { return session1, nil }

// GetSessionByPID is called by a program that does not know its name.
func (logind) GetSessionByPID(uint32) (dbus.ObjectPath, *dbus.Error) { return session1, nil }

// Inhibit is called by a program that wants to be waited for.
func (l logind) Inhibit(what, _, _, mode string) (dbus.UnixFD, *dbus.Error) {
	var ends [2]int
	if what != "sleep" || mode != "delay" {
		return 0, dbus.MakeFailedError(fmt.Errorf("%s, %s", what, mode))
	}
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	l.waiting <- ends[0]
	// The message carries a copy of the write end; ours goes once it is sent.
	time.AfterFunc(time.Second, func() { unix.Close(ends[1]) })
	return dbus.UnixFD(ends[1]), nil
}

// seat is a World whose system bus has a logind, with Dancecard and an open
// profile.
type seat struct {
	t       *testing.T
	world   *World
	control *ipc.Control
	logind  logind
}

func newSeat(t *testing.T, keyring bool) *seat {
	t.Helper()
	w, err := New(Options{Screen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	conn, err := w.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &seat{t: t, world: w, logind: logind{conn, make(chan int, 8)}}
	if err := conn.Export(s.logind, "/org/freedesktop/login1", login1+".Manager"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{login1, "org.gnome.ScreenSaver"} {
		if r, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
			t.Fatal(name, r, err)
		}
	}
	w.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+w.busPath())
	if _, err := w.Start("dancecard"); err != nil {
		t.Fatal(err)
	}
	if err := w.AwaitSocket(t.Context()); err != nil {
		t.Fatal(err)
	}
	args := []string{"profile", "create", "Home", "--keyring"}
	if !keyring {
		pass := filepath.Join(w.Dir, "passphrase")
		if err := os.WriteFile(pass, []byte("correct horse"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"profile", "create", "Home", "--passphrase-file", pass}
	}
	if _, err := w.Output(t.Context(), "dancectl", args...); err != nil {
		t.Fatal(err)
	}
	s.control = &ipc.Control{Socket: filepath.Join(w.Runtime, "dancecard", ipc.ControlSocket)}
	t.Cleanup(s.control.Close)
	return s
}

// inhibitor is the pipe by which Dancecard holds the machine awake.
func (s *seat) inhibitor() int {
	s.t.Helper()
	select {
	case end := <-s.logind.waiting:
		s.t.Cleanup(func() { unix.Close(end) })
		return end
	case <-time.After(Patience):
		s.t.Fatal("Dancecard did not ask to be waited for")
		return -1
	}
}

func (s *seat) emit(path dbus.ObjectPath, name string, values ...any) {
	s.t.Helper()
	if err := s.logind.conn.Emit(path, name, values...); err != nil {
		s.t.Fatal(err)
	}
}

// await waits until the profile is in a state, for a reason.
func (s *seat) await(state ipc.ProfileState, why string) {
	s.t.Helper()
	err := Await(s.t.Context(), "the profile to be "+string(state), func() error {
		all, err := s.control.Profiles(s.t.Context())
		if err == nil && (len(all) != 1 || all[0].State != state || all[0].Why != why) {
			err = fmt.Errorf("it is %+v", all)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// released waits until nobody holds the pipe's other end.
func released(t *testing.T, end int) {
	t.Helper()
	err := Await(t.Context(), "the machine to be let sleep", func() error {
		polled := []unix.PollFd{{Fd: int32(end), Events: unix.POLLIN}}
		if _, err := unix.Poll(polled, 0); err != nil {
			return err
		}
		if polled[0].Revents&unix.POLLHUP == 0 {
			return fmt.Errorf("it is held")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The machine waits until the vault is closed, and sleeps at once then.
func TestK12Sleep(t *testing.T) {
	s := newSeat(t, false)
	end := s.inhibitor()
	began := time.Now()
	s.emit("/org/freedesktop/login1", login1+".Manager.PrepareForSleep", true)
	released(t, end)
	t.Logf("let the machine sleep after %v", time.Since(began).Round(time.Millisecond))
	s.await(ipc.ProfileLocked, "sleep")
	s.emit("/org/freedesktop/login1", login1+".Manager.PrepareForSleep", false)
	s.inhibitor()                       // for the next time
	s.await(ipc.ProfileLocked, "sleep") // nothing opens it but the passphrase
}

// A locked screen locks the profile, and the keyring opens it afterwards; a
// stranger's word counts for nothing.
func TestK13ScreenLock(t *testing.T) {
	s := newSeat(t, true)
	s.inhibitor()
	stranger, err := s.world.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if err := stranger.Emit("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", true); err != nil {
		t.Fatal(err)
	}
	s.emit(session1, login1+".Session.Lock")
	s.await(ipc.ProfileLocked, "screen")
	s.emit(session1, login1+".Session.Unlock")
	s.await(ipc.ProfileOpen, "")
	s.emit("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", true)
	s.await(ipc.ProfileLocked, "screen")
	if err := stranger.Emit("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", false); err != nil {
		t.Fatal(err)
	}
	s.emit("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", false)
	s.await(ipc.ProfileOpen, "")
	events, err := s.control.Activity(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	locks := 0
	for _, e := range events {
		if e.Type == "profile.locked" {
			locks++
		}
	}
	if locks != 2 {
		t.Errorf("locked %d times: %+v", locks, events)
	}
}

// Another user takes the seat, and the switch in the settings is heard.
func TestK14UserSwitch(t *testing.T) {
	s := newSeat(t, true)
	s.inhibitor()
	changed := func(active bool) {
		s.emit(session1, "org.freedesktop.DBus.Properties.PropertiesChanged", login1+".Session",
			map[string]dbus.Variant{"Active": dbus.MakeVariant(active)}, []string{})
	}
	changed(false)
	s.await(ipc.ProfileLocked, "user switch")
	changed(true)
	s.await(ipc.ProfileOpen, "")
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if err := s.control.SetLocks(ctx, "", ipc.SetLocks{LockRules: ipc.LockRules{Sleep: true}}); ipc.CodeOf(err) != ipc.CodeConsentDenied {
		t.Errorf("a program made it lock less often: %v", err)
	}
	for _, step := range []string{"Settings", "When the screen locks"} {
		if err := s.world.Click(ctx, "Dancecard", step); err != nil {
			t.Fatal(err)
		}
	}
	if err := Await(ctx, "the rule to be off", func() error {
		all, err := s.control.Profiles(ctx)
		if err == nil && all[0].Locks.Screen {
			err = fmt.Errorf("%+v", all[0].Locks)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	changed(false)
	s.emit("/org/freedesktop/login1", login1+".Manager.PrepareForSleep", true)
	s.await(ipc.ProfileLocked, "sleep") // and not for the user's sake
}
