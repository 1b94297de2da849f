package accounts

import (
	"strings"
	"testing"

	"dancecard/dance/dancetest"
)

// A screen that locks in the middle of a sign-in costs no linked account.
func TestD40LockDuringTheExchangeEndsNoGrant(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.write("demo", strings.Replace(string(r.provider.ProviderFile("Demo")), `revokes = "token"`, `revokes = "grant"`, 1))
	mira := r.link("mira")
	release := r.provider.Hold(r.provider.TokenPath())
	id, err := r.Connect(t.Context(), ConnectRequest{Reconnect: mira.ID})
	if err != nil {
		t.Fatal(err)
	}
	if !r.provider.Await(t.Context(), r.provider.TokenPath(), 2) {
		t.Fatal("no code was exchanged")
	}
	d, err := r.Book.dance(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Lock("", LockScreen); err != nil {
		t.Fatal(err)
	}
	release()
	<-d.ended
	r.restart() // what was begun has ended
	for _, q := range r.provider.Requests() {
		if q.Path == r.provider.RevocationPath() {
			t.Fatal("the grant of a linked account was ended")
		}
	}
	if err := r.Refresh(t.Context(), mira.ID); err != nil {
		t.Fatal(err)
	}
}

func TestDanceThatBeginsDuringALockIsCalledOff(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	p := r.profiles[r.current]
	begin := func(c ConnectRequest) string {
		id, err := r.Connect(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := begin(ConnectRequest{Provider: "demo", NoBrowser: true})
	p.store.Lock() // something is being written, and the lock waits for it
	locked := make(chan error, 1)
	go func() { locked <- r.Lock("", LockScreen) }()
	r.awaitDance(first, func(d Dance) bool { return d.Stage.Over() })
	second := begin(ConnectRequest{Provider: "demo", NoBrowser: true})
	p.store.Unlock()
	if err := <-locked; err != nil {
		t.Fatal(err)
	}
	r.awaitDance(second, func(d Dance) bool { return d.Stage == DanceCancelled })
}
