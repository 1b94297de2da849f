// Package bus says whether the desktop's session bus answers, before anything
// else in the program talks to it.
//
// Importing it is what matters. github.com/99designs/keyring connects to the
// session bus when it is initialised, and hangs there if a bus accepts and
// never answers. Go initialises packages in the order of their import paths as
// soon as their own imports are ready, so this package comes first: it tries
// the bus within a short deadline and, if nobody answers, points
// DBUS_SESSION_BUS_ADDRESS at nothing. Whoever asks for the bus after that,
// here or in a child process, fails at once, and no bus is launched.
//
// [Alive] and [Why] report what was found at start. They never look again.
package bus

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	addressVar = "DBUS_SESSION_BUS_ADDRESS"
	// nowhere is an address that every D-Bus library refuses without a
	// connection. An unset variable would make some of them launch a bus.
	nowhere  = "disabled:"
	deadline = 1500 * time.Millisecond
)

var alive, why = probe()

// Alive reports whether a session bus answered at start.
func Alive() bool { return alive }

// Why says in words for the user why no session bus answered; it is empty if
// one did.
func Why() string { return why }

// probe tries the bus and closes the way to it for everybody if it is dead.
func probe() (bool, string) {
	err := try(deadline)
	if err == nil {
		return true, ""
	}
	os.Setenv(addressVar, nowhere)
	return false, err.Error()
}

// try says why the session bus does not answer within d. A connection that
// hangs is left behind: D-Bus' handshake cannot be called off.
func try(d time.Duration) error {
	if os.Getenv(addressVar) == "autolaunch:" {
		os.Unsetenv(addressVar)
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	answer := make(chan error, 1)
	go func() {
		defer cancel()
		answer <- greet(ctx)
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-answer: // both were ready
		return err
	default:
		return fmt.Errorf("the session bus does not answer (waited %v)", d)
	}
}

// greet connects, says hello and asks the bus for its id.
func greet(ctx context.Context) error {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("there is no session bus: %w", err)
	}
	defer conn.Close()
	if err := conn.Auth(nil); err != nil {
		return fmt.Errorf("the session bus refuses us: %w", err)
	}
	if err := conn.Hello(); err != nil {
		return fmt.Errorf("the session bus refuses us: %w", err)
	}
	var id string
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetId", 0).Store(&id); err != nil {
		return fmt.Errorf("the session bus does not work: %w", err)
	}
	return nil
}
