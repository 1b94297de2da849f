package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"dancecard/ipc"
)

// dancer answers the routes of one dance, which moves when the test says so.
type dancer struct {
	*dancecard
	mu    sync.Mutex
	dance ipc.Dance
	moved chan struct{}
}

func newDancer(t *testing.T) *dancer {
	d := &dancer{dancecard: start(t), moved: make(chan struct{})}
	d.dance = ipc.Dance{ID: "d1", Provider: "demo", ProviderName: "Demo", Stage: ipc.DanceStarting}
	d.answer("GET /v1/status", ipc.Overview{Current: "p1", Profiles: []ipc.Profile{home}})
	d.answer("GET /v1/accounts/a1", mira())
	d.mux.HandleFunc("POST /v1/dances", func(w http.ResponseWriter, _ *http.Request) {
		now, _ := d.now()
		reply(w, now)
	})
	d.mux.HandleFunc("GET /v1/dances/d1", func(w http.ResponseWriter, r *http.Request) {
		now, moved := d.now()
		if string(now.Stage) == r.URL.Query().Get("stage") {
			select {
			case <-moved:
			case <-r.Context().Done():
			}
			now, _ = d.now()
		}
		reply(w, now)
	})
	d.mux.HandleFunc("DELETE /v1/dances/d1", func(w http.ResponseWriter, _ *http.Request) {
		d.move(func(x *ipc.Dance) { x.Stage = ipc.DanceCancelled })
	})
	d.mux.HandleFunc("POST /v1/dances/d1/keep", func(w http.ResponseWriter, _ *http.Request) {
		d.move(func(x *ipc.Dance) { x.Stage, x.Account = ipc.DanceDone, "a1" })
		reply(w, mira())
	})
	return d
}

func (d *dancer) now() (ipc.Dance, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dance, d.moved
}

func (d *dancer) move(change func(*ipc.Dance)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.dance)
	close(d.moved)
	d.moved = make(chan struct{})
}

const address = "http://127.0.0.1:9000/authorize?client_id=c&state=s"

func waiting(x *ipc.Dance) { x.Stage, x.URL = ipc.DanceWaiting, address }

func cameBack(change ...func(*ipc.CameBack)) func(*ipc.Dance) {
	c := &ipc.CameBack{Issuer: "http://127.0.0.1:9000", Subject: "u1", Login: "mira", Name: "Mira Okafor",
		Asked: []string{"openid", "email"}, Granted: []string{"openid"}}
	for _, f := range change {
		f(c)
	}
	return func(x *ipc.Dance) { x.Stage, x.Came = ipc.DanceCameBack, c }
}

// follow moves the dance on each time that dancectl has asked for it in the
// stage before.
func (d *dancer) follow(t *testing.T, steps ...func(*ipc.Dance)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, step := range steps {
			now, _ := d.now()
			want := "GET /v1/dances/d1?stage=" + strings.ReplaceAll(string(now.Stage), " ", "+")
			until(t, want, func() bool { return len(d.requests(want)) > 0 })
			d.move(step)
		}
	}()
	t.Cleanup(func() { <-done })
}

const (
	introduced = "Mira Okafor (mira) came back from Demo.\nGiven: openid\nAsked for and not given: email\n"
	connected  = "connected demo:mira, Mira Okafor (mira)\n"
)

func TestConnectPrintsTheAddressFirst(t *testing.T) {
	d := newDancer(t)
	d.follow(t, waiting, cameBack())
	dancectl(t, "connect", "demo", "--print-url", "--yes", "--label", "Mine", "--scopes", "openid,email").
		wants(t, 0, address+"\n"+connected, introduced)
	for _, want := range []string{
		`POST /v1/dances {"provider":"demo","scopes":["openid","email"],"no_browser":true,"label":"Mine"}`,
		`POST /v1/dances/d1/keep {}`,
	} {
		if len(d.requests(want)) != 1 {
			t.Errorf("asked %q, not %q", d.requests("POST"), want)
		}
	}
	if got := d.requests("DELETE"); len(got) != 0 {
		t.Errorf("called off: %q", got)
	}
}

func TestConnectShowsTheAddressWhenNoBrowserOpens(t *testing.T) {
	d := newDancer(t)
	d.follow(t, func(x *ipc.Dance) { waiting(x); x.OpenProblem = "xdg-open is missing." }, cameBack())
	dancectl(t, "connect", "demo", "--yes").wants(t, 0, connected,
		"No browser opens: xdg-open is missing.\nIf it does not open, open this address: "+address+"\n"+introduced)
}

func TestConnectWaitsForTheWindow(t *testing.T) {
	d := newDancer(t)
	d.follow(t, waiting, cameBack(), func(x *ipc.Dance) { x.Stage, x.Account = ipc.DanceDone, "a1" })
	dancectl(t, "connect", "demo", "--print-url").wants(t, 0, address+"\n"+connected,
		introduced+"Say in Dancecard's window whether to add the account.\n")
	if got := d.requests("POST /v1/dances/d1/keep"); len(got) != 0 {
		t.Errorf("kept unasked: %q", got)
	}
}

