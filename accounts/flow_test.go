package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dancecard/dance"
	"dancecard/dance/dancetest"
)

func TestD9TwentyDancesAtOnceThroughTheBook(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	for i := range 20 {
		if err := writeFile(r, fmt.Sprintf("demo%d", i), string(r.provider.ProviderFile(fmt.Sprint("Demo ", i)))); err != nil {
			t.Fatal(err)
		}
	}
	r.await("twenty rows", func(Snapshot) bool {
		_, ok := r.catalog.Get("demo19")
		_, first := r.catalog.Get("demo0")
		return ok && first
	})
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			id, err := r.Connect(t.Context(), ConnectRequest{Provider: fmt.Sprintf("demo%d", i)})
			if err != nil {
				t.Error(err)
				return
			}
			if d := r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack || d.Stage.Over() }); d.Stage != DanceCameBack {
				t.Errorf("%s: %+v", d.Stage, d.Failure)
				return
			}
			if _, err := r.Keep(t.Context(), id, fmt.Sprint("Account ", i), false); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(r.Snapshot().Accounts); n != 20 {
		t.Fatalf("%d accounts", n)
	}
}

func TestD40CancelDuringTheExchangeStoresNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	release := r.provider.Hold(r.provider.TokenPath())
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	if !r.provider.Await(t.Context(), r.provider.TokenPath(), 1) {
		t.Fatal("no code was exchanged")
	}
	if err := r.CancelDance(id); err != nil {
		t.Fatal(err)
	}
	release()
	if !r.provider.Await(t.Context(), r.provider.RevocationPath(), 1) {
		t.Fatal("the token was not given back")
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
	if _, err := r.Keep(t.Context(), id, "", false); d.Stage != DanceCancelled || CodeOf(err) != CodeNoSuchDance || len(r.Snapshot().Accounts) != 0 {
		t.Fatalf("%s, %v", d.Stage, err)
	}
}

func TestD60WhoeverCameBackIsShownBeforeAnythingWorks(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	id := r.dance("jo", ConnectRequest{Provider: "demo"}) // finished by somebody else than the user had in mind
	if d, _ := r.Snapshot().Dance(id); d.Came == nil || d.Came.Login != "jo" {
		t.Fatalf("%+v", d)
	}
	for _, ref := range []string{"demo", "demo:jo", "jo"} {
		_, err := r.token(ref, Want{Wait: time.Second})
		wantCode(t, err, CodeNoSuchAccount)
	}
	if err := r.CancelDance(id); err != nil {
		t.Fatal(err)
	}
	if !r.provider.Await(t.Context(), r.provider.RevocationPath(), 1) {
		t.Fatal("the token was not given back")
	}
}

func TestD62TwoWordsOnOneDanceMakeOneAccount(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	id := r.dance("mira", ConnectRequest{Provider: "demo"})
	var kept, refused int
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			_, err := r.Keep(t.Context(), id, "", false)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				kept++
			} else if CodeOf(err) == CodeNoSuchDance {
				refused++
			}
		})
	}
	group.Wait()
	if kept != 1 || refused != 9 || len(r.Snapshot().Accounts) != 1 {
		t.Fatalf("%d kept, %d refused, %d accounts", kept, refused, len(r.Snapshot().Accounts))
	}
}

func TestDeviceCodeIsShownAndEndsInAnAccount(t *testing.T) {
	r, as := worksRig(t, "")
	var opened string
	r.Book.opts.OpenURL = func(_ context.Context, address string) error { opened = address; return nil }
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "works", Device: true})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Code != nil || d.Stage.Over() })
	if d.Failure != nil || d.Code.UserCode != "WDJB-MJHT" || d.Code.URI != as.URL+"/activate" || d.URL != d.Code.URI || d.Stage != DanceWaiting {
		t.Fatalf("%+v %+v", d, d.Failure)
	}
	as.change(func() { // it answers nobody meanwhile
		wantCode(t, r.Paste(id, "WDJB-MJHT"), CodeExpired)
		if err := r.OpenAgain(t.Context(), id); err != nil || opened != as.URL+"/activate" {
			t.Fatalf("opened %q, %v", opened, err)
		}
	})
	d = r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack || d.Stage.Over() })
	if d.Came == nil || d.Came.Login != "mira" {
		t.Fatalf("%s %+v", d.Stage, d.Failure)
	}
	if n := as.count("GET /authorize"); n != 0 {
		t.Fatal("a browser was sent")
	}
}

