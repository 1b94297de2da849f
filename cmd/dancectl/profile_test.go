package main

import (
	"testing"

	"dancecard/ipc"
)

func TestProfiles(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{home,
		{ID: "p2", Name: "Work", State: ipc.ProfileBroken, Ways: []string{"recovery"},
			Problem: problemOf(500, ipc.CodeDamaged, "The journal is damaged.", "")}}})
	dancectl(t, "profile").wants(t, 0, `   PROFILE  STATE                                      WAYS IN                        ID
*  Home     open                                       keyring, passphrase, recovery  p1
   Work     cannot be opened: The journal is damaged.  recovery                       p2
`, "")
}

func TestProfileVerbs(t *testing.T) {
	d := start(t)
	for _, route := range []string{"POST /v1/profiles/-/lock", "POST /v1/profiles/Work/lock", "POST /v1/profiles/-/logout",
		"POST /v1/profiles/Work/switch", "PATCH /v1/profiles/Work", "POST /v1/show"} {
		d.answer(route, struct{}{})
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"lock"}, "POST /v1/profiles/-/lock"},
		{[]string{"lock", "Work"}, "POST /v1/profiles/Work/lock"},
		{[]string{"logout"}, "POST /v1/profiles/-/logout"},
		{[]string{"profile", "switch", "Work"}, "POST /v1/profiles/Work/switch"},
		{[]string{"profile", "rename", "Work", "Büro"}, `PATCH /v1/profiles/Work {"name":"Büro"}`},
		{[]string{"show"}, "POST /v1/show"},
	} {
		dancectl(t, c.args...).wants(t, 0, "", "")
		if got := d.requests("P"); got[len(got)-1] != c.want {
			t.Errorf("%q asked %q, want %q", c.args, got[len(got)-1], c.want)
		}
	}
}

func TestProfileCreatePrintsTheRecoveryKeyAlone(t *testing.T) {
	d := start(t)
	d.answer("POST /v1/profiles", ipc.CreatedProfile{ID: "p1", RecoveryKey: "KEY-1"})
	const said = "Home is open. Write its recovery key down: it is shown this once and kept nowhere.\n"
	dancectl(t, "profile", "create", "Home", "--keyring").wants(t, 0, "KEY-1\n", said)
	dancectl(t, "profile", "create", "Home", "--passphrase-file", file(t, "correct horse\n")).wants(t, 0, "KEY-1\n", said)
	got := d.requests("POST")
	for i, want := range []string{`POST /v1/profiles {"name":"Home","keyring":true}`, `POST /v1/profiles {"name":"Home","passphrase":"correct horse"}`} {
		if got[i] != want {
			t.Errorf("asked %q, want %q", got[i], want)
		}
	}
}

func TestUnlock(t *testing.T) {
	d := start(t)
	locked, work := home, home
	locked.State, locked.Why = ipc.ProfileLocked, "user"
	work.ID, work.Name, work.Current = "p2", "Work", false
	broken := ipc.Profile{ID: "p3", Name: "Torn", State: ipc.ProfileBroken, Problem: problemOf(500, ipc.CodeDamaged, "The journal is damaged.", "Nothing was changed.")}
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{locked, work, broken}})
	d.mux.HandleFunc("POST /v1/profiles/p1/unlock", unlocker(t))

	dancectl(t, "unlock", "--passphrase-file", file(t, "right\n")).wants(t, 0, "Home is open\n", "")
	dancectl(t, "unlock", "Home", "--recovery-key-file", file(t, "right\n")).wants(t, 0, "Home is open\n", "")
	dancectl(t, "unlock", "p1", "--passphrase-file", file(t, "wrong")).wants(t, 5, "", "dancectl: That does not open Home.\nhint: Try again.\n")
	dancectl(t, "unlock", "--keyring").wants(t, 1, "", "dancectl: No keyring answers.\nhint: Type the passphrase.\n")
	dancectl(t, "unlock", "Work").wants(t, 0, "Work is open\n", "")
	dancectl(t, "unlock", "Torn").wants(t, 1, "", "dancectl: The journal is damaged.\nhint: Nothing was changed.\n")
	dancectl(t, "unlock", "Play").wants(t, 8, "", "dancectl: There is no profile \"Play\".\nhint: dancectl profile lists them\n")
	dancectl(t, "unlock").wants(t, 2, "", "dancectl: there is no terminal to ask on\nhint: use --passphrase-file FILE\n")
}

func TestWayIn(t *testing.T) {
	for _, c := range []struct {
		ways []string
		why  string
		want string
	}{
		{[]string{"keyring", "passphrase", "recovery"}, "user", "passphrase"},
		{[]string{"keyring", "recovery"}, "user", "keyring"},
		{[]string{"keyring", "recovery"}, "log-out", "recovery"},
		{[]string{"recovery"}, "start", "recovery"},
	} {
		if got := wayIn(ipc.Profile{Ways: c.ways, Why: c.why}); got != c.want {
			t.Errorf("%v after %s: %s, want %s", c.ways, c.why, got, c.want)
		}
	}
}

func TestProfileLocks(t *testing.T) {
	d := start(t)
	p := home
	p.Locks = ipc.LockRules{Screen: true, Sleep: true}
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{p}})
	d.answer("PUT /v1/profiles/p1/locks", struct{}{})
	dancectl(t, "profile", "locks").wants(t, 0, "Home locks when the screen locks, before the computer sleeps\n", "")
	dancectl(t, "profile", "locks", "Home", "--idle", "15m", "--screen=false", "--passphrase-file", file(t, "pw")).
		wants(t, 0, "Home locks before the computer sleeps, when nobody is there for 15 min\n", "")
	want := `PUT /v1/profiles/p1/locks {"screen":false,"sleep":true,"idle_minutes":15,"passphrase":"pw"}`
	if got := d.requests("PUT"); len(got) != 1 || got[0] != want {
		t.Errorf("asked %q", got)
	}
	if r := dancectl(t, "profile", "locks", "--idle", "90s"); r.code != exitUsage {
		t.Errorf("exit %d", r.code)
	}
}
