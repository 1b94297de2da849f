package ui

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dancecard/accounts"
)

func asked(change func(*accounts.Question)) accounts.Snapshot {
	s := stage()
	q := stageQuestion()
	change(&q)
	s.Questions = []accounts.Question{q}
	return s
}

func labels(q questionState) []string {
	var out []string
	for _, a := range q.Answers {
		out = append(out, a.Label)
	}
	return out
}

func TestConsentQuestion(t *testing.T) {
	q, ok := questionOf(asked(func(*accounts.Question) {}))
	if !ok || q.Title.String() != "git wants to use mira-o" || q.Sub != "your GitHub account, in profile Home" {
		t.Fatalf("%+v", q)
	}
	if !slices.Equal(labels(q), []string{"Never", "Once", "An hour", "Always"}) {
		t.Error(labels(q))
	}
	if q.Facts[0] != (factState{"Program", "/usr/bin/git", true}) || q.Facts[1] != (factState{"Called by", "bash in Terminal", false}) {
		t.Errorf("%+v", q.Facts)
	}
	if q.Gets != "The token. git holds it until 22:05 at the latest." {
		t.Error(q.Gets)
	}
	old, _ := questionOf(asked(func(q *accounts.Question) { q.TokenUntil = now.Add(-time.Minute) }))
	if old.Gets != "A new token, until that one ends." {
		t.Error(old.Gets)
	}
	for write, words := range map[bool]string{
		false: "What the API answers; it may read only. The token stays with Dancecard.",
		true:  "What the API answers, and it may change things there. The token stays with Dancecard.",
	} {
		fetch, _ := questionOf(asked(func(q *accounts.Question) { q.Want = accounts.Want{Fetch: true, Write: write} }))
		if fetch.Gets != words {
			t.Error(fetch.Gets)
		}
	}
	if q.Refuse.Allow || q.Refuse.For != accounts.Once {
		t.Errorf("closing must say no, this time: %+v", q.Refuse)
	}
}

// The token can do all that the account may, even if the app asked for less.
func TestConsentSaysWhatTheTokenCanDo(t *testing.T) {
	q, _ := questionOf(asked(func(q *accounts.Question) { q.Want.Scopes = []string{"gist"} }))
	if len(q.Wishes) != 3 || q.Wishes[0].Words != "Read and change your repositories" {
		t.Errorf("%+v", q.Wishes)
	}
}

func TestConsentForACarrierNamesTheCaller(t *testing.T) {
	q, _ := questionOf(asked(func(q *accounts.Question) { q.App.Caller, q.App.CallerPath = "backup.sh", "/home/mira/bin/backup.sh" }))
	if q.Title.String() != "backup.sh wants to use mira-o" || q.Sub != "through git, your GitHub account, in profile Home" || q.Facts[1].Text != "/home/mira/bin/backup.sh" {
		t.Errorf("%+v", q)
	}
}

func TestConsentOnceOnlyHasNoStandingAnswer(t *testing.T) {
	q, _ := questionOf(asked(func(q *accounts.Question) { q.App.OnceOnly = true }))
	if !slices.Equal(labels(q), []string{"No", "Once"}) || q.Warn == "" {
		t.Errorf("%v, %q", labels(q), q.Warn)
	}
}

func TestConsentWithSeveralAccounts(t *testing.T) {
	q, _ := questionOf(asked(func(q *accounts.Question) { q.Choices = []string{"01", "02"} }))
	if len(q.Choices) != 2 || q.Title.String() != "git wants to use an account" || len(q.Choices[0].Wishes) != 3 {
		t.Errorf("%+v", q)
	}
}

func TestConsentHidesDirectionMarksInNames(t *testing.T) {
	q, _ := questionOf(asked(func(q *accounts.Question) { q.App.Name = "git\u202e\nknow" }))
	if strings.ContainsAny(q.Title.String(), "\u202e\n") {
		t.Errorf("%q", q.Title)
	}
}

func TestFloodShowsOneQuestionAndTheNumberBehind(t *testing.T) {
	s := asked(func(*accounts.Question) {})
	more := s.Questions[0]
	more.ID = "q2"
	s.Questions = append(s.Questions, more)
	q, _ := questionOf(s)
	if q.ID != "q1" || !strings.HasPrefix(q.Foot, "1 more asks after this.") {
		t.Errorf("%q", q.Foot)
	}
	s.Questions = append(s.Questions, more)
	if q, _ := questionOf(s); !strings.HasPrefix(q.Foot, "2 more ask after this.") {
		t.Errorf("%q", q.Foot)
	}
}

func TestDisconnectQuestionSaysWhatRevokingEnds(t *testing.T) {
	confirm := func(revokes string, can bool) questionState {
		s := asked(func(q *accounts.Question) {
			q.Kind, q.Verb, q.App = accounts.QuestionConfirm, "disconnect", accounts.App{Name: "dancectl", Path: "/usr/bin/dancectl"}
		})
		s.Accounts[1].Revokes, s.Accounts[1].CanRevoke, s.Accounts[1].SettingsPage = revokes, can, "https://github.com/settings"
		q, _ := questionOf(s)
		return q
	}
	for _, tt := range []struct {
		revokes string
		can     bool
		want    string
	}{
		{"token", true, "this token is revoked, and nothing else"}, {"grant", true, "all tokens of this link are revoked"},
		{"unknown", true, "revoked; how far that reaches is not known"}, {"", false, "nothing: no way to revoke is known"},
	} {
		q := confirm(tt.revokes, tt.can)
		if q.Facts[1].Text != tt.want || (q.Warn == "") != tt.can {
			t.Errorf("%+v: %+v", tt, q)
		}
	}
	q := confirm("token", true)
	if q.Title.String() != "Disconnect mira-o?" || !slices.Equal(labels(q), []string{"Cancel", "Disconnect"}) || !q.Answers[1].Danger {
		t.Errorf("%+v", q)
	}
	if q.Facts[2].Label != "Asked by" || q.Facts[2].Text != "dancectl" {
		t.Errorf("%+v", q.Facts)
	}
}