func TestPastedAnswerFinishesADance(t *testing.T) {
	r, as := worksRig(t, "")
	r.opts.OpenURL = func(context.Context, string) error { return nil }
	r.restart()
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "works", NoBrowser: true})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceWaiting || d.Stage.Over() })
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", " ", "not it", "https://evil.example/?code=x&state=y", strings.Repeat("x", pasteLimit+1), u.Query().Get("redirect_uri") + "?code=x&state=wrong"} {
		wantCode(t, r.Paste(id, text), CodeBadRequest)
	}
	if d := r.awaitDance(id, func(Dance) bool { return true }); d.Stage != DanceWaiting || d.Pasted == "" {
		t.Fatalf("%s %q", d.Stage, d.Pasted)
	}
	as.change(func() {
		as.asked = append(as.asked, u.Query())
		as.codes["code-elsewhere"] = url.Values{"client_id": {u.Query().Get("client_id")}, "code_challenge": {u.Query().Get("code_challenge")}, "login_hint": {"jo"}}
	})
	answer := url.Values{"code": {"code-elsewhere"}, "state": {u.Query().Get("state")}, "iss": {as.URL}}
	if err := r.Paste(id, " "+u.Query().Get("redirect_uri")+"?"+answer.Encode()+"\n"); err != nil {
		t.Fatal(err)
	}
	d = r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack || d.Stage.Over() })
	if d.Came == nil || d.Came.Login != "jo" || d.Pasted != "" {
		t.Fatalf("%s %+v", d.Stage, d.Failure)
	}
	wantCode(t, r.Paste(id, "again"), CodeExpired)
	wantCode(t, r.Paste("d", "again"), CodeNoSuchDance)
}

func TestBrowserIsRememberedAndNoOtherIsOpened(t *testing.T) {
	r, as := worksRig(t, "")
	type opening struct{ browser, address string }
	var mu sync.Mutex
	var opened []opening
	r.opts.Browsers = func() []dance.Browser {
		return []dance.Browser{{Name: "The system's"}, {ID: "firefox/work", Name: "Firefox"}, {ID: "chromium/private", Private: true}}
	}
	r.opts.OpenIn = func(ctx context.Context, browser, address string) error {
		mu.Lock()
		opened = append(opened, opening{browser, address})
		mu.Unlock()
		return r.browse(ctx, address)
	}
	r.opts.OpenURL = func(context.Context, string) error { t.Error("the system's browser was opened"); return nil }
	r.restart()
	_, err := r.Connect(t.Context(), ConnectRequest{Provider: "works", Browser: "lynx"})
	wantCode(t, err, CodeBadRequest)
	a := r.keep(as, "mira", ConnectRequest{Provider: "works", Browser: "firefox/work"})
	if a.Browser != "firefox/work" || len(r.Browsers()) != 3 {
		t.Fatalf("%+v", a)
	}
	r.restart()
	r.dance("mira", ConnectRequest{Reconnect: a.ID})
	wantCode(t, r.SetBrowser(a.ID, "lynx"), CodeBadRequest)
	wantCode(t, r.SetBrowser("a", "chromium/private"), CodeNoSuchAccount)
	if err := r.SetBrowser(a.ID, "chromium/private"); err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.dance("mira", ConnectRequest{Reconnect: a.ID})
	var used []string
	for _, o := range opened {
		used = append(used, o.browser)
	}
	if !slices.Equal(used, []string{"firefox/work", "firefox/work", "chromium/private"}) || r.account(a.ID).Browser != "chromium/private" {
		t.Fatalf("%q", used)
	}
	// A browser that is gone is said, and none is opened in its place.
	r.opts.OpenIn = func(context.Context, string, string) error { return errors.New("chromium is not installed") }
	r.restart()
	id, err := r.Connect(t.Context(), ConnectRequest{Reconnect: a.ID})
	if err != nil {
		t.Fatal(err)
	}
	if d := r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceWaiting }); !strings.Contains(d.OpenProblem, "chromium") || d.URL == "" {
		t.Fatalf("%+v", d)
	}
}

func TestMoreScopesAreAskedForBesidesTheOldOnes(t *testing.T) {
	r, as := worksRig(t, "scopes = [\"read\"]\n\n[[options]]\nid = \"hosted_domain\"\nlabel = \"Domain\"\nparam = \"hd\"\n")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works", Options: map[string]string{"hosted_domain": "works.example"}})
	as.change(func() { as.answer["scope"] = "read" })
	r.dance("mira", ConnectRequest{Reconnect: a.ID, AddScopes: []string{"write", "read"}})
	as.change(func() {
		if q := as.asked[len(as.asked)-1]; q.Get("scope") != "read write" || q.Get("hd") != "works.example" || q.Get("login_hint") != "mira" {
			t.Errorf("asked %v", q)
		}
	})
	if got := r.account(a.ID); !slices.Equal(got.Asked, []string{"read", "write"}) || !slices.Equal(got.Granted, []string{"read"}) {
		t.Fatalf("%+v", got)
	}
}

