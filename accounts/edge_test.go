package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"dancecard/dance"
	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
	"dancecard/vault"
)

// noRefresh makes a linked account one that has an access token alone.
func (r *rig) noRefresh(account string) {
	r.t.Helper()
	p, v, err := r.openProfile()
	if err != nil {
		r.t.Fatal(err)
	}
	t := r.stored(account)
	t.Refresh = ""
	p.store.Lock()
	err = v.Commit(put(keyToken+account, t))
	p.store.Unlock()
	if err != nil {
		r.t.Fatal(err)
	}
	r.restart()
}

func TestR28ProbeDecidesWhereNothingCanBeRefreshed(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	r.noRefresh(a.ID)
	hash := tokenHash(r.stored(a.ID).Access)
	if err := r.Rejected(t.Context(), testApp, a.ID, hash); err != nil {
		t.Fatalf("a token that works was doubted: %v", err)
	}
	if _, err := r.token(a.ID, Want{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.provider.EndGrants("mira"); err != nil {
		t.Fatal(err)
	}
	r.restart() // an app may ask again at once
	w := r.Watch("")
	wantCode(t, r.Rejected(t.Context(), testApp, a.ID, hash), CodeNeedsSignIn)
	events, _, err := w.Next(t.Context())
	if err != nil || events[0].Type != EventAccountNeedsSignIn {
		t.Fatalf("%+v, %v", events, err)
	}
	_, err = r.token(a.ID, Want{MinValid: time.Hour})
	wantCode(t, err, CodeNeedsSignIn)
}

func TestR9GrantThatEndsWhileLockedIsKnownAtUnlock(t *testing.T) {
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
	if err := r.Lock("", LockSleep); err != nil {
		t.Fatal(err)
	}
	close(gate)
	wantCode(t, <-done, CodeProfileLocked)
	r.unlock()
	if s := r.account(a.ID).Status; s != NeedsSignIn {
		t.Fatalf("status %s", s)
	}
}

func TestR12OfflineWhileLockedSaysLocked(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	gate, arrived := make(chan struct{}), make(chan struct{})
	r.provider.Fault(r.provider.TokenPath(), 1, func(w http.ResponseWriter, q *http.Request) {
		close(arrived)
		<-gate
		dancetest.CaptivePortal()(w, q)
	})
	done := make(chan error, 1)
	go func() { done <- r.Refresh(context.WithoutCancel(t.Context()), a.ID) }()
	<-arrived
	if err := r.Lock("", LockSleep); err != nil {
		t.Fatal(err)
	}
	close(gate)
	wantCode(t, <-done, CodeProfileLocked)
	r.unlock()
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
}

func TestR15AnswerForAnotherSubjectIsRefused(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	before := r.stored(a.ID)
	p, v, err := r.openProfile()
	if err != nil {
		t.Fatal(err)
	}
	record, _, err := load[accountRecord](v, keyAccount+a.ID)
	if err != nil {
		t.Fatal(err)
	}
	record.Subject = "somebody-else" // so the provider's true ID token is another's
	p.store.Lock()
	err = v.Commit(put(keyAccount+a.ID, record))
	p.store.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	r.restart()
	wantCode(t, r.Refresh(t.Context(), a.ID), CodeNeedsSignIn)
	if got := r.account(a.ID); got.Status != NeedsSignIn || got.Why == "" {
		t.Fatalf("%+v", got)
	}
	after := r.stored(a.ID)
	if after.Access != before.Access || after.Refresh == before.Refresh {
		t.Fatal("the access token was taken, or the rotated refresh token lost")
	}
}

func TestNoTokenIsGivenBackOnWhichAnAccountLives(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.link("mira")
	id := r.dance("mira", ConnectRequest{Provider: "demo"})
	r.mu.Lock()
	r.dances[len(r.dances)-1].result.Link.Provider.Revocation.Revokes = "grant"
	r.mu.Unlock()
	if err := r.CancelDance(id); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil { // waits for what was begun
		t.Fatal(err)
	}
	for _, q := range r.provider.Requests() {
		if q.Path == r.provider.RevocationPath() {
			t.Fatal("the linked account's grant was revoked")
		}
	}
}

func TestWhereNothingRevokesTheSettingsPageOpens(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	var opened string
	r.Book.opts.OpenURL = func(_ context.Context, address string) error { opened = address; return nil }
	r.mu.Lock()
	row := &r.profiles[r.current].accounts[a.ID].Link.Provider
	row.Revocation.Style, row.SettingsPage = "none", "https://demo.example/settings"
	r.mu.Unlock()
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if opened != "https://demo.example/settings" || len(r.Snapshot().Accounts) != 0 {
		t.Fatalf("opened %q", opened)
	}
	wantCode(t, r.Disconnect(t.Context(), a.ID), CodeNoSuchAccount)
	wantCode(t, r.SignOutAtProvider(t.Context(), a.ID), CodeNoSuchAccount)
}

func TestDanceProblems(t *testing.T) {
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		code Code
	}{
		{t.Context(), &dance.Refused{Code: "access_denied"}, CodeAccessDenied},
		{t.Context(), &dance.Refused{Code: "invalid_client"}, CodeNeedsRegistration},
		{t.Context(), &dance.Refused{Code: "invalid_scope"}, CodeProviderError},
		{t.Context(), dance.ErrExpired, CodeExpired},
		{late, errors.New("x"), CodeExpired},
		{t.Context(), dance.ErrCancelled, CodeCancelled},
		{t.Context(), &dance.Failed{Text: "x", Offline: true}, CodeOffline},
		{t.Context(), &dance.Failed{Text: "x"}, CodeProviderError},
		{t.Context(), errors.New("x"), CodeProviderError},
		{t.Context(), &Error{Code: CodeDisk}, CodeDisk},
	} {
		if got := danceProblem(c.ctx, "Demo", c.err); got.Code != c.code {
			t.Errorf("%v: %s, want %s", c.err, got.Code, c.code)
		}
	}
}

func TestVaultProblems(t *testing.T) {
	for err, code := range map[error]Code{
		vault.ErrWrongKey: CodeWrongSecret, vault.ErrNoKeyring: CodeNoKeyring, vault.ErrInUse: CodeInUse, vault.ErrFuture: CodeDamaged,
		vault.ErrUnsafe: CodeDamaged, vault.ErrNoVault: CodeDamaged, vault.ErrClosed: CodeProfileLocked, errors.New("x"): CodeDisk,
	} {
		if got := vaultProblem(fmt.Errorf("w: %w", err), "Home"); got.Code != code || got.Hint == "" {
			t.Errorf("%v: %+v", err, got)
		}
	}
}

func TestClientSecretDecidesTheStyle(t *testing.T) {
	s := secret.New("x")
	for _, c := range []struct {
		row, want dance.AuthStyle
		secret    secret.String
	}{
		{dance.AuthPost, dance.AuthNone, secret.String{}}, {"", dance.AuthBasic, s}, {dance.AuthNone, dance.AuthBasic, s}, {dance.AuthPost, dance.AuthPost, s},
	} {
		if got := authStyle(dance.Provider{AuthStyle: c.row}, c.secret); got != c.want {
			t.Errorf("%q: %q", c.row, got)
		}
	}
}

func TestSelfHostedProviderAsksForItsInstance(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	for _, p := range r.Snapshot().Gallery {
		if p.Instance == nil || p.Instance.Default != "" {
			continue
		}
		_, err := r.Book.provider(p.ID, "not a host name")
		wantCode(t, err, CodeBadRequest)
		return
	}
	t.Fatal("no row of the gallery has an instance")
}

func TestLockedProfileCountsWhoWaits(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	if err := r.RenameProfile("", "Casa"); err != nil {
		t.Fatal(err)
	}
	if err := r.Lock("", LockIdle); err != nil {
		t.Fatal(err)
	}
	_, err := r.AccountsFor(testApp)
	wantCode(t, err, CodeProfileLocked)
	_, err = r.AccountFor(App{Key: "other"}, "demo")
	wantCode(t, err, CodeProfileLocked)
	_, err = r.AskConnect(App{Key: "third"}, "demo")
	wantCode(t, err, CodeProfileLocked)
	_, err = r.Activity(1)
	wantCode(t, err, CodeProfileLocked)
	for _, err := range []error{r.Rename("a", "b"), r.TakeBack("g"), r.Disconnect(t.Context(), "a"), r.Refresh(t.Context(), "a"),
		r.Rejected(t.Context(), testApp, "a", "b"), r.SetRegistration(t.Context(), "demo", "", "id", secret.String{}, secret.String{})} {
		wantCode(t, err, CodeProfileLocked)
	}
	if p := r.Snapshot().Profiles[0]; p.Waiting != 3 || p.Name != "Casa" {
		t.Fatalf("%+v", p)
	}
	wantCode(t, r.Unlock(t.Context(), "", WayRecovery, secret.New("nonsense")), CodeWrongSecret)
	wantCode(t, r.Unlock(t.Context(), "", "magic", secret.String{}), CodeBadRequest)
}
