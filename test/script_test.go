package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dancecard/dance/dancetest"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if err := Build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := writeFlows(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// TestScripts runs what users wanted: one file of testdata/script each, in a
// World of its own.
func TestScripts(t *testing.T) {
	commands := map[string]func(*testscript.TestScript, bool, []string){}
	for name, command := range scriptCommands {
		commands[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := ts.Value(scriptKey{}).(*script)
			s.ts = ts
			ctx, cancel := context.WithTimeout(t.Context(), 2*Patience)
			defer cancel()
			err := command(ctx, s, args)
			switch {
			case neg && err == nil:
				ts.Fatalf("%s did not fail", name)
			case !neg && err != nil:
				ts.Fatalf("%s: %v", name, err)
			}
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                commands,
		Setup: func(env *testscript.Env) error {
			s := &script{dir: env.WorkDir}
			env.Values[scriptKey{}] = s
			env.Defer(func() { s.end(env.T()) })
			return nil
		},
	})
}

type scriptKey struct{}

// script is what a script has: its World and the demo provider beside it.
type script struct {
	ts       *testscript.TestScript
	dir      string
	world    *World
	provider *dancetest.Provider
	app      *Process // the Dancecard started last
	page     *Page    // the browser's tab opened last
	dance    *Process // the dancectl that connects
}

func (s *script) end(t testscript.T) {
	if s.provider != nil {
		s.provider.Close()
	}
	if s.world == nil {
		return
	}
	for _, p := range s.world.procs {
		if p.Name == "dancecard" && s.ts != nil {
			s.ts.Logf("--- %s, process %d, printed:\n%s", p.Name, p.Cmd.Process.Pid, p.Log())
		}
	}
	if keep := os.Getenv("DANCECARD_KEEP_SCREENS"); keep != "" && s.world.Tray != nil {
		s.world.Screenshot(context.Background(), filepath.Join(keep, filepath.Base(s.dir)+".png"))
	}
	if err := s.world.Close(); err != nil {
		t.Log("closing the world:", err)
		t.FailNow()
	}
}
