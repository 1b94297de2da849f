package accounts

import (
	"sync"
	"testing"
	"time"
)

func TestAddressIsEnoughForAProviderThatRegistersItself(t *testing.T) {
	r, as := worksRig(t, "")
	r.drop("works")
	mira := r.keep(as, "mira", ConnectRequest{Address: as.URL})
	if mira.Login != "mira" || mira.Issuer != as.URL || mira.Provider == "" || !mira.CanRevoke {
		t.Fatalf("%+v", mira)
	}
	jo := r.keep(as, "jo", ConnectRequest{Address: as.URL + "/"})
	if n := as.count("POST /register"); n != 1 {
		t.Fatalf("%d registrations for two accounts", n)
	}
	r.restart()
	for _, a := range []Account{mira, jo} {
		if err := r.Refresh(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	// There is no row in the gallery, and a sign-in again still works.
	id := r.dance("jo", ConnectRequest{Reconnect: jo.ID})
	if d, _ := r.Snapshot().Dance(id); d.Stage != DanceDone || d.Account != jo.ID {
		t.Fatalf("%+v", d)
	}
	if n := as.count("POST /register"); n != 1 {
		t.Fatalf("%d registrations", n)
	}
	kept := []tokenRecord{r.stored(mira.ID), r.stored(jo.ID)}
	for _, a := range []Account{mira, jo} {
		if err := r.Disconnect(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	r.until("the client to be gone", func() bool { as.mu.Lock(); defer as.mu.Unlock(); return len(as.clients) == 0 })
	as.change(func() {
		for _, k := range kept {
			if _, ok := as.refresh[k.Refresh]; ok {
				t.Error("a refresh token was left at the provider")
			}
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.profiles[r.current].registrations); n != 0 {
		t.Fatalf("%d registrations are kept", n)
	}
}

func TestAddressOfAGalleryRowIsThatRow(t *testing.T) {
	r, as := worksRig(t, "")
	if a := r.keep(as, "mira", ConnectRequest{Address: as.URL + "/"}); a.Provider != "works" {
		t.Fatalf("%+v", a)
	}
	_, err := r.Connect(t.Context(), ConnectRequest{Address: "https://x@y", Provider: "works"})
	wantCode(t, err, CodeBadRequest)
	_, err = r.Connect(t.Context(), ConnectRequest{Address: "https://mira:pw@issuer.example"})
	wantCode(t, err, CodeBadRequest)
	id, err := r.Connect(t.Context(), ConnectRequest{Address: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
	if d.Failure == nil || d.Failure.Code != CodeOffline {
		t.Fatalf("%+v", d)
	}
}

func TestTwentyAccountsOfADeadClientAreOneNoticeAndOneRegistration(t *testing.T) {
	r, as := worksRig(t, "")
	var all []Account
	for _, c := range "abcdefghijklmnopqrst" {
		all = append(all, r.keep(as, "user-"+string(c), ConnectRequest{Provider: "works"}))
	}
	as.change(func() { clear(as.clients) })
	for _, a := range all[:3] {
		wantCode(t, r.Refresh(t.Context(), a.ID), CodeNeedsSignIn)
	}
	check := func() {
		t.Helper()
		for _, a := range all {
			if got := r.account(a.ID); got.Status != NeedsSignIn || got.Why == "" {
				t.Fatalf("%+v", got)
			}
		}
	}
	check()
	if n := len(r.heard(EventAccountNeedsSignIn)) + len(r.heard(EventAccountNeedsRegistration)); n != 1 {
		t.Fatalf("%d notices", n)
	}
	r.restart()
	check()
	var group sync.WaitGroup
	for _, a := range all {
		group.Go(func() {
			id, err := r.Connect(t.Context(), ConnectRequest{Reconnect: a.ID})
			if err != nil {
				t.Error(err)
				return
			}
			if d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() || d.Stage == DanceCameBack }); d.Stage != DanceDone {
				t.Errorf("%s: %s %+v", a.Login, d.Stage, d.Failure)
			}
		})
	}
	group.Wait()
	if n := as.count("POST /register"); n != 2 {
		t.Fatalf("%d registrations", n)
	}
	for _, a := range all {
		got := r.account(a.ID)
		if got.Status.NeedsUser() || got.Subject != a.Subject {
			t.Errorf("%+v", got)
		}
	}
	r.until("the dead client to be forgotten", func() bool {
		return len(r.profiles[r.current].registrations) == 1
	})
}

func TestVanishedClientIsMadeAnewWithinTheDance(t *testing.T) {
	r, as := worksRig(t, "")
	mira := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	as.change(func() { clear(as.clients) })
	jo := r.keep(as, "jo", ConnectRequest{Provider: "works"})
	if n := as.count("POST /register"); n != 2 {
		t.Fatalf("%d registrations", n)
	}
	if got := r.account(mira.ID); got.Status != NeedsSignIn {
		t.Fatalf("%+v", got)
	}
	if got := r.account(jo.ID); got.Status.NeedsUser() {
		t.Fatalf("%+v", got)
	}
}

func TestProviderThatTakesNoClientAtAllEndsTheDance(t *testing.T) {
	r, as := worksRig(t, "")
	as.change(func() { as.forgets = true })
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "works"})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
	if d.Failure == nil || d.Failure.Code != CodeNeedsRegistration {
		t.Fatalf("%+v", d)
	}
	if n := as.count("POST /register"); n != 2 {
		t.Fatalf("%d registrations", n)
	}
}

func TestExpiredSecretIsRenewedBeforeItIsSent(t *testing.T) {
	r, as := worksRig(t, "")
	as.change(func() { as.secretly = true })
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	r.mu.Lock()
	p := r.profiles[r.current]
	for id, c := range p.registrations {
		c.Expires = time.Now().Add(-time.Second)
		p.registrations[id] = c
	}
	r.mu.Unlock()
	before := as.count("POST /token")
	wantCode(t, r.Refresh(t.Context(), a.ID), CodeNeedsSignIn)
	if n := as.count("POST /token") - before; n != 0 {
		t.Fatalf("the expired secret was sent %d times", n)
	}
	r.dance("mira", ConnectRequest{Reconnect: a.ID})
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if n := as.count("POST /register"); n != 2 {
		t.Fatalf("%d registrations", n)
	}
}

func TestDanceThatGivesUpDoesNotEndTheRegistration(t *testing.T) {
	r, as := worksRig(t, "")
	release := as.hold()
	defer release()
	first, err := r.Connect(t.Context(), ConnectRequest{Provider: "works"})
	if err != nil {
		t.Fatal(err)
	}
	<-as.arrived
	second, err := r.Connect(t.Context(), ConnectRequest{Provider: "works", Device: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CancelDance(first); err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(first, func(d Dance) bool { return d.Stage.Over() })
	if d.Stage != DanceCancelled {
		t.Fatalf("%s %+v", d.Stage, d.Failure)
	}
	release()
	if d := r.awaitDance(second, func(d Dance) bool { return d.Code != nil || d.Stage.Over() }); d.Code == nil {
		t.Fatalf("%s %+v", d.Stage, d.Failure)
	}
	if n := as.count("POST /register"); n != 1 {
		t.Fatalf("%d registrations", n)
	}
}

func TestClientThatComesAfterALockIsGivenBack(t *testing.T) {
	r, as := worksRig(t, "")
	release := as.hold()
	defer release()
	if _, err := r.Connect(t.Context(), ConnectRequest{Provider: "works"}); err != nil {
		t.Fatal(err)
	}
	<-as.arrived
	if err := r.Lock("", LockSleep); err != nil {
		t.Fatal(err)
	}
	release()
	r.until("the client to be deleted", func() bool { return as.clientless() })
	r.unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.profiles[r.current].registrations); n != 0 {
		t.Fatalf("%d registrations are kept", n)
	}
}

func TestClientIsKeptWhileADanceHoldsIt(t *testing.T) {
	r, as := worksRig(t, "")
	mira := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	as.change(func() { as.user = "jo" })
	id := r.dance("jo", ConnectRequest{Provider: "works"})
	if err := r.Disconnect(t.Context(), mira.ID); err != nil {
		t.Fatal(err)
	}
	account, err := r.Keep(t.Context(), id, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context(), account); err != nil {
		t.Fatalf("its client was deleted under it: %v", err)
	}
}