func TestConnectFails(t *testing.T) {
	for _, c := range []struct {
		stage   ipc.DanceStage
		failure *ipc.Error
		code    int
		err     string
	}{
		{ipc.DanceFailed, problemOf(403, ipc.CodeAccessDenied, "You said no at Demo.", "Try again."), 5, "You said no at Demo.\nhint: Try again."},
		{ipc.DanceFailed, problemOf(502, ipc.CodeProviderError, "Demo answers with an error.", ""), 7, "Demo answers with an error."},
		{ipc.DanceCancelled, nil, 5, "the dance was cancelled\nhint: dancectl connect demo"},
	} {
		t.Run(fmt.Sprint(c.stage, c.code), func(t *testing.T) {
			d := newDancer(t)
			d.follow(t, waiting, func(x *ipc.Dance) { x.Stage, x.Failure = c.stage, c.failure })
			dancectl(t, "connect", "demo", "--print-url").wants(t, c.code, address+"\n", "dancectl: "+c.err+"\n")
		})
	}
}

// Another account than the wanted one is never taken by --yes: it is called
// off, which revokes it.
func TestD60AnotherAccountIsNotKeptUnasked(t *testing.T) {
	d := newDancer(t)
	wanted := mira().Account
	d.follow(t, waiting, cameBack(func(c *ipc.CameBack) { c.Login, c.Name, c.Wanted = "jo", "", &wanted }))
	r := dancectl(t, "connect", "--reconnect", "demo:mira", "--print-url", "--yes")
	if r.code != exitDenied || !strings.Contains(r.err, "another account came back than mira") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if len(d.requests("POST /v1/dances/d1/keep")) != 0 || len(d.requests("DELETE /v1/dances/d1")) != 1 {
		t.Errorf("asked %q %q", d.requests("POST"), d.requests("DELETE"))
	}
}

func TestConnectStoresTheClientFirst(t *testing.T) {
	d := newDancer(t)
	d.answer("GET /v1/providers/demo", ipc.Provider{ID: "demo", Name: "Demo"})
	d.answer("PUT /v1/providers/demo/registration", struct{}{})
	d.follow(t, waiting, cameBack())
	r := dancectl(t, "connect", "demo", "--print-url", "--yes", "--instance", "git.example.org", "--client-id", "id-1",
		"--client-secret-file", file(t, "cs-1\n"))
	if r.code != 0 {
		t.Fatal(r.err)
	}
	want := `PUT /v1/providers/demo/registration {"instance":"git.example.org","client_id":"id-1","client_secret":"cs-1"}`
	if got := d.requests("PUT"); len(got) != 1 || got[0] != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	dancectl(t, "connect", "demo", "--client-secret-file", "x").wants(t, 2, "",
		"dancectl: a client secret needs its client id\nhint: add --client-id ID\n")
	dancectl(t, "connect", "demo", "--client-id", "x").wants(t, 2, "",
		"dancectl: there is no terminal to ask on\nhint: use --client-secret-file FILE, or --public if there is none\n")
}

func TestConnectSaysWhatToAdd(t *testing.T) {
	d := start(t)
	var refusal *ipc.Error
	d.mux.HandleFunc("POST /v1/dances", func(w http.ResponseWriter, _ *http.Request) { reply(w, refusal) })
	d.answer("GET /v1/providers/gitlab", ipc.Provider{ID: "gitlab", Instance: "host", InstanceExample: "gitlab.example.org"})
	d.answer("GET /v1/providers/demo", ipc.Provider{ID: "demo"})
	needs := problemOf(409, ipc.CodeNeedsRegistration, "GitHub wants to know this program first.", "Register x, then enter the client id.")
	bad := problemOf(400, ipc.CodeBadRequest, "GitLab runs in many places.", "Give the host name, such as gitlab.example.org.")
	for _, c := range []struct {
		refusal *ipc.Error
		args    string
		code    int
		hint    string
	}{
		{needs, "github", 6, "Register x, then enter the client id: dancectl connect github --client-id ID"},
		{needs, "--reconnect a1", 6, "Register x, then enter the client id."},
		{bad, "gitlab", 2, "Give the host name, such as gitlab.example.org: dancectl connect gitlab --instance gitlab.example.org"},
		{bad, "gitlab --instance x", 2, bad.Hint},
		{bad, "demo", 2, bad.Hint},
	} {
		refusal = c.refusal
		dancectl(t, append([]string{"connect"}, strings.Fields(c.args)...)...).wants(t, c.code, "",
			"dancectl: "+refusal.Message+"\nhint: "+c.hint+"\n")
	}
}

func TestWithout(t *testing.T) {
	got, _ := json.Marshal(without([]string{"a", "b", "c"}, []string{"b", "d"}))
	if string(got) != `["a","c"]` {
		t.Errorf("%s", got)
	}
}
