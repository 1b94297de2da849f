package main

import (
	"cmp"
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
	if f.yes {
		return t.keepUnasked(ctx, d, f)
	}
	if !isTerminal(t.in) || !isTerminal(t.err) {
		t.note("Say in Dancecard's window whether to add the account.")
		return t.next(ctx, d)
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	elsewhere := make(chan ipc.Dance, 1)
	go func() { // ends with waiting
		if moved, err := t.control.AwaitDance(waiting, d.ID, d.Stage); err == nil {
			elsewhere <- moved
		}
	}()
	ask := func(prompt string) (answer typed, moved ipc.Dance, err error) {
		fmt.Fprint(t.err, line(prompt)+" ")
		select {
		case <-ctx.Done():
			fmt.Fprintln(t.err)
			return answer, d, ctx.Err()
		case moved = <-elsewhere:
			t.note("answered in the window")
			return answer, moved, nil
		case answer = <-t.typed():
			t.lines = nil
			return answer, d, nil
		}
	}
	answer, moved, err := ask(t.question(ctx, d))
	switch {
	case err != nil || moved.Stage != d.Stage:
		return moved, err
	case !answer.yes(surely(d.Came)):
		return d, &problem{exitDenied, "not added; what the provider gave is revoked", ""}
	}
	var label string
	if nameless(d.Came, f) {
		if answer, moved, err = ask("What do you call it? [" + d.ProviderName + "]"); err != nil || moved.Stage != d.Stage {
			return moved, err
		}
		label = cmp.Or(strings.TrimSpace(answer.text), d.ProviderName)
	}
	return t.kept(ctx, d, label)
}

// keepUnasked is --yes, which is no word on what the user cannot have foreseen.
func (t *tool) keepUnasked(ctx context.Context, d ipc.Dance, f connectFlags) (ipc.Dance, error) {
	switch {
	case d.Came.Wanted != nil:
		return d, &problem{exitDenied, fmt.Sprintf("another account came back than %s", d.Came.Wanted.Label),
			"sign in as that one in the browser, then try again"}
	case d.Came.Moved != "":
		return d, &problem{exitDenied, "the account's tokens come from another place now", "look at it, then try again without --yes"}
	case nameless(d.Came, f):
		return t.kept(ctx, d, d.ProviderName)
	}
	return t.kept(ctx, d, "")
}

// surely reports whether Enter means yes: not where something else came than
// the user asked for.
func surely(c *ipc.CameBack) bool { return c.Wanted == nil && c.Moved == "" }

// nameless reports an account that the user has to give a name.
func nameless(c *ipc.CameBack, f connectFlags) bool {
	return c.Unnamed && (c.Known == "" || c.Wanted != nil) && f.want.Label == ""
}

// kept says yes, and how the dance stands then.
func (t *tool) kept(ctx context.Context, d ipc.Dance, label string) (ipc.Dance, error) {
	a, err := t.control.Keep(ctx, d.ID, ipc.Keep{Label: label, AsNew: d.Came.Wanted != nil})
	if err != nil {
		return d, err
	}
	d.Stage, d.Account = ipc.DanceDone, a.ID
	return d, nil
}

// introduce says who came back, and what was given of what was asked.
func (t *tool) introduce(d ipc.Dance) {
	c := d.Came
	if c.Unnamed {
		t.note("%s does not say who came back.", d.ProviderName)
	} else {
		t.note("%s came back from %s.", person(c.Login, c.Name, c.Email, c.Subject), d.ProviderName)
	}
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
	if c.Unnamed {
		who = "the account"
	}
	keys := "[y/N]"
	if surely(c) {
		keys = "[Y/n]"
	}
	switch {
	case c.Wanted != nil:
		return fmt.Sprintf("You wanted %s. Add %s as another account? %s", c.Wanted.Label, who, keys)
	case c.Known != "":
		return fmt.Sprintf("Renew %s, which is linked already? %s", who, keys)
	}
	return fmt.Sprintf("Add %s to %s? %s", who, t.profileName(ctx), keys)
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
