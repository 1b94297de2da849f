package accounts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
)

func TestConnectShowsWhoCameBackBeforeKeeping(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	id := r.dance("mira", ConnectRequest{Provider: "demo"})
	d, _ := r.Snapshot().Dance(id)
	if d.Stage != DanceCameBack || d.Came == nil || d.Came.Login != "mira" || d.Came.Known != "" {
		t.Fatalf("came back: %+v", d)
	}
	if n := len(r.Snapshot().Accounts); n != 0 {
		t.Fatalf("%d accounts before the user's word", n)
	}
	account, err := r.Keep(t.Context(), id, "", false)
	if err != nil {
		t.Fatal(err)
	}
	a := r.account(account)
	if a.Status != Ready && a.Status != Expiring || a.Label != "mira" || a.Issuer != r.provider.Issuer() || !a.Refreshes || !a.CanRevoke {
		t.Fatalf("linked: %+v", a)
	}
	if a.Subject == "" || a.ID == a.Subject {
		t.Fatalf("subject %q, id %q", a.Subject, a.ID)
	}
}

func TestTwoAccountsAtOneProvider(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	if mira.ID == jo.ID || mira.Subject == jo.Subject {
		t.Fatalf("%+v and %+v", mira, jo)
	}
	_, err := r.Resolve("demo")
	wantCode(t, err, CodeAmbiguousAccount)
	if a, err := r.Resolve("demo:jo"); err != nil || a.ID != jo.ID {
		t.Fatalf("demo:jo is %+v, %v", a, err)
	}
}

func TestConnectingAgainRenewsTheSameAccount(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	first := r.link("mira")
	if err := r.Rename(first.ID, "Work code"); err != nil {
		t.Fatal(err)
	}
	again := r.link("mira")
	if again.ID != first.ID || len(r.Snapshot().Accounts) != 1 {
		t.Fatalf("a second account: %+v", r.Snapshot().Accounts)
	}
	if again.Label != "Work code" {
		t.Fatalf("the label became %q", again.Label)
	}
}

func TestO40ReconnectWithAnotherSubjectOverwritesNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira := r.link("mira")
	before := r.stored(mira.ID)
	id := r.dance("jo", ConnectRequest{Reconnect: mira.ID})
	d, _ := r.Snapshot().Dance(id)
	if d.Came.Wanted == nil || d.Came.Wanted.ID != mira.ID {
		t.Fatalf("came back: %+v", d.Came)
	}
	_, err := r.Keep(t.Context(), id, "", false)
	wantCode(t, err, CodeOtherSubject)
	account, err := r.Keep(t.Context(), id, "", true)
	if err != nil || account == mira.ID {
		t.Fatalf("as new: %q, %v", account, err)
	}
	if after := r.stored(mira.ID); after.Access != before.Access || after.Refresh != before.Refresh {
		t.Fatal("the wanted account's token was written over")
	}
}

func TestReconnectKeepsTheSameSubjectWithoutAsking(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira := r.link("mira")
	r.user = "mira"
	id, err := r.Connect(t.Context(), ConnectRequest{Reconnect: mira.ID})
	if err != nil {
		t.Fatal(err)
	}
	// Whoever sees it come back would answer a question that nobody asks.
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack || d.Stage.Over() })
	if d.Stage != DanceDone || d.Account != mira.ID {
		t.Fatalf("%+v", d)
	}
}

func TestGateRefusesAndTheTokenIsRevoked(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	var seen []string
	r.opts.BeforeLink = []func(context.Context, Provider, CameBack) error{
		func(context.Context, Provider, CameBack) error { return errors.New("only work accounts") },
		func(_ context.Context, p Provider, c CameBack) error {
			seen = append(seen, p.ID, c.Login)
			return nil
		},
	}
	r.restart()
	r.user = "mira"
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
	if d.Stage != DanceFailed || d.Failure.Code != CodeRefusedByGate || !strings.Contains(d.Failure.Text, "only work accounts") {
		t.Fatalf("%+v", d)
	}
	if !slices.Equal(seen, []string{"demo", "mira"}) {
		t.Fatalf("the second gate saw %v", seen)
	}
	if !r.provider.Await(t.Context(), r.provider.RevocationPath(), 1) {
		t.Fatal("the refused token was not revoked")
	}
}

func TestCancelAfterComingBackRevokes(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	id := r.dance("mira", ConnectRequest{Provider: "demo"})
	if err := r.CancelDance(id); err != nil {
		t.Fatal(err)
	}
	if !r.provider.Await(t.Context(), r.provider.RevocationPath(), 1) {
		t.Fatal("the token was not given back")
	}
	if len(r.Snapshot().Accounts) != 0 {
		t.Fatal("an account was kept")
	}
	_, err := r.Keep(t.Context(), id, "", false)
	wantCode(t, err, CodeNoSuchDance)
}

func TestD62ConnectTwiceIsOneDance(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.opts.OpenURL = func(context.Context, string) error { return nil }
	r.restart()
	first, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	if err != nil || first != second {
		t.Fatalf("%q and %q, %v", first, second, err)
	}
}

