package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dancecard/ipc"
)

func TestStatus(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/status", ipc.Overview{
		Version: "0.1.0", PID: 42, Current: "p1", Profiles: []ipc.Profile{home, {ID: "p2", Name: "Work"}},
		Accounts: []ipc.AccountDetail{mira(), mira(func(a *ipc.AccountDetail) {
			a.ID, a.Login, a.Status, a.Why = "a2", "jo", "needs sign-in", "Demo ended it."
		})},
		Questions: 1,
		Keyring:   "No keyring answers.",
		Dances:    []ipc.Dance{{ProviderName: "Demo", Stage: ipc.DanceWaiting}, {ProviderName: "Old", Stage: ipc.DanceDone}},
		Broken:    []ipc.ProviderProblem{{File: "x.toml", Line: 3, Reason: "there is no issuer", Fix: "add one"}},
		Alarms:    []ipc.Alarm{{Text: "The disk is full.", Hint: "Make room."}},
	})
	dancectl(t, "status").wants(t, 0, `Dancecard 0.1.0, process 42
Profile   Home, open
Accounts  2: 1 needs sign-in, 1 ready
Questions 1 in the window: dancectl show
Keyring   No keyring answers.
Dance     Demo, waiting
! demo:jo needs sign-in. Demo ended it.
hint: dancectl connect --reconnect demo:jo
! x.toml:3: there is no issuer; add one
! The disk is full. Make room.
`, "")
}

func TestStatusOfALockedProfile(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/status", ipc.Overview{Version: "0.1.0", PID: 42, Current: "p1",
		Profiles: []ipc.Profile{{ID: "p1", Name: "Home", State: ipc.ProfileLocked, Why: "screen", Waiting: 2}}})
	dancectl(t, "status").wants(t, 0, `Dancecard 0.1.0, process 42
Profile   Home, locked, because the screen locked
Waiting   programs that asked while it was locked: 2
`, "")
}

func TestAccounts(t *testing.T) {
	d := start(t)
	hostile := mira(func(a *ipc.AccountDetail) {
		a.ID, a.Login, a.Label = "a2", "jo", "jo\x1b[2J\n\u202eevil"
		a.Status, a.NextTry, a.ExpiresAt = "offline", time.Now().Add(40*time.Second+500*time.Millisecond), time.Now().Add(time.Hour+30*time.Second)
	})
	d.answer("GET /v1/accounts", ipc.Details{Accounts: []ipc.AccountDetail{mira(), hostile}})
	want := `ACCOUNT    LABEL    STATUS                     TOKEN            APPS
demo:mira  mira     ready                      no end is known  2
demo:jo    jo evil  offline, next try in 40 s  1 h left         2
`
	for _, args := range []string{"accounts", "accounts list", "account"} {
		dancectl(t, strings.Fields(args)...).wants(t, 0, want, "")
	}
	r := dancectl(t, "accounts", "list", "--json")
	var back ipc.Details
	if err := json.Unmarshal([]byte(r.out), &back); err != nil || len(back.Accounts) != 2 || back.Accounts[1].Label != hostile.Label {
		t.Errorf("JSON: %v, %+v", err, back)
	}
}

func TestNoAccounts(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/accounts", ipc.Details{})
	dancectl(t, "accounts").wants(t, 0, "", "No account is linked yet: dancectl connect PROVIDER\n")
}

func TestAccountVerbs(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/accounts/demo:mira", mira())
	d.answer("PATCH /v1/accounts/demo:mira", mira())
	d.answer("POST /v1/accounts/demo:mira/refresh", mira())
	dancectl(t, "accounts", "rename", "demo:mira", "Work Demo").wants(t, 0, "", "")
	if got := d.requests("PATCH"); len(got) != 1 || got[0] != `PATCH /v1/accounts/demo:mira {"name":"Work Demo"}` {
		t.Errorf("asked %q", got)
	}
	dancectl(t, "accounts", "refresh", "demo:mira").wants(t, 0, "mira: ready, no end is known\n", "")
	dancectl(t, "accounts", "show", "demo:mira").wants(t, 0, `Account    Mira Okafor (mira)
Label      mira
Provider   Demo
Issuer     http://127.0.0.1:9000
Subject    u1
Id         a1
Status     ready
Token      no end is known
Scopes     openid
Apps       2
`, "")
}

