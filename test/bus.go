package test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

// Bus is a World's session bus.
type Bus int

// The session buses. A hung one takes connections and never answers.
const (
	BusNormal Bus = iota
	BusNone
	BusHung
)

// Keyring is a World's keyring.
type Keyring int

// The keyrings. A hung one owns its name on the bus and never answers.
const (
	KeyringUnlocked Keyring = iota
	KeyringNone
	KeyringHung
)

const secretService = "org.freedesktop.secrets"

// busConfig starts no service by itself: what is on the bus was put there.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`

func (w *World) busPath() string { return filepath.Join(w.Runtime, "bus") }

func (w *World) startBus(kind Bus) error {
	if kind == BusNone {
		w.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(w.Dir, "no-bus"))
		return nil
	}
	w.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+w.busPath())
	if kind == BusHung {
		l, err := net.Listen("unix", w.busPath())
		if err == nil {
			w.onClose(l.Close)
		}
		return err
	}
	config := filepath.Join(w.Dir, "bus.xml")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, w.busPath()), 0o600); err != nil {
		return err
	}
	if _, err := w.Start("dbus-daemon", "--nofork", "--nopidfile", "--config-file="+config); err != nil {
		return err
	}
	return Await(context.Background(), "the session bus", func() error {
		c, err := w.Connect()
		if err == nil {
			c.Close()
		}
		return err
	})
}

// Connect opens a connection of its own to the World's session bus.
func (w *World) Connect() (*dbus.Conn, error) {
	return dbus.Connect("unix:path=" + w.busPath())
}

func (w *World) startKeyring(kind Keyring) error {
	if kind == KeyringNone {
		return nil
	}
	cmd := w.Command(context.Background(), "gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground")
	cmd.Stdin = strings.NewReader("keyring password\n")
	p, err := w.start(cmd)
	if err != nil {
		return err
	}
	if err := w.awaitOwner(secretService, true); err != nil {
		return fmt.Errorf("%w\n%s", err, p.Log())
	}
	if kind == KeyringHung {
		return p.Signal(syscall.SIGSTOP)
	}
	return nil
}

// StopKeyring makes the keyring hang; ContinueKeyring wakes it.
func (w *World) StopKeyring() error { return w.signalKeyring(syscall.SIGSTOP) }

// ContinueKeyring wakes a keyring that hangs.
func (w *World) ContinueKeyring() error { return w.signalKeyring(syscall.SIGCONT) }

func (w *World) signalKeyring(s os.Signal) error {
	for _, p := range w.procs {
		if p.Name == "gnome-keyring-daemon" {
			return p.Signal(s)
		}
	}
	return fmt.Errorf("this world has no keyring")
}

func (w *World) awaitOwner(name string, owned bool) error {
	c, err := w.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	return Await(ctx, name+" on the bus", func() error {
		var has bool
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := c.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, name).Store(&has)
		if err == nil && has != owned {
			err = fmt.Errorf("owned: %t", has)
		}
		return err
	})
}
