package main

import (
	"context"
	"strings"
	"testing"

	"dancecard/ipc"
)

func TestConnectAsksOnTheTerminal(t *testing.T) {
	wanted := mira().Account
	other := func(c *ipc.CameBack) { c.Login, c.Wanted = "jo", &wanted }
	known := func(c *ipc.CameBack) { c.Known = "a1" }
	moved := func(c *ipc.CameBack) { c.Known, c.Moved = "a1", "Its tokens come from another place now." }
	for _, c := range []struct {
		name   string
		came   func(*ipc.CameBack)
		asked  string
		typed  string
		code   int
		kept   string
		called int
	}{
		{"Enter adds", nil, "Add mira to Home? [Y/n]", "\n", 0, `{}`, 0},
		{"yes adds", nil, "Add mira to Home? [Y/n]", "Yes\n", 0, `{}`, 0},
		{"no revokes", nil, "Add mira to Home? [Y/n]", "n\n", 5, "", 1},
		{"nonsense revokes", nil, "Add mira to Home? [Y/n]", "what\n", 5, "", 1},
		{"end of input revokes", nil, "Add mira to Home? [Y/n]", "\x04", 5, "", 1},
		{"known is renewed", known, "Renew mira, which is linked already? [Y/n]", "\n", 0, `{}`, 0},
		{"another is not added by Enter", other, "You wanted mira. Add jo as another account? [y/N]", "\n", 5, "", 1},
		{"another is added by yes", other, "You wanted mira. Add jo as another account? [y/N]", "y\n", 0, `{"as_new":true}`, 0},
		{"tokens are not moved by Enter", moved, "Renew mira, which is linked already? [y/N]", "\n", 5, "", 1},
		{"who has no name is given one", unnamed, "Add the account to Home? [Y/n]", "\nNotes\n", 0, `{"label":"Notes"}`, 0},
		{"or the provider's", unnamed, "Add the account to Home? [Y/n]", "\n\n", 0, `{"label":"Demo"}`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDancer(t)
			step := cameBack()
			if c.came != nil {
				step = cameBack(c.came)
			}
			d.follow(t, waiting, step)
			p := newPTY(t)
			code := p.run(t.Context(), "connect", "demo")
			p.await(c.asked)
			p.typed(c.typed)
			p.ends(code, c.code)
			kept := strings.Join(d.requests("POST /v1/dances/d1/keep"), "")
			if strings.TrimPrefix(kept, "POST /v1/dances/d1/keep ") != c.kept || len(d.requests("DELETE")) != c.called {
				t.Errorf("asked %q, called off %q", kept, d.requests("DELETE"))
			}
		})
	}
}

func TestConnectTakesTheWindowsAnswer(t *testing.T) {
	d := newDancer(t)
	d.follow(t, waiting, cameBack())
	p := newPTY(t)
	code := p.run(t.Context(), "connect", "demo")
	p.await("Add mira to Home? [Y/n]")
	d.move(func(x *ipc.Dance) { x.Stage, x.Account = ipc.DanceDone, "a1" })
	p.ends(code, exitOK)
	p.await("answered in the window\n" + connected)
}

// An interrupted dancectl leaves no dance behind.
func TestConnectInterruptedCallsTheDanceOff(t *testing.T) {
	for stage, steps := range map[string][]func(*ipc.Dance){
		"Approve at Demo":         {waiting},
		"Add mira to Home? [Y/n]": {waiting, cameBack()},
	} {
		t.Run(stage, func(t *testing.T) {
			d := newDancer(t)
			d.follow(t, steps...)
			p := newPTY(t)
			ctx, interrupt := context.WithCancel(t.Context())
			code := p.run(ctx, "connect", "demo")
			p.await(stage)
			interrupt()
			p.ends(code, exitInterrupted)
			if got := d.requests("DELETE /v1/dances/d1"); len(got) != 1 {
				t.Errorf("called off: %q", got)
			}
		})
	}
}
