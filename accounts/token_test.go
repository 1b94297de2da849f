package accounts

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"dancecard/dance"
	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
)

func works(t *testing.T, r *rig, token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.provider.Issuer()+r.provider.UserInfoPath(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func TestTokenIsRefreshedAheadAndStoredFirst(t *testing.T) {
	r := newRig(t, dancetest.Options{AccessTokenLifetime: 3 * time.Second})
	a := r.link("mira")
	r.allow(a.ID)
	first, err := r.token(a.ID, Want{})
	if err != nil {
		t.Fatal(err)
	}
	w := r.Watch("")
	for {
		events, _, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(events) > 0 && events[0].Type == EventTokenRefreshed {
			break
		}
	}
	second, err := r.token(a.ID, Want{})
	if err != nil {
		t.Fatal(err)
	}
	if first.Token.Equal(second.Token) || !works(t, r, second.Token.Reveal()) {
		t.Fatal("not a new, working token")
	}
}

func TestR1RefreshTokenIsDurableBeforeTheHandout(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	before := r.stored(a.ID)
	_, err := r.token(a.ID, Want{MinValid: 3 * time.Minute}) // longer than any of its tokens live
	wantCode(t, err, CodeProviderError)
	h, err := r.token(a.ID, Want{})
	if err != nil {
		t.Fatal(err)
	}
	after := r.stored(a.ID)
	if after.Refresh == before.Refresh || after.Refresh == "" {
		t.Fatal("the rotated refresh token is not on the disk")
	}
	if after.Access != h.Token.Reveal() {
		t.Fatal("the token on the disk is not the one that was handed out")
	}
	if active, err := r.provider.Introspect(after.Refresh); err != nil || !active {
		t.Fatalf("the stored refresh token is dead: %v", err)
	}
}

func TestR4LostAnswerIsAskedForOnceMore(t *testing.T) {
	r := newRig(t, dancetest.Options{RefreshGrace: time.Minute})
	a := r.link("mira")
	r.provider.FaultAfter(r.provider.TokenPath(), 1, dancetest.DropConnection())
	if err := r.Refresh(t.Context(), a.ID); err == nil {
		t.Fatal("a dropped answer is no success")
	}
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if s := r.account(a.ID).Status; s.NeedsUser() {
		t.Fatalf("status %s", s)
	}
}

func TestR5ManyCallersOneRefresh(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	release := r.provider.Hold(r.provider.TokenPath())
	p, _, _ := r.openProfile()
	bad := tokenHash(r.stored(a.ID).Access)
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if _, err := r.goodToken(t.Context(), p, a.ID, 0, bad); err != nil {
				t.Error(err)
			}
		})
	}
	r.await("refreshing", func(s Snapshot) bool { x, _ := s.Account(a.ID); return x.Status == Refreshing })
	release()
	all.Wait()
	if n := r.tokens("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

func TestR7CallerThatGivesUpEndsNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	release := r.provider.Hold(r.provider.TokenPath())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Refresh(ctx, a.ID) }()
	r.await("refreshing", func(s Snapshot) bool { x, _ := s.Account(a.ID); return x.Status == Refreshing })
	cancel()
	<-done
	w := r.Watch("")
	release()
	for {
		events, _, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Type == EventTokenRefreshed {
				return
			}
		}
	}
}

func TestR9GrantEndedIsSaidOnceAndErasesNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	if n, err := r.provider.EndGrants("mira"); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	w := r.Watch("")
	wantCode(t, r.Refresh(t.Context(), a.ID), CodeNeedsSignIn)
	_, err := r.token(a.ID, Want{})
	wantCode(t, err, CodeNeedsSignIn)
	wantCode(t, r.Refresh(t.Context(), a.ID), CodeNeedsSignIn)
	said := 0
	events, _, _ := w.Next(t.Context())
	for _, e := range events {
		if e.Type == EventAccountNeedsSignIn {
			said++
		}
	}
	if said != 1 || r.tokens("refresh_token") != 1 {
		t.Fatalf("said %d times, %d refreshes", said, r.tokens("refresh_token"))
	}
	if r.stored(a.ID).Refresh == "" {
		t.Fatal("the token was erased")
	}
	r.restart()
	if s := r.account(a.ID).Status; s != NeedsSignIn {
		t.Fatalf("after a restart: %s", s)
	}
}

func TestR10ProviderTroubleNeverCostsASignIn(t *testing.T) {
	faults := map[string]http.HandlerFunc{
		"503": dancetest.Unavailable(0), "captive portal": dancetest.CaptivePortal(), "dropped": dancetest.DropConnection(),
		"R11 429": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, dancetest.Options{})
			a := r.link("mira")
			r.provider.Fault(r.provider.TokenPath(), 1, fault)
			if err := r.Refresh(t.Context(), a.ID); err == nil {
				t.Fatal("no error")
			}
			got := r.account(a.ID)
			if got.Status != Offline || got.Why == "" || !got.NextTry.After(time.Now()) {
				t.Fatalf("%+v", got)
			}
			if err := r.Refresh(t.Context(), a.ID); err != nil {
				t.Fatal(err)
			}
			if s := r.account(a.ID).Status; s == Offline || s.NeedsUser() {
				t.Fatalf("status %s", s)
			}
		})
	}
}

