package ui

import (
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"dancecard/accounts"
	"dancecard/dance"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// now is the moment of the stage: a Tuesday, 14:40.
var now = time.Date(2026, 5, 12, 14, 40, 0, 0, time.UTC)

var (
	tileGh = dance.Tile{Monogram: "Gh", Brand: "#24292F", Text: "#FFFFFF", BrandDark: "#E9E5DD", TextDark: "#1A1815"}
	tileGo = dance.Tile{Monogram: "Go", Brand: "#1A6CDB", Text: "#FFFFFF"}
	tileMs = dance.Tile{Monogram: "Ms", Brand: "#0F6CBD", Text: "#FFFFFF"}
	tileMa = dance.Tile{Monogram: "Ma", Brand: "#563ACC", Text: "#FFFFFF", BrandDark: "#6B52D9"}
	tileKc = dance.Tile{Monogram: "Kc", Brand: "#33B5D6"}
)

// stage is the scene of the look's pictures.
func stage() accounts.Snapshot {
	s := accounts.Snapshot{At: now, Current: "p1", LastToken: now.Add(-2 * time.Minute)}
	s.Profiles = []accounts.Profile{{ID: "p1", Name: "Home", State: accounts.ProfileOpen, Ways: []accounts.Way{
		{ID: "1", Kind: accounts.WayKeyring}, {ID: "2", Kind: accounts.WayPassphrase, Added: now.AddDate(0, 0, -9)},
		{ID: "3", Kind: accounts.WayRecovery, Added: now.AddDate(0, 0, -9)}}}}
	linked := time.Date(2025, 5, 3, 9, 0, 0, 0, time.UTC)
	account := func(id, provider, name string, t dance.Tile, login string, status accounts.Status, apps int, used time.Duration) accounts.Account {
		return accounts.Account{ID: id, Profile: "p1", Provider: provider, ProviderName: name, Issuer: "https://" + provider + ".com", Subject: "48172" + id,
			Login: login, Label: login, Tile: t, Status: status, Apps: apps, LastUsed: now.Add(-used), Linked: linked, CanRevoke: true, Revokes: "token", Refreshes: true, EndSession: true}
	}
	work := account("02", "github", "GitHub", tileGh, "mira@work", accounts.NeedsSignIn, 2, time.Hour)
	work.Why = "GitHub ended it at 09:14."
	mira := account("01", "github", "GitHub", tileGh, "mira-o", accounts.Ready, 6, time.Minute)
	mira.Name = "Mira Okafor"
	mira.Issued, mira.Expiry = now.Add(-35*time.Minute), now.Add(7*time.Hour+25*time.Minute)
	mira.Asked, mira.Granted = []string{"repo", "read:user", "gist"}, []string{"repo", "read:user", "gist"}
	mira.Words = map[string]string{"repo": "read and change your repositories", "read:user": "read your profile and e-mail", "gist": "write gists"}
	goog := account("03", "google", "Google", tileGo, "mira.okafor@gmail.com", accounts.Expiring, 3, 2*time.Minute)
	goog.Issued, goog.Expiry = now.Add(-48*time.Minute), now.Add(12*time.Minute)
	outlook := account("04", "microsoft", "Microsoft", tileMs, "mira.okafor@outlook.com", accounts.Offline, 2, 3*time.Minute)
	outlook.NextTry = now.Add(40 * time.Second)
	masto := account("05", "mastodon", "Mastodon", tileMa, "@mira@fosstodon.org", accounts.Ready, 1, 4*time.Minute)
	masto.Refreshes = false
	acme := account("06", "keycloak", "Keycloak", tileKc, "mira.okafor", accounts.Revoking, 0, 5*time.Minute)
	acme.Label, acme.NextTry = "acme.example", now
	s.Accounts = []accounts.Account{work, mira, goog, outlook, masto, acme}
	s.Grants = stageGrants()
	s.Gallery = stageGallery()
	return s
}

func stageGrants() []accounts.Grant {
	app := func(name, path string) accounts.App { return accounts.App{Key: name, Name: name, Path: path} }
	return []accounts.Grant{
		{ID: "g1", App: app("git", "/usr/bin/git"), Account: "01", Allow: true, LastUsed: now.Add(-2 * time.Minute)},
		{ID: "g2", App: app("code-agent", "/home/mira/.local/share/code-agent/bin/code-agent"), Account: "01", Allow: true, Until: now.Add(40 * time.Minute), LastUsed: now.Add(-11 * time.Minute)},
		{ID: "g3", App: app("Thunderbird", "/usr/lib/thunderbird"), Account: "03", Allow: true, LastUsed: now.Add(-14 * time.Minute)},
		{ID: "g4", App: app("curl", "/usr/bin/curl"), Account: "05", Made: now.AddDate(0, 0, -2)},
	}
}

func stageGallery() []accounts.Provider {
	p := func(id, name, category string, t dance.Tile, linked int, register bool) accounts.Provider {
		return accounts.Provider{ID: id, Name: name, Category: category, Tile: t, Linked: linked, NeedsRegistration: register, BuiltIn: true,
			RedirectURI: "http://127.0.0.1:8939/dancecard", RegistrationPage: "https://" + id + ".com/apps", Scopes: []string{"openid", "email"}}
	}
	masto := p("mastodon", "Mastodon", "social", tileMa, 1, false)
	masto.Instance = &dance.Instance{Label: "Your server", Example: "fosstodon.org"}
	gitlab := p("gitlab", "GitLab", "code", dance.Tile{Monogram: "Gl", Brand: "#FC6D26"}, 0, true)
	gitlab.RegistrationHelp = "Add an application with the address shown here, untick Confidential, tick the scopes that you want apps to have, and save it; its page then shows the id."
	return []accounts.Provider{p("codeberg", "Codeberg", "code", dance.Tile{Monogram: "Cb", Brand: "#1F76B8"}, 0, true),
		p("demo", "Demo", "identity", dance.Tile{}, 0, false), p("github", "GitHub", "code", tileGh, 2, false),
		gitlab, p("google", "Google", "mail", tileGo, 1, false),
		p("keycloak", "Keycloak", "identity", tileKc, 1, true), masto, p("microsoft", "Microsoft", "mail", tileMs, 1, false),
		p("spotify", "Spotify", "music", dance.Tile{Monogram: "Sp", Brand: "#1DB954"}, 0, true)}
}

func stageDance(stage accounts.DanceStage) accounts.Dance {
	return accounts.Dance{ID: "d1", Provider: "github", ProviderName: "GitHub", Tile: tileGh, Stage: stage,
		URL:     "https://github.com/login/oauth/authorize?client_id=Iv1.0123456789&redirect_uri=http%3A%2F%2F127.0.0.1",
		Started: now, Opened: now.Add(time.Minute), Deadline: now.Add(9*time.Minute + 12*time.Second)}
}

func stageCameBack() *accounts.CameBack {
	return &accounts.CameBack{Issuer: "https://github.com", Subject: "4817202", Login: "mira-o", Name: "Mira Okafor",
		Asked: []string{"read:user", "repo", "gist"}, Granted: []string{"read:user", "repo"}, Others: []string{"mira@work"},
		Words: map[string]string{"repo": "read and change your repositories", "read:user": "read your profile and e-mail", "gist": "write gists"}}
}

func stageQuestion() accounts.Question {
	return accounts.Question{ID: "q1", Kind: accounts.QuestionUse, Account: "01", Choices: []string{"01"}, TokenUntil: now.Add(7*time.Hour + 25*time.Minute),
		App: accounts.App{Key: "git", Name: "git", Path: "/usr/bin/git", Callers: []string{"bash", "Terminal"}}}
}

// oneTheme pins light or dark: the test driver has neither.
type oneTheme struct {
	fyne.Theme
	variant fyne.ThemeVariant
}

func (t oneTheme) Color(n fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	return t.Theme.Color(n, t.variant)
}

// staged is a UI on a snapshot, without a Book: nothing that is clicked may
// call a verb.
func staged(t *testing.T, s accounts.Snapshot, dark bool, w, h float32) *UI {
	t.Helper()
	app := test.NewTempApp(t)
	at := s
	u := build(app, nil, Options{Version: "0.1", Tray: true, Data: "/home/mira/.local/share/dancecard", Socket: "/run/user/1000/dancecard/app/dancecard.sock"},
		func() accounts.Snapshot { return at })
	v := theme.VariantLight
	if dark {
		v = theme.VariantDark
	}
	app.Settings().SetTheme(oneTheme{newTheme(), v})
	u.visible, u.running = true, true
	u.apply(s, nil)
	u.win.w.Resize(fyne.NewSize(w, h))
	u.win.fresh = true
	u.win.render()
	return u
}

// shot writes a picture if DANCECARD_SHOTS names a folder.
func shot(t *testing.T, name string, w fyne.Window) {
	t.Helper()
	dir := os.Getenv("DANCECARD_SHOTS")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, w.Canvas().Capture()); err != nil {
		t.Fatal(err)
	}
}
