// Package seat tells when nobody should be in front of an open profile: the
// screen locks, the machine is about to sleep, another user takes the seat, or
// nobody touches anything for a while.
//
//	seat.Watch(ctx, seat.Handlers{Away: lock, Back: reopen})
//
// It asks systemd-logind on the system bus (sleep, with a delay inhibitor, so
// that the machine waits for Away; the session's Lock and Unlock, its LockedHint
// and Active) and the screen savers of the session bus. What is not there is
// not watched; [Watch] says so and goes on with the rest.
//
// It never decides anything: what Away and Back mean is the caller's.
package seat

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// Reason is why nobody should be there.
type Reason string

// The reasons.
const (
	Screen Reason = "screen" // the screen locked
	Sleep  Reason = "sleep"  // the machine is about to sleep
	User   Reason = "user"   // another user took the seat
)

// Handlers are called one after the other, from one goroutine.
type Handlers struct {
	// Away must be done with what has to be done when it returns: before Sleep
	// the machine waits for it, at most as long as logind lets it (5 s by
	// default).
	Away func(Reason)
	// Back says that the reason is over.
	Back func(Reason)
}

// savers are the screen savers that say when they are active, by the names that
// they own: a signal of anybody else is not heard.
var savers = []string{"org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver", "org.cinnamon.ScreenSaver", "org.mate.ScreenSaver", "org.xfce.ScreenSaver"}

const (
	login   = "org.freedesktop.login1"
	manager = login + ".Manager"
	session = login + ".Session"
)

// Watch runs until ctx ends, or until there is nothing left to watch. missing is
// told in words what is not watched; it may be called from any goroutine.
func Watch(ctx context.Context, h Handlers, missing func(error)) {
	calls := make(chan func())
	var sources sync.WaitGroup
	say := func(f func(Reason), why Reason) {
		done := make(chan struct{})
		select {
		case calls <- func() { defer close(done); f(why) }:
			<-done
		case <-ctx.Done():
		}
	}
	for _, source := range []func(context.Context, func(bool, Reason)) error{watchLogin, watchSavers} {
		sources.Go(func() {
			err := source(ctx, func(away bool, why Reason) {
				if away {
					say(h.Away, why)
				} else {
					say(h.Back, why)
				}
			})
			if err != nil && ctx.Err() == nil {
				missing(err)
			}
		})
	}
	ended := make(chan struct{})
	go func() { sources.Wait(); close(ended) }()
	for {
		select {
		case call := <-calls:
			call()
		case <-ended:
			return
		}
	}
}

// watchLogin hears logind. say returns when the handler has.
func watchLogin(ctx context.Context, say func(away bool, why Reason)) error {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return errors.New("there is no system bus, so sleep is not noticed")
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 32)
	conn.Signal(signals)
	own := sessionPath(ctx, conn)
	for _, rule := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(login), dbus.WithMatchInterface(manager), dbus.WithMatchMember("PrepareForSleep")},
		{dbus.WithMatchSender(login), dbus.WithMatchInterface(session), dbus.WithMatchObjectPath(own)},
		{dbus.WithMatchSender(login), dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchObjectPath(own)},
	} {
		if err := conn.AddMatchSignalContext(ctx, rule...); err != nil {
			return errors.New("the system bus does not let sleep be watched")
		}
	}
	guard := inhibit(ctx, conn)
	defer func() { guard.Close() }()
	if guard == nil && own == nobody {
		return errors.New("systemd-logind does not answer, so sleep is not noticed")
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case s, ok := <-signals:
			if !ok {
				return errors.New("the system bus went away, so sleep is no longer noticed")
			}
			away, why, is := readLogin(s, own)
			switch {
			case !is:
			case why == Sleep && away:
				say(true, Sleep)
				guard.Close() // the machine sleeps now
			case why == Sleep:
				guard = inhibit(ctx, conn)
				say(false, Sleep)
			default:
				say(away, why)
			}
		}
	}
}

// nobody is a path that no session has.
const nobody = dbus.ObjectPath("/")

// sessionPath is our session at logind: the one that the environment names,
// else that of this process, else the user's display.
func sessionPath(ctx context.Context, conn *dbus.Conn) dbus.ObjectPath {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	object := conn.Object(login, "/org/freedesktop/login1")
	var path dbus.ObjectPath
	if id := os.Getenv("XDG_SESSION_ID"); id != "" {
		if object.CallWithContext(ctx, manager+".GetSession", dbus.FlagNoAutoStart, id).Store(&path) == nil {
			return path
		}
	}
	if object.CallWithContext(ctx, manager+".GetSessionByPID", dbus.FlagNoAutoStart, uint32(os.Getpid())).Store(&path) == nil {
		return path
	}
	return nobody
}

// inhibit asks logind to wait for us before the machine sleeps; nil if it does
// not. Closing it lets the machine sleep.
func inhibit(ctx context.Context, conn *dbus.Conn) *os.File {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var fd dbus.UnixFD
	err := conn.Object(login, "/org/freedesktop/login1").CallWithContext(ctx, manager+".Inhibit", dbus.FlagNoAutoStart,
		"sleep", "Dancecard", "It closes your profiles first", "delay").Store(&fd)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), "sleep inhibitor")
}

// readLogin says what a signal of logind means.
func readLogin(s *dbus.Signal, own dbus.ObjectPath) (away bool, why Reason, is bool) {
	switch s.Name {
	case manager + ".PrepareForSleep":
		before, ok := first[bool](s.Body)
		return before, Sleep, ok
	case session + ".Lock":
		return true, Screen, s.Path == own
	case session + ".Unlock":
		return false, Screen, s.Path == own
	case "org.freedesktop.DBus.Properties.PropertiesChanged":
		if of, _ := first[string](s.Body); of != session || s.Path != own || len(s.Body) < 2 {
			return false, "", false
		}
		changed, _ := s.Body[1].(map[string]dbus.Variant)
		if locked, ok := changed["LockedHint"].Value().(bool); ok {
			return locked, Screen, true
		}
		if active, ok := changed["Active"].Value().(bool); ok {
			return !active, User, true
		}
	}
	return false, "", false
}

func first[T any](body []any) (v T, ok bool) {
	if len(body) > 0 {
		v, ok = body[0].(T)
	}
	return v, ok
}

// watchSavers hears the session bus's screen savers.
func watchSavers(ctx context.Context, say func(away bool, why Reason)) error {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return errors.New("there is no session bus, so the screen saver is not noticed")
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 32)
	conn.Signal(signals)
	for _, name := range savers {
		if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(name), dbus.WithMatchMember("ActiveChanged")); err != nil {
			return errors.New("the session bus does not let the screen saver be watched")
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case s, ok := <-signals:
			if !ok {
				return errors.New("the session bus went away, so the screen saver is no longer noticed")
			}
			of, member := s.Name[:max(0, strings.LastIndexByte(s.Name, '.'))], s.Name[strings.LastIndexByte(s.Name, '.')+1:]
			if active, ok := first[bool](s.Body); ok && member == "ActiveChanged" && slices.Contains(savers, of) {
				say(active, Screen)
			}
		}
	}
}
