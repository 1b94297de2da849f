// Package test drives Dancecard as a user has it: the real binaries, a real
// provider, a real browser, a real window and a real tray menu.
//
//	w, err := test.New(test.Options{Screen: true})
//	defer w.Close()
//	app, err := w.Start("dancecard")
//	err = w.Click(ctx, "Dancecard", "Connect")
//	err = w.Approve(ctx, "mira")
//	err = w.Tray.Click(ctx, "Lock")
//
// A [World] is a machine of its own: home, session bus, keyring, screen, tray
// and browser. Nothing in it reaches past loopback, and Close ends every
// process that it started, by id.
//
// The scripts under testdata/script say what users wanted; test/tour walks
// through the main job and shows it. The package imports ipc and
// dance/dancetest of ours and nothing else: the rest is used as built binaries.
package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Patience is how long Await waits where ctx sets no nearer deadline: long
// enough for a machine of two busy cores.
const Patience = 45 * time.Second

// Await asks check again until it returns nil. Its error says what was waited
// for and what check said last.
func Await(ctx context.Context, what string, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s: %w", what, err)
		case <-tick.C:
		}
	}
}

// Root is the folder of go.mod.
var Root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	panic("test: run it inside the module")
})

// Binary is the path of a built program, "dancecard", "dancectl" or
// "demo-provider".
func Binary(name string) string { return filepath.Join(Root(), "build", name) }

// Build builds the three programs.
func Build() error {
	make := exec.Command("make", "-s", "build")
	make.Dir = Root()
	if out, err := make.CombinedOutput(); err != nil {
		return errors.New("make build: " + string(out))
	}
	return nil
}
