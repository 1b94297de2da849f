package accounts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
)

func TestFirstStartHasNoProfile(t *testing.T) {
	b, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if s := b.Snapshot(); len(s.Profiles) != 0 || s.Current != "" {
		t.Fatalf("%+v", s)
	}
	_, err = b.Connect(t.Context(), ConnectRequest{Provider: "github"})
	wantCode(t, err, CodeNoProfile)
}

func TestLockIsToldToAppsAndUnlockBringsAllBack(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	if err := r.Lock("", LockUser); err != nil {
		t.Fatal(err)
	}
	_, err := r.token(a.ID, Want{})
	wantCode(t, err, CodeProfileLocked)
	s := r.Snapshot()
	if p, _ := s.Profile(s.Current); p.State != ProfileLocked || p.Why != LockUser || p.Waiting != 1 || len(s.Accounts) != 0 {
		t.Fatalf("%+v", s)
	}
	wrong := "1" + r.key.Reveal()[1:]
	wantCode(t, r.Unlock(t.Context(), "", WayRecovery, secret.New(wrong)), CodeWrongSecret)
	r.unlock()
	if _, err := r.token(a.ID, Want{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(t.Context(), WayRecovery, r.key); err != nil {
		t.Fatal(err)
	}
	wantCode(t, r.Verify(t.Context(), WayRecovery, secret.New(wrong)), CodeWrongSecret)
}

func TestLogOutOutlivesARestart(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	if err := r.LogOut(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	if p := r.Snapshot().Profiles[0]; p.State != ProfileLocked || p.Why != LockLogOut {
		t.Fatalf("%+v", p)
	}
}

func TestPassphraseOpens(t *testing.T) {
	t.Parallel()
	b, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	pass := secret.New("correct horse")
	if _, _, err := b.CreateProfile(t.Context(), NewProfile{Name: "Work", Passphrase: pass}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.Verify(t.Context(), WayKeyring, secret.String{}), CodeBadRequest)
	if err := b.Lock("", LockUser); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.Verify(t.Context(), WayPassphrase, pass), CodeProfileLocked)
	if err := b.Unlock(t.Context(), "", WayPassphrase, pass); err != nil {
		t.Fatal(err)
	}
}

func TestBadNames(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	for _, name := range []string{"", "  ", "a\nb", "x\x1b[31m", strings.Repeat("x", 81), ".", ".."} {
		_, _, err := r.CreateProfile(t.Context(), NewProfile{Name: name})
		wantCode(t, err, CodeBadRequest)
		wantCode(t, r.RenameProfile("", name), CodeBadRequest)
	}
	if n := len(r.Snapshot().Profiles); n != 1 {
		t.Fatalf("%d profiles", n)
	}
}

func TestSeveralProfilesKeepTheirAccountsApart(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	home := r.Snapshot().Current
	work, _, err := r.CreateProfile(t.Context(), NewProfile{Name: "Work"})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Snapshot(); s.Current != work || len(s.Accounts) != 0 {
		t.Fatalf("%+v", s)
	}
	_, err = r.Resolve(a.ID)
	wantCode(t, err, CodeNoSuchAccount)
	if err := r.SwitchProfile(home); err != nil {
		t.Fatal(err)
	}
	r.account(a.ID)
	wantCode(t, r.SwitchProfile("nowhere"), CodeNoSuchProfile)
}

func TestDamagedVaultIsRefusedAndLeftAlone(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.link("mira")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	dir := r.profileDir(r.current)
	path := filepath.Join(dir, "profile.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.open()
	p := r.Snapshot().Profiles[0]
	if p.Problem == nil || p.Problem.Code != CodeDamaged || !strings.Contains(p.Problem.Text, "profile.json") {
		t.Fatalf("%+v", p)
	}
	wantCode(t, r.Unlock(t.Context(), "", WayRecovery, r.key), CodeDamaged)
	if raw, _ := os.ReadFile(path); string(raw) != "{" {
		t.Fatal("the damaged file was written over")
	}
}

func TestV24SecondBookIsRefused(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	second, err := Open(t.Context(), r.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	p := second.Snapshot().Profiles[0]
	if p.State != ProfileBroken || p.Problem.Code != CodeInUse {
		t.Fatalf("%+v", p)
	}
	wantCode(t, second.Unlock(t.Context(), "", WayRecovery, r.key), CodeInUse)
}

func TestWatchTellsWhatWasMissed(t *testing.T) {
	b := &Book{events: newRing(), profiles: map[string]*profile{}}
	w := b.Watch("")
	for range ringSize + 10 {
		b.announce(Event{Type: EventChanged})
	}
	if _, missed, err := w.Next(t.Context()); err != nil || !missed {
		t.Fatalf("missed %v, %v", missed, err)
	}
	b.announce(Event{Type: EventChanged}, Event{Type: EventCatalogChanged})
	events, missed, err := w.Next(t.Context())
	if err != nil || missed || len(events) != 2 {
		t.Fatalf("%v, %v, %v", events, missed, err)
	}
	again := b.Watch(events[0].ID)
	if got, missed, _ := again.Next(t.Context()); missed || len(got) != 1 || got[0].ID != events[1].ID {
		t.Fatalf("replay %v, %v", got, missed)
	}
	for _, id := range []string{"other.1", "x", b.events.epoch + ".1", b.events.epoch + ".99999"} {
		if _, missed, _ := b.Watch(id).Next(t.Context()); !missed {
			t.Fatalf("%q missed nothing", id)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.Watch("").Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	b.events.close()
	if _, _, err := b.Watch("").Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}
