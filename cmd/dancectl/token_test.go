package main

import (
	"encoding/json"
	"strings"
	"testing"

	"dancecard/ipc"
)

func TestTokenIsBareAndAlone(t *testing.T) {
	d := start(t)
	d.answer("POST /v1/accounts/demo:mira/token", ipc.Token{AccessToken: "at-1", TokenType: "Bearer"})
	d.answer("POST /v1/accounts/host:example.org/token", ipc.Token{IDToken: "e.y.J", TokenType: "Bearer"})
	dancectl(t, "token", "demo:mira").wants(t, 0, "at-1\n", "")
	dancectl(t, "token", "host:example.org", "--type", "id", "--scopes", "a,b", "--audience", "x", "--min-valid", "1m1ms", "--wait", "3s").
		wants(t, 0, "e.y.J\n", "")
	want := `POST /v1/accounts/host:example.org/token {"type":"id","scopes":["a","b"],"audience":"x","min_valid":61,"wait":3}`
	if got := d.requests("POST /v1/accounts/host"); len(got) != 1 || got[0] != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	r := dancectl(t, "token", "demo:mira", "--json")
	var back ipc.Token
	if err := json.Unmarshal([]byte(r.out), &back); err != nil || back.AccessToken.Reveal() != "at-1" {
		t.Errorf("JSON: %v %s", err, r.out)
	}
}

func TestTokenIsRefused(t *testing.T) {
	d := start(t)
	d.answer("POST /v1/accounts/locked/token", problemOf(423, ipc.CodeProfileLocked, "The profile is locked.", "Unlock it."))
	d.answer("POST /v1/accounts/spent/token", problemOf(409, ipc.CodeNeedsSignIn, "Demo ended it.", "Sign in."))
	d.answer("POST /v1/accounts/odd/token", ipc.Token{AccessToken: "a\nb"})
	dancectl(t, "token", "locked").wants(t, 4, "", "dancectl: The profile is locked.\nhint: dancectl unlock\n")
	dancectl(t, "token", "spent").wants(t, 6, "", "dancectl: Demo ended it.\nhint: dancectl connect --reconnect spent\n")
	dancectl(t, "token", "odd").wants(t, 1, "", "dancectl: the token holds characters that no token may hold\n")
}

// What Dancecard says of a name that a provider chose cannot write a second
// line or move the cursor.
func TestI36ErrorsAreOneLine(t *testing.T) {
	d := start(t)
	d.answer("POST /v1/accounts/x/token", problemOf(502, ipc.CodeProviderError, "Demo said: \x1b[2Jno\nhint: rm -rf /", "later\x07"))
	dancectl(t, "token", "x").wants(t, 7, "", "dancectl: Demo said: no hint: rm -rf /\nhint: later\n")
}

func TestCompletion(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/accounts", ipc.Details{Accounts: []ipc.AccountDetail{mira()}})
	d.answer("GET /v1/providers", ipc.Providers{Providers: []ipc.Provider{{ID: "demo", Name: "De\x1b[1mmo"}}})
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{home}})
	d.answer("GET /v1/grants", ipc.Grants{Grants: []ipc.Grant{{ID: "g1", App: ipc.AppName{Name: "curl"}}}})
	for args, want := range map[string]string{
		"token":               "demo:mira\tmira, ready\n:4\n",
		"disconnect":          "demo:mira\tmira, ready\n:4\n",
		"token demo:mira":     ":4\n",
		"connect":             "demo\tDemo\n:4\n",
		"connect --reconnect": "demo:mira\tmira, ready\n:4\n",
		"providers show":      "demo\tDemo\n:4\n",
		"unlock":              "Home\topen\n:4\n",
		"profile switch":      "Home\topen\n:4\n",
		"apps take-back":      "g1\tcurl\n:4\n",
	} {
		r := dancectl(t, append(append([]string{"__complete"}, strings.Fields(args)...), "")...)
		if r.code != 0 || r.out != want {
			t.Errorf("%s: exit %d, %q, want %q", args, r.code, r.out, want)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if r := dancectl(t, "__complete", "token", ""); r.out != ":1\n" {
		t.Errorf("not running: %q", r.out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := dancectl(t, "completion", shell); r.code != 0 || !strings.Contains(r.out, "dancectl") {
			t.Errorf("completion %s: exit %d %s", shell, r.code, r.err)
		}
	}
}
