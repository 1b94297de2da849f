// Package bus says whether the desktop's session bus answers, before anything
// else in the program talks to it.
//
// Importing it is what matters. github.com/99designs/keyring connects to the
// session bus when it is initialised, and hangs there if a bus accepts and
// never answers. Go initialises packages in the order of their import paths as
// soon as their own imports are ready, so this package comes first, provided
// that it imports nothing that keyring does not need as well: hence keyring's
// old godbus, not v5, which is ready later than keyring is. It tries the bus
// within a short deadline and, if nobody answers, points
// DBUS_SESSION_BUS_ADDRESS at nothing. Whoever asks for the bus after that,
// here or in a child process, fails at once, and no bus is launched.
//
// [Alive] and [Why] report what was found at start. They never look again.
package bus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/godbus/dbus"
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
	address := find()
	if address == "" {
		return errors.New("there is no session bus")
	}
	os.Setenv(addressVar, address)
	answer := make(chan error, 1)
	go func() { answer <- greet(address) }()
	select {
	case err := <-answer:
		return err
	case <-time.After(d):
		return fmt.Errorf("the session bus does not answer (waited %v)", d)
	}
}

// find is where the bus is said to be, or else where logins put it.
func find() string {
	if address := os.Getenv(addressVar); address != "" && address != "autolaunch:" {
		return address
	}
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/run/user/" + strconv.Itoa(os.Getuid())} {
		socket := filepath.Join(dir, "bus")
		if info, err := os.Stat(socket); dir != "" && err == nil && info.Mode().Type() == os.ModeSocket {
			return "unix:path=" + socket
		}
	}
	return ""
}

// greet connects, says hello and asks the bus for its id.
func greet(address string) error {
	conn, err := dbus.Dial(address)
	if err != nil {
		return fmt.Errorf("there is no session bus (%w)", err)
	}
	defer conn.Close()
	if err := conn.Auth(nil); err != nil {
		return fmt.Errorf("the session bus refuses us (%w)", err)
	}
	if err := conn.Hello(); err != nil {
		return fmt.Errorf("the session bus refuses us (%w)", err)
	}
	var id string
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetId", 0).Store(&id); err != nil {
		return fmt.Errorf("the session bus does not work (%w)", err)
	}
	return nil
}
