package ui

import (
	"crypto/x509"
	"encoding/pem"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"

	"dancecard/accounts"
)

// find is a button on screen by its label or name.
func find(t *testing.T, u *UI, label string) *button {
	t.Helper()
	for _, o := range test.LaidOutObjects(u.win.w.Content()) {
		if b, ok := o.(*button); ok && b.Visible() {
			if _, name, _ := b.mapEntry(); name == label {
				return b
			}
		}
	}
	t.Fatalf("no button %q on screen", label)
	return nil
}

func findCheck(t *testing.T, u *UI, label string) *check {
	t.Helper()
	for _, o := range test.LaidOutObjects(u.win.w.Content()) {
		if c, ok := o.(*check); ok && c.label == label {
			return c
		}
	}
	t.Fatalf("no check %q on screen", label)
	return nil
}

func drop(t *testing.T, u *UI, name, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	u.dropped(fyne.Position{}, []fyne.URI{storage.NewFileURI(path)})
}

func TestADroppedClientFileFillsTheFields(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	u.prepare("gitlab")
	drop(t, u, "client_secret.json", `{"installed":{"client_id":"123.apps.example","client_secret":"GOCSPX-x"}}`)
	if u.nav.text("client") != "123.apps.example" || u.nav.text("secret") != "GOCSPX-x" || find(t, u, "Save and connect").disabled {
		t.Errorf("%q", u.nav.text("client"))
	}
	drop(t, u, "other.json", `{"type":"service_account"}`)
	if u.nav.notice == nil || u.nav.text("client") != "123.apps.example" {
		t.Error("a file of another kind is not said to be one")
	}
	u.open(pageConnect)
	drop(t, u, "client_secret.json", `{"installed":{"client_id":"elsewhere","client_secret":"x"}}`)
	if _, there := u.nav.entries["client"]; there {
		t.Error("a file that is dropped elsewhere is read")
	}
}

func TestEscapeClosesTheFilesFirst(t *testing.T) {
	u := staged(t, stage(), false, 900, 620)
	u.prepare("gitlab")
	find(t, u, "Choose a client file").press()
	if u.chooser == nil {
		t.Fatal("no files are shown")
	}
	escape := &fyne.KeyEvent{Name: fyne.KeyEscape}
	u.win.w.Canvas().OnTypedKey()(escape)
	if u.chooser != nil || u.nav.page != pageRegister {
		t.Errorf("%v, %s", u.chooser, u.nav.page)
	}
	find(t, u, "Choose a client file").press()
	ctrl(u, fyne.KeyN)
	if u.chooser != nil {
		t.Error("the files outlive their page")
	}
	u.prepare("gitlab")
	u.win.w.Canvas().OnTypedKey()(escape)
	if u.nav.page != pageConnect {
		t.Error(u.nav.page)
	}
}

func TestAKeyIsMadeWhereOneIsNeeded(t *testing.T) {
	s := stage()
	s.Gallery[3].NeedsPrivateKey = true
	u := staged(t, s, false, 900, 620)
	u.prepare("gitlab")
	u.nav.entries["client"].SetText("abc")
	if !find(t, u, "Save and connect").disabled {
		t.Error("it can be saved without a key")
	}
	find(t, u, "Make a key").press()
	if find(t, u, "Save and connect").disabled {
		t.Error("it cannot be saved with a key")
	}
	block, _ := pem.Decode([]byte(u.nav.pair.public))
	if block == nil {
		t.Fatal("no public key")
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		t.Error(err)
	}
	find(t, u, "Copy public key")
	drop(t, u, "mine.pem", u.nav.pair.private.Reveal())
	if u.nav.pair.public != "" || u.nav.pair.words != "The key comes from mine.pem." {
		t.Errorf("%+v", u.nav.pair)
	}
	u.open(pageAccounts)
	if !u.nav.pair.private.IsZero() {
		t.Error("the key outlives its page")
	}
}

