package accounts

import (
	"net/http"
	"testing"
	"time"

	"dancecard/dance/dancetest"
)

// offline makes the account fail for want of a network, with its next try far
// away.
func (r *rig) offline(account string) {
	r.t.Helper()
	if err := r.Refresh(r.t.Context(), account); err == nil {
		r.t.Fatal("no error")
	}
	r.mu.Lock()
	a := r.profiles[r.current].accounts[account]
	a.facts.NextTry, a.lastTry = time.Now().Add(time.Hour), time.Time{}
	r.mu.Unlock()
}

func TestNetworkThatIsBackIsUsedAtOnce(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	if err := r.provider.Stop(); err != nil {
		t.Fatal(err)
	}
	r.offline(mira.ID)
	if err := r.Disconnect(t.Context(), jo.ID); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.profiles[r.current].revocations[jo.ID].nextTry = time.Now().Add(time.Hour)
	r.mu.Unlock()
	if err := r.provider.Restart(); err != nil {
		t.Fatal(err)
	}
	r.NetworkChanged()
	r.await("all to be well", func(s Snapshot) bool { return len(s.Accounts) == 1 && s.Accounts[0].Status == Ready })
}

func TestNetworkThatIsBackDoesNotHurryABusyProvider(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	r.provider.Fault(r.provider.TokenPath(), -1, dancetest.Unavailable(time.Hour))
	r.provider.Fault(r.provider.RevocationPath(), -1, dancetest.Unavailable(time.Hour))
	r.offline(mira.ID)
	if err := r.Disconnect(t.Context(), jo.ID); err != nil {
		t.Fatal(err)
	}
	if next := r.account(jo.ID).NextTry; time.Until(next) < 50*time.Minute {
		t.Fatalf("the revocation is tried again in %v, against Retry-After", time.Until(next))
	}
	before := len(r.provider.Requests())
	r.NetworkChanged()
	for _, p := range r.profileList() {
		r.lookAt(p)
	}
	if s := r.account(mira.ID); s.Status != Offline || len(r.provider.Requests()) != before {
		t.Fatalf("%s, %d requests", s.Status, len(r.provider.Requests())-before)
	}
}

// Being offline is said once and asks for nobody.
func TestOfflineIsQuiet(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.provider.Fault(r.provider.TokenPath(), -1, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	w := r.Watch("")
	for range 5 {
		r.offline(a.ID)
		r.NetworkChanged()
		r.until("the try to end", func() bool { return len(r.profiles[r.current].flights) == 0 })
	}
	said := 0
	events, _, _ := w.Next(t.Context())
	for _, e := range events {
		switch e.Type {
		case EventTokenRefreshFailed:
			said++
		case EventChanged:
		default:
			t.Errorf("event %s", e.Type)
		}
	}
	s := r.Snapshot()
	if said != 1 || len(s.Alarms) != 0 || len(s.Questions) != 0 || s.Accounts[0].Status.NeedsUser() {
		t.Fatalf("said %d times, %+v", said, s.Alarms)
	}
}
