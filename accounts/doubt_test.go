package accounts

import (
	"testing"
	"time"

	"dancecard/dance/dancetest"
)

// A refresh token that an unheard answer may have spent is asked for again at
// the next start, while the provider still forgives, and not hours later.
func TestR4StartAfterALostAnswerAsksAtOnce(t *testing.T) {
	r := newRig(t, dancetest.Options{RefreshGrace: time.Minute, AccessTokenLifetime: 8 * time.Hour})
	a := r.link("mira")
	r.provider.FaultAfter(r.provider.TokenPath(), 1, dancetest.DropConnection())
	if err := r.Refresh(t.Context(), a.ID); err == nil {
		t.Fatal("a dropped answer is no success")
	}
	before := r.stored(a.ID).Refresh
	r.restart()
	r.await("a new token", func(s Snapshot) bool {
		x, _ := s.Account(a.ID)
		return x.Status == Ready && x.Issued.After(a.Issued)
	})
	after := r.stored(a.ID).Refresh
	if after == before {
		t.Fatal("not a new refresh token")
	}
	r.lives(after)
	asked := r.tokens("refresh_token")
	r.restart()
	if a := r.account(a.ID); a.Status != Ready || r.tokens("refresh_token") != asked {
		t.Fatalf("no doubt is left, and it is %s after %d more requests", a.Status, r.tokens("refresh_token")-asked)
	}
}

func TestOfflineAccountWithoutExpiryIsTriedAgain(t *testing.T) {
	now := readClocks()
	f := facts{Issued: now.wall, Refreshes: true, Offline: "no connection", NextTry: now.wall.Add(time.Minute)}
	if due, ever := f.dueAt(now, 0); !ever || !due.Equal(f.NextTry) {
		t.Fatalf("due %v, %v", due, ever)
	}
	f.Offline = ""
	if _, ever := f.dueAt(now, 0); ever {
		t.Fatal("a token without an end is refreshed by itself")
	}
}
