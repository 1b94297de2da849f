package accounts

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dancecard/dance"
	"dancecard/dance/dancetest"
	"dancecard/vault"
)

func TestR10R11RetryAfterInEachForm(t *testing.T) {
	for _, tt := range []struct {
		value    string
		min, max time.Duration // of the wait
	}{
		{"90", 85 * time.Second, 95 * time.Second},
		{time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat), 9 * time.Minute, 10 * time.Minute},
		{time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 3 * time.Second, 7 * time.Second},
		{"-30", 3 * time.Second, 7 * time.Second},
		{"999999999999999999999999", 3 * time.Second, time.Hour + time.Minute},
		{"31536000", 55 * time.Minute, time.Hour + time.Minute},
		{"soon", 3 * time.Second, 7 * time.Second},
		{"", 3 * time.Second, 7 * time.Second},
	} {
		for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
			t.Run(fmt.Sprint(status, " ", tt.value), func(t *testing.T) {
				r := newRig(t, dancetest.Options{})
				a := r.link("mira")
				r.provider.Fault(r.provider.TokenPath(), -1, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", tt.value)
					w.WriteHeader(status)
				})
				wantCode(t, r.Refresh(t.Context(), a.ID), CodeOffline)
				if wait := time.Until(r.account(a.ID).NextTry); wait < tt.min || wait > tt.max {
					t.Fatalf("the next try is in %v", wait)
				}
				if n := r.tokens("refresh_token"); n != 1 {
					t.Fatalf("%d requests", n)
				}
			})
		}
	}
}

func TestR12CaptivePortalChangesNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	before := r.stored(a.ID)
	r.provider.Fault(r.provider.TokenPath(), 3, dancetest.CaptivePortal())
	for range 3 {
		if err := r.Refresh(t.Context(), a.ID); err == nil {
			t.Fatal("a page was taken for a token")
		}
	}
	if s := r.account(a.ID).Status; s != Offline || r.stored(a.ID).Refresh != before.Refresh {
		t.Fatalf("status %s", s)
	}
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
}

func TestR14AnswerWithoutRefreshTokenIsStoredWithTheOld(t *testing.T) {
	r := newRig(t, dancetest.Options{RefreshGrace: time.Minute})
	a := r.link("mira")
	before := r.stored(a.ID)
	without := regexp.MustCompile(`"refresh_token":"[^"]*",?`)
	r.provider.Rewrite(r.provider.TokenPath(), 1, func(x *dancetest.Answer) {
		x.Body = bytes.ReplaceAll(without.ReplaceAll(x.Body, nil), []byte(",}"), []byte("}"))
	})
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if after := r.stored(a.ID); after.Refresh != before.Refresh || after.Access == before.Access {
		t.Fatal("not the new access token beside the old refresh token")
	}
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
}

