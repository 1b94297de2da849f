package accounts

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"dancecard/dance/dancetest"
)

func TestR22FullDiskKeepsTheTokenInMemory(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	before := r.stored(a.ID)
	heal := r.badDisk()
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	h, err := r.token(a.ID, Want{})
	if err != nil || h.Token.Reveal() == before.Access {
		t.Fatalf("the new token is not handed out: %v", err)
	}
	s := r.Snapshot()
	if len(s.Alarms) != 1 || s.Alarms[0].Code != "disk" {
		t.Fatalf("alarms %+v", s.Alarms)
	}
	heal()
	r.await("the alarm to end", func(s Snapshot) bool { return len(s.Alarms) == 0 })
	if after := r.stored(a.ID); after.Access != h.Token.Reveal() {
		t.Fatal("the token did not reach the disk")
	}
}

// badDisk makes the profile's journal, inbox and card refuse every write, as a
// disk that is full or read-only does, until heal.
func (r *rig) badDisk() (heal func()) {
	r.t.Helper()
	dir, card := r.profileDir(r.current), r.cardPath(r.current)
	names := []string{filepath.Join(dir, "journal"), filepath.Join(dir, "inbox"), card}
	for _, name := range names {
		os.Rename(name, name+".away") // there may be no inbox yet
	}
	os.WriteFile(names[1], nil, 0o600)
	if err := os.MkdirAll(filepath.Join(card, "in the way"), 0o700); err != nil {
		r.t.Fatal(err)
	}
	heal = sync.OnceFunc(func() {
		os.Remove(names[1])
		os.RemoveAll(card)
		for _, name := range names {
			os.Rename(name+".away", name)
		}
	})
	r.t.Cleanup(heal)
	return heal
}

func TestR22LockKeepsATokenThatTheDiskRefused(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	heal := r.badDisk()
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Lock("", LockScreen); err != nil {
		t.Fatal(err)
	}
	heal()
	r.unlock()
	r.lives(r.stored(a.ID).Refresh)
}

func TestR22FullDiskWhileLockedKeepsTheAnswer(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	open, refresh, done := r.refreshing(a.ID)
	if err := r.Lock("", LockScreen); err != nil {
		t.Fatal(err)
	}
	heal := r.badDisk()
	open()
	wantCode(t, <-done, CodeProfileLocked)
	heal()
	r.until("the answer in the inbox", func() bool { return len(r.profiles[r.current].late) == 0 })
	r.unlock()
	if got := r.stored(a.ID).Refresh; got != refresh {
		t.Fatal("the answer is lost")
	}
}

func TestR22CloseTriesOnceMoreToStore(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	heal := r.badDisk()
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	heal()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.lives(r.stored(a.ID).Refresh)
}

func TestKeepOnAFullDiskCanBeTriedAgain(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	id := r.dance("mira", ConnectRequest{Provider: "demo"})
	heal := r.badDisk()
	_, err := r.Keep(t.Context(), id, "", false)
	wantCode(t, err, CodeDamaged)
	heal()
	if _, err := r.Keep(t.Context(), id, "", false); err != nil {
		t.Fatal(err)
	}
	if len(r.provider.Requests()) == 0 || r.revoked(r.stored(r.Snapshot().Accounts[0].ID).Refresh) {
		t.Fatal("the token was given back")
	}
}

func TestReconnectOnAFullDiskWaitsForTheUser(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	heal := r.badDisk()
	id := r.dance("mira", ConnectRequest{Reconnect: a.ID})
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack || d.Stage.Over() })
	heal()
	if d.Stage != DanceCameBack || d.Came == nil {
		t.Fatalf("%+v", d)
	}
	if _, err := r.Keep(t.Context(), id, "", false); err != nil {
		t.Fatal(err)
	}
}

func TestAnswerOnAFullDiskLeavesTheQuestion(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	q, done := r.asked(testApp, a.ID, Want{})
	heal := r.badDisk()
	wantCode(t, r.Answer(q.ID, Answer{Allow: true, For: Always}), CodeDamaged)
	if n := len(r.Snapshot().Questions); n != 1 {
		t.Fatalf("%d questions", n)
	}
	heal()
	if err := r.Answer(q.ID, Answer{Allow: true, For: Always}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestLogOutOnAFullDiskStillLocks(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	heal := r.badDisk()
	err := r.LogOut(t.Context(), "")
	heal()
	wantCode(t, err, CodeDisk)
	if p := r.Snapshot().Profiles[0]; p.State != ProfileLocked {
		t.Fatalf("%+v", p)
	}
}
