package seat

import (
	"context"
	"errors"
	"time"

	"github.com/godbus/dbus/v5"
)

// idleSources say for how long nobody has touched anything, each in its unit.
var idleSources = []struct {
	name, method string
	path         dbus.ObjectPath
	unit         time.Duration
}{
	{"org.gnome.Mutter.IdleMonitor", "org.gnome.Mutter.IdleMonitor.GetIdletime", "/org/gnome/Mutter/IdleMonitor/Core", time.Millisecond},
	{"org.freedesktop.ScreenSaver", "org.freedesktop.ScreenSaver.GetSessionIdleTime", "/org/freedesktop/ScreenSaver", time.Second},
	{"org.cinnamon.Muffin.IdleMonitor", "org.cinnamon.Muffin.IdleMonitor.GetIdletime", "/org/cinnamon/Muffin/IdleMonitor/Core", time.Millisecond},
	{"org.mate.ScreenSaver", "org.mate.ScreenSaver.GetSessionIdleTime", "/org/mate/ScreenSaver", time.Second},
}

// Idle says for how long nobody has touched anything in this session, or that
// the desktop does not tell.
func Idle(ctx context.Context) (time.Duration, error) {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return 0, errors.New("there is no session bus")
	}
	defer conn.Close()
	for _, source := range idleSources {
		var answer any
		if conn.Object(source.name, source.path).CallWithContext(ctx, source.method, dbus.FlagNoAutoStart).Store(&answer) != nil {
			continue
		}
		switch n := answer.(type) {
		case uint64:
			return time.Duration(n) * source.unit, nil
		case uint32:
			return time.Duration(n) * source.unit, nil
		}
	}
	return 0, errors.New("this desktop does not say when nobody is there")
}
