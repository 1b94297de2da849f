package accounts

import (
	"context"
	"strings"
	"testing"
	"time"

	"dancecard/dance/dancetest"
)

// asked starts a request as app that makes the Book ask the user.
func (r *rig) asked(app App, ref string, w Want) (Question, <-chan error) {
	r.t.Helper()
	done := make(chan error, 1)
	go func() { _, err := r.Token(r.t.Context(), app, ref, w); done <- err }()
	s := r.await("a question", func(s Snapshot) bool { return len(s.Questions) > 0 })
	return s.Questions[0], done
}

// widen is a reconnect that brought one more scope.
func (r *rig) widen(account string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.profiles[r.current].accounts[account]
	a.Granted = append([]string{"admin"}, a.Granted...)
}

func TestI18OnlyWhatWasShownIsGranted(t *testing.T) {
	for _, how := range []Duration{Once, Always} {
		t.Run(string(how), func(t *testing.T) {
			r := newRig(t, dancetest.Options{})
			a := r.link("mira")
			q, done := r.asked(testApp, a.ID, Want{})
			r.widen(a.ID)
			if err := r.Answer(q.ID, Answer{Allow: true, For: how}); err != nil {
				t.Fatal(err)
			}
			wantCode(t, <-done, CodeConsentDenied)
		})
	}
}

func TestI20TakenBackDuringARequestIsRefused(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, done := r.asked(testApp, a.ID, Want{MinValid: 110 * time.Second})
	r.mu.Lock() // the token has to be refreshed first
	r.profiles[r.current].accounts[a.ID].facts.Boot -= 30 * time.Second
	r.mu.Unlock()
	open, tokens := r.answerLate()
	if err := r.Answer(q.ID, Answer{Allow: true, For: Always}); err != nil {
		t.Fatal(err)
	}
	<-tokens
	if err := r.TakeBack(r.Snapshot().Grants[0].ID); err != nil {
		t.Fatal(err)
	}
	open()
	wantCode(t, <-done, CodeNoSuchAccount)
}

func TestI20FetchOnlyFromNowOnGivesNoToken(t *testing.T) {
	p := newProfile("p")
	a := &account{accountRecord: accountRecord{ID: "a"}}
	p.grants = map[string]*Grant{"g": {App: testApp, Account: "a", Allow: true, FetchOnly: true}}
	wantCode(t, p.permitsLocked(permission{ref: "a", account: "a"}, testApp, a), CodeFetchOnly)
}

func TestI21HourCountsSleep(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, done := r.asked(testApp, a.ID, Want{})
	if err := r.Answer(q.ID, Answer{Allow: true, For: Hour}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	g := r.Snapshot().Grants[0]
	if strings.Contains(g.Until.String(), "m=") {
		t.Fatal("the hour is measured by a clock that stops in sleep")
	}
	now := readClocks()
	if !g.standing(now) || g.standing(moment{now.wall, now.boot + 61*time.Minute}) {
		t.Fatal("a clock that is set back makes the hour longer")
	}
}

func TestI17AnotherNameIsNoWayRoundTheCooldown(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	for _, ref := range []string{"demo", mira.ID} {
		q, done := r.asked(testApp, ref, Want{})
		if err := r.Answer(q.ID, Answer{}); err != nil {
			t.Fatal(err)
		}
		wantCode(t, <-done, CodeConsentDenied)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, ref := range []string{"demo", mira.ID, jo.ID, "demo:jo", "jo"} {
		_, err := r.Token(ctx, testApp, ref, Want{})
		wantCode(t, err, CodeConsentDenied)
	}
}

func TestI19ScopesTellNothingOfALabel(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	if err := r.Rename(a.ID, "Secret garden"); err != nil {
		t.Fatal(err)
	}
	_, err := r.token("demo", Want{Scopes: []string{"admin"}})
	wantCode(t, err, CodeScopeMissing)
	if strings.Contains(err.Error(), "garden") {
		t.Fatalf("an app that was granted nothing reads %q", err)
	}
}

func TestOnceOnlyAppUsesNoStandingGrant(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	carrier := testApp
	carrier.OnceOnly = true
	q, done := r.asked(carrier, a.ID, Want{})
	wantCode(t, r.Answer(q.ID, Answer{Allow: true, For: Hour}), CodeBadRequest)
	if err := r.Answer(q.ID, Answer{}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-done, CodeConsentDenied)
}

func TestTwoAnswersAreOne(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, done := r.asked(testApp, a.ID, Want{})
	p := r.profiles[r.current]
	p.store.Lock() // the disk is slow
	first := make(chan error, 1)
	go func() { first <- r.Answer(q.ID, Answer{For: Never}) }()
	r.until("the first answer", func() bool { return r.questions[0].taken })
	err := r.Answer(q.ID, Answer{Allow: true, For: Once})
	p.store.Unlock()
	wantCode(t, err, CodeExpired)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-done, CodeConsentDenied)
	wantCode(t, r.Answer(q.ID, Answer{Allow: true}), CodeExpired)
}

func TestI22LockDuringAQuestionSaysLocked(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, done := r.asked(testApp, a.ID, Want{})
	if err := r.Lock("", LockScreen); err != nil {
		t.Fatal(err)
	}
	if code := CodeOf(<-done); code != CodeProfileLocked && code != CodeConsentTimeout { // the question goes first
		t.Fatalf("code %q", code)
	}
	wantCode(t, r.Answer(q.ID, Answer{Allow: true, For: Always}), CodeExpired)
	r.unlock()
	if n := len(r.Snapshot().Grants); n != 0 {
		t.Fatalf("%d grants of a question that was withdrawn", n)
	}
}

func TestConnectQuestionStartsADanceAfterTheYes(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.user = "mira"
	_, err := r.AskConnect(testApp, "nowhere")
	wantCode(t, err, CodeNoSuchProvider)
	before := len(r.provider.Requests())
	q, err := r.AskConnect(testApp, "demo")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.provider.Requests()); n != before {
		t.Fatalf("%d requests before the user's word", n-before)
	}
	if err := r.Answer(q, Answer{Allow: true}); err != nil {
		t.Fatal(err)
	}
	_, dance, err := r.AwaitAnswer(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	r.awaitDance(dance, func(d Dance) bool { return d.Stage == DanceCameBack })
}

func TestSwitchingProfilesWithdrawsQuestions(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	q, err := r.AskConnect(testApp, "demo")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.CreateProfile(t.Context(), NewProfile{Name: "Work"}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, r.Answer(q, Answer{Allow: true}), CodeExpired)
	if n := len(r.Snapshot().Dances); n != 0 {
		t.Fatal("a dance in the wrong profile")
	}
}
