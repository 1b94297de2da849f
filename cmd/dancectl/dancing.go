package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dancecard/ipc"
)

// goodbye is how long calling a dance off may take.
const goodbye = 3 * time.Second

// dance runs one dance to its end. Whatever stops it on the way calls it off.
func (t *tool) dance(ctx context.Context, f connectFlags) error {
	d, err := t.control.Connect(ctx, f.want)
	if err != nil {
		return t.whatToAdd(ctx, err, f)
	}
	defer func() {
		if !d.Stage.Over() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
			defer cancel()
			t.control.CancelDance(ctx, d.ID)
		}
	}()
	told := ""
	for {
		// A client that the provider knows no more is made anew, with a new address.
		if where := whereTo(d); where != "" && where != told {
			t.tellWhere(d, f)
			told = where
		}
		switch {
		case d.Stage.Over():
			return t.outcome(ctx, d)
		case d.Stage == ipc.DanceCameBack:
			d, err = t.keep(ctx, d, f)
		case d.Stage == ipc.DanceWaiting && d.Code == nil:
			d, err = t.paste(ctx, d)
		default:
			d, err = t.next(ctx, d)
		}
		if err != nil {
			return err
		}
	}
}

// whatToAdd turns a refusal for want of a client id or an instance into the
// flag that gives it.
func (t *tool) whatToAdd(ctx context.Context, err error, f connectFlags) error {
	exit, text, hint := explain(err)
	again := "dancectl connect " + f.want.Provider + f.want.Address
	switch code := ipc.CodeOf(err); {
	case f.want.Provider == "":
		return err
	case code == ipc.CodeNeedsRegistration && f.clientID == "":
		return &problem{exit, text, strings.TrimSuffix(hint, ".") + ": " + again + " --client-id ID"}
	case code == ipc.CodeBadRequest && f.want.Instance == "":
		if p, e := t.control.Provider(ctx, f.want.Provider); e == nil && p.Instance != "" {
			return &problem{exit, text, strings.TrimSuffix(hint, ".") + ": " + again + " --instance " + p.InstanceExample}
		}
	}
	return err
}

// next waits until the dance has moved. On an error it returns the dance as it
// was known.
func (t *tool) next(ctx context.Context, d ipc.Dance) (ipc.Dance, error) {
	moved, err := t.control.AwaitDance(ctx, d.ID, d.Stage)
	if err != nil {
		return d, err
	}
	return moved, nil
}

// whereTo is what is told to the user; "" until there is something.
func whereTo(d ipc.Dance) string {
	if d.Code != nil {
		return d.Code.URI + " " + d.Code.UserCode
	}
	return d.URL
}

// tellWhere says where to approve.
func (t *tool) tellWhere(d ipc.Dance, f connectFlags) {
	switch {
	case d.Code != nil:
		t.tellCode(*d.Code)
		return
	case f.printURL:
		fmt.Fprintln(t.out, line(d.URL))
	case d.OpenProblem != "":
		t.note("No browser opens: %s", d.OpenProblem)
	default:
		t.note("Approve at %s in your browser.", d.ProviderName)
	}
	if !f.printURL {
		t.note("If it does not open, open this address: %s", d.URL)
	}
	if d.Paste {
		t.note("%s cannot send its answer here. When the browser is done, copy the address it ends at, or the code it shows, and paste it here.", d.ProviderName)
	}
}

// paste waits until the dance has moved, and hands it what is typed meanwhile.
func (t *tool) paste(ctx context.Context, d ipc.Dance) (ipc.Dance, error) {
	if !d.Paste && !isTerminal(t.in) {
		return t.next(ctx, d)
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	moved := make(chan ipc.Dance, 1)
	failed := make(chan error, 1)
	go func() { // ends with waiting
		now, err := t.next(waiting, d)
		if err != nil {
			failed <- err
			return
		}
		moved <- now
	}()
	for {
		select {
		case now := <-moved:
			return now, nil
		case err := <-failed:
			return d, err
		case typed := <-t.typed():
			t.lines = nil
			if typed.err != nil {
				return t.next(ctx, d)
			}
			text := strings.TrimSpace(typed.text)
			if text == "" {
				continue
			}
			if err := t.control.Paste(ctx, d.ID, ipc.Secret(text)); err != nil {
				_, text, hint := explain(err)
				t.note("%s %s", text, hint)
			}
		}
	}
}

// outcome tells how a dance ended.
func (t *tool) outcome(ctx context.Context, d ipc.Dance) error {
	switch {
	case d.Stage == ipc.DanceFailed && d.Failure != nil && d.Failure.Code == ipc.CodeNeedsRegistration && d.Provider != "":
		// A provider that was found by its address has an id by now.
		exit, text, hint := explain(d.Failure)
		return &problem{exit, text, strings.TrimSuffix(hint, ".") + ": dancectl connect " + d.Provider + " --client-id ID"}
	case d.Stage == ipc.DanceFailed && d.Failure != nil:
		return d.Failure
	case d.Stage != ipc.DanceDone:
		if p, err := t.findProfile(ctx, ""); err == nil && p.State == ipc.ProfileLocked {
			return &problem{exitLocked, p.Name + " was locked, so the dance was cancelled", "dancectl unlock"}
		}
		return &problem{exitDenied, "the dance was cancelled", "dancectl connect " + d.Provider}
	}
	a, err := t.control.Account(ctx, d.Account)
	if err != nil {
		t.say("connected %s", d.Account)
		return nil
	}
	who := person(a.Login, a.Name, a.Email, a.Subject)
	if a.Unnamed {
		who = a.Label
	}
	t.say("connected %s, %s", names([]ipc.AccountDetail{a})[a.ID], who)
	if missing := without(a.Asked, a.Scopes); len(missing) > 0 && d.Came == nil { // nobody was introduced
		t.note("Asked for and not given: %s", strings.Join(missing, " "))
	}
	return nil
}
