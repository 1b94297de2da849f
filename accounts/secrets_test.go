package accounts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
)

func TestP6NothingPrintsASecret(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	r.allow(a.ID)
	h, err := r.token(a.ID, Want{})
	if err != nil {
		t.Fatal(err)
	}
	stored := r.stored(a.ID)
	canaries := []string{stored.Access, stored.Refresh, stored.ID, r.key.Reveal(), "client-canary"}
	lines, err := r.Activity(100)
	if err != nil || len(lines) == 0 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	client := registrationRecord{ID: "r", Secret: "client-canary", PrivateKey: "client-canary-key", Token: "client-canary-token"}
	stored.Key, stored.Secret = "token-canary-key", "token-canary-secret"
	canaries = append(canaries, client.PrivateKey, client.Token, stored.Key, stored.Secret)
	_, failed := r.token("nothing", Want{})
	events, _, err := r.Watch(r.events.epoch + ".1").Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	outside := []any{r.Snapshot(), h, lines, failed, events, NewProfile{Name: "x", Passphrase: secret.New("client-canary")}}
	inside := []any{stored, client, refreshCall{client: client, held: &stored}, revocationRecord{Registration: client, Tokens: []tokenRecord{stored}},
		arrival{Token: &stored, Gone: &revocationRecord{Registration: client}}, &account{held: &stored},
		&revocation{revocationRecord: revocationRecord{Registration: client}}, &danceRun{client: client},
		&enrolment{client: client}, &outgrown{client: client, token: stored, now: stored}}
	var out bytes.Buffer
	for _, v := range append(outside, inside...) {
		fmt.Fprintf(&out, "%v %+v %#v %s %q %x\n", v, v, v, v, v, v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
	}
	for _, v := range outside { // records are for the vault, and marshal
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(raw)
	}
	for _, v := range inside[:5] {
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	for _, c := range canaries {
		if c == "" || strings.Contains(out.String(), c) || strings.Contains(out.String(), fmt.Sprintf("%x", c)) {
			t.Errorf("a secret of %d bytes was printed", len(c))
		}
	}
}

func TestI38EachReleaseIsWrittenDown(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	evil := App{Key: "evil", Name: "x\n{\"type\":\"grant.denied\"}", Path: "/tmp/\x1b[31m" + strings.Repeat("\x00", 4096)}
	for range 3 {
		_, done := r.asked(evil, a.ID, Want{})
		r.answer(Answer{Allow: true})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	r.restart()
	lines, err := r.Activity(1000)
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, l := range lines {
		if l.Type == EventGrantUsed && l.App == evil.Name && l.Path == evil.Path && l.Label == "mira" {
			used++
		}
		if l.Type == EventGrantDenied {
			t.Fatal("a name became a line of its own")
		}
	}
	if used != 3 {
		t.Fatalf("%d of 3 releases written down", used)
	}
}

func TestCreationThatWasCutOffLeavesNoGhost(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	const id = "p0123456789abcdef0123"
	dir := r.profileDir(id)
	if err := os.MkdirAll(filepath.Join(dir, "slots"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"snapshot.new", "journal.new", "slots/x.age"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.writeCard(id, profileCard{Name: "Ghost"}); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if s := r.Snapshot(); len(s.Profiles) != 1 || s.Profiles[0].Name != "Home" {
		t.Fatalf("%+v", s.Profiles)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("its folder is left: %v", err)
	}
}
