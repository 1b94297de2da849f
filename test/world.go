package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Options say what a World has. The zero value is a machine with a session bus
// and an unlocked keyring, but without a screen.
type Options struct {
	Screen  bool // Xvfb, a window manager and a host for tray icons
	Disk    bool // a small disk for the profiles, to be filled
	Bus     Bus
	Keyring Keyring
}

// World is a machine of a test's own.
type World struct {
	Dir     string // short, for the sockets' sake
	Home    string
	Runtime string // XDG_RUNTIME_DIR
	Tray    *Tray  // nil without a screen or a bus
	Env     []string

	trap    *trap
	browser *browser
	picture []byte // the last one

	mu     sync.Mutex // guards what follows
	closes []func() error
	procs  []*Process
}

// New makes a World. Close it also after a failure.
func New(o Options) (*World, error) {
	dir, err := os.MkdirTemp("/tmp", "dc")
	if err != nil {
		return nil, err
	}
	w := &World{Dir: dir, Home: filepath.Join(dir, "h"), Runtime: filepath.Join(dir, "r")}
	w.onClose(func() error { return os.RemoveAll(dir) })
	if err := w.furnish(o); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) furnish(o Options) error {
	for _, d := range []string{w.Home, w.Runtime, w.Providers(), w.Data(), filepath.Join(w.Dir, "bin"), filepath.Join(w.Dir, "log")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	w.Env = []string{
		"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + filepath.Join(w.Dir, "no-system-bus"),
		"HOME=" + w.Home, "USER=user", "LOGNAME=user", "LANG=C.UTF-8", "TZ=UTC", "LIBGL_ALWAYS_SOFTWARE=1",
		"PATH=" + filepath.Join(w.Dir, "bin") + ":" + filepath.Join(Root(), "build") + ":/usr/local/bin:/usr/bin:/bin",
		"XDG_RUNTIME_DIR=" + w.Runtime, "XDG_CONFIG_HOME=" + filepath.Join(w.Home, ".config"),
		"XDG_DATA_HOME=" + filepath.Join(w.Home, ".local/share"), "XDG_STATE_HOME=" + filepath.Join(w.Home, ".local/state"),
		"XDG_CACHE_HOME=" + filepath.Join(w.Home, ".cache"),
		"DANCECARD_UI_MAP=" + w.uiMap(),
	}
	if o.Disk {
		if err := w.mountDisk(); err != nil {
			return err
		}
	}
	if err := w.startTrap(); err != nil {
		return err
	}
	if err := w.startBrowser(); err != nil {
		return err
	}
	if err := w.startBus(o.Bus); err != nil {
		return err
	}
	if o.Bus == BusNormal { // a keyring is reached over the bus
		if err := w.startKeyring(o.Keyring); err != nil {
			return err
		}
	}
	if o.Screen {
		return w.startScreen(o.Bus == BusNormal)
	}
	return nil
}

// Providers is the folder of the user's provider files.
func (w *World) Providers() string { return filepath.Join(w.Home, ".config/dancecard/providers") }

// Data is the folder of the profiles.
func (w *World) Data() string { return filepath.Join(w.Home, ".local/share/dancecard") }

// Socket is the apps' socket.
func (w *World) Socket() string { return filepath.Join(w.Runtime, "dancecard/app/dancecard.sock") }

// Setenv changes the environment of what is started from now on.
func (w *World) Setenv(name, value string) {
	w.Env = slices.DeleteFunc(w.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	w.Env = append(w.Env, name+"="+value)
}

// Getenv reads the environment of what is started.
func (w *World) Getenv(name string) string {
	for _, v := range w.Env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// AwaitSocket waits until Dancecard answers apps.
func (w *World) AwaitSocket(ctx context.Context) error {
	return Await(ctx, "Dancecard's socket", func() error {
		status, err := w.Client().Status(ctx)
		if err == nil && status.Version == "" {
			err = errors.New("it names no version")
		}
		return err
	})
}

func (w *World) onClose(f func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closes = append(w.closes, f)
}

// Close ends everything, the last started first, and says what went wrong in
// the world meanwhile: a window touched from a wrong goroutine, or traffic that
// was meant to leave the machine.
func (w *World) Close() error {
	err := w.Wrong()
	w.mu.Lock()
	closes := w.closes
	w.closes = nil
	w.mu.Unlock()
	for _, f := range slices.Backward(closes) {
		err = errors.Join(err, f())
	}
	return err
}

// Wrong says what must never happen in a World and did.
func (w *World) Wrong() error {
	w.mu.Lock()
	procs := slices.Clone(w.procs)
	w.mu.Unlock()
	var wrong error
	for _, p := range procs {
		for _, sign := range []string{"Error in Fyne call thread", "panic:", "DATA RACE", "fatal error:"} {
			if log := p.Log(); strings.Contains(log, sign) {
				wrong = errors.Join(wrong, fmt.Errorf("%s printed %q:\n%s", p.Name, sign, log))
			}
		}
	}
	if w.trap != nil {
		if out := w.trap.seen(); len(out) > 0 {
			wrong = errors.Join(wrong, fmt.Errorf("traffic was to leave the machine: %q", out))
		}
	}
	return wrong
}
