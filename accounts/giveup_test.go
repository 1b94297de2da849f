package accounts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dancecard/dance/dancetest"
)

// pendingRevocation is an account whose provider is gone and cannot be told.
func pendingRevocation(r *rig) Account {
	r.t.Helper()
	file := filepath.Join(r.opts.Providers, "demo.toml")
	row, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	row = []byte(strings.Replace(string(row), "[scope_words]", "settings_page = \"https://demo.example/links\"\n[scope_words]", 1))
	if err := os.WriteFile(file, row, 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.await("the settings page", func(Snapshot) bool {
		row, ok := r.catalog.Get("demo")
		return ok && row.SettingsPage != ""
	})
	a := r.link("mira")
	if err := r.provider.Stop(); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Disconnect(r.t.Context(), a.ID); err != nil {
		r.t.Fatal(err)
	}
	return r.account(a.ID)
}

func TestGivingUpARevocationErasesTheToken(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := pendingRevocation(r)
	w := r.Watch("")
	page, err := r.GiveUpRevocation(a.ID)
	if err != nil || page != "https://demo.example/links" {
		t.Fatalf("%q, %v", page, err)
	}
	select {
	case address := <-r.opened:
		t.Fatalf("opened %s by itself", address)
	default:
	}
	events, _, _ := w.Next(t.Context())
	if events[0].Type != EventRevocationGivenUp || events[0].Data["label"] != a.Label {
		t.Fatalf("%+v", events)
	}
	_, err = r.GiveUpRevocation(a.ID)
	wantCode(t, err, CodeNoSuchAccount)
	if err := r.provider.Restart(); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if n := len(r.Snapshot().Accounts); n != 0 {
		t.Fatalf("%d accounts after a restart", n)
	}
	for _, p := range r.profileList() {
		r.lookAt(p)
	}
	for _, q := range r.provider.Requests() {
		if q.Path == r.provider.RevocationPath() {
			t.Fatal("it was tried again")
		}
	}
}

func TestGivingUpNeedsAPendingRevocation(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	_, err := r.GiveUpRevocation(a.ID)
	wantCode(t, err, CodeBadRequest)
	_, err = r.AskGiveUp(a.ID, App{})
	wantCode(t, err, CodeBadRequest)
	_, err = r.GiveUpRevocation("nobody")
	wantCode(t, err, CodeNoSuchAccount)
	if err := r.Lock("", LockUser); err != nil {
		t.Fatal(err)
	}
	_, err = r.GiveUpRevocation(a.ID)
	wantCode(t, err, CodeProfileLocked)
}

func TestGivingUpOnAFullDiskGivesUpNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := pendingRevocation(r)
	heal := r.badDisk()
	_, err := r.GiveUpRevocation(a.ID)
	heal()
	wantCode(t, err, CodeDamaged)
	if s := r.account(a.ID).Status; s != Revoking {
		t.Fatalf("status %s", s)
	}
}

func TestYesToGivingUpOpensThePage(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := pendingRevocation(r)
	q, err := r.AskGiveUp(a.ID, App{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(q, Answer{}); err != nil {
		t.Fatal(err)
	}
	if s := r.account(a.ID).Status; s != Revoking {
		t.Fatalf("a no left it at %s", s)
	}
	if q, err = r.AskGiveUp(a.ID, App{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(q, Answer{Allow: true}); err != nil {
		t.Fatal(err)
	}
	select {
	case address := <-r.opened:
		if address != "https://demo.example/links" {
			t.Fatal(address)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the page was not opened")
	}
}

func TestGivingUpDuringATryEndsIt(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.provider.Fault(r.provider.RevocationPath(), 1, dancetest.Unavailable(0))
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	release := r.provider.Hold(r.provider.RevocationPath())
	r.hurryRevocation(a.ID)
	if !r.provider.Await(t.Context(), r.provider.RevocationPath(), 2) {
		t.Fatal("no try")
	}
	if _, err := r.GiveUpRevocation(a.ID); err != nil {
		t.Fatal(err)
	}
	r.provider.Fault(r.provider.RevocationPath(), -1, dancetest.Unavailable(0))
	w := r.Watch("")
	release()
	if _, _, err := w.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if n := len(r.Snapshot().Accounts); n != 0 {
		t.Fatalf("%d accounts", n)
	}
}

// hurryRevocation makes the next try due.
func (r *rig) hurryRevocation(id string) {
	r.mu.Lock()
	r.profiles[r.current].revocations[id].nextTry = time.Time{}
	r.mu.Unlock()
	r.poke()
}

// A pending revocation is tried less and less often, in a lock not at all.
func TestRevocationIsTriedWithBackoff(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.provider.Fault(r.provider.RevocationPath(), -1, dancetest.Unavailable(0))
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	last := time.Duration(0)
	for n := range 4 {
		r.await("the next try", func(Snapshot) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			p := r.profiles[r.current].revocations[a.ID]
			return p.failures == n+1 && !p.trying
		})
		got := r.Snapshot().Accounts[0]
		wait := time.Until(got.NextTry)
		if wait <= last || got.Why == "" {
			t.Fatalf("after %d failures: next try in %v, %q", n+1, wait, got.Why)
		}
		last = wait
		r.hurryRevocation(a.ID)
	}
	if err := r.Lock("", LockUser); err != nil {
		t.Fatal(err)
	}
	before := len(r.provider.Requests())
	for _, p := range r.profileList() {
		r.lookAt(p)
	}
	if n := len(r.provider.Requests()); n > before+1 { // one may have been under way
		t.Fatalf("%d requests while locked", n-before)
	}
	r.provider.ClearFaults()
	r.unlock()
	r.await("the revocation", func(s Snapshot) bool { return len(s.Accounts) == 0 })
}
