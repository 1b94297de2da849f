//go:build unix

package vault

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	busVar    = "VAULT_TEST_BUS"
	quickExit = "GORACE=atexit_sleep_ms=0"
)

// TestMain runs everything on a session bus of its own: the keyring library
// looks for the bus when it is initialised, so the bus comes first and the tests
// are a second process.
func TestMain(m *testing.M) {
	if runtime.GOOS == "linux" && os.Getenv(busVar) == "" {
		code, err := runOnPrivateBus()
		if err != nil {
			fmt.Fprintln(os.Stderr, "the tests need a session bus (package dbus):", err)
			code = 1
		}
		os.Exit(code)
	}
	testOnlyWorkFactor = 4
	testOnlyMachine = "machine one"
	os.Exit(m.Run())
}

// busConfig has no service folders: nothing of the machine's is started.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`

func runOnPrivateBus() (int, error) {
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, dir), 0o600); err != nil {
		return 0, err
	}
	bus := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--print-address")
	var complaint bytes.Buffer
	bus.Stderr = &complaint
	out, err := bus.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := bus.Start(); err != nil {
		return 0, err
	}
	defer func() {
		bus.Process.Kill()
		bus.Wait()
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, &complaint)
	}
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output() // they lie below HOME
	if err != nil {
		return 0, err
	}
	cache := strings.Fields(string(caches))
	tests := exec.Command(os.Args[0], os.Args[1:]...)
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	tests.Env = append(os.Environ(), busVar+"=1", "DBUS_SESSION_BUS_ADDRESS="+strings.TrimSpace(address),
		"HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_RUNTIME_DIR="+dir,
		"GOCACHE="+cache[0], "GOMODCACHE="+cache[1])
	err = tests.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return ended.ExitCode(), nil
	}
	return 0, err
}
