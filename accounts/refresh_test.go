package accounts

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"dancecard/dance/dancetest"
)

// answerLate lets the provider do its work for the next token request, and
// holds its answer until open is called. refresh is what the answer brings.
func (r *rig) answerLate() (open func(), refresh <-chan string) {
	gate, tokens := make(chan struct{}), make(chan string, 1)
	r.provider.Rewrite(r.provider.TokenPath(), 1, func(x *dancetest.Answer) {
		var body struct {
			Refresh string `json:"refresh_token"`
		}
		json.Unmarshal(x.Body, &body)
		tokens <- body.Refresh
		<-gate
	})
	open = sync.OnceFunc(func() { close(gate) })
	r.t.Cleanup(open)
	return open, tokens
}

// refreshing starts a refresh whose answer is held.
func (r *rig) refreshing(account string) (open func(), refresh string, done <-chan error) {
	r.t.Helper()
	open, tokens := r.answerLate()
	result := make(chan error, 1)
	go func() { result <- r.Refresh(context.WithoutCancel(r.t.Context()), account) }()
	select {
	case refresh = <-tokens:
	case <-time.After(20 * time.Second):
		r.t.Fatal("no refresh arrived")
	}
	return open, refresh, result
}

// until waits for a condition of the Book's own, under its lock.
func (r *rig) until(what string, enough func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		r.mu.Lock()
		ok := enough()
		r.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("waited for %s in vain", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func (r *rig) lives(refresh string) {
	r.t.Helper()
	if active, err := r.provider.Introspect(refresh); err != nil || !active {
		r.t.Fatalf("the stored refresh token is dead: %v", err)
	}
}

func TestR23DamagedInboxItemLocksNobodyOut(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	open, refresh, done := r.refreshing(a.ID)
	if err := r.Lock("", LockScreen); err != nil {
		t.Fatal(err)
	}
	open()
	<-done
	path := filepath.Join(r.profileDir(r.current), "inbox", "00000000000000ff.age")
	if err := os.WriteFile(path, []byte("anybody may write this"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.unlock()
	if r.stored(a.ID).Refresh != refresh {
		t.Fatal("the good item was not merged")
	}
}

func TestReconnectDuringARefreshKeepsTheNewToken(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	open, late, done := r.refreshing(a.ID)
	r.link("mira")
	linked := r.stored(a.ID)
	open()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := r.stored(a.ID); got.Refresh != linked.Refresh || got.Access != linked.Access || late == linked.Refresh {
		t.Fatal("the old grant's answer took the place of the new token")
	}
}

func TestReconnectIsNotUndoneByTheOldTokensEnd(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	gate, arrived := make(chan struct{}), make(chan struct{})
	r.provider.Fault(r.provider.TokenPath(), 1, func(w http.ResponseWriter, q *http.Request) {
		close(arrived)
		<-gate
		dancetest.OAuthError("invalid_grant")(w, q)
	})
	done := make(chan error, 1)
	go func() { done <- r.Refresh(context.WithoutCancel(t.Context()), a.ID) }()
	<-arrived
	r.link("mira")
	close(gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if s := r.account(a.ID).Status; s.NeedsUser() {
		t.Fatalf("the account that was just signed in again is at %s", s)
	}
}

func TestLateTokenJoinsARevocationUnderWay(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	open, late, done := r.refreshing(a.ID)
	hurry, cancel := context.WithCancel(t.Context())
	cancel() // the disconnect does not wait for the refresh
	if err := r.Disconnect(hurry, a.ID); err != nil {
		t.Fatal(err)
	}
	release := r.provider.Hold(r.provider.RevocationPath())
	r.mu.Lock()
	r.profiles[r.current].revocations[a.ID].nextTry = time.Time{}
	r.mu.Unlock()
	r.poke()
	if !r.provider.Await(t.Context(), r.provider.RevocationPath(), 1) {
		t.Fatal("no revocation arrived")
	}
	open()
	<-done
	release()
	r.await("the revocation", func(s Snapshot) bool { return len(s.Accounts) == 0 })
	if !r.revoked(late) {
		t.Fatal("the late token was not revoked")
	}
}

func (r *rig) revoked(token string) bool {
	return slices.ContainsFunc(r.provider.Requests(), func(q dancetest.Request) bool {
		return q.Path == r.provider.RevocationPath() && q.Form["token"] == token
	})
}

func TestLateTokenOfALockedProfileIsRevokedAtUnlock(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	open, late, done := r.refreshing(a.ID)
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Disconnect(hurry, a.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Lock("", LockScreen); err != nil {
		t.Fatal(err)
	}
	open()
	wantCode(t, <-done, CodeProfileLocked)
	r.unlock()
	r.await("the revocation", func(s Snapshot) bool { return len(s.Accounts) == 0 })
	if !r.revoked(late) {
		t.Fatal("the late token was not revoked")
	}
}

func TestR6CallerAfterTheSettleGetsTheSettledToken(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	bad := tokenHash(r.stored(a.ID).Access)
	p, _, err := r.openProfile()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		got, err := r.goodToken(t.Context(), p, a.ID, 0, bad)
		if err != nil || tokenHash(got.Access) == bad {
			t.Fatalf("not the new token: %v", err)
		}
	}
	if n := r.tokens("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

func TestR8SecondBookNeverRefreshes(t *testing.T) {
	r := newRig(t, dancetest.Options{AccessTokenLifetime: time.Second})
	r.link("mira")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	before := r.tokens("refresh_token")
	first, err := Open(t.Context(), r.opts) // holds the folder, locked
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	r.open()
	wantCode(t, r.Unlock(t.Context(), "", WayRecovery, r.key), CodeInUse)
	for _, p := range r.profileList() {
		r.lookAt(p)
	}
	if n := r.tokens("refresh_token"); n != before {
		t.Fatalf("%d refreshes by the second", n-before)
	}
}

func TestR10PollingAppsKeepToRetryAfter(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	r.provider.Fault(r.provider.TokenPath(), -1, dancetest.Unavailable(time.Hour))
	if err := r.Refresh(t.Context(), a.ID); err == nil {
		t.Fatal("no error")
	}
	for range 20 {
		r.mu.Lock()
		r.profiles[r.current].accounts[a.ID].lastTry = time.Now().Add(-time.Minute)
		r.mu.Unlock()
		_, err := r.token(a.ID, Want{MinValid: time.Hour})
		wantCode(t, err, CodeOffline)
	}
	if n := r.tokens("refresh_token"); n != 1 {
		t.Fatalf("%d requests against the provider's word", n)
	}
}

func TestR10OddAnswersKeepTheBackoffGrowing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.provider.Rewrite(r.provider.TokenPath(), 3, func(x *dancetest.Answer) {
		x.Body = append(x.Body[:len(x.Body)-1], []byte(`,"access_token":"twice"}`)...)
	})
	w := r.Watch("")
	for range 3 {
		if err := r.Refresh(t.Context(), a.ID); err == nil {
			t.Fatal("an odd answer was taken")
		}
	}
	r.mu.Lock()
	failures := r.profiles[r.current].accounts[a.ID].failures
	r.mu.Unlock()
	events, _, _ := w.Next(t.Context())
	said := slices.DeleteFunc(events, func(e Event) bool { return e.Type != EventTokenRefreshFailed })
	if failures != 3 || len(said) != 1 {
		t.Fatalf("%d failures counted, said %d times", failures, len(said))
	}
}

func TestR16WrongClockHandsOutNoExpiredToken(t *testing.T) {
	issued := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	f := facts{Issued: issued, Expiry: issued.Add(time.Hour), Refreshes: true}
	for name, at := range map[string]struct {
		wall time.Time
		good bool
	}{
		"R18 same day": {issued.Add(time.Minute).In(time.FixedZone("x", 7200)), true},
		"+1 h":         {issued.Add(time.Hour), false}, "-1 h": {issued.Add(-time.Hour), false},
		"+10 y": {issued.AddDate(10, 0, 0), false}, "-10 y": {issued.AddDate(-10, 0, 0), false},
		"1970": {time.Unix(0, 0), false}, "2038": {time.Unix(1<<31, 0), false},
	} {
		if left, _ := f.remaining(moment{wall: at.wall}); (left > 0) != at.good {
			t.Errorf("%s: %v left", name, left)
		}
	}
	// In the run that it came in, the boot clock alone counts.
	f.Boot = time.Hour
	for _, wall := range []time.Time{issued.AddDate(-10, 0, 0), issued.AddDate(10, 0, 0)} {
		if left, _ := f.remaining(moment{wall, f.Boot + 20*time.Minute}); left != 40*time.Minute {
			t.Errorf("%v left at %v", left, wall)
		}
	}
}

func TestR17SleptThroughTheEndIsDueAtOnce(t *testing.T) {
	now := readClocks()
	f := facts{Issued: now.wall, Expiry: now.wall.Add(time.Hour), Refreshes: true, Boot: now.boot + 1}
	awake := moment{now.wall.Add(8 * time.Hour), now.boot + 8*time.Hour}
	for _, jitter := range []float64{0, 0.5, 1} {
		if due, ever := f.dueAt(awake, jitter); !ever || due.After(awake.wall) {
			t.Fatalf("due %v after waking", due.Sub(awake.wall))
		}
	}
	if left, _ := f.remaining(awake); left > 0 {
		t.Fatal("an expired token counts as good")
	}
}

func TestR19FewRefreshesAtOnceAtOneProvider(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.link("mira")
	ctx, cancel := context.WithCancel(t.Context())
	var releases []func()
	for range perProvider {
		release, err := r.limit(ctx, r.provider.Issuer())
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	cancel()
	if _, err := r.limit(ctx, r.provider.Issuer()); err == nil {
		t.Fatal("one too many")
	}
	if _, err := r.limit(t.Context(), "https://other.example"); err != nil {
		t.Fatal("another provider has to wait")
	}
	releases[0]()
	if _, err := r.limit(t.Context(), r.provider.Issuer()); err != nil {
		t.Fatal(err)
	}
}

func TestR20MinValidIsHonoured(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	r.mu.Lock() // a token that came a minute and a half ago
	f := &r.profiles[r.current].accounts[a.ID].facts
	f.Issued, f.Expiry, f.Boot = f.Issued.Add(-90*time.Second), f.Expiry.Add(-90*time.Second), f.Boot-90*time.Second
	r.mu.Unlock()
	h, err := r.token(a.ID, Want{MinValid: time.Minute})
	if err != nil || time.Until(h.Expiry) < time.Minute {
		t.Fatalf("good for %v, %v", time.Until(h.Expiry), err)
	}
}

func TestR21AppsCannotForceManyRefreshes(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	for range 10 {
		_, err := r.token(a.ID, Want{MinValid: time.Hour})
		wantCode(t, err, CodeProviderError)
	}
	if n := r.tokens("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

func TestManyRejectionsAtOnceAreOneRefresh(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	hash := tokenHash(r.stored(a.ID).Access)
	open, _ := r.answerLate()
	done := make(chan error, 5)
	go func() { done <- r.Rejected(t.Context(), testApp, a.ID, hash) }()
	r.await("refreshing", func(s Snapshot) bool { x, _ := s.Account(a.ID); return x.Status == Refreshing })
	for range 4 {
		go func() { done <- r.Rejected(t.Context(), testApp, a.ID, hash) }()
	}
	open()
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := r.tokens("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

func TestR25OlderCopyRefreshesNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	_, v, err := r.openProfile()
	if err != nil {
		t.Fatal(err)
	}
	if err := distrustTokens(v); err != nil {
		t.Fatal(err)
	}
	r.restart()
	got := r.account(a.ID)
	if got.Status != NeedsSignIn {
		t.Fatalf("%+v", got)
	}
	wantCode(t, r.Refresh(t.Context(), a.ID), CodeNeedsSignIn)
	if n := r.tokens("refresh_token"); n != 0 {
		t.Fatalf("%d refreshes with a token that may be spent", n)
	}
	r.link("mira")
	r.restart()
	if s := r.account(a.ID).Status; s.NeedsUser() {
		t.Fatalf("after signing in again: %s", s)
	}
}

func TestR27CloseWaitsForARefresh(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	open, refresh, done := r.refreshing(a.ID)
	closed := make(chan error, 1)
	go func() { closed <- r.Close() }()
	r.until("the close to begin", func() bool { return r.closing })
	wantCode(t, func() error { _, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"}); return err }(), CodeCancelled)
	open()
	if err := <-done; err != nil { // its caller may find the vault closed already
		wantCode(t, err, CodeProfileLocked)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if r.stored(a.ID).Refresh != refresh {
		t.Fatal("the answer was not stored")
	}
	if err := r.Refresh(t.Context(), a.ID); err == nil {
		t.Fatal("a closed Book refreshes")
	}
}

func TestR30TwoProfilesShareNoTokens(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	home := r.Snapshot().Current
	mine := r.link("mira")
	before := r.stored(mine.ID)
	key := r.key
	_, work, err := r.CreateProfile(t.Context(), NewProfile{Name: "Work"})
	if err != nil {
		t.Fatal(err)
	}
	r.key = work
	theirs := r.link("mira")
	if theirs.ID == mine.ID || theirs.Subject != mine.Subject {
		t.Fatalf("%+v and %+v", mine, theirs)
	}
	for range 2 {
		if err := r.Refresh(t.Context(), theirs.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Disconnect(t.Context(), theirs.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.SwitchProfile(home); err != nil {
		t.Fatal(err)
	}
	r.key = key
	if got := r.stored(mine.ID); got.Refresh != before.Refresh {
		t.Fatal("the other profile's refresh changed this one")
	}
	if err := r.Refresh(t.Context(), mine.ID); err != nil {
		t.Fatal(err)
	}
}

func TestCancelDuringKeepRevokesNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	id := r.dance("mira", ConnectRequest{Provider: "demo"})
	d, err := r.Book.dance(id)
	if err != nil {
		t.Fatal(err)
	}
	p := d.profile
	p.store.Lock() // the disk is slow
	kept := make(chan error, 1)
	go func() { _, err := r.Keep(t.Context(), id, "", false); kept <- err }()
	r.until("Keep to take the token", func() bool { return d.result == nil })
	if err := r.CancelDance(id); err != nil {
		t.Fatal(err)
	}
	p.store.Unlock()
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	if n := len(r.provider.Requests()); n == 0 || r.revoked(r.stored(r.Snapshot().Accounts[0].ID).Refresh) {
		t.Fatal("the token of a kept account was revoked")
	}
}

func TestDisconnectingAccountGivesNoToken(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	open, _, _ := r.refreshing(a.ID)
	done := make(chan error, 1)
	go func() { done <- r.Disconnect(t.Context(), a.ID) }()
	r.until("the account to leave", func() bool { return r.profiles[r.current].accounts[a.ID].leaving })
	_, err := r.token(a.ID, Want{})
	wantCode(t, err, CodeNoSuchAccount)
	open()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestLinkingAgainForgivesARevocationOfTheWholeGrant(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.mu.Lock()
	r.profiles[r.current].accounts[a.ID].Link.Provider.Revocation.Revokes = "grant"
	r.mu.Unlock()
	r.provider.Fault(r.provider.RevocationPath(), -1, dancetest.Unavailable(0))
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	r.link("mira")
	if s := r.Snapshot(); len(s.Accounts) != 1 || s.Accounts[0].Status == Revoking {
		t.Fatalf("%+v", s.Accounts)
	}
	r.restart()
	if n := len(r.Snapshot().Accounts); n != 1 {
		t.Fatalf("%d accounts after a restart", n)
	}
}