func TestR10OneHourOf503IsAFewRequests(t *testing.T) {
	total := time.Duration(0)
	n := 0
	for ; total < time.Hour; n++ {
		total += backoff(n)
	}
	if n > 30 {
		t.Fatalf("%d tries in an hour", n)
	}
}

func TestR14AnswerWithoutRefreshTokenKeepsTheOld(t *testing.T) {
	old := tokenRecord{Access: "a", Refresh: "r", ID: "i", Type: "Bearer", Granted: []string{"s"}, Extra: map[string]string{"x": "1"}}
	got := merge(old, dance.Token{Access: secret.New("b")}, time.Now())
	if got.Access != "b" || got.Refresh != "r" || got.ID != "i" || got.Type != "Bearer" || got.Granted[0] != "s" || got.Extra["x"] != "1" {
		t.Fatalf("%+v", got)
	}
}

func TestR13RefreshTokenIsSalvagedFromAnOddAnswer(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	before := r.stored(a.ID)
	r.provider.Rewrite(r.provider.TokenPath(), 1, func(x *dancetest.Answer) {
		x.Body = append(x.Body[:len(x.Body)-1], []byte(`,"access_token":"twice"}`)...)
	})
	if err := r.Refresh(t.Context(), a.ID); err == nil {
		t.Fatal("an answer with a duplicate key was taken")
	}
	after := r.stored(a.ID)
	if after.Refresh == before.Refresh || after.Access != before.Access {
		t.Fatal("the rotated refresh token was lost, or the odd access token kept")
	}
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
}

func TestR23LockDuringARefreshLosesNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	before := r.stored(a.ID)
	release := r.provider.Hold(r.provider.TokenPath())
	done := make(chan error, 1)
	go func() { done <- r.Refresh(context.WithoutCancel(t.Context()), a.ID) }()
	r.await("refreshing", func(s Snapshot) bool { x, _ := s.Account(a.ID); return x.Status == Refreshing })
	if !r.provider.Await(t.Context(), r.provider.TokenPath(), 2) {
		t.Fatal("no refresh arrived")
	}
	if err := r.Lock("", LockUser); err != nil {
		t.Fatal(err)
	}
	release()
	wantCode(t, <-done, CodeProfileLocked)
	r.unlock()
	after := r.stored(a.ID)
	if after.Refresh == before.Refresh {
		t.Fatal("the answer that came while the profile was locked is lost")
	}
	if active, err := r.provider.Introspect(after.Refresh); err != nil || !active {
		t.Fatalf("the stored refresh token is dead: %v", err)
	}
}

func TestRegistrationDeathIsOneNoticeForAllAccounts(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	r.provider.Fault(r.provider.TokenPath(), -1, dancetest.OAuthError("invalid_client"))
	w := r.Watch("")
	wantCode(t, r.Refresh(t.Context(), mira.ID), CodeNeedsRegistration)
	wantCode(t, r.Refresh(t.Context(), jo.ID), CodeNeedsRegistration)
	said := 0
	events, _, _ := w.Next(t.Context())
	for _, e := range events {
		if e.Type == EventAccountNeedsRegistration {
			said++
		}
	}
	if said != 1 || r.account(jo.ID).Status != NeedsRegistration || r.tokens("refresh_token") != 1 {
		t.Fatalf("said %d times; %+v; %d refreshes", said, r.account(jo.ID), r.tokens("refresh_token"))
	}
	r.provider.ClearFaults()
	r.link("mira")
	if s := r.account(jo.ID).Status; s.NeedsUser() {
		t.Fatalf("a registration that works again leaves jo at %s", s)
	}
}

func TestHungProviderHoldsUpNoOther(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	r.allow(jo.ID)
	release := r.provider.Hold(r.provider.TokenPath())
	defer release()
	go r.Refresh(context.WithoutCancel(t.Context()), mira.ID)
	r.await("refreshing", func(s Snapshot) bool { x, _ := s.Account(mira.ID); return x.Status == Refreshing })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := r.Token(ctx, testApp, jo.ID, Want{}); err != nil {
		t.Fatal(err)
	}
}

func TestRejectedToken(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	wantCode(t, r.Rejected(t.Context(), testApp, a.ID, "00"), CodeNoSuchAccount)
	r.allow(a.ID)
	first, err := r.token(a.ID, Want{})
	if err != nil {
		t.Fatal(err)
	}
	hash := tokenHash(first.Token.Reveal())
	wantCode(t, r.Rejected(t.Context(), testApp, a.ID, tokenHash("never ours")), CodeBadRequest)
	if err := r.Rejected(t.Context(), testApp, a.ID, hash); err != nil {
		t.Fatal(err)
	}
	second, err := r.token(a.ID, Want{})
	if err != nil || second.Token.Equal(first.Token) {
		t.Fatalf("no new token: %v", err)
	}
	if err := r.Rejected(t.Context(), testApp, a.ID, hash); err != nil {
		t.Fatalf("a stale token is no error: %v", err)
	}
	wantCode(t, r.Rejected(t.Context(), testApp, a.ID, tokenHash(second.Token.Reveal())), CodeRateLimited)
	if n := r.tokens("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}