func TestUnnamedAccountsAreNeverMatchedAndNeedAName(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	as := newAuthority(t)
	as.noUser = true
	file := strings.Replace(as.file("\n[identity]\nunknown = true\n"), "userinfo = \""+as.URL+"/userinfo\"\n", "", 1)
	r.write("works", strings.Replace(file, "issuer = \""+as.URL+"\"\n", "", 1))
	id := r.dance("mira", ConnectRequest{Provider: "works"})
	d, _ := r.Snapshot().Dance(id)
	if !d.Came.Unnamed || d.Came.Known != "" {
		t.Fatalf("%+v", d.Came)
	}
	_, err := r.Keep(t.Context(), id, "", false)
	wantCode(t, err, CodeBadRequest)
	first, err := r.Keep(t.Context(), id, "Weather", false)
	if err != nil {
		t.Fatal(err)
	}
	second := r.keep(as, "mira", ConnectRequest{Provider: "works", Label: "Tides"})
	if second.ID == first || !second.Unnamed || second.Label != "Tides" {
		t.Fatalf("%+v", second)
	}
	before := r.account(first)
	id = r.dance("mira", ConnectRequest{Reconnect: first})
	d, _ = r.Snapshot().Dance(id)
	if d.Stage != DanceCameBack || d.Came.Known != first || d.Came.Wanted != nil {
		t.Fatalf("nobody was asked: %s %+v", d.Stage, d.Came)
	}
	if _, err := r.Keep(t.Context(), id, "", false); err != nil {
		t.Fatal(err)
	}
	if after := r.account(first); after.Subject != before.Subject || after.Label != "Weather" || len(r.Snapshot().Accounts) != 2 {
		t.Fatalf("%+v", after)
	}
	// Nobody knows whose tokens came: the refresh token of before is not put beside them.
	as.change(func() { as.answer["refresh_token"] = nil })
	if _, err := r.Keep(t.Context(), r.dance("jo", ConnectRequest{Reconnect: first}), "", false); err != nil || r.account(first).Refreshes {
		t.Fatalf("the tokens of two people are one account's: %v", err)
	}
	id = r.dance("mira", ConnectRequest{Reconnect: first})
	_, err = r.Keep(t.Context(), id, "", true)
	wantCode(t, err, CodeBadRequest)
	third, err := r.Keep(t.Context(), id, "Stars", true)
	if err != nil || third == first || r.account(third).Subject == before.Subject {
		t.Fatalf("%q, %v", third, err)
	}
}

func TestLinksThatShareAGrantAreNamed(t *testing.T) {
	r, as := worksRig(t, "\n[revocation]\nrevokes = \"grant\"\n")
	home := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	profile := r.current
	id, _, err := r.CreateProfile(t.Context(), NewProfile{Name: "Work"})
	if err != nil {
		t.Fatal(err)
	}
	// The same client has to be known there too: the user's own, say.
	r.mu.Lock()
	var client registrationRecord
	for _, c := range r.profiles[profile].registrations {
		client = c
	}
	r.profiles[id].registrations[client.ID] = client
	r.mu.Unlock()
	work := r.keep(as, "mira", ConnectRequest{Provider: "works", Label: "At work"})
	if !slices.Equal(work.SharesGrant, []string{"Home: mira"}) {
		t.Fatalf("%q", work.SharesGrant)
	}
	if a, err := r.Resolve(work.ID); err != nil || len(a.SharesGrant) != 1 {
		t.Fatalf("%q, %v", a.SharesGrant, err)
	}
	r.keep(as, "jo", ConnectRequest{Provider: "works"})
	if err := r.SwitchProfile(profile); err != nil {
		t.Fatal(err)
	}
	if got := r.account(home.ID).SharesGrant; !slices.Equal(got, []string{"Work: At work"}) {
		t.Fatalf("%q", got)
	}
}

func TestWhatCannotBeRevokedIsNotTriedForEver(t *testing.T) {
	r, as := worksRig(t, "settings_page = \"https://works.example/apps\"\n\n[revocation]\nstyle = \"request\"\nmethod = \"DELETE\"\n\n[revocation.params]\ntoken = \"{refresh_token}\"\n")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	r.noRefresh(a.ID) // and the row has no way to end an access token
	var opened []string
	r.Book.opts.OpenURL = func(_ context.Context, address string) error { opened = append(opened, address); return nil }
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if s := r.Snapshot(); len(s.Accounts) != 0 || !slices.Equal(opened, []string{"https://works.example/apps"}) {
		t.Fatalf("%+v, opened %q", s.Accounts, opened)
	}
	r.restart()
	if n := len(r.Snapshot().Accounts); n != 0 {
		t.Fatalf("%d accounts after a restart", n)
	}
}
