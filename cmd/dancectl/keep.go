package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dancecard/ipc"
)

// keep shows who came back and takes the user's word on it: from --yes, from
// the terminal or from the window, whichever comes first.
func (t *tool) keep(ctx context.Context, d ipc.Dance, f connectFlags) (ipc.Dance, error) {
	if d.Came == nil {
		return d, &problem{exitError, "Dancecard does not say who came back", ""}
	}
	t.introduce(d)
	keep := ipc.Keep{AsNew: d.Came.Wanted != nil}
	if f.yes {
		if d.Came.Wanted != nil {
			return d, &problem{exitDenied, fmt.Sprintf("another account came back than %s", d.Came.Wanted.Label),
				"sign in as that one in the browser, then try again"}
		}
		return t.kept(ctx, d, keep)
	}
	if !isTerminal(t.in) || !isTerminal(t.err) {
		t.note("Say in Dancecard's window whether to add the account.")
		return t.next(ctx, d)
	}
	ctx2, stop := context.WithCancel(ctx)
	defer stop()
	elsewhere := make(chan ipc.Dance, 1)
	go func() { // ends with ctx2
		if moved, err := t.control.AwaitDance(ctx2, d.ID, d.Stage); err == nil {
			elsewhere <- moved
		}
	}()
	fmt.Fprint(t.err, line(t.question(ctx, d))+" ")
	select {
	case <-ctx.Done():
		fmt.Fprintln(t.err)
		return d, ctx.Err()
	case moved := <-elsewhere:
		t.note("answered in the window")
		return moved, nil
	case typed := <-t.typed():
		t.lines = nil
		if !typed.yes(d.Came.Wanted == nil) {
			return d, &problem{exitDenied, "not added; what the provider gave is revoked", ""}
		}
		return t.kept(ctx, d, keep)
	}
}

// kept says yes, and how the dance stands then.
func (t *tool) kept(ctx context.Context, d ipc.Dance, keep ipc.Keep) (ipc.Dance, error) {
	a, err := t.control.Keep(ctx, d.ID, keep)
	if err != nil {
		return d, err
	}
	d.Stage, d.Account = ipc.DanceDone, a.ID
	return d, nil
}

// introduce says who came back, and what was given of what was asked.
func (t *tool) introduce(d ipc.Dance) {
	c := d.Came
	t.note("%s came back from %s.", person(c.Login, c.Name, c.Email, c.Subject), d.ProviderName)
	if c.Moved != "" {
		t.note("! %s", c.Moved)
	}
	if len(c.Granted) > 0 {
		t.note("Given: %s", strings.Join(c.Granted, " "))
	}
	if missing := without(c.Asked, c.Granted); len(missing) > 0 {
		t.note("Asked for and not given: %s", strings.Join(missing, " "))
	}
	if c.Wanted == nil && c.Known == "" && len(c.Others) > 0 {
		t.note("You have other accounts there: %s", strings.Join(c.Others, ", "))
	}
}

// without is asked less what is in given.
func without(asked, given []string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return slices.Contains(given, s) })
}

// question asks for the user's word in one line.
func (t *tool) question(ctx context.Context, d ipc.Dance) string {
	c := d.Came
	who := person(c.Login, "", c.Email, c.Subject)
	switch {
	case c.Wanted != nil:
		return fmt.Sprintf("You wanted %s. Add %s as another account? [y/N]", c.Wanted.Label, who)
	case c.Known != "":
		return fmt.Sprintf("Renew %s, which is linked already? [Y/n]", who)
	}
	return fmt.Sprintf("Add %s to %s? [Y/n]", who, t.profileName(ctx))
}

// profileName is what the current profile is called.
func (t *tool) profileName(ctx context.Context) string {
	if s, err := t.control.Status(ctx); err == nil {
		for _, p := range s.Profiles {
			if p.ID == s.Current {
				return p.Name
			}
		}
	}
	return "your profile"
}
