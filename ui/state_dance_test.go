package ui

import (
	"strings"
	"testing"
	"time"

	"dancecard/accounts"
	"dancecard/dance"
)

func TestNameOnTheCardIsTheOneThatWasAskedFor(t *testing.T) {
	d := accounts.Dance{Stage: accounts.DanceCameBack, Came: &accounts.CameBack{Login: "mira", Subject: "1"}}
	if c := cameOf(accounts.Snapshot{}, d); c.Label != "mira" {
		t.Errorf("%q", c.Label)
	}
	d.Label = "Work"
	if c := cameOf(accounts.Snapshot{}, d); c.Label != "Work" {
		t.Errorf("%q, and --label said Work", c.Label)
	}
}

func dancing(change func(*accounts.Dance)) danceState {
	s, d := stage(), stageDance(accounts.DanceWaiting)
	change(&d)
	s.Dances = []accounts.Dance{d}
	st, _ := danceOf(s, "d1")
	return st
}

func TestACodeIsShownAsItIsGiven(t *testing.T) {
	st := dancing(func(d *accounts.Dance) {
		d.Opened = time.Time{}
		d.Code = &dance.Code{UserCode: "WDJB\u202e-MJHT", URI: "https://github.com/login/device", Until: now.Add(time.Minute)}
	})
	if st.Code == nil || st.Code.User != "WDJB-MJHT" || st.Code.At != "github.com/login/device" || st.Code.Scan != "https://github.com/login/device" {
		t.Fatalf("%+v", st.Code)
	}
	if st.Steps[0].Words != "Code given" || !st.Deadline.Equal(now.Add(time.Minute)) {
		t.Errorf("%+v", st.Steps)
	}
	if got := waitWords(st, now); got != "Waiting for GitHub. The code is good for 1 min." {
		t.Error(got)
	}
	if got := waitWords(st, now.Add(2*time.Minute)); !strings.HasSuffix(got, "The code has run out.") {
		t.Error(got)
	}
	if st := dancing(func(d *accounts.Dance) { d.Code, d.Stage = &dance.Code{UserCode: "x"}, accounts.DanceFailed }); st.Code != nil {
		t.Error("a code outlives its attempt")
	}
}

func TestPastedTextThatIsNotItIsSaid(t *testing.T) {
	st := dancing(func(d *accounts.Dance) { d.Paste, d.Pasted = true, "That is another attempt's." })
	if !st.Paste || st.Pasted != "That is another attempt's." || st.PasteTitle != "Paste what GitHub shows" {
		t.Errorf("%+v", st)
	}
}

func TestAnUnnamedAccountHasToBeNamed(t *testing.T) {
	s, d := stage(), stageDance(accounts.DanceCameBack)
	d.Came = &accounts.CameBack{Issuer: "https://github.com", Subject: "made-up", Unnamed: true}
	c := cameOf(s, d)
	if c.Label != "" || c.Who != "Account at GitHub" || c.Facts[1][1] != "not known" {
		t.Errorf("%+v", c)
	}
	s.Dances = []accounts.Dance{d}
	u := staged(t, s, false, 900, 620)
	add := func() *button { return find(t, u, "Add to Home") }
	if !add().disabled {
		t.Error("an account without a name can be added")
	}
	u.nav.entries["label"].SetText("Mine")
	if add().disabled {
		t.Error("a named account cannot be added")
	}
}

func TestTokensFromAnotherPlaceAreSaid(t *testing.T) {
	s, d := stage(), stageDance(accounts.DanceCameBack)
	d.Came = stageCameBack()
	if c := cameOf(s, d); c.Moved != nil {
		t.Errorf("%+v", c.Moved)
	}
	d.Came.Moved = "GitHub now names https://tokens.example.org"
	s.Dances = []accounts.Dance{d}
	u := staged(t, s, false, 900, 620)
	shows(t, u.win.w, "text GitHub now names https://tokens.example.org. Go on only if you know why.")
	if b := find(t, u, "Add to Home"); b.kind == filled || u.nav.entries["label"].OnSubmitted != nil {
		t.Error("Enter goes on by habit")
	}
}

func TestADeadRegistrationLeadsToTheForm(t *testing.T) {
	s, d := stage(), stageDance(accounts.DanceFailed)
	d.Failure = &accounts.Error{Code: accounts.CodeNeedsRegistration, Text: "GitHub does not take this program's registration.", Hint: "Enter a new one."}
	s.Dances = []accounts.Dance{d}
	u := staged(t, s, false, 900, 620)
	u.visit(func(n *nav) { n.page, n.dance = pageDance, "d1" })
	u.win.render()
	find(t, u, "Set up").press()
	if u.nav.page != pageRegister || u.nav.provider != "github" {
		t.Errorf("%s %s", u.nav.page, u.nav.provider)
	}
}
