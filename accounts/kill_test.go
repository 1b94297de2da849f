package accounts

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
)

const killVar = "ACCOUNTS_TEST_KILLED" // folder|account; the recovery key comes on standard input

// TestProgramToKill is no test: it is the program that the tests below kill. It
// refreshes one account and says what came of it.
func TestProgramToKill(t *testing.T) {
	dir, account, ok := strings.Cut(os.Getenv(killVar), "|")
	if !ok {
		return
	}
	b, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	key, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Unlock(t.Context(), "", WayRecovery, secret.New(strings.TrimSpace(key))); err != nil {
		t.Fatal(err)
	}
	if err := b.Refresh(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("stored\n")
	select {} // until it is killed
}

// victim is a running program with the rig's folder, which the rig has closed.
type victim struct {
	*exec.Cmd
	said *bufio.Reader
}

func (r *rig) victim(account string) *victim {
	r.t.Helper()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestProgramToKill$")
	c.Env = append(os.Environ(), killVar+"="+r.opts.Dir+"|"+account)
	c.Stdin, c.Stderr = strings.NewReader(r.key.Reveal()+"\n"), os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Process.Kill() })
	return &victim{c, bufio.NewReader(out)}
}

func (v *victim) kill(t *testing.T) {
	t.Helper()
	if err := v.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	v.Wait()
}

// killSteps are the steps of a refresh. Each brings the victim to its step and
// returns; spent says that the provider has rotated then, stored that the new
// token is on the disk.
var killSteps = []struct {
	name   string
	spent  bool
	stored bool
	reach  func(r *rig, start func() *victim) *victim
}{
	{"request sent", false, false, func(r *rig, start func() *victim) *victim {
		// The provider itself never sees it: one that was let go after the kill
		// would be answered to nobody.
		sent := make(chan string, 1)
		r.provider.Fault(r.provider.TokenPath(), 1, func(_ http.ResponseWriter, q *http.Request) {
			sent <- ""
			<-q.Context().Done()
		})
		v := start()
		r.within(sent)
		return v
	}},
	{"rotated", true, false, func(r *rig, start func() *victim) *victim {
		open, tokens := r.answerLate()
		r.t.Cleanup(open)
		v := start()
		r.within(tokens)
		return v
	}},
	{"half an answer", true, false, func(r *rig, start func() *victim) *victim {
		sent := make(chan string, 1)
		r.provider.FaultAfter(r.provider.TokenPath(), 1, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "90000")
			w.Write([]byte(`{"access_token":"` + strings.Repeat("x", 16<<10))) // more than is kept back
			sent <- ""
			<-q.Context().Done()
		})
		v := start()
		r.within(sent)
		return v
	}},
	{"stored", true, true, func(r *rig, start func() *victim) *victim {
		v := start()
		if line, err := v.said.ReadString('\n'); err != nil || line != "stored\n" {
			r.t.Fatalf("%q, %v", line, err)
		}
		return v
	}},
}

func (r *rig) within(news <-chan string) {
	r.t.Helper()
	select {
	case <-news:
	case <-time.After(30 * time.Second):
		r.t.Fatal("nothing happened")
	}
}

func TestR2KilledAtEachStepNeedsNobodyWithAGrace(t *testing.T) {
	for _, step := range killSteps {
		t.Run(step.name, func(t *testing.T) {
			r := newRig(t, dancetest.Options{RefreshGrace: time.Minute})
			mira, jo := r.link("mira"), r.link("jo")
			step.reach(r, func() *victim { return r.victim(mira.ID) }).kill(t)
			r.recovers(mira, jo)
		})
	}
}

// Between the answer and the end of its commit lie a few milliseconds: the
// program is killed all over them. The vault's own tests kill it at every
// system call of a commit.
func TestR2KilledBetweenAnswerAndCommit(t *testing.T) {
	r := newRig(t, dancetest.Options{RefreshGrace: time.Minute})
	mira, jo := r.link("mira"), r.link("jo")
	for n := range 12 {
		open, tokens := r.answerLate()
		v := r.victim(mira.ID)
		r.within(tokens)
		open()
		timer := time.NewTimer(time.Duration(n) * 400 * time.Microsecond)
		<-timer.C
		v.kill(t)
		r.recovers(mira, jo)
	}
}

// recovers starts the program again: both accounts refresh, and nobody is asked.
func (r *rig) recovers(accounts ...Account) {
	r.t.Helper()
	r.provider.ClearFaults()
	r.open()
	r.unlock()
	for _, a := range accounts {
		if err := r.Refresh(context.WithoutCancel(r.t.Context()), a.ID); err != nil {
			r.t.Fatalf("%s: %v", a.Label, err)
		}
		r.lives(r.stored(a.ID).Refresh)
	}
}

func TestR3KilledAtEachStepCostsAtMostOneSignIn(t *testing.T) {
	for _, step := range killSteps {
		t.Run(step.name, func(t *testing.T) {
			r := newRig(t, dancetest.Options{})
			mira, jo := r.link("mira"), r.link("jo")
			step.reach(r, func() *victim { return r.victim(mira.ID) }).kill(t)
			if !step.spent || step.stored {
				r.recovers(mira, jo)
				return
			}
			r.provider.ClearFaults()
			r.open()
			w := r.Watch("")
			r.unlock()
			r.await("the provider's no", func(s Snapshot) bool { a, _ := s.Account(mira.ID); return a.Status == NeedsSignIn })
			asked := r.tokens("refresh_token")
			for range 3 {
				wantCode(t, r.Refresh(t.Context(), mira.ID), CodeNeedsSignIn)
				for _, p := range r.profileList() {
					r.lookAt(p)
				}
			}
			if n := r.tokens("refresh_token"); n != asked {
				t.Fatalf("%d requests after the provider's no", n-asked)
			}
			if err := r.Refresh(t.Context(), jo.ID); err != nil {
				t.Fatalf("the other account: %v", err)
			}
			said := 0
			for events, _, _ := w.Next(t.Context()); len(events) > 0; events = nil {
				for _, e := range events {
					if e.Type == EventAccountNeedsSignIn {
						said++
					}
				}
			}
			if said != 1 {
				t.Fatalf("said %d times", said)
			}
			r.link("mira")
			if err := r.Refresh(t.Context(), mira.ID); err != nil {
				t.Fatalf("after signing in again: %v", err)
			}
		})
	}
}