// Twenty terminals that each print an address are twenty dances of one
// provider, and none is forgotten before its caller has read its end.
func TestD9PrintedAddressesAreDancesOfTheirOwn(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	seen := map[string]bool{}
	for i := range 20 {
		want := ConnectRequest{Provider: "demo", NoBrowser: i > 0}
		id, err := r.Connect(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		seen[id] = true
		if i == 1 {
			if err := r.CancelDance(id); err != nil {
				t.Fatal(err)
			}
			r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
		}
	}
	if n := len(r.Snapshot().Dances); len(seen) != 20 || n != 20 {
		t.Fatalf("%d dances of 20 calls, %d known", len(seen), n)
	}
}

func TestNoBrowserLeavesTheLinkOnScreen(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.opts.OpenURL = func(context.Context, string) error { return errors.New("xdg-open is missing") }
	r.restart()
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceWaiting })
	if !strings.HasPrefix(d.URL, r.provider.Issuer()) || !strings.Contains(d.OpenProblem, "xdg-open is missing") {
		t.Fatalf("%+v", d)
	}
	wantCode(t, r.OpenAgain(t.Context(), id), CodeBadRequest)
	go r.provider.Approve(d.URL, "jo")
	d = r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack })
	if d.Came.Login != "jo" {
		t.Fatalf("%+v", d.Came)
	}
}

func TestUserSaysNoAtTheProvider(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.opts.OpenURL = func(_ context.Context, address string) error {
		go r.provider.Deny(address, "mira")
		return nil
	}
	r.restart()
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
	if d.Failure == nil || d.Failure.Code != CodeAccessDenied {
		t.Fatalf("%+v", d)
	}
}

func TestRegistrationIsAskedForAndBelongsToItsIssuer(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	file := filepath.Join(r.opts.Providers, "corp.toml")
	row := "name = \"Corp\"\nissuer = \"" + r.provider.Issuer() + "\"\n"
	if err := os.WriteFile(file, []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	find := func(s Snapshot) (Provider, bool) {
		i := slices.IndexFunc(s.Gallery, func(p Provider) bool { return p.ID == "corp" })
		if i < 0 {
			return Provider{}, false
		}
		return s.Gallery[i], true
	}
	s := r.await("the new file in the gallery", func(s Snapshot) bool { _, ok := find(s); return ok })
	if p, _ := find(s); !p.NeedsRegistration || p.RedirectURI == "" {
		t.Fatalf("%+v", p)
	}
	_, err := r.Connect(t.Context(), ConnectRequest{Provider: "corp"})
	wantCode(t, err, CodeNeedsRegistration)
	wantCode(t, r.SetRegistration(t.Context(), "corp", "", "two words", secret.String{}, secret.String{}), CodeBadRequest)
	if err := r.SetRegistration(t.Context(), "corp", "", r.provider.ClientID(), secret.String{}, secret.String{}); err != nil {
		t.Fatal(err)
	}
	r.dance("mira", ConnectRequest{Provider: "corp"})

	// The file now names another issuer: the client is not sent there.
	row = strings.Replace(row, r.provider.Issuer(), "http://127.0.0.1:1", 1)
	if err := os.WriteFile(file, []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for w := r.Watch(""); ; {
		if _, err = r.Connect(t.Context(), ConnectRequest{Provider: "corp"}); CodeOf(err) == CodeNeedsRegistration {
			break
		}
		if _, _, err := w.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChangedProviderFileMovesNoSecret(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	a := r.link("mira")
	other, err := dancetest.Start(dancetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	w := r.Watch("")
	if err := writeFile(r, "demo", string(other.ProviderFile("Demo"))); err != nil {
		t.Fatal(err)
	}
	for changed := false; !changed; {
		events, _, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		changed = slices.ContainsFunc(events, func(e Event) bool { return e.Type == EventCatalogChanged })
	}
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if n := r.tokens("refresh_token"); n != 1 {
		t.Fatalf("%d refreshes at the provider that it was linked with", n)
	}
	if n := len(other.Requests()); n != 0 {
		t.Fatalf("%d requests went to the new address", n)
	}
}

func TestOpenAgainUsesANewStartAddress(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	var opened []string
	r.opts.OpenURL = func(_ context.Context, address string) error {
		opened = append(opened, address)
		if len(opened) == 2 {
			go r.provider.Approve(address, "mira")
		}
		return nil
	}
	r.restart()
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceWaiting })
	if err := r.OpenAgain(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack })
	if len(opened) != 2 || opened[0] == opened[1] || strings.HasPrefix(opened[1], r.provider.Issuer()) {
		t.Fatalf("opened %q", opened)
	}
	wantCode(t, r.OpenAgain(t.Context(), id), CodeExpired)
}

func TestLabelIsCheckedBeforeTheDanceAndUsedAfterIt(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	_, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo", Label: "two\nlines"})
	wantCode(t, err, CodeBadRequest)
	if n := len(r.Snapshot().Dances); n != 0 {
		t.Fatalf("%d dances", n)
	}
	id := r.dance("mira", ConnectRequest{Provider: "demo", Label: "Mine"})
	account, err := r.Keep(t.Context(), id, "", false)
	if err != nil || r.account(account).Label != "Mine" {
		t.Fatalf("%v, %+v", err, r.Snapshot().Accounts)
	}
}

func TestAmbiguousAccountIsOfferedByNamesThatFit(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	mira, jo := r.link("mira"), r.link("jo")
	if err := r.Rename(mira.ID, "demo:jo"); err != nil {
		t.Fatal(err)
	}
	_, err := r.Resolve("demo:jo")
	wantCode(t, err, CodeAmbiguousAccount)
	e, _ := errors.AsType[*Error](err)
	if !slices.Contains(e.Accounts, jo.ID) || !slices.Contains(e.Accounts, "demo:mira") {
		t.Fatalf("%q", e.Accounts)
	}
}
