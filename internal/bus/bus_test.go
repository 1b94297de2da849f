//go:build unix

package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dancecard/internal/bus"
	"dancecard/vault" // and with it the keyring library, whose init can hang
)

const helperVar = "BUS_TEST_HELPER"

// TestMain is also the helper: it says what was found at start and ends.
func TestMain(m *testing.M) {
	if os.Getenv(helperVar) == "" {
		os.Exit(m.Run())
	}
	err := vault.KeyringAvailable(context.Background())
	fmt.Printf("alive=%v why=%q none=%v\n", bus.Alive(), bus.Why(), errors.Is(err, vault.ErrNoKeyring))
}

// helper runs a process with address as its bus and a dbus-launch that leaves a
// trace, and returns what it said and how long it took.
func helper(t *testing.T, address string) (said string, took time.Duration) {
	t.Helper()
	tools := t.TempDir()
	trace := filepath.Join(tools, "launched")
	if err := os.WriteFile(filepath.Join(tools, "dbus-launch"), fmt.Appendf(nil, "#!/bin/sh\n: >%s\n", trace), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DBUS_SESSION_BUS_ADDRESS=") && !strings.HasPrefix(v, "XDG_RUNTIME_DIR=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, helperVar+"=1", "GORACE=atexit_sleep_ms=0", "PATH="+tools+":"+os.Getenv("PATH"))
	if address != "" {
		cmd.Env = append(cmd.Env, "DBUS_SESSION_BUS_ADDRESS="+address)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("a bus was launched")
	}
	return out.String(), time.Since(start)
}

func wants(t *testing.T, said string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("%q does not say %q", said, part)
		}
	}
}

// TestHungBus: a bus accepts and never answers. One connection is tried, the
// keyring's own init makes none, and the process goes on.
func TestHungBus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var accepted atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			defer conn.Close()
		}
	}()
	said, took := helper(t, "unix:path="+path)
	wants(t, said, "alive=false", "does not answer", "none=true")
	if took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := accepted.Load(); n != 1 {
		t.Errorf("%d connections; the keyring library came before us", n)
	}
}

func TestNoBus(t *testing.T) {
	for _, address := range []string{"unix:path=/nonexistent/bus", "autolaunch:", "nonsense", ""} {
		if address == "" || address == "autolaunch:" {
			if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
				continue // the desktop's own bus would be found
			}
		}
		said, took := helper(t, address)
		wants(t, said, "alive=false", "none=true")
		if strings.Contains(said, `why=""`) || took > 5*time.Second {
			t.Errorf("%q: %s after %v", address, said, took)
		}
	}
}

// TestDeafBus: a bus greets but lets no message through.
func TestDeafBus(t *testing.T) {
	path := startBus(t, `<allow send_destination="*"/>`)
	said, took := helper(t, "unix:path="+path)
	wants(t, said, "alive=false", "none=true")
	if took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestBusAnswers(t *testing.T) {
	path := startBus(t, `<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>`)
	said, _ := helper(t, "unix:path="+path)
	wants(t, said, "alive=true", `why=""`, "none=true")
}

func startBus(t *testing.T, policy string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "bus")
	config := path + ".conf"
	text := fmt.Sprintf(`<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default">%s</policy></busconfig>`, path, policy)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("dbus-daemon", "--config-file="+config, "--nofork")
	if err := daemon.Start(); err != nil {
		t.Fatal("package dbus: ", err)
	}
	t.Cleanup(func() {
		daemon.Process.Kill()
		daemon.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	return path
}
