// Command tour walks through the main job of Dancecard on real parts: the real
// programs, a real OpenID provider in a process of its own, a headless Chromium
// that approves, and a window and a tray menu that are clicked.
//
// It prints what it did and what it saw at each step, saves screenshots under
// build/tour, and ends with exit code 1 at the first thing that is not so.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"dancecard/test"
)

// lifetime of the provider's access tokens. The provider's own is two minutes;
// here it is short, so that nobody has to wait for one to expire.
const lifetime = 20 * time.Second

// tour is one walk.
type tour struct {
	ctx      context.Context
	world    *test.World
	provider *test.Demo
	app      *test.Process // Dancecard
	trace    string        // what strace saw of the first Dancecard, "" if it may not look
	pictures string
	step     int
	started  time.Time

	events *test.Process // curl on the event stream
	mira   token         // what curl was handed last
	jo     token

	recovery string // the recovery key, as copied in the window
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := &tour{ctx: ctx, started: time.Now(), pictures: filepath.Join(test.Root(), "build/tour")}
	if err := t.walk(); err != nil {
		fmt.Printf("\nNot so at step %d: %v\n", t.step, err)
		os.Exit(1)
	}
	fmt.Printf("\nAll of it was so: %d steps in %.1f s. Pictures: %s\n", t.step, time.Since(t.started).Seconds(), t.pictures)
}

func (t *tour) walk() (err error) {
	if err := errors.Join(os.RemoveAll(t.pictures), os.MkdirAll(t.pictures, 0o755)); err != nil {
		return err
	}
	if t.world, err = test.New(test.Options{Screen: true}); err != nil {
		return err
	}
	t.world.Setenv("FYNE_THEME", "light")
	if os.Geteuid() == 0 { // Dancecard's memory is closed to its own user's programs
		t.trace = filepath.Join(t.world.Dir, "trace")
	}
	defer func() {
		if err != nil {
			t.tell()
		}
		err = errors.Join(err, t.world.Close())
	}()
	if t.provider, err = t.world.StartDemo(t.ctx, lifetime); err != nil {
		return err
	}
	fmt.Printf("A machine of its own: screen %s, a session bus, a keyring, and the demo provider at %s.\n",
		t.world.Getenv("DISPLAY"), t.provider.Issuer)
	fmt.Printf("Its access tokens live for %s here instead of two minutes, so that one expires while you watch.\n", lifetime)
	for _, step := range []func() error{
		t.firstStart, t.connectFirst, t.connectSecond, t.consent, t.tokenWorks, t.refreshes, t.storesFirst,
		t.crash, t.lock, t.unlock, t.longTokens, t.disconnect, t.disconnectOffline, t.revokesLater, t.logOut,
	} {
		t.step++
		if err := step(); err != nil {
			return err
		}
		if err := t.world.Wrong(); err != nil {
			return err
		}
	}
	return nil
}

// tell shows how things look after a failure.
func (t *tour) tell() {
	ctx := context.Background()
	t.world.Screenshot(ctx, filepath.Join(t.pictures, "failed.png"))
	if t.app != nil {
		fmt.Printf("\nDancecard printed:\n%s\n", t.app.Log())
	}
	if places, err := t.world.Places(); err == nil {
		fmt.Println("The windows show:")
		for _, p := range places {
			fmt.Printf("    %-20q %-8s %q\n", p.Window, p.Kind, p.Label)
		}
	}
}

func (t *tour) did(format string, args ...any) {
	fmt.Printf("\n%2d. %s\n", t.step, fmt.Sprintf(format, args...))
}

func (t *tour) saw(format string, args ...any) {
	fmt.Printf("    saw %s\n", fmt.Sprintf(format, args...))
}

// picture saves what the screen shows, once what must be seen is there.
func (t *tour) picture(name string) error {
	return t.world.Screenshot(t.ctx, filepath.Join(t.pictures, fmt.Sprintf("%02d-%s.png", t.step, name)))
}

// see waits for each of the labels in a window ("" for any).
func (t *tour) see(window string, labels ...string) error {
	for _, l := range labels {
		if _, err := t.world.AwaitPlace(t.ctx, window, l); err != nil {
			return err
		}
	}
	return nil
}

// clicks clicks one place after another.
func (t *tour) clicks(window string, labels ...string) error {
	for _, l := range labels {
		if err := t.world.Click(t.ctx, window, l); err != nil {
			return err
		}
	}
	return nil
}

// dancectl waits until the command line's answer matches.
func (t *tour) dancectl(pattern string, args ...string) error {
	re := regexp.MustCompile("(?m)" + pattern)
	return test.Await(t.ctx, pattern, func() error {
		out, err := t.world.Command(t.ctx, "dancectl", args...).CombinedOutput()
		if !re.Match(out) {
			return fmt.Errorf("dancectl %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	})
}