// 200 accounts of one provider that are all due at a start are refreshed a few
// at a time, each once.
func TestR19TwoHundredAccountsDueAtOnce(t *testing.T) {
	t.Parallel()
	const many = 200
	var now, most, all atomic.Int32
	together := make(chan struct{})
	open := sync.OnceFunc(func() { close(together) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n >= perProvider {
			time.AfterFunc(50*time.Millisecond, open) // time for one too many
		}
		<-together
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"a%d","refresh_token":"r","token_type":"Bearer","expires_in":3600}`, all.Add(1))
	}))
	defer server.Close()
	defer open() // a failure leaves no handler behind, for which Close would wait
	dir, key, profile := emptyProfile(t)
	link := dance.Link{Provider: dance.Provider{ID: "many", Name: "Many"}, ClientID: "c"}
	link.Provider.Endpoints.Token = server.URL
	s := &story{t: t, key: key, profile: profile}
	s.onDisk(dir, func(v *vault.Vault) {
		var changes []vault.Change
		for n := range many {
			id := fmt.Sprint("a", n)
			changes = append(changes, put(keyAccount+id, accountRecord{ID: id, Provider: "many", Issuer: server.URL, Subject: id, Label: id, Link: link}),
				put(keyToken+id, tokenRecord{Access: "old" + id, Refresh: "r", Type: "Bearer", Issued: time.Now().Add(-2 * time.Hour), Expiry: time.Now().Add(-time.Hour)}))
		}
		if err := v.Commit(changes...); err != nil {
			t.Fatal(err)
		}
	})
	r := &rig{t: t, opts: Options{Dir: dir}, key: key}
	r.open()
	r.unlock()
	r.await("all to be fresh", func(s Snapshot) bool {
		for _, a := range s.Accounts {
			if a.Status != Ready {
				return false
			}
		}
		return len(s.Accounts) == many
	})
	if most.Load() != perProvider || all.Load() != many {
		t.Fatalf("%d at once, %d in all", most.Load(), all.Load())
	}
}

// What a provider says of a token's life is used where it can be true. Where
// it cannot, the refresh token is kept and nothing is asked again and again.
func TestR26NonsenseAboutTheLife(t *testing.T) {
	life := regexp.MustCompile(`"expires_in":\d+`)
	for _, value := range []string{
		`"expires_in":"300"`, `"expires_in":0`, `"expires_in":-5`, `"expires_in":null`,
		`"expires_in":1e300`, `"expires_in":99999999999999999999`, `"expires_in":299.5`, `"x":1`,
		`"expires_in":"soon"`, `"expires_in":[300]`, `"expires_in":true`,
	} {
		t.Run(value, func(t *testing.T) {
			r := newRig(t, dancetest.Options{RefreshGrace: time.Minute})
			a := r.link("mira")
			before := r.stored(a.ID)
			r.provider.Rewrite(r.provider.TokenPath(), 1, func(x *dancetest.Answer) { x.Body = life.ReplaceAll(x.Body, []byte(value)) })
			err := r.Refresh(t.Context(), a.ID)
			after := r.stored(a.ID)
			if after.Refresh == before.Refresh {
				t.Fatal("the rotated refresh token is lost")
			}
			r.lives(after.Refresh)
			for _, p := range r.profileList() {
				r.lookAt(p)
			}
			if n := r.tokens("refresh_token"); n > 2 || r.account(a.ID).Status.NeedsUser() {
				t.Fatalf("%d requests, %s, %v", n, r.account(a.ID).Status, err)
			}
		})
	}
}

func TestR28ProviderSideRevokeIsAnEvent(t *testing.T) {
	r := newRig(t, dancetest.Options{AccessTokenLifetime: 3 * time.Second})
	a := r.link("mira")
	w := r.Watch("")
	if _, err := r.provider.EndGrants("mira"); err != nil {
		t.Fatal(err)
	}
	for said := false; !said; { // by itself, when the token is due
		events, _, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			said = said || e.Type == EventAccountNeedsSignIn && e.Account == a.ID && e.Data["why"] != ""
		}
	}
	if got := r.account(a.ID); got.Status != NeedsSignIn {
		t.Fatalf("%+v", got)
	}
}

// A commit that failed may be on the disk all the same: the next one writes
// the same state once more, and a start finds the newest token either way.
func TestR24AnswerWhoseCommitFailedIsReconciled(t *testing.T) {
	r := newRig(t, dancetest.Options{RefreshGrace: time.Minute})
	a := r.link("mira")
	heal := r.badDisk()
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	held := r.profiles[r.current].accounts[a.ID].held
	r.mu.Unlock()
	heal()
	_, v, err := r.openProfile()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Commit(put(keyToken+a.ID, *held)); err != nil { // as if it had got through
		t.Fatal(err)
	}
	r.await("the alarm to end", func(s Snapshot) bool { return len(s.Alarms) == 0 })
	if r.stored(a.ID).Refresh != held.Refresh {
		t.Fatal("not the newest token")
	}
	r.restart()
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
}
