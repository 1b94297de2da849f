package ui

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"dancecard/accounts"
)

// ownBus starts a session bus for this test alone and owns a name on it.
func ownBus(t *testing.T, name string) *dbus.Conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	config := fmt.Sprintf(`<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`, path)
	if err := os.WriteFile(path+".conf", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("dbus-daemon", "--config-file="+path+".conf", "--nofork")
	if err := daemon.Start(); err != nil {
		t.Fatal("package dbus: ", err)
	}
	t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	until(t, "the bus to listen", func() bool {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return conn
}

func until(t *testing.T, what string, true_ func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !true_(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited for ", what)
		}
	}
}

// daemon is a notification daemon; answer nil means that it never answers.
type daemon struct {
	got    chan [2]string
	answer chan struct{}
}

func (d daemon) Notify(_ string, _ uint32, _, title, text string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	d.got <- [2]string{title, text}
	<-d.answer
	return 1, nil
}

func notified(t *testing.T, d daemon) *UI {
	t.Helper()
	conn := ownBus(t, "org.freedesktop.Notifications")
	if err := conn.Export(d, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"); err != nil {
		t.Fatal(err)
	}
	return staged(t, stage(), false, 900, 620)
}

func TestNeedsSignInIsToldOnce(t *testing.T) {
	d := daemon{make(chan [2]string, 8), make(chan struct{})}
	close(d.answer)
	u := notified(t, d)
	u.publish([]accounts.Event{{Type: accounts.EventAccountNeedsSignIn, Account: "02"}})
	u.publish([]accounts.Event{{Type: "token.refreshed", Account: "02"}})
	u.publish(nil)
	u.work.Wait()
	if len(d.got) != 1 {
		t.Fatalf("%d notifications", len(d.got))
	}
	if got, want := <-d.got, [2]string{"mira@work needs sign-in", "GitHub ended it at 09:14."}; got != want {
		t.Errorf("got %q", got)
	}
}

func TestDeafNotificationDaemonHoldsNothingUp(t *testing.T) {
	d := daemon{make(chan [2]string, 1), make(chan struct{})}
	u := notified(t, d)
	defer close(d.answer)
	begun := time.Now()
	u.publish([]accounts.Event{{Type: accounts.EventAccountNeedsSignIn, Account: "02"}})
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the caller waited %v", took)
	}
	<-d.got
	u.stop()
	u.work.Wait() // its goroutine ends with the program
}

// A hidden window comes back when the tray goes that could have brought it back;
// a panel that starts again does not count.
func TestTrayThatGoesIsNoticed(t *testing.T) {
	conn := ownBus(t, watcherName)
	gone := make(chan struct{}, 1)
	w := &trayWatcher{grace: 200 * time.Millisecond, gone: func() { gone <- struct{}{} }}
	go w.run(t.Context())
	until(t, "the watcher to see it", w.present)
	if _, err := conn.ReleaseName(watcherName); err != nil {
		t.Fatal(err)
	}
	until(t, "the watcher to miss it", func() bool { return !w.present() })
	if _, err := conn.RequestName(watcherName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	until(t, "the watcher to see it again", w.present)
	select {
	case <-gone:
		t.Error("a panel that started again was taken for gone")
	case <-time.After(2 * w.grace):
	}
	conn.ReleaseName(watcherName)
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("nobody was told")
	}
}

func TestWindowComesBackWithoutTray(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	u.hide()
	u.trayGone()
	if !u.visible {
		t.Error("nothing can bring the window back")
	}
}