func TestApps(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/accounts", ipc.Details{Accounts: []ipc.AccountDetail{mira()}})
	d.answer("GET /v1/grants", ipc.Grants{Grants: []ipc.Grant{
		{ID: "g1", App: ipc.AppName{Name: "curl", Path: "/usr/bin/curl", Caller: "backup.sh", CallerPath: "/home/m/backup.sh"}, Account: "a1", Allow: true, Uses: 3},
		{ID: "g2", App: ipc.AppName{Name: "evil", Path: "/tmp/evil"}, Account: "a9"},
		{ID: "g3", App: ipc.AppName{Name: "mail", Path: "/usr/bin/mail"}, Account: "a1", Allow: true, FetchOnly: true},
	}})
	d.answer("DELETE /v1/grants/g1", struct{}{})
	d.answer("DELETE /v1/grants/g9", problemOf(404, ipc.CodeNoSuchGrant, "There is no grant g9.", ""))
	dancectl(t, "apps").wants(t, 0, `ID  PROGRAM             ACCOUNT    MAY         FOR     USES  PATH
g1  curl for backup.sh  demo:mira  token       always  3     /home/m/backup.sh
g2  evil                a9         never       always  0     /tmp/evil
g3  mail                demo:mira  fetch only  always  0     /usr/bin/mail
`, "")
	dancectl(t, "apps", "take-back", "g1").wants(t, 0, "", "")
	dancectl(t, "apps", "take-back", "g9").wants(t, 8, "", "dancectl: There is no grant g9.\nhint: dancectl apps lists them\n")
}

func TestProviders(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/status", ipc.Overview{Broken: []ipc.ProviderProblem{{File: "x.toml", Line: 3, Reason: "there is no issuer", Fix: "add one"}}})
	rows := []ipc.Provider{
		{ID: "demo", Name: "Demo", Linked: 1, File: "/c/demo.toml"},
		{ID: "gitlab", Name: "GitLab", NeedsRegistration: true, Instance: "host name", InstanceExample: "gitlab.example.org",
			RedirectURI: "http://127.0.0.1/", RedirectUnknown: true, RegistrationPage: "https://gitlab.com/-/profile/applications"},
	}
	d.answer("GET /v1/providers", ipc.Providers{Providers: rows})
	d.answer("GET /v1/providers/gitlab", rows[1])
	dancectl(t, "providers").wants(t, 0, `PROVIDER  NAME    LINKED  NEEDS                                FILE
demo      Demo    1                                            /c/demo.toml
gitlab    GitLab          a client id of your own, --instance
`, "! x.toml:3: there is no issuer; add one\n")
	dancectl(t, "providers", "show", "gitlab").wants(t, 0, `Provider   GitLab
Id         gitlab
Needs      a client id of your own, --instance
Instance   host name, such as gitlab.example.org
Register   https://gitlab.com/-/profile/applications
Redirect   http://127.0.0.1/ (whether this provider takes it is not known)
`, "")
}

func TestDisconnect(t *testing.T) {
	d := start(t)
	answer := ipc.Disconnected{Account: "a1", Provider: "Demo", Label: "mira", Told: true}
	d.answer("GET /v1/accounts/demo:mira", mira())
	d.answer("DELETE /v1/accounts/demo:mira", answer)
	d.answer("DELETE /v1/accounts/demo:no", problemOf(403, ipc.CodeConsentDenied, "You said no.", ""))
	dancectl(t, "disconnect", "demo:mira").wants(t, 0, "mira is disconnected and erased here. Its token is revoked at Demo.\n",
		"Dancecard's window asks whether to disconnect "+mira().Label+".\n")
	d.answer("GET /v1/accounts/none", problemOf(404, ipc.CodeNoSuchAccount, "There is none.", ""))
	dancectl(t, "disconnect", "none").wants(t, 8, "", "dancectl: There is none.\nhint: dancectl accounts lists them\n")
	dancectl(t, "disconnect", "").wants(t, 2, "", "dancectl: ACCOUNT is empty\nhint: dancectl help disconnect\n")
	dancectl(t, "disconnect", "demo:mira", "--passphrase-file", file(t, "correct horse\n")).wants(t, 0,
		"mira is disconnected and erased here. Its token is revoked at Demo.\n", "")
	want := `DELETE /v1/accounts/demo:mira {"passphrase":"correct horse"}`
	if got := d.requests("DELETE /v1/accounts/demo:mira"); got[1] != want {
		t.Errorf("asked %q, want %q", got[1], want)
	}
	dancectl(t, "disconnect", "demo:no", "--recovery-key-file", file(t, "k")).wants(t, 5, "", "dancectl: You said no.\n")
	d.answer("DELETE /v1/accounts/demo:mira/revocation", ipc.Disconnected{Account: "a1", Provider: "Demo", Label: "mira", Page: "https://demo.example/links"})
	dancectl(t, "disconnect", "demo:mira", "--give-up").wants(t, 0,
		"The token of mira is erased here and may still be good at Demo: end it at https://demo.example/links\n",
		"Dancecard's window asks whether to give up revoking "+mira().Label+".\n")
	answer.Told, answer.Pending = true, true
	if got := farewell(answer); !strings.Contains(got, "has not been told yet") {
		t.Error(got)
	}
	answer.Told, answer.Pending, answer.Page = false, false, "https://demo.example/settings"
	if got := farewell(answer); !strings.HasSuffix(got, "end it at https://demo.example/settings") {
		t.Error(got)
	}
}
