package ui

import (
	"fmt"
	"time"

	"dancecard/accounts"
	"dancecard/dance"
)

// stageBrowsers are a system's choice, a profile of it and a private window.
func stageBrowsers() []dance.Browser {
	return []dance.Browser{{Name: "Firefox"}, {ID: "firefox/work", Name: "Firefox", Profile: "work"},
		{ID: "firefox/private", Name: "Firefox", Private: true}, {ID: "chromium", Name: "Chromium"}}
}

// manyRows is a gallery as large as the real one.
func manyRows(n int) []accounts.Provider {
	out := stageGallery()
	kinds := []string{"code", "mail", "files", "social", "work", "identity", "ai", "music", "finance", "health", "science", "other"}
	for i := len(out); i < n; i++ {
		id := fmt.Sprintf("service-%03d", i)
		out = append(out, accounts.Provider{ID: id, Name: fmt.Sprintf("Service %d", i), Category: kinds[i%len(kinds)], NeedsRegistration: i%3 > 0, BuiltIn: true,
			Tile: dance.Tile{Brand: []string{"#0F6CBD", "#FC6D26", "#1DB954", "#611F69", ""}[i%5]}, SettingsPage: "https://apps." + id + ".example/settings"})
	}
	return out
}

// chooseable gives a row something to choose.
func chooseable(p *accounts.Provider) {
	p.Device = true
	p.Scopes, p.OptionalScopes = []string{"openid", "read_user"}, []string{"api", "write_repository", "read_registry"}
	p.Words = map[string]string{"read_user": "your profile and e-mail", "api": "everything the API can do",
		"write_repository": "repositories, read and write", "read_registry": "container images, read"}
	p.Options = []dance.Option{{ID: "account_chooser", Label: "Choose the account there", Param: "prompt", Value: "select_account", On: true},
		{ID: "hosted_domain", Label: "Only accounts of this domain", Param: "hd"}}
}

// dead is two accounts on a registration that GitHub does not take any more.
func dead() accounts.Snapshot {
	s := stage()
	for i := range 2 {
		s.Accounts[i].Status, s.Accounts[i].Why = accounts.NeedsRegistration, "GitHub does not take this program's registration."
	}
	return s
}

// flowScenes are the views of the flows, at their extremes.
func flowScenes() []scene {
	one := func(change func(*accounts.Dance)) func() accounts.Snapshot {
		return with(func(s *accounts.Snapshot) {
			d := stageDance(accounts.DanceWaiting)
			change(&d)
			s.Dances = []accounts.Dance{d}
		})
	}
	gitlab := func(change func(*accounts.Provider)) func() accounts.Snapshot {
		return with(func(s *accounts.Snapshot) { change(&s.Gallery[3]) })
	}
	toGitLab := func(u *UI) { u.browsers = stageBrowsers(); u.prepare("gitlab") }
	toDance := func(u *UI) {
		u.browsers = stageBrowsers()
		u.visit(func(n *nav) { n.page, n.dance = pageDance, "d1" })
	}
	many := with(func(s *accounts.Snapshot) { s.Gallery = manyRows(250) })
	typed := func(text string) func(*UI) {
		return func(u *UI) {
			u.open(pageConnect)
			u.nav.entries["search"].SetText(text)
		}
	}
	return []scene{
		{"01e-dead", dead, func(*UI) {}, false},
		{"02b-account", with(stageSigned), func(u *UI) {
			u.browsers = stageBrowsers()
			u.visit(func(n *nav) { n.page, n.account = pageAccount, "01" })
		}, false},
		{"02c-more", with(stageMore), to(func(n *nav) { n.page, n.account = pageMore, "01" }), false},
		{"03b-many", many, typed(""), false},
		{"03c-address", many, typed("login.example.org"), false},
		{"03d-nothing", stage, typed("zzz"), false},
		{"04c-choices", gitlab(chooseable), toGitLab, false},
		{"04d-unknown", gitlab(func(p *accounts.Provider) {
			p.RedirectUnknown, p.Revocation, p.NeedsPrivateKey = true, "unknown", true
		}), toGitLab, false},
		{"04e-dead", dead, func(u *UI) { u.register("github", "02") }, false},
		{"04f-prepare", gitlab(func(p *accounts.Provider) { chooseable(p); p.NeedsRegistration = false }), toGitLab, false},
		{"05d-code", one(func(d *accounts.Dance) {
			d.URL, d.Opened = "", time.Time{}
			d.Code = &dance.Code{UserCode: "WDJB-MJHT", URI: "https://github.com/login/device", Complete: "https://github.com/login/device?user_code=WDJB-MJHT", Until: now.Add(9*time.Minute + 12*time.Second)}
		}), toDance, false},
		{"05e-paste", one(func(d *accounts.Dance) {
			d.Paste, d.Pasted = true, "That is not an address of this attempt: its state is another one."
		}), toDance, false},
		{"05f-offer", with(func(s *accounts.Snapshot) {
			s.Dances, s.Gallery[2].Device = []accounts.Dance{stageDance(accounts.DanceWaiting)}, true
		}), toDance, false},
		{"05g-pasting", one(func(*accounts.Dance) {}), func(u *UI) { toDance(u); u.nav.pasting = true }, false},
		{"06c-unnamed", one(func(d *accounts.Dance) {
			d.Stage = accounts.DanceCameBack
			d.Came = &accounts.CameBack{Issuer: "https://github.com", Subject: "made-up", Unnamed: true, Asked: []string{"repo"}, Granted: []string{"repo"}}
		}), toDance, false},
		{"06d-moved", one(func(d *accounts.Dance) {
			d.Stage, d.Came = accounts.DanceCameBack, stageCameBack()
			d.Came.Known, d.Came.Moved = "01", "GitHub now names https://tokens.example.org, where nothing of this account went when it was linked."
		}), toDance, false},
		{"07f-shares", with(func(s *accounts.Snapshot) {
			q := stageQuestion()
			q.Kind, q.Verb, q.App = accounts.QuestionConfirm, "disconnect", accounts.App{}
			s.Questions = []accounts.Question{q}
			s.Accounts[1].Revokes, s.Accounts[1].SharesGrant = "grant", []string{"Home: mira@work", "Work: mira-o"}
		}), func(*UI) {}, true},
		{"29-crowd-choices", func() accounts.Snapshot {
			s := crowd()
			chooseable(&s.Gallery[3])
			s.Gallery[3].OptionalScopes, s.Gallery[3].Words = s.Accounts[1].Granted, s.Accounts[1].Words
			return s
		}, toGitLab, false},
	}
}

// stageSigned is an account with everything that its page can say.
func stageSigned(s *accounts.Snapshot) {
	stageMore(s)
	a := &s.Accounts[1]
	a.FetchOnly, a.StepUp, a.Browser = true, &accounts.StepUp{ACRValues: []string{"mfa"}, Since: now.Add(-5 * time.Minute)}, "firefox/work"
	a.Granted = a.Granted[:2]
}

func stageMore(s *accounts.Snapshot) {
	s.Gallery[2].OptionalScopes = []string{"delete_repo", "admin:org", "workflow"}
	s.Gallery[2].Words = map[string]string{"delete_repo": "delete repositories", "admin:org": "manage organisations"}
}
