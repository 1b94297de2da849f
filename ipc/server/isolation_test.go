//go:build linux

package server

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// disturbances are what another account or another program may do while an
// app asks for a token that needs no refresh. Each begins its trouble and
// returns when that has begun.
var disturbances = []struct {
	name  string
	begin func(r *rig, other accounts.Account) (end func())
}{
	{"undisturbed", func(*rig, accounts.Account) func() { return func() {} }},
	{"slow provider", slowProvider},
	{"dead login", deadLogin},
	{"half a message", halfMessages},
}

// slowProvider keeps the other account in a refresh whose answer takes 3 s,
// again and again.
func slowProvider(r *rig, other accounts.Account) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	release := r.provider.Hold(r.provider.TokenPath())
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			go r.book.Refresh(ctx, other.ID)
			select {
			case <-time.After(3 * time.Second):
			case <-ctx.Done():
			}
			again := r.provider.Hold(r.provider.TokenPath())
			release()
			release = again
		}
	}()
	r.await("a refresh", func(s accounts.Snapshot) bool { a, _ := s.Account(other.ID); return a.Status == accounts.Refreshing })
	return func() { cancel(); <-done; release() }
}

// deadLogin begins a sign-in that nobody ever finishes.
func deadLogin(r *rig, other accounts.Account) func() {
	id, err := r.book.Connect(context.Background(), accounts.ConnectRequest{Reconnect: other.ID, Provider: other.Provider, NoBrowser: true})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.book.AwaitDance(context.Background(), id, func(d accounts.Dance) bool { return d.Stage == accounts.DanceWaiting }); err != nil {
		r.t.Fatal(err)
	}
	return func() { r.book.CancelDance(id); r.book.CancelDance(id) }
}

// halfMessages leaves a few connections in the middle of a request.
func halfMessages(r *rig, other accounts.Account) func() {
	var ends []io.Closer
	for range 3 {
		c := r.dial(ipc.AppSocket)
		io.WriteString(c, "POST /v1/accounts/"+other.ID+"/token HTTP/1.1\r\nHost: dancecard\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"min_va")
		ends = append(ends, c)
		c = r.dial(ipc.AppSocket)
		io.WriteString(c, "POST /v1/acc")
		ends = append(ends, c)
	}
	return func() {
		for _, c := range ends {
			c.Close()
		}
	}
}

// BenchmarkCachedTokenBesideTrouble has the latency of a token that needs no
// refresh, beside what may hold another account up.
func BenchmarkCachedTokenBesideTrouble(b *testing.B) {
	r := newRigFor(b)
	mine, other := r.link(), r.link()
	c := r.client()
	r.allow(c, mine.ID)
	for _, d := range disturbances {
		b.Run(d.name, func(b *testing.B) {
			end := d.begin(r, other)
			defer end()
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := c.Token(b.Context(), mine.ID, ipc.TokenRequest{}); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// A token arrives while another account's trouble goes on: if it waited for
// its end, it would come never.
func TestCachedTokenArrivesBesideTrouble(t *testing.T) {
	for _, d := range disturbances {
		t.Run(d.name, func(t *testing.T) {
			r := newOpenRig(t)
			mine, other := r.link(), r.link()
			c := r.client()
			r.allow(c, mine.ID)
			if d.name == "slow provider" { // so slow that nobody ever answers
				defer r.provider.Hold(r.provider.TokenPath())()
				go r.book.Refresh(context.WithoutCancel(t.Context()), other.ID)
				r.await("a refresh", func(s accounts.Snapshot) bool { a, _ := s.Account(other.ID); return a.Status == accounts.Refreshing })
			} else {
				defer d.begin(r, other)()
			}
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, err := c.Token(ctx, mine.ID, ipc.TokenRequest{})
				cancel()
				if err != nil {
					t.Fatal(err)
				}
				c.Close() // the next one connects anew
			}
			if now, _ := r.book.Snapshot().Account(other.ID); d.name == "slow provider" && now.Status != accounts.Refreshing {
				t.Fatalf("the trouble is over: %s", now.Status)
			}
		})
	}
}

// An account that only a sign-in mends costs an app an error, never the user
// a browser window.
func TestTokenRequestStartsNoSignIn(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	if _, err := r.provider.EndGrants("mira"); err != nil {
		t.Fatal(err)
	}
	if err := r.book.Refresh(t.Context(), a.ID); err == nil {
		t.Fatal("a refresh of an ended grant")
	}
	before, dances := len(r.provider.Requests()), len(r.book.Snapshot().Dances)
	for range 5 {
		_, err := c.Token(t.Context(), a.ID, ipc.TokenRequest{})
		wantCode(t, err, ipc.CodeNeedsSignIn)
	}
	if s := r.book.Snapshot(); len(s.Dances) != dances || len(s.Questions) != 0 {
		t.Fatalf("%d dances, %d questions", len(s.Dances)-dances, len(s.Questions))
	}
	if n := len(r.provider.Requests()); n != before || len(r.users) != 1 { // each opened browser takes one
		t.Fatalf("%d requests, %d users left", n-before, len(r.users))
	}
}
