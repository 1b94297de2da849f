package accounts

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"slices"
	"testing"

	"dancecard/dance/dancetest"
)

func TestDisconnectRevokesAndErases(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	h, err := r.token(a.ID, Want{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if active, err := r.provider.Introspect(h.Token.Reveal()); err != nil || active {
		t.Fatalf("the token still works: %v, %v", active, err)
	}
	s := r.Snapshot()
	if len(s.Accounts) != 0 || len(s.Grants) != 0 {
		t.Fatalf("%+v", s)
	}
	_, err = r.token(a.ID, Want{})
	wantCode(t, err, CodeNoSuchAccount)
	r.restart()
	if n := len(r.Snapshot().Accounts); n != 0 {
		t.Fatalf("%d accounts after a restart", n)
	}
}

func TestPendingRevocationSurvivesARestart(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	token := r.stored(a.ID)
	if err := r.provider.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	got := r.account(a.ID)
	if got.Status != Revoking || got.Why == "" {
		t.Fatalf("%+v", got)
	}
	_, err := r.token(a.ID, Want{})
	wantCode(t, err, CodeNoSuchAccount)
	r.restart()
	if s := r.account(a.ID).Status; s != Revoking {
		t.Fatalf("after a restart: %s", s)
	}
	if err := r.provider.Restart(); err != nil {
		t.Fatal(err)
	}
	r.await("the revocation", func(s Snapshot) bool { return len(s.Accounts) == 0 })
	if active, err := r.provider.Introspect(token.Refresh); err != nil || active {
		t.Fatalf("the refresh token still works: %v, %v", active, err)
	}
}

func TestTokenThatComesAfterADisconnectIsRevoked(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	release := r.provider.Hold(r.provider.TokenPath())
	go r.Refresh(context.WithoutCancel(t.Context()), a.ID)
	if !r.provider.Await(t.Context(), r.provider.TokenPath(), 2) {
		t.Fatal("no refresh arrived")
	}
	hurry, cancel := context.WithCancel(t.Context())
	cancel() // the disconnect does not wait for the refresh
	r.provider.Fault(r.provider.RevocationPath(), 1, dancetest.Unavailable(0))
	if err := r.Disconnect(hurry, a.ID); err != nil {
		t.Fatal(err)
	}
	release()
	r.await("the revocation", func(s Snapshot) bool { return len(s.Accounts) == 0 })
	if n, err := r.provider.EndGrants("mira"); err != nil || n != 0 {
		t.Fatalf("%d grants were left at the provider, %v", n, err)
	}
}

func TestAskDisconnectWaitsForTheWindow(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, err := r.AskDisconnect(a.ID, App{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(q, Answer{}); err != nil {
		t.Fatal(err)
	}
	r.account(a.ID) // still there
	q, err = r.AskDisconnect(a.ID, App{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(q, Answer{Allow: true}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.AwaitAnswer(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if n := len(r.Snapshot().Accounts); n != 0 {
		t.Fatalf("%d accounts", n)
	}
}

func TestSignOutAtProviderLeavesTheLink(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	var opened string
	r.Book.opts.OpenURL = func(_ context.Context, address string) error { opened = address; return nil }
	if err := r.SignOutAtProvider(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if opened == "" || !a.EndSession {
		t.Fatalf("opened %q", opened)
	}
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
}

// No token of an erased account is in any file of the profile.
func TestV35DisconnectLeavesNoTokenInTheFolder(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	before := r.stored(a.ID)
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	after := r.stored(a.ID)
	if after.Access != "" || after.Refresh != "" {
		t.Fatal("the vault still opens the erased token")
	}
	var files []string
	err := fs.WalkDir(os.DirFS(r.opts.Dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(os.DirFS(r.opts.Dir), path)
		for _, canary := range []string{before.Access, before.Refresh} {
			if bytes.Contains(content, []byte(canary)) {
				files = append(files, path)
			}
		}
		return err
	})
	if err != nil || !slices.Equal(files, nil) {
		t.Fatalf("tokens in the clear in %v, %v", files, err)
	}
}

func TestAskDisconnectIsWithdrawnWithItsAsker(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, err := r.AskDisconnect(a.ID, App{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := r.AwaitAnswer(ctx, q); err == nil {
		t.Fatal("answered by nobody")
	}
	r.await("no question", func(s Snapshot) bool { return len(s.Questions) == 0 })
}
