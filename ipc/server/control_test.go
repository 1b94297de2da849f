//go:build linux

package server

import (
	"context"
	"testing"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// What dancectl does on a new machine, from the first profile to the end.
func TestControlFromTheFirstStart(t *testing.T) {
	r := newRig(t)
	c, ctx := r.admin(), t.Context()
	if err := c.Show(ctx); err != nil {
		t.Fatal(err)
	}
	<-r.shown
	o, err := c.Status(ctx)
	if err != nil || o.Version != "test" || o.PID == 0 || len(o.Profiles) != 0 {
		t.Errorf("%+v %v", o, err)
	}
	_, err = c.Accounts(ctx)
	wantCode(t, err, ipc.CodeNoProfile)
	wantCode(t, c.Lock(ctx, ""), ipc.CodeNoProfile)
	_, err = c.CreateProfile(ctx, ipc.NewProfile{})
	wantCode(t, err, ipc.CodeBadRequest)

	home, err := c.CreateProfile(ctx, ipc.NewProfile{Name: "Home"})
	if err != nil || home.ID == "" || home.RecoveryKey == "" {
		t.Fatal(home, err)
	}
	work, err := c.CreateProfile(ctx, ipc.NewProfile{Name: "Work"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SwitchProfile(ctx, "Home"); err != nil {
		t.Fatal(err)
	}
	if err := c.RenameProfile(ctx, work.ID, "Office"); err != nil {
		t.Fatal(err)
	}
	profiles, err := c.Profiles(ctx)
	if err != nil || len(profiles) != 2 || profiles[0].Name != "Home" || !profiles[0].Current || profiles[1].Name != "Office" || len(profiles[0].Ways) == 0 {
		t.Errorf("%+v %v", profiles, err)
	}
	wantCode(t, c.SwitchProfile(ctx, "Work"), ipc.CodeNoSuchProfile)

	if err := c.Lock(ctx, ""); err != nil {
		t.Fatal(err)
	}
	_, err = c.Accounts(ctx)
	wantCode(t, err, ipc.CodeProfileLocked)
	_, err = c.Apps(ctx)
	wantCode(t, err, ipc.CodeProfileLocked)
	wantCode(t, c.Unlock(ctx, "", ipc.Unlock{RecoveryKey: work.RecoveryKey}), ipc.CodeWrongSecret)
	wantCode(t, c.Unlock(ctx, "", ipc.Unlock{Passphrase: "a", RecoveryKey: "b"}), ipc.CodeBadRequest)
	if err := c.Unlock(ctx, "Home", ipc.Unlock{RecoveryKey: home.RecoveryKey}); err != nil {
		t.Fatal(err)
	}
	if err := c.LogOut(ctx, home.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.Unlock(ctx, "", ipc.Unlock{RecoveryKey: home.RecoveryKey}); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	<-r.stopped
}

func TestControlDance(t *testing.T) {
	r := newOpenRig(t)
	c := r.admin()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	providers, err := c.Providers(ctx)
	if err != nil || len(providers) == 0 {
		t.Fatal(providers, err)
	}
	if p, err := c.Provider(ctx, "demo"); err != nil || p.Name != "Demo" || p.BuiltIn {
		t.Errorf("%+v %v", p, err)
	}
	_, err = c.Provider(ctx, "nobody")
	wantCode(t, err, ipc.CodeNoSuchProvider)
	_, err = c.Connect(ctx, ipc.Connect{Provider: "nobody"})
	wantCode(t, err, ipc.CodeNoSuchProvider)
	_, err = c.Dance(ctx, "d_none")
	wantCode(t, err, ipc.CodeNoSuchDance)
	_, err = c.Connect(ctx, ipc.Connect{Provider: "demo", Scopes: []string{"a b"}})
	wantCode(t, err, ipc.CodeBadRequest)

	// Without a browser: the address is there to open, and cancelled.
	d, err := c.Connect(ctx, ipc.Connect{Provider: "demo", NoBrowser: true})
	if err != nil || d.ID == "" {
		t.Fatal(d, err)
	}
	for d.Stage == ipc.DanceStarting {
		if d, err = c.AwaitDance(ctx, d.ID, d.Stage); err != nil {
			t.Fatal(err)
		}
	}
	if d.Stage != ipc.DanceWaiting || d.URL == "" || d.Deadline.IsZero() {
		t.Errorf("%+v", d)
	}
	if err := c.CancelDance(ctx, d.ID); err != nil {
		t.Fatal(err)
	}

	// With one.
	d, err = c.Connect(ctx, ipc.Connect{Provider: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	for d.Stage != ipc.DanceCameBack && !d.Stage.Over() {
		if d, err = c.AwaitDance(ctx, d.ID, d.Stage); err != nil {
			t.Fatal(err)
		}
	}
	if d.Came == nil || d.Came.Email != "mira@example.test" || d.Came.Known != "" {
		t.Fatalf("%+v", d)
	}
	a, err := c.Keep(ctx, d.ID, ipc.Keep{Label: "Mira's"})
	if err != nil || a.Label != "Mira's" || a.Status == "" || len(a.Scopes) == 0 {
		t.Fatal(a, err)
	}
	if a, err = c.Rename(ctx, "Mira's", "Mail"); err != nil || a.Label != "Mail" {
		t.Fatal(a, err)
	}
	issued := a.ExpiresAt
	if a, err = c.Refresh(ctx, "demo"); err != nil || a.ExpiresAt.Before(issued) {
		t.Fatal(a, err)
	}
	if got, err := c.Account(ctx, a.ID); err != nil || got.Label != "Mail" {
		t.Error(got, err)
	}
	o, err := c.Status(ctx)
	if err != nil || len(o.Accounts) != 1 || o.Accounts[0].ID != a.ID {
		t.Errorf("%+v %v", o, err)
	}
	_, err = c.Connect(ctx, ipc.Connect{Provider: "other", Reconnect: a.ID})
	wantCode(t, err, ipc.CodeBadRequest)

	// Jo is signed in in the browser now: another account than the one wanted.
	d, err = c.Connect(ctx, ipc.Connect{Reconnect: "Mail"})
	if err != nil || d.Reconnects != a.ID {
		t.Fatal(d, err)
	}
	for d.Stage != ipc.DanceCameBack && !d.Stage.Over() {
		if d, err = c.AwaitDance(ctx, d.ID, d.Stage); err != nil {
			t.Fatal(err)
		}
	}
	if d.Came == nil || d.Came.Wanted == nil || d.Came.Wanted.ID != a.ID {
		t.Fatalf("%+v", d)
	}
	_, err = c.Keep(ctx, d.ID, ipc.Keep{})
	wantCode(t, err, ipc.CodeOtherSubject)
	if jo, err := c.Keep(ctx, d.ID, ipc.Keep{AsNew: true}); err != nil || jo.ID == a.ID {
		t.Fatal(jo, err)
	}
	_, err = c.Account(ctx, "demo")
	wantCode(t, err, ipc.CodeAmbiguousAccount)
}

// Disconnecting destroys: the window says yes, or the passphrase does.
func TestControlDisconnect(t *testing.T) {
	r := newOpenRig(t)
	mira, jo := r.link(), r.link()
	c, ctx := r.admin(), t.Context()

	_, err := c.Disconnect(ctx, mira.ID, ipc.Confirm{RecoveryKey: "AGE-SECRET-KEY-1WRONG"})
	if err == nil {
		t.Fatal("a wrong key disconnects")
	}
	_, err = c.Disconnect(ctx, "nobody", ipc.Confirm{})
	wantCode(t, err, ipc.CodeNoSuchAccount)

	type result struct {
		d   ipc.Disconnected
		err error
	}
	ask := func(ref string) chan result {
		done := make(chan result, 1)
		go func() {
			d, err := c.Disconnect(ctx, ref, ipc.Confirm{})
			done <- result{d, err}
		}()
		return done
	}
	done := ask(mira.ID)
	if q := r.answer(accounts.Answer{Allow: false}); q.Kind != accounts.QuestionConfirm || q.App.Name != "server.test" || q.Account != mira.ID {
		t.Errorf("%+v", q)
	}
	wantCode(t, (<-done).err, ipc.CodeConsentDenied)
	if _, err := c.Account(ctx, mira.ID); err != nil {
		t.Fatal("after a no:", err)
	}
	done = ask(mira.ID)
	r.answer(accounts.Answer{Allow: true})
	if got := <-done; got.err != nil || got.d.Account != mira.ID || got.d.Pending || !got.d.Told {
		t.Errorf("%+v", got)
	}
	_, err = c.Account(ctx, mira.ID)
	wantCode(t, err, ipc.CodeNoSuchAccount)

	// The provider does not answer: gone for apps, pending there.
	if err := r.provider.Stop(); err != nil {
		t.Fatal(err)
	}
	d, err := c.Disconnect(ctx, jo.ID, ipc.Confirm{RecoveryKey: ipc.Secret(r.key.Reveal())})
	if err != nil || !d.Pending || d.Label != jo.Label {
		t.Errorf("%+v %v", d, err)
	}

	// The user gives the pending one up: in the window, or with the key.
	gave := make(chan error, 1)
	go func() { _, err := c.GiveUpRevocation(ctx, jo.ID, ipc.Confirm{}); gave <- err }()
	if q := r.answer(accounts.Answer{Allow: false}); q.Verb != accounts.VerbGiveUp || q.App.Name != "server.test" {
		t.Errorf("%+v", q)
	}
	wantCode(t, <-gave, ipc.CodeConsentDenied)
	if _, err := c.GiveUpRevocation(ctx, jo.ID, ipc.Confirm{RecoveryKey: "AGE-SECRET-KEY-1WRONG"}); err == nil {
		t.Error("a wrong key gives up")
	}
	d, err = c.GiveUpRevocation(ctx, jo.ID, ipc.Confirm{RecoveryKey: ipc.Secret(r.key.Reveal())})
	if err != nil || d.Pending || d.Told || d.Label != jo.Label {
		t.Errorf("%+v %v", d, err)
	}
	_, err = c.Account(ctx, jo.ID)
	wantCode(t, err, ipc.CodeNoSuchAccount)
}

func TestControlTakesBack(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	app, c, ctx := r.client(), r.admin(), t.Context()
	r.allow(app, a.ID)
	grants, err := c.Apps(ctx)
	if err != nil || len(grants) != 1 || grants[0].App.Name != "server.test" || !grants[0].Allow || grants[0].Account != a.ID {
		t.Fatalf("%+v %v", grants, err)
	}
	if err := c.TakeBack(ctx, grants[0].ID); err != nil {
		t.Fatal(err)
	}
	wantCode(t, c.TakeBack(ctx, grants[0].ID), ipc.CodeNoSuchGrant)
	_, err = app.Account(ctx, a.ID)
	wantCode(t, err, ipc.CodeNoSuchAccount)
	if _, err := c.Activity(ctx, 5); err != nil {
		t.Error(err)
	}
	status, h, text := r.do(ipc.ControlSocket, "GET", "/v1/activity?max=-1", "")
	problemIn(t, status, h, text)
}

func TestAppConnects(t *testing.T) {
	r := newOpenRig(t)
	c := r.client()
	type result struct {
		o   ipc.Operation
		err error
	}
	ask := func() chan result {
		done := make(chan result, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			o, err := c.Connect(ctx, "demo")
			done <- result{o, err}
		}()
		return done
	}
	_, err := c.Connect(t.Context(), "nobody")
	wantCode(t, err, ipc.CodeNoSuchProvider)
	_, err = c.Operation(t.Context(), "none", time.Second)
	wantCode(t, err, ipc.CodeNoSuchOperation)

	before := len(r.provider.Requests())
	done := ask()
	q := r.question()
	if q.Kind != accounts.QuestionConnect || q.Provider != "demo" || q.App.Name != "server.test" {
		t.Errorf("%+v", q)
	}
	if n := len(r.provider.Requests()); n != before {
		t.Errorf("%d requests before the user's word", n-before)
	}
	r.answer(accounts.Answer{Allow: true})
	s := r.await("who came back", func(s accounts.Snapshot) bool {
		return len(s.Dances) > 0 && s.Dances[len(s.Dances)-1].Stage == accounts.DanceCameBack
	})
	d := s.Dances[len(s.Dances)-1]
	if d.By == nil || d.By.Name != "server.test" {
		t.Errorf("the dance is by %+v", d.By)
	}
	if _, err := r.book.Keep(t.Context(), d.ID, "", false); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.err != nil || got.o.State != ipc.OperationDone {
		t.Errorf("%+v", got)
	}

	done = ask()
	r.answer(accounts.Answer{Allow: false})
	got := <-done
	wantCode(t, got.err, ipc.CodeConsentDenied)
	if got.o.State != ipc.OperationFailed {
		t.Errorf("%+v", got.o)
	}
	// Another app does not see it.
	if out := run(t, r.curl("http://dancecard/v1/operations/"+got.o.ID)); !contains(out, "no_such_operation") {
		t.Errorf("curl sees %s", out)
	}
	status, h, text := r.do(ipc.AppSocket, "POST", "/v1/connect", `{}`)
	if e := problemIn(t, status, h, text); e.Code != ipc.CodeBadRequest {
		t.Errorf("%+v", e)
	}
}

func TestWayOf(t *testing.T) {
	if way, key := wayOf("open sesame", ""); way != accounts.WayPassphrase || key.Reveal() != "open sesame" {
		t.Error(way)
	}
	if way, key := wayOf("", "KEY"); way != accounts.WayRecovery || key.Reveal() != "KEY" {
		t.Error(way)
	}
	if way, key := wayOf("", ""); way != accounts.WayKeyring || !key.IsZero() {
		t.Error(way)
	}
}
