package accounts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
)

// remains lists what lies among the profiles.
func (r *rig) remains() (names []string) {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.opts.Dir, "profiles"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestDeletingTheLastProfileLeavesAFirstStart(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.allow(r.link("mira").ID)
	r.link("jo")
	w := r.Watch("")
	left, err := r.DeleteProfile(t.Context(), "", false)
	if err != nil || len(left) != 0 {
		t.Fatalf("left %+v, %v", left, err)
	}
	if s := r.Snapshot(); len(s.Profiles) != 0 || s.Current != "" || len(s.Accounts) != 0 {
		t.Fatalf("%+v", s.Profiles)
	}
	if names := r.remains(); len(names) != 0 {
		t.Fatalf("left on the disk: %q", names)
	}
	revoked := 0
	for _, q := range r.provider.Requests() {
		if q.Path == r.provider.RevocationPath() {
			revoked++
		}
	}
	if revoked < 2 {
		t.Fatalf("%d revocations", revoked)
	}
	events, _, err := w.Next(t.Context())
	if err != nil || !slices.ContainsFunc(events, func(e Event) bool { return e.Type == EventProfileDeleted && e.Data["name"] == "Home" }) {
		t.Fatalf("%+v, %v", events, err)
	}
	_, err = r.token("demo", Want{})
	wantCode(t, err, CodeNoProfile)
	if _, r.key, err = r.CreateProfile(t.Context(), NewProfile{Name: "Home"}); err != nil {
		t.Fatal(err)
	}
	r.link("mira")
}

func TestDeletingAProfileMakesAnotherCurrent(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	home, key := r.Snapshot().Current, r.key
	work, _, err := r.CreateProfile(t.Context(), NewProfile{Name: "Work"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.DeleteProfile(t.Context(), work, false); err != nil {
		t.Fatal(err)
	}
	if s := r.Snapshot(); s.Current != home || len(s.Profiles) != 1 {
		t.Fatalf("%+v", s.Profiles)
	}
	r.account(a.ID)
	wantCode(t, r.SwitchProfile(work), CodeNoSuchProfile)
	r.key = key
	r.restart()
	r.account(a.ID)
}

func TestAProfileStaysWhileAProviderCannotBeTold(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := pendingRevocation(r)
	left, err := r.DeleteProfile(t.Context(), "", false)
	wantCode(t, err, CodeRevocationPending)
	if len(left) != 1 || left[0].ID != a.ID || !strings.Contains(err.Error(), a.Label) {
		t.Fatalf("left %+v, %v", left, err)
	}
	if hint := err.(*Error).Hint; !strings.Contains(hint, "https://demo.example/links") {
		t.Fatal(hint)
	}
	if s := r.account(a.ID).Status; s != Revoking {
		t.Fatalf("status %s", s)
	}
	if err := r.provider.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DeleteProfile(t.Context(), "", false); err != nil {
		t.Fatal(err)
	}
	if names := r.remains(); len(names) != 0 {
		t.Fatalf("left on the disk: %q", names)
	}
}

func TestDeletingAnywayHandsOverWhatIsLeft(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := pendingRevocation(r)
	left, err := r.DeleteProfile(t.Context(), "", true)
	if err != nil || len(left) != 1 || left[0].Label != a.Label || left[0].SettingsPage != "https://demo.example/links" {
		t.Fatalf("left %+v, %v", left, err)
	}
	if names := r.remains(); len(names) != 0 {
		t.Fatalf("left on the disk: %q", names)
	}
}

func TestALockedProfileIsDeletedAnywayOnly(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.link("mira")
	if err := r.Lock("", LockUser); err != nil {
		t.Fatal(err)
	}
	_, err := r.DeleteProfile(t.Context(), "", false)
	wantCode(t, err, CodeProfileLocked)
	_, err = r.AskDeleteProfile("", false, App{})
	wantCode(t, err, CodeProfileLocked)
	if _, err := r.DeleteProfile(t.Context(), "", true); err != nil {
		t.Fatal(err)
	}
	if names := r.remains(); len(names) != 0 {
		t.Fatalf("left on the disk: %q", names)
	}
}

func TestNothingBeginsInAProfileThatIsBeingDeleted(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	release := r.provider.Hold(r.provider.RevocationPath())
	done := make(chan error, 1)
	go func() {
		_, err := r.DeleteProfile(t.Context(), "", false)
		done <- err
	}()
	r.await("the account to go", func(s Snapshot) bool { now, ok := s.Account(a.ID); return ok && now.Status == Revoking })
	_, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	wantCode(t, err, CodeProfileLocked)
	_, err = r.token("demo", Want{})
	wantCode(t, err, CodeProfileLocked)
	_, err = r.DeleteProfile(t.Context(), "", false)
	wantCode(t, err, CodeProfileLocked)
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestDeletingOnAFullDiskLeavesTheProfile(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	heal := r.badDisk()
	_, err := r.DeleteProfile(t.Context(), "", false)
	heal()
	if err == nil {
		t.Fatal("it was deleted")
	}
	r.account(a.ID)
	r.await("the account to be whole", func(s Snapshot) bool { now, _ := s.Account(a.ID); return now.Status == Ready })
	if _, err := r.token(a.ID, Want{Wait: time.Millisecond}); CodeOf(err) != CodeConsentTimeout {
		t.Fatal(err)
	}
}

func TestYesToDeletingAProfileDeletesIt(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, err := r.AskDeleteProfile("", false, App{})
	if err != nil {
		t.Fatal(err)
	}
	if x := r.Snapshot().Questions[0]; x.Verb != VerbDeleteProfile || len(x.Ends) != 1 || x.Ends[0].ID != a.ID {
		t.Fatalf("%+v", x)
	}
	if err := r.Answer(q, Answer{}); err != nil {
		t.Fatal(err)
	}
	r.account(a.ID)
	if _, _, err := r.CreateProfile(t.Context(), NewProfile{Name: "Work"}); err != nil {
		t.Fatal(err)
	}
	home := a.Profile
	if q, err = r.AskDeleteProfile(home, false, App{}); err != nil { // one that is not the current one
		t.Fatal(err)
	}
	if err := r.Answer(q, Answer{Allow: true}); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Snapshot().Profile(home); ok {
		t.Fatal("it is still there")
	}
	if word, left, err := r.AwaitDeletion(t.Context(), q); err != nil || !word.Allow || len(left) != 0 {
		t.Fatalf("%+v, %+v, %v", word, left, err)
	}
}

// The current profile is renamed on the disk too.
func TestRenamingTheCurrentProfileOutlivesARestart(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	if err := r.RenameProfile("", "Casa"); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if p := r.Snapshot().Profiles; len(p) != 1 || p[0].Name != "Casa" {
		t.Fatalf("%+v", p)
	}
}

func TestVerifyingAProfileThatIsNotTheCurrentOne(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	home := r.Snapshot().Current
	if _, _, err := r.CreateProfile(t.Context(), NewProfile{Name: "Work"}); err != nil {
		t.Fatal(err)
	}
	if err := r.VerifyProfile(t.Context(), home, WayRecovery, r.key); err != nil {
		t.Fatal(err)
	}
	wantCode(t, r.VerifyProfile(t.Context(), "", WayRecovery, r.key), CodeWrongSecret)
	wantCode(t, r.VerifyProfile(t.Context(), home, WayKeyring, secret.String{}), CodeBadRequest)
}