func TestGivingUpSaysWhatStaysValid(t *testing.T) {
	s := asked(func(q *accounts.Question) {
		q.Kind, q.Verb, q.App, q.Account = accounts.QuestionConfirm, accounts.VerbGiveUp, accounts.App{Name: "dancectl", Path: "/usr/bin/dancectl"}, "06"
	})
	s.Accounts[5].SettingsPage = "https://acme.example/links"
	q, _ := questionOf(s)
	if q.Title.String() != "Give up revoking acme.example?" || !slices.Equal(labels(q), []string{"Keep trying", "Give up"}) || !q.Answers[1].Danger {
		t.Errorf("%+v", q)
	}
	if len(q.Facts) != 3 || !strings.Contains(q.Facts[1].Text, "stays good") || q.Facts[2].Text != "dancectl" || !strings.Contains(q.Warn, "page opens") {
		t.Errorf("%+v, %q", q.Facts, q.Warn)
	}
	a := s.Accounts[5]
	if v := menuVerbs(a); !slices.Equal(v, []verb{verbOpen, verbSettings, verbGiveUp}) || verbWords(verbGiveUp, "x") != "Give up revoking" {
		t.Errorf("%q", v)
	}
	if l := leavesOf(a, "Home"); l[len(l)-1].Verb != verbGiveUp || !l[len(l)-1].Danger {
		t.Errorf("%+v", l)
	}
}

func TestTrayMenu(t *testing.T) {
	s := stage()
	m := trayOf(s)
	if m.Icon != trayAttention {
		t.Error(m.Icon)
	}
	var top []string
	for _, i := range m.Items {
		top = append(top, i.Label)
	}
	want := []string{"Open Dancecard", "", "mira@work: needs sign-in", "mira-o", "mira.okafor@gmail.com", "mira.okafor@outlook.com: offline",
		"@mira@fosstodon.org", "acme.example: revoking", "", "Connect...", "Lock Home", "Log out of Home", "", "Quit"}
	if !slices.Equal(top, want) {
		t.Errorf("got %q", top)
	}
	mira := m.Items[3].Children
	if mira[0].Label != "Ready until 22:05" || mira[2].Verb != trayRefresh || mira[3].Label != "Disconnect..." || mira[3].Verb != trayDisconnect {
		t.Errorf("%+v", mira)
	}
	s.At = s.At.Add(time.Second)
	if again := trayOf(s); !reflect.DeepEqual(again, m) {
		t.Error("a menu that changes each second closes under the pointer")
	}
}

// Any program of the session can click the tray: nothing there unlocks or allows.
func TestTrayNeverOpensOrAllows(t *testing.T) {
	safe := []trayVerb{"", trayShow, trayRefresh, trayDisconnect, traySignIn, trayConnect, trayLock, trayLogOut, traySwitch, trayQuit}
	var walk func([]trayItem)
	walk = func(list []trayItem) {
		for _, i := range list {
			if !slices.Contains(safe, i.Verb) {
				t.Errorf("%q does %q", i.Label, i.Verb)
			}
			if strings.HasPrefix(i.Label, "Unlock") && i.Verb != trayShow {
				t.Errorf("%q does %q", i.Label, i.Verb)
			}
			walk(i.Children)
		}
	}
	lockedMenu := trayOf(locked(accounts.LockUser)())
	walk(trayOf(stage()).Items)
	walk(lockedMenu.Items)
	if lockedMenu.Icon != trayLocked {
		t.Error(lockedMenu.Icon)
	}
	fine := stage()
	fine.Accounts = fine.Accounts[1:2]
	if got := trayOf(fine).Icon; got != trayOK {
		t.Error(got)
	}
}

func TestNotificationsOnePerAccountOneARegistration(t *testing.T) {
	s := stage()
	events := []accounts.Event{{Type: accounts.EventAccountNeedsSignIn, Account: "02"}, {Type: accounts.EventAccountNeedsRegistration, Account: "01"},
		{Type: accounts.EventAccountNeedsRegistration, Account: "02"}, {Type: "token.refreshed", Account: "01"}, {Type: accounts.EventAccountNeedsSignIn, Account: "gone"}}
	got := noticesOf(s, events)
	if len(got) != 2 || got[0].Title != "mira@work needs sign-in" || got[1].Title != "GitHub needs a registration" {
		t.Errorf("%+v", got)
	}
}

func TestQuestionStaysWholeWithLongNames(t *testing.T) {
	fits := func(t string) bool { return len([]rune(t)) <= 30 }
	for _, tt := range []struct {
		title titleState
		want  []string
	}{
		{titleState{"git", "wants to use", "mira-o", ""}, []string{"git wants to use mira-o"}},
		{titleState{"a-program-with-a-very-long-name.test", "wants to use", "mira", ""}, []string{"a-program-with…-long-name.test", "wants to use mira"}},
		{titleState{"git", "wants to use", "somebody-with-a-long-login@example.org", ""}, []string{"git", "wants to use somebody…mple.org"}},
		{titleState{"", "Disconnect", "somebody-with-a-long-login@example.org", "?"}, []string{"Disconnect somebody…ample.org?"}},
	} {
		if got := tt.title.lines(fits); !slices.Equal(got, tt.want) {
			t.Errorf("got %q", got)
		}
	}
}
