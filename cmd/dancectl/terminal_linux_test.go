package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"dancecard/ipc"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// pty is a terminal with dancectl on one side and the test on the other.
type pty struct {
	t     *testing.T
	ours  *os.File
	slave *os.File

	mu   sync.Mutex
	text bytes.Buffer
}

func newPTY(t *testing.T) *pty {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &pty{t: t, ours: os.NewFile(uintptr(fd), "ptmx"), slave: slave}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, err := p.ours.Read(buffer)
			p.mu.Lock()
			p.text.Write(buffer[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { slave.Close(); p.ours.Close(); <-done })
	return p
}

func (p *pty) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.text.String(), "\r\n", "\n")
}

// await waits until the terminal shows a text.
func (p *pty) await(text string) {
	p.t.Helper()
	until(p.t, fmt.Sprintf("%q on the terminal", text), func() bool { return strings.Contains(p.seen(), text) })
}

func (p *pty) typed(text string) {
	p.t.Helper()
	if _, err := p.ours.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// run starts dancectl on the terminal; the code comes when it ends.
func (p *pty) run(ctx context.Context, args ...string) <-chan int {
	code := make(chan int, 1)
	ctl := &tool{in: p.slave, out: p.slave, err: p.slave, tty: noTerminal}
	go func() { code <- ctl.run(ctx, args) }()
	p.t.Cleanup(func() { ctl.app.Close(); ctl.control.Close() })
	return code
}

func (p *pty) ends(code <-chan int, want int) {
	p.t.Helper()
	select {
	case got := <-code:
		if got != want {
			p.t.Errorf("exit %d, want %d\n%s", got, want, p.seen())
		}
	case <-time.After(10 * time.Second):
		p.t.Fatalf("it does not end:\n%s", p.seen())
	}
}

func TestI36TokenNeedsAFlagOnATerminal(t *testing.T) {
	d := start(t)
	d.answer("POST /v1/accounts/demo/token", ipc.Token{AccessToken: "at-canary", TokenType: "Bearer"})
	for _, args := range [][]string{{"token", "demo"}, {"token", "demo", "--json"}} {
		p := newPTY(t)
		p.ends(p.run(t.Context(), args...), exitUsage)
		p.await("hint: pipe it to the program that needs it, or add --show\n")
		if strings.Contains(p.seen(), "canary") || len(d.requests("POST")) > 0 {
			t.Errorf("asked %q and showed %q", d.requests("POST"), p.seen())
		}
	}
	p := newPTY(t)
	p.ends(p.run(t.Context(), "token", "demo", "--show"), exitOK)
	p.await("at-canary\n")
}

func TestUnlockAsksWithoutEcho(t *testing.T) {
	d := start(t)
	locked := home
	locked.State, locked.Why = ipc.ProfileLocked, "user"
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{locked}})
	d.answer("POST /v1/profiles/p1/unlock", struct{}{})
	p := newPTY(t)
	code := p.run(t.Context(), "unlock")
	p.await("Passphrase of Home: ")
	until(t, "a terminal that does not echo", func() bool { return !echoes(p.slave) })
	p.typed("correct horse\n")
	p.ends(code, exitOK)
	p.await("Home is open\n")
	if strings.Contains(p.seen(), "horse") {
		t.Errorf("the passphrase shows: %q", p.seen())
	}
	if got := d.requests("POST"); len(got) != 1 || got[0] != `POST /v1/profiles/p1/unlock {"passphrase":"correct horse"}` {
		t.Errorf("asked %q", got)
	}
}

// A prompt that is interrupted leaves a terminal that shows what is typed.
func TestInterruptedPromptRestoresTheTerminal(t *testing.T) {
	d := start(t)
	locked := home
	locked.State = ipc.ProfileLocked
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{locked}})
	p := newPTY(t)
	ctx, interrupt := context.WithCancel(t.Context())
	code := p.run(ctx, "unlock")
	p.await("Passphrase of Home: ")
	until(t, "a terminal that does not echo", func() bool { return !echoes(p.slave) })
	interrupt()
	p.ends(code, exitInterrupted)
	if !echoes(p.slave) {
		t.Error("the terminal does not echo")
	}
}

func echoes(f *os.File) bool {
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil && state.Lflag&unix.ECHO != 0 && term.IsTerminal(int(f.Fd()))
}

func TestP1NoCoreButDumpable(t *testing.T) {
	noCore()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("core files: %+v, %v", limit, err)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 1 {
		t.Errorf("dumpable is %d, %v: Dancecard could not tell who asks", dumpable, err)
	}
}
