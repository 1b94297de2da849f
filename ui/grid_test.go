package ui

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// gallery is a window on 250 rows.
func gallery(t *testing.T) (*UI, *entry) {
	t.Helper()
	s := stage()
	s.Gallery = manyRows(250)
	u := staged(t, s, false, 900, 620)
	u.open(pageConnect)
	return u, u.nav.entries["search"]
}

// tiles are the names in the gallery that are on screen, in their order.
func tiles(u *UI) (out []*leaf) {
	for _, o := range test.LaidOutObjects(u.win.body) {
		if l, ok := o.(*leaf); ok && l.Visible() {
			out = append(out, l)
		}
	}
	return out
}

func TestGalleryDrawsOnlyWhatIsSeen(t *testing.T) {
	u, search := gallery(t)
	if n := len(tiles(u)); n < 16 || n > 40 {
		t.Errorf("%d of 250 tiles are drawn", n)
	}
	list := firstScroll(u.win.shown.object)
	list.ScrollToBottom()
	all := tiles(u)
	if last := all[len(all)-1]; last.name != "Service 249" {
		t.Errorf("at the bottom stands %s", last.name)
	}
	if n := len(all); n > 40 {
		t.Errorf("%d tiles after scrolling", n)
	}
	test.Type(search, "service 20")
	if all := tiles(u); len(all) != 11 || all[0].name != "Service 20" || !all[0].ring {
		t.Errorf("%d hits, ring %v", len(all), all[0].ring)
	}
}

// A letter costs a few milliseconds at most: the view stands and its tiles
// change in place.
func TestTypingInTheGalleryDoesNotLag(t *testing.T) {
	u, search := gallery(t)
	object := u.win.shown.object
	var worst time.Duration
	for _, r := range "service 2" {
		at := time.Now()
		search.TypedRune(r)
		worst = max(worst, time.Since(at))
	}
	if u.win.shown.object != object {
		t.Error("the view is built anew while one types")
	}
	t.Logf("worst letter: %v", worst)
	if worst > 250*time.Millisecond { // 3 ms on an idle machine
		t.Errorf("a letter took %v", worst)
	}
}

func TestGalleryByKeyboard(t *testing.T) {
	u, search := gallery(t)
	c := u.win.w.Canvas()
	key := func(k fyne.KeyName) { c.Focused().TypedKey(&fyne.KeyEvent{Name: k}) }
	at := func() string {
		if l, ok := c.Focused().(*leaf); ok {
			return l.name
		}
		return ""
	}
	key(fyne.KeyDown)
	if at() != "GitHub" {
		t.Fatalf("Down from the search: %q", at())
	}
	key(fyne.KeyRight)
	key(fyne.KeyDown)
	if at() != "GitLab" {
		t.Errorf("right, down: %q", at())
	}
	for range 30 {
		key(fyne.KeyDown)
	}
	l, ok := c.Focused().(*leaf)
	if !ok || !in(u.win.w, l) {
		t.Errorf("after 30 rows the focus is on %q, out of sight", at())
	}
	for range 40 {
		key(fyne.KeyUp)
	}
	if c.Focused() != fyne.Focusable(search) {
		t.Errorf("Up from the first row: %T", c.Focused())
	}
	key(fyne.KeyDown)
	key(fyne.KeyTab)
	if e, ok := c.Focused().(*entry); !ok || e.name != "Any OpenID provider" {
		t.Errorf("Tab leads from the tiles to %T", c.Focused())
	}
}

func TestTileHasAMenu(t *testing.T) {
	u, _ := gallery(t)
	c := u.win.w.Canvas()
	s := u.last
	s.Gallery[2].Device = true
	first := tiles(u)[0]
	c.Focus(first)
	shows(t, u.win.w, "button More about GitHub")
	first.TypedKey(&fyne.KeyEvent{Name: fyne.KeyF10})
	if len(u.menuLabels) < 3 || u.menuLabels[0] != "Connect" || u.menuLabels[1] != "Choose scopes and browser..." || u.menuLabels[2] != "Use a code on another device" {
		t.Errorf("%q", u.menuLabels)
	}
}

func TestChipsGiveWay(t *testing.T) {
	u, _ := gallery(t)
	u.win.w.Resize(fyne.NewSize(720, 480))
	for i := range u.last.Gallery {
		u.last.Gallery[i].Name += ""
	}
	line := newChipLine(u, []string{"All", "Code", "Mail and files", "Social", "Work"}, func(string) {})
	w := test.NewTempWindow(t, line.Container)
	w.Resize(fyne.NewSize(200, 60))
	line.choose("Work")
	if len(line.out) == 0 || !line.more.Visible() || line.more.label != "Work" || line.more.kind != chipOn {
		t.Errorf("%q, %q", line.out, line.more.label)
	}
	for _, b := range append(line.chips, line.more) {
		if b.Visible() && b.Position().X+b.Size().Width > line.Size().Width {
			t.Errorf("%s runs out of the line", b.label)
		}
	}
}

func TestEnterConnectsAnAddress(t *testing.T) {
	u, search := gallery(t)
	test.Type(search, "login.example.org")
	all := tiles(u)
	if len(all) != 1 || all[0].name != "Connect login.example.org" || !all[0].ring {
		t.Fatalf("%d entries", len(all))
	}
	test.Type(search, " x")
	if all := tiles(u); len(all) != 0 {
		t.Errorf("%q is no address", search.Text)
	}
}

func TestConnectAsksWhereAProviderMust(t *testing.T) {
	u, search := gallery(t)
	test.Type(search, "gitlab")
	search.OnSubmitted("")
	if u.nav.page != pageRegister || u.nav.provider != "gitlab" {
		t.Errorf("%s %s", u.nav.page, u.nav.provider)
	}
	u.prepare("demo")
	st, _ := registerOf(u.last, u.nav.before(), stageBrowsers())
	if st.NeedsKey || len(st.Choices.Scopes) != 2 || st.Save != "Connect" {
		t.Errorf("%+v", st)
	}
}