func TestScopesAndOptionsAreChosenByKeys(t *testing.T) {
	s := stage()
	chooseable(&s.Gallery[3])
	s.Gallery[3].NeedsRegistration = false
	u := staged(t, s, false, 900, 620)
	u.browsers = stageBrowsers()
	u.prepare("gitlab")
	space := &fyne.KeyEvent{Name: fyne.KeySpace}
	for _, label := range []string{"Everything the API can do", "Know who you are", "Use a code on another device", "Choose the account there"} {
		c := findCheck(t, u, label)
		u.win.w.Canvas().Focus(c)
		c.TypedKey(space)
	}
	if c, ok := u.win.w.Canvas().Focused().(*check); !ok || c.label != "Choose the account there" {
		t.Errorf("the focus is on %T", u.win.w.Canvas().Focused())
	}
	r := requestOf(s.Gallery[3], u.nav.chosen, nil)
	if strings.Join(r.Scopes, " ") != "openid read_user api" || !r.Device || r.Options["account_chooser"] != "off" {
		t.Errorf("%+v", r)
	}
	shows(t, u.win.w, "card Sign in with: Firefox, the system's", "entry Only accounts of this domain")
	for _, o := range test.LaidOutObjects(u.win.w.Content()) {
		if l, ok := o.(*leaf); ok && strings.HasPrefix(l.name, "Sign in with") {
			l.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
		}
	}
	if strings.Join(u.menuLabels, "|") != "Firefox, the system's|Firefox, work|Firefox, private window|Chromium" {
		t.Fatalf("%q", u.menuLabels)
	}
	u.menu.Items[1].(fyne.Tappable).Tapped(nil)
	if u.nav.chosen.browser != "firefox/work" {
		t.Errorf("%q", u.nav.chosen.browser)
	}
	shows(t, u.win.w, "card Sign in with: Firefox, work")
}

func TestASuggestedServerIsReplacedByTyping(t *testing.T) {
	s := stage()
	s.Gallery[6].Instance.Default = "mastodon.social"
	u := staged(t, s, false, 900, 620)
	u.prepare("mastodon")
	e, ok := u.win.w.Canvas().Focused().(*entry)
	if !ok || e.Text != "mastodon.social" {
		t.Fatalf("%T", u.win.w.Canvas().Focused())
	}
	test.Type(e, "fosstodon.org")
	if e.Text != "fosstodon.org" {
		t.Errorf("%q", e.Text)
	}
}

func TestPastingTakesTheFocus(t *testing.T) {
	s := stage()
	s.Dances = []accounts.Dance{stageDance(accounts.DanceWaiting)}
	u := staged(t, s, false, 900, 620)
	find(t, u, "Paste the address instead").press()
	e, ok := u.win.w.Canvas().Focused().(*entry)
	if !ok || e.name != "What the browser shows" || !e.Password {
		t.Fatalf("%T", u.win.w.Canvas().Focused())
	}
	if !find(t, u, "Hand over what was pasted").disabled {
		t.Error("nothing can be handed over")
	}
	test.Type(e, "http://127.0.0.1/?code=x")
	if find(t, u, "Hand over what was pasted").disabled {
		t.Error("what was pasted cannot be handed over")
	}
	s.Dances = nil
	u.apply(s, nil)
	if e.Text != "" {
		t.Error("a code outlives its attempt")
	}
}

// A QR code is dark on white in the dark theme too, with its quiet zone.
func TestQRCodeIsDarkOnWhite(t *testing.T) {
	for _, dark := range []bool{false, true} {
		u := staged(t, stage(), dark, 900, 620)
		q := newQR("https://github.com/login/device?user_code=WDJB-MJHT")
		u.win.w.SetContent(placed(200, 200, func(fyne.Size) { put(q, 10, 10, q.side(), q.side()) }, q))
		img := u.win.w.Canvas().Capture()
		is := func(x, y float32, want color.Gray) {
			r, _, _, _ := img.At(int(10+x), int(10+y)).RGBA()
			if got := (color.Gray{Y: uint8(r >> 8)}); got != want {
				t.Errorf("dark theme %v: at %v,%v %v", dark, x, y, got)
			}
		}
		is(q.side()/2, q.quiet()/2, color.Gray{Y: 255})
		is(q.quiet()-1, q.side()/2, color.Gray{Y: 255})
		is(q.quiet()+1, q.quiet()+1, color.Gray{Y: 0})
		is(q.quiet()+q.pixels*1.5, q.quiet()+q.pixels*1.5, color.Gray{Y: 255})
	}
	if newQR(strings.Repeat("x", 5000)) != nil {
		t.Error("an address that is too long makes a code")
	}
}

func TestAccountPageSaysWhatIsSpecial(t *testing.T) {
	s := stage()
	stageSigned(&s)
	u := staged(t, s, false, 900, 1200)
	u.browsers = stageBrowsers()
	u.visit(func(n *nav) { n.page, n.account = pageAccount, "01" })
	u.win.render()
	shows(t, u.win.w, "text Signed requests only", "button Ask for more", "button Sign in", "text Firefox, work", "button Change the browser", "text An API asks for a stronger sign-in.")
	find(t, u, "Ask for more").press()
	if u.nav.page != pageMore || !find(t, u, "Ask").disabled {
		t.Fatal(u.nav.page)
	}
	findCheck(t, u, "Delete repositories").press()
	if find(t, u, "Ask").disabled {
		t.Error("what is checked cannot be asked for")
	}
	u.back()
	if u.nav.page != pageAccount {
		t.Error(u.nav.page)
	}
}
