package ui

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"dancecard/accounts"
	"dancecard/internal/secret"
)

type scene struct {
	name  string
	snap  func() accounts.Snapshot
	go_   func(*UI)
	asked bool // the question's window
}

func with(change func(*accounts.Snapshot)) func() accounts.Snapshot {
	return func() accounts.Snapshot {
		s := stage()
		change(&s)
		return s
	}
}

func to(change func(*nav)) func(*UI) {
	return func(u *UI) { u.visit(change) }
}

func locked(why accounts.LockReason) func() accounts.Snapshot {
	return with(func(s *accounts.Snapshot) {
		s.Profiles[0].State, s.Profiles[0].Why, s.Profiles[0].Since, s.Profiles[0].Waiting = accounts.ProfileLocked, why, now.Add(-20*time.Minute), 3
		s.Accounts, s.Grants = nil, nil
	})
}

// crowd is a card with everything too long or too many: long and foreign names,
// 40 accounts, 25 scopes, 12 grants, 60 lines of activity.
func crowd() accounts.Snapshot {
	s := stage()
	long := "a-login-that-does-not-end-and-has-no-space-in-it-anywhere@a-server-with-a-long-name.example.org"
	s.Profiles[0].Name = strings.Repeat("Long name ", 8)
	names := []string{long, "مريم الأندلسي", "岡本 美羅と仲間たちの共有アカウント", "שלום עולם", "A Name With Spaces That Is Long Enough To Be Cut Somewhere In The Card"}
	for i := len(s.Accounts); i < 40; i++ {
		a := s.Accounts[1]
		a.ID, a.Label, a.LastUsed = fmt.Sprintf("%02d", i+1), names[i%len(names)], now.Add(-time.Duration(i)*time.Hour)
		a.Login = a.Label
		s.Accounts = append(s.Accounts, a)
	}
	m := &s.Accounts[1]
	m.Label, m.Login, m.Name, m.Subject, m.ProviderName = long, long, long, long, "The Provider Whose Name Is Rather Long"
	m.Granted, m.Words = nil, map[string]string{}
	for i := range 25 {
		sc := fmt.Sprintf("https://www.example.org/auth/some.scope.with.a.long.name.%d", i)
		m.Granted = append(m.Granted, sc)
		if i%2 == 0 {
			m.Words[sc] = fmt.Sprintf("read and change number %d of all the many things that there are to be read and changed", i)
		}
	}
	s.Accounts[0].Why = "GitHub ended it at 09:14 because the password was changed on another device than this one."
	s.Grants = nil
	for i := range 12 {
		name := fmt.Sprintf("program-with-a-name-that-goes-on-and-on-%d", i)
		s.Grants = append(s.Grants, accounts.Grant{ID: fmt.Sprint("g", i), Account: "01", Allow: i%4 != 3, Made: now.Add(-time.Hour),
			App: accounts.App{Key: name, Name: name, Path: "/home/mira/" + strings.Repeat("deeper/", 12) + name}})
	}
	return s
}

func crowdLines() []accounts.Activity {
	var out []accounts.Activity
	for i := range 60 {
		out = append(out, accounts.Activity{At: now.Add(-time.Duration(i) * time.Hour), Type: []string{"grant.used", "account.disconnected", "grant.denied"}[i%3],
			Account: []string{"01", "08", "09"}[i%3], App: "program-with-a-name-that-goes-on-and-on-and-does-not-end",
			Path: "/home/mira/" + strings.Repeat("deeper/", 12) + "program"})
	}
	return out
}

