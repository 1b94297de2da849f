package accounts

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dancecard/dance/dancetest"
)

func TestFirstUseAsksAndAlwaysHolds(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	h, err := r.token(a.ID, Want{})
	if err != nil {
		t.Fatal(err)
	}
	if !works(t, r, h.Token.Reveal()) {
		t.Fatal("the token does not work")
	}
	s := r.Snapshot()
	if len(s.Questions) != 0 || len(s.Grants) != 1 || s.Grants[0].Uses != 2 || s.LastToken.IsZero() {
		t.Fatalf("%+v", s)
	}
	r.restart()
	if _, err := r.token(a.ID, Want{}); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	if err := r.TakeBack(r.Snapshot().Grants[0].ID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.Token(ctx, testApp, a.ID, Want{})
	wantCode(t, err, CodeConsentTimeout)
}

func TestOnceHoldsForOneRequest(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	for range 2 {
		done := make(chan error, 1)
		go func() {
			_, err := r.token(a.ID, Want{})
			done <- err
		}()
		r.answer(Answer{Allow: true})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.Snapshot().Grants); n != 0 {
		t.Fatalf("%d standing grants", n)
	}
}

func TestI37NeverAndUnknownLookAlike(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	done := make(chan error, 1)
	go func() {
		_, err := r.token("demo", Want{})
		done <- err
	}()
	r.answer(Answer{For: Never})
	wantCode(t, <-done, CodeConsentDenied)
	_, refused := r.token("demo", Want{})
	_, unknown := r.token("nothing", Want{})
	x, _ := errors.AsType[*Error](refused)
	y, _ := errors.AsType[*Error](unknown)
	if x.Code != y.Code || x.Hint != y.Hint || x.Code != CodeNoSuchAccount {
		t.Fatalf("%+v and %+v", x, y)
	}
	if got, err := r.AccountsFor(testApp); err != nil || len(got) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	if r.account(a.ID).Apps != 0 {
		t.Fatal("a refused app is counted as one with access")
	}
}

func TestI17ManyPromptsAreOneQuestion(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	for range 100 {
		go func() {
			_, err := r.Token(ctx, testApp, a.ID, Want{})
			done <- err
		}()
	}
	s := r.await("a question", func(s Snapshot) bool { return len(s.Questions) > 0 })
	if len(s.Questions) != 1 {
		t.Fatalf("%d questions", len(s.Questions))
	}
	cancel()
	for range 100 {
		wantCode(t, <-done, CodeConsentTimeout)
	}
	r.await("no question", func(s Snapshot) bool { return len(s.Questions) == 0 })
}

func TestI17TwoDismissalsCoolDown(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	for range 2 {
		done := make(chan error, 1)
		go func() {
			_, err := r.token(a.ID, Want{})
			done <- err
		}()
		r.answer(Answer{})
		wantCode(t, <-done, CodeConsentDenied)
	}
	_, err := r.token(a.ID, Want{})
	wantCode(t, err, CodeConsentDenied)
	if n := len(r.Snapshot().Questions); n != 0 {
		t.Fatalf("%d questions after two dismissals", n)
	}
}

func TestUnidentifiedAppIsAllowedOnceOnly(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	nobody := App{Key: "nobody", Name: "unknown program"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go r.Token(ctx, nobody, a.ID, Want{})
	s := r.await("a question", func(s Snapshot) bool { return len(s.Questions) > 0 })
	wantCode(t, r.Answer(s.Questions[0].ID, Answer{Allow: true, For: Always}), CodeBadRequest)
	if err := r.Answer(s.Questions[0].ID, Answer{Allow: true, For: Once}); err != nil {
		t.Fatal(err)
	}
}

func TestAmbiguousRefListsGrantedOnesOnly(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	done := make(chan Handout, 1)
	go func() {
		h, _ := r.token("demo", Want{})
		done <- h
	}()
	s := r.await("a question", func(s Snapshot) bool { return len(s.Questions) > 0 })
	if len(s.Questions[0].Choices) != 2 {
		t.Fatalf("%+v", s.Questions[0])
	}
	if err := r.Answer(s.Questions[0].ID, Answer{Allow: true, For: Always, Account: jo.ID}); err != nil {
		t.Fatal(err)
	}
	if h := <-done; h.Account.ID != jo.ID {
		t.Fatalf("handed out %+v", h.Account)
	}
	if h, err := r.token("demo", Want{}); err != nil || h.Account.ID != jo.ID {
		t.Fatalf("%+v, %v", h.Account, err)
	}
	r.allow(mira.ID)
	_, err := r.token("demo", Want{})
	wantCode(t, err, CodeAmbiguousAccount)
}

func TestScopeMissing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	_, err := r.token(a.ID, Want{Scopes: []string{"admin"}})
	wantCode(t, err, CodeScopeMissing)
}

func TestI31EventsOnlyOfGrantedAccounts(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	refreshed := Event{Type: EventTokenRefreshed, Profile: r.current, Account: a.ID}
	if r.Visible(testApp, refreshed) {
		t.Fatal("visible before a grant")
	}
	r.allow(a.ID)
	if !r.Visible(testApp, refreshed) || r.Visible(App{Key: "other"}, refreshed) {
		t.Fatal("visible to the wrong app")
	}
	if r.Visible(App{Key: "other"}, Event{Type: EventGrantUsed, Profile: r.current, Account: a.ID, App: testApp.Key}) {
		t.Fatal("another app's use is visible")
	}
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if !r.Visible(testApp, Event{Type: EventAccountDisconnected, Profile: r.current, Account: a.ID}) {
		t.Fatal("a granted app does not hear that the account is gone")
	}
}

func TestI21HourEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProfile("p")
		p.grants = map[string]*Grant{"g": {App: testApp, Account: "a", Allow: true, Until: time.Now().Add(time.Hour)}}
		if p.grantLocked(testApp.Key, "a") == nil {
			t.Fatal("no grant within the hour")
		}
		time.Sleep(time.Hour)
		if p.grantLocked(testApp.Key, "a") != nil {
			t.Fatal("a grant after the hour")
		}
	})
}

func TestWideningAsksAgain(t *testing.T) {
	g := &Grant{Scopes: []string{"read"}}
	narrow := &account{accountRecord: accountRecord{Granted: []string{"read"}}}
	wide := &account{accountRecord: accountRecord{Granted: []string{"read", "write"}}}
	if !g.covers(narrow) || g.covers(wide) {
		t.Fatal("a grant covers more than was shown")
	}
}
