//go:build linux

package server

import (
	"testing"

	"dancecard/accounts"
	"dancecard/ipc"
)

// Deleting destroys: the window says yes, or the profile's own secret does.
func TestControlDeletesAProfile(t *testing.T) {
	r := newOpenRig(t)
	mira := r.link()
	c, ctx := r.admin(), t.Context()
	key := ipc.Secret(r.key.Reveal())

	_, err := c.DeleteProfile(ctx, "Home", ipc.DeleteProfile{RecoveryKey: "AGE-SECRET-KEY-1WRONG"})
	wantCode(t, err, ipc.CodeWrongSecret)
	_, err = c.DeleteProfile(ctx, "Play", ipc.DeleteProfile{RecoveryKey: key})
	wantCode(t, err, ipc.CodeNoSuchProfile)

	type result struct {
		p   ipc.DeletedProfile
		err error
	}
	ask := func(d ipc.DeleteProfile) chan result {
		done := make(chan result, 1)
		go func() {
			p, err := c.DeleteProfile(ctx, "", d)
			done <- result{p, err}
		}()
		return done
	}
	done := ask(ipc.DeleteProfile{})
	if q := r.answer(accounts.Answer{}); q.Verb != accounts.VerbDeleteProfile || q.App.Name != "server.test" || len(q.Ends) != 1 {
		t.Errorf("%+v", q)
	}
	wantCode(t, (<-done).err, ipc.CodeConsentDenied)
	if _, err := c.Account(ctx, mira.ID); err != nil {
		t.Fatal("after a no:", err)
	}

	// The provider does not answer: the profile stays until anyway is said.
	if err := r.provider.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err = c.DeleteProfile(ctx, "Home", ipc.DeleteProfile{RecoveryKey: key})
	wantCode(t, err, ipc.CodeRevocationPending)
	done = ask(ipc.DeleteProfile{Anyway: true})
	if q := r.answer(accounts.Answer{Allow: true}); !q.Anyway {
		t.Errorf("%+v", q)
	}
	got := <-done
	if got.err != nil || got.p.Name != "Home" || len(got.p.Left) != 1 || got.p.Left[0].Label != mira.Label || !got.p.Left[0].Pending {
		t.Errorf("%+v", got)
	}
	if profiles, err := c.Profiles(ctx); err != nil || len(profiles) != 0 {
		t.Errorf("%+v, %v", profiles, err)
	}
}

func TestControlDeletesAProfileThatIsNotTheCurrentOne(t *testing.T) {
	r := newOpenRig(t)
	c, ctx := r.admin(), t.Context()
	if _, err := c.CreateProfile(ctx, ipc.NewProfile{Name: "Work", Passphrase: "correct horse"}); err != nil {
		t.Fatal(err)
	}
	_, err := c.DeleteProfile(ctx, "Home", ipc.DeleteProfile{Passphrase: "correct horse"}) // the other one's
	wantCode(t, err, ipc.CodeWrongSecret)
	p, err := c.DeleteProfile(ctx, "Home", ipc.DeleteProfile{RecoveryKey: ipc.Secret(r.key.Reveal())})
	if err != nil || p.Name != "Home" || p.Left == nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if profiles, err := c.Profiles(ctx); err != nil || len(profiles) != 1 || !profiles[0].Current {
		t.Errorf("%+v, %v", profiles, err)
	}
}
