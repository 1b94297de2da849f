package main

import (
	"testing"

	"dancecard/ipc"
)

func TestProfileDelete(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{home, {ID: "p2", Name: "Work", State: ipc.ProfileOpen}}})
	d.answer("DELETE /v1/profiles/p1", ipc.DeletedProfile{ID: "p1", Name: "Home", Left: []ipc.Disconnected{
		{Account: "a1", Provider: "demo", Label: "mira", Page: "https://demo.example/links"}, {Account: "a2", Provider: "old", Label: "jo"}}})
	dancectl(t, "profile", "delete", "Home").wants(t, 0, `Home is deleted.
End mira at demo yourself: https://demo.example/links
End jo at old yourself, in your settings there.
`, "Dancecard's window asks whether to delete Home.\n")
	dancectl(t, "profile", "delete", "Home", "--anyway", "--passphrase-file", file(t, "correct horse\n")).wants(t, 0, `Home is deleted.
End mira at demo yourself: https://demo.example/links
End jo at old yourself, in your settings there.
`, "")
	got := d.requests("DELETE")
	for i, want := range []string{`DELETE /v1/profiles/p1 {}`, `DELETE /v1/profiles/p1 {"passphrase":"correct horse","anyway":true}`} {
		if got[i] != want {
			t.Errorf("asked %q, want %q", got[i], want)
		}
	}
	d.answer("DELETE /v1/profiles/p2", problemOf(409, ipc.CodeRevocationPending, "Work stays.", "End them yourself."))
	dancectl(t, "profile", "delete", "Work", "--recovery-key-file", file(t, "k")).wants(t, 7, "", "dancectl: Work stays.\nhint: End them yourself.\n")
	dancectl(t, "profile", "delete", "Play").wants(t, 8, "", "dancectl: There is no profile \"Play\".\nhint: dancectl profile lists them\n")
	if n := len(d.requests("DELETE")); n != 3 {
		t.Errorf("%d deletions were asked for", n)
	}
}
