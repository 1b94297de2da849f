package accounts

import (
	"testing"
	"time"

	"dancecard/dance/dancetest"
)

// A profile locks for the reasons that its rules name, and stays open for the
// others.
func TestAwayFollowsTheRules(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	for _, c := range []struct {
		rules LockRules
		away  func() error
		why   LockReason // "" stays open
	}{
		{LockRules{Screen: true}, func() error { return r.Away(LockScreen) }, LockScreen},
		{LockRules{Screen: true}, func() error { return r.Away(LockUserSwitch) }, LockUserSwitch},
		{LockRules{Screen: true}, func() error { return r.Away(LockSleep) }, ""},
		{LockRules{Sleep: true}, func() error { return r.Away(LockSleep) }, LockSleep},
		{LockRules{Sleep: true}, func() error { return r.Away(LockScreen) }, ""},
		{LockRules{Idle: 5 * time.Minute}, func() error { return r.Idle(4 * time.Minute) }, ""},
		{LockRules{Idle: 5 * time.Minute}, func() error { return r.Idle(5 * time.Minute) }, LockIdle},
		{LockRules{}, func() error { return r.Idle(5 * time.Hour) }, ""},
	} {
		if err := r.SetLockRules("", c.rules); err != nil {
			t.Fatal(err)
		}
		if err := c.away(); err != nil {
			t.Fatal(err)
		}
		p, _ := r.Snapshot().Profile(r.Snapshot().Current)
		if c.why == "" && p.State != ProfileOpen || c.why != "" && (p.State != ProfileLocked || p.Why != c.why) {
			t.Errorf("%+v: %s, %q", c.rules, p.State, p.Why)
		}
		if p.State == ProfileLocked {
			r.unlock()
		}
	}
}

// The rules of a card that says nothing are the careful ones, and what was said
// outlives the Book.
func TestLockRulesAreKept(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	now := func() LockRules {
		p, _ := r.Snapshot().Profile(r.Snapshot().Current)
		return p.Locks
	}
	if got := now(); got != (LockRules{Screen: true, Sleep: true}) {
		t.Errorf("a new profile has %+v", got)
	}
	want := LockRules{Sleep: true, Idle: 20 * time.Minute}
	if err := r.SetLockRules("", want); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if got := now(); got != want {
		t.Errorf("after a restart: %+v", got)
	}
	for _, idle := range []time.Duration{-time.Minute, time.Second, 25 * time.Hour} {
		wantCode(t, r.SetLockRules("", LockRules{Idle: idle}), CodeBadRequest)
	}
}