func scenes() []scene {
	nowhere := func(*UI) {}
	wrong := stageCameBack()
	wrong.Login, wrong.Name, wrong.Subject = "okafor-mira", "", "11720655"
	wanted := stage().Accounts[0]
	wrong.Wanted = &wanted
	failed := stageDance(accounts.DanceFailed)
	failed.Failure = &accounts.Error{Code: accounts.CodeAccessDenied, Text: "GitHub said no: the request was refused there.", Hint: "Nothing was saved. Try again if that was not what you wanted."}
	one := func(d accounts.Dance) func() accounts.Snapshot {
		return with(func(s *accounts.Snapshot) { s.Dances = []accounts.Dance{d} })
	}
	back := stageDance(accounts.DanceCameBack)
	back.Came = stageCameBack()
	other := stageDance(accounts.DanceCameBack)
	other.Came, other.Reconnects = wrong, "02"
	noBrowser := stageDance(accounts.DanceWaiting)
	noBrowser.Opened, noBrowser.OpenProblem = time.Time{}, "No browser was found."
	ask := func(change func(*accounts.Question)) func() accounts.Snapshot {
		return with(func(s *accounts.Snapshot) {
			q := stageQuestion()
			change(&q)
			s.Questions = []accounts.Question{q}
		})
	}
	askCrowd := func(change func(*accounts.Question)) func() accounts.Snapshot {
		return func() accounts.Snapshot {
			s, q := crowd(), stageQuestion()
			q.App.Name, q.App.Path = s.Grants[0].App.Name, s.Grants[0].App.Path
			change(&q)
			s.Questions = []accounts.Question{q}
			return s
		}
	}
	return []scene{
		{"01-accounts", stage, nowhere, false},
		{"01d-alarm", with(func(s *accounts.Snapshot) {
			s.Alarms = []accounts.Alarm{{Code: "disk", Text: "The disk is full.", Hint: "Free some room: the newest token of mira-o is only in memory."}}
		}), nowhere, false},
		{"02-account", stage, to(func(n *nav) { n.page, n.account = pageAccount, "01" }), false},
		{"03-connect", with(func(s *accounts.Snapshot) {
			s.Broken = []accounts.ProviderProblem{{File: "/home/mira/.config/dancecard/providers/acme.toml", Line: 4, Reason: "the issuer is not an https address.", Fix: "Write issuer = \"https://...\"."}}
		}), to(func(n *nav) { n.page = pageConnect }), false},
		{"04-register", stage, to(func(n *nav) { n.page, n.provider = pageRegister, "gitlab" }), false},
		{"04b-instance", stage, to(func(n *nav) { n.page, n.provider = pageRegister, "mastodon" }), false},
		{"05-waiting", one(stageDance(accounts.DanceWaiting)), to(func(n *nav) { n.page, n.dance = pageDance, "d1" }), false},
		{"05b-no-browser", one(noBrowser), to(func(n *nav) { n.page, n.dance = pageDance, "d1" }), false},
		{"05c-failed", one(failed), to(func(n *nav) { n.page, n.dance = pageDance, "d1" }), false},
		{"06-came-back", one(back), to(func(n *nav) { n.page, n.dance = pageDance, "d1" }), false},
		{"06b-wrong-account", one(other), to(func(n *nav) { n.page, n.dance = pageDance, "d1" }), false},
		{"07-consent", ask(func(*accounts.Question) {}), nowhere, true},
		{"07b-choices", ask(func(q *accounts.Question) {
			q.Choices = []string{"01", "02", "03"}
			q.App.OnceOnly = true
		}), nowhere, true},
		{"07c-connect", ask(func(q *accounts.Question) { q.Kind, q.Provider = accounts.QuestionConnect, "google" }), nowhere, true},
		{"07d-disconnect", ask(func(q *accounts.Question) {
			q.Kind, q.Verb, q.App = accounts.QuestionConfirm, "disconnect", accounts.App{}
		}), nowhere, true},
		{"07e-close", stage, func(u *UI) { u.askClose() }, true},
		{"08-apps", stage, to(func(n *nav) { n.page = pageApps }), false},
		{"09-activity", stage, func(u *UI) {
			u.win.activity = []accounts.Activity{
				{At: now.Add(-2 * time.Minute), Type: "grant.used", Account: "01", App: "git", Path: "/usr/bin/git"},
				{At: now.Add(-9 * time.Minute), Type: "token.refresh_failed", Account: "04", Note: "no network"},
				{At: now.Add(-20 * time.Minute), Type: "grant.allowed", Account: "01", App: "code-agent", Note: "hour"},
				{At: now.Add(-26 * time.Hour), Type: "account.needs_sign_in", Account: "02", Note: "GitHub ended it"}}
			u.visit(func(n *nav) { n.page = pageActivity })
		}, false},
		{"10-settings", stage, to(func(n *nav) { n.page = pageSettings }), false},
		{"11-first-start", with(func(s *accounts.Snapshot) { s.Profiles, s.Current, s.Accounts = nil, "", nil }), nowhere, false},
		{"11b-no-keyring", with(func(s *accounts.Snapshot) {
			s.Profiles, s.Current, s.Accounts, s.Keyring = nil, "", nil, "there is no keyring on this desktop"
		}), nowhere, false},
		{"11c-recovery", stage, func(u *UI) {
			u.nav.key, u.nav.keyProfile = secret.New("QPZR-Y9X8-GF2T-VDW0-S3JN-54KH-CE6M-UA7L-QPZR-Y9X8-GF2T-VDW0-S3JN-54KH-CE"), "Home"
			u.win.fresh = true
		}, false},
		{"12-locked", locked(accounts.LockScreen), nowhere, false},
		{"12b-logged-out", locked(accounts.LockLogOut), func(u *UI) {
			u.nav.notice = &noticeState{Title: "That is not the passphrase.", Text: "Try again, or use the recovery key.", Danger: true}
		}, false},
		{"20-crowd", crowd, nowhere, false},
		{"21-crowd-account", crowd, to(func(n *nav) { n.page, n.account = pageAccount, "01" }), false},
		{"22-crowd-apps", crowd, to(func(n *nav) { n.page = pageApps }), false},
		{"23-crowd-activity", crowd, func(u *UI) {
			u.win.activity = crowdLines()
			u.visit(func(n *nav) { n.page = pageActivity })
		}, false},
		{"24-crowd-consent", askCrowd(func(q *accounts.Question) {}), nowhere, true},
		{"24b-crowd-choices", askCrowd(func(q *accounts.Question) { q.Choices = []string{"01", "07", "08", "09", "10", "11"} }), nowhere, true},
		{"24c-crowd-disconnect", askCrowd(func(q *accounts.Question) {
			q.Kind, q.Verb, q.App = accounts.QuestionConfirm, "disconnect", accounts.App{}
		}), nowhere, true},
		{"25-crowd-settings", crowd, to(func(n *nav) { n.page = pageSettings }), false},
		{"26-crowd-locked", func() accounts.Snapshot {
			s := locked(accounts.LockScreen)()
			s.Profiles[0].Name = crowd().Profiles[0].Name
			return s
		}, nowhere, false},
		{"27-crowd-came", func() accounts.Snapshot {
			s, d := crowd(), back
			came := *stageCameBack()
			came.Login, came.Name, came.Subject, came.Granted, came.Asked = s.Accounts[1].Login, s.Accounts[1].Login, s.Accounts[1].Subject, s.Accounts[1].Granted, s.Accounts[1].Granted
			d.Came = &came
			s.Dances = []accounts.Dance{d}
			return s
		}, to(func(n *nav) { n.page, n.dance = pageDance, "d1" }), false},
		{"28-crowd-wrong", func() accounts.Snapshot {
			s, d := crowd(), other
			came := *wrong
			came.Login, came.Wanted = s.Accounts[1].Login, &s.Accounts[1]
			d.Came = &came
			s.Dances = []accounts.Dance{d}
			return s
		}, to(func(n *nav) { n.page, n.dance = pageDance, "d1" }), false},
		{"13-empty", with(func(s *accounts.Snapshot) { s.Accounts, s.LastToken = nil, time.Time{} }), nowhere, false},
	}
}

// Every view, at the smallest size: at most one filled button (none in a
// question), and nothing sticks out at a side. DANCECARD_SHOTS=folder writes a
// picture of each in both themes and sizes, to be looked at.
func TestViews(t *testing.T) {
	for i, sc := range append(scenes(), flowScenes()...) {
		for _, dark := range []bool{false, true} {
			for _, size := range [][2]float32{{900, 620}, {720, 480}} {
				if os.Getenv("DANCECARD_SHOTS") == "" && (dark != (i%2 == 0) || size[0] == 900) {
					continue // one of each is enough where nobody looks
				}
				name := fmt.Sprintf("%s-%s-%v", sc.name, map[bool]string{false: "light", true: "dark"}[dark], size[0])
				t.Run(name, func(t *testing.T) {
					u := staged(t, sc.snap(), dark, size[0], size[1])
					sc.go_(u)
					u.win.render()
					w := u.win.w
					if sc.asked {
						if u.ask == nil {
							t.Fatal("no question on screen")
						}
						w = u.ask.w
					}
					inspect(t, w, sc.asked)
					shot(t, name, w)
				})
			}
		}
	}
}

func inspect(t *testing.T, w fyne.Window, question bool) {
	t.Helper()
	drv, n := fyne.CurrentApp().Driver(), 0
	for _, o := range test.LaidOutObjects(w.Content()) {
		m, ok := o.(mappable)
		if !ok || !o.Visible() {
			continue
		}
		if b, ok := o.(*button); ok && b.kind == filled {
			n++
		}
		_, label, _ := m.mapEntry()
		if w, ok := o.(*words); ok && w.cut == cutNone && w.style.width(w.text) > o.Size().Width+1 {
			t.Errorf("%q runs out of its %v", label, o.Size().Width)
		}
		p := drv.AbsolutePositionForObject(o)
		if right := p.X + o.Size().Width; p.X < 0 || right > w.Canvas().Size().Width+0.5 {
			t.Errorf("%q from %v to %v", label, p.X, right)
		}
	}
	if n > 1 || n > 0 && question {
		t.Errorf("%d filled buttons", n)
	}
}
