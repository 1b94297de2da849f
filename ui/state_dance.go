package ui

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"dancecard/accounts"
	"dancecard/dance"
)

// stepState is one of the three beads of a dance.
type stepState struct {
	Words, Sub string
	Kind       beadKind
}

// danceState is a dance under way, or how it ended.
type danceState struct {
	ID                  string
	Provider            string // id
	Reconnects          string // id of an account; ""
	Title               string
	Sub                 string
	Tile                tileState
	Steps               [3]stepState
	Name                string // of the provider
	Link                string
	LinkTitle, LinkHelp string
	Code                *codeState // device flow
	Device              bool       // a code can be had instead of the link
	Browsers            bool       // there is another browser to open it in
	Paste               bool       // the provider cannot send the answer here
	Problem             *noticeState

	PasteTitle, PasteHelp string
	Pasted                string // why the text that was pasted is not it
	Waiting               string // "Waiting for GitHub"
	Deadline              time.Time
	Began                 bool // it got as far as the browser
	Over                  bool // failed or cancelled: Try again instead of Open again
	Came                  *cameState
}

// danceBegun is what does not depend on how far a dance is.
func danceBegun(s accounts.Snapshot, d accounts.Dance) danceState {
	name := clean(d.ProviderName)
	if strings.Contains(name, "://") { // an address that is not looked up yet
		name = hostOf(name)
	}
	out := danceState{ID: d.ID, Provider: d.Provider, Reconnects: d.Reconnects, Title: "Connect " + name, Tile: tileOf(d.Tile, d.ProviderName), Link: d.URL,
		LinkTitle: "Nothing opened?",
		LinkHelp:  "Open this link in the browser where you are signed in to " + name + ".", Name: name, Code: codeOf(d),
		Waiting: "Waiting for " + name, Deadline: d.Deadline, Paste: d.Paste, Pasted: pastedWords(d.Pasted)}
	if p, ok := providerOf(s, d.Provider); ok {
		out.Device = p.Device && d.Code == nil
	}
	out.paste(name)
	if a, ok := s.Account(d.Reconnects); ok {
		out.Title = "Sign in again as " + clean(a.Label)
	}
	return out
}

func danceOf(s accounts.Snapshot, id string) (danceState, bool) {
	d, ok := s.Dance(id)
	if !ok {
		return danceState{}, false
	}
	out := danceBegun(s, d)
	name := out.Name
	opened := stepState{Words: "Browser opened", Kind: beadDone}
	if !d.Opened.IsZero() {
		opened.Sub = clock(d.Opened)
	}
	approve := stepState{Words: "You approve", Sub: "at " + name}
	if d.URL != "" {
		approve.Sub = "at " + hostOf(d.URL)
	}
	who := stepState{Words: "You say who it is", Sub: "nothing is kept before"}
	switch d.Stage {
	case accounts.DanceStarting:
		out.Sub = "Asking " + name + " how to sign in."
		opened, approve.Sub = stepState{Words: "Browser opens", Kind: beadNow}, "at "+name
	case accounts.DanceWaiting:
		out.Sub = "Your browser is open. Approve there, then come back here."
		approve.Kind = beadNow
		switch {
		case d.Code != nil:
			opened = stepState{Words: "Code given", Sub: "by " + name, Kind: beadDone}
			approve.Sub = "at " + hostOf(d.Code.URI)
			out.code(*d.Code, name)
		case d.Paste && !d.Opened.IsZero():
			out.Sub = "Your browser is open. Approve there, then paste what it shows."
		case d.Opened.IsZero():
			opened = stepState{Words: "Browser not opened", Sub: "use the link below", Kind: beadDone}
			out.Sub = "Open the link in a browser, approve there, then come back here."
		}
	case accounts.DanceExchanging:
		out.Sub, out.Waiting = name+" answered. One moment.", "Fetching the token from "+name
		approve.Kind, who.Kind = beadDone, beadNow
	case accounts.DanceCameBack:
		out.Came = cameOf(s, d)
	case accounts.DanceFailed, accounts.DanceCancelled:
		out.Began = !d.Opened.IsZero()
		out.Over, out.Link, out.Waiting, out.Code, out.Paste = true, "", "", nil, false
		out.Sub = "This attempt is over. Nothing has changed."
		p := endedOf(d)
		out.Problem = &p
	}
	if d.OpenProblem != "" && !d.Stage.Over() {
		out.Problem = &noticeState{Title: "No browser opened.", Text: sentence(d.OpenProblem) + ". Copy the link into one."}
	}
	if d.By != nil {
		out.Sub += " " + appName(*d.By) + " asked for it."
	}
	out.Steps = [3]stepState{opened, approve, who}
	return out, true
}

// codeState is what to type on another device.
type codeState struct {
	Title string
	User  string
	Lead  string // before the address
	At    string // the address without its scheme
	Scan  string // what the QR code holds
}

// code says what to do with one.
func (s *danceState) code(c dance.Code, name string) {
	s.Sub = "Type the code there, approve, then come back here."
	if !c.Until.IsZero() {
		s.Deadline = c.Until
	}
	s.Link = cmp.Or(s.Link, c.Complete, c.URI)
	s.LinkTitle = "On this machine"
	s.LinkHelp = "Open this link where you are signed in to " + name + ", and type the code there."
	if c.Complete != "" {
		s.LinkHelp = "Open this link where you are signed in to " + name + ". It brings the code along."
	}
}

func codeOf(d accounts.Dance) *codeState {
	if d.Code == nil || d.Stage.Over() {
		return nil
	}
	at := clean(strings.TrimPrefix(d.Code.URI, "https://"))
	return &codeState{Title: "Or on another device", User: clean(d.Code.UserCode), Lead: "or type this at", At: at, Scan: cmp.Or(d.Code.Complete, d.Code.URI)}
}

// pastedWords say why a text is not it, without the stage that dance puts first.
func pastedWords(why string) string {
	return dotted(upperFirst(strings.TrimPrefix(clean(why), "authorization: ")))
}

// paste says what is to be pasted.
func (s *danceState) paste(name string) {
	s.PasteTitle = "Paste the address"
	s.PasteHelp = "Where the browser is on another machine, it ends at a page that does not load. Copy the whole address of that page and paste it here."
	if s.Paste {
		s.PasteTitle = "Paste what " + name + " shows"
		s.PasteHelp = name + " cannot answer this program by itself. When you have approved, it shows a code or ends at a page: copy the code, or that page's whole address, and paste it here."
	}
}

func endedOf(d accounts.Dance) noticeState {
	if d.Stage == accounts.DanceCancelled {
		return noticeState{Title: "This attempt was cancelled.", Text: "Nothing was saved."}
	}
	if d.Failure == nil {
		return noticeState{Title: "It did not work.", Text: "Try again.", Danger: true}
	}
	p := problemOf(d.Failure)
	p.Danger = p.Verb != verbRegister
	return p
}

// cameState is who came back.
type cameState struct {
	Title, Sub string
	Who, Name  string
	Seed       string
	Initials   string
	Facts      [][2]string // label, value; the second is an id
	Scopes     []scopeState
	Missing    string // note about what was not given
	Label      string // the name on the card, as a suggestion
	LabelHelp  string
	Button     string
	Wrong      *wrongState
	Moved      *noticeState // tokens come from another place than the account was linked with
}

// wrongState is another account than the one to sign in again.
type wrongState struct {
	Strip, StripRest string
	Wanted           string
	WantedSub        string
	WantedSeed       string
	WantedStatus     statusState
	Came             string
	CameSub          string
	CameSeed         string
	Known            bool // the one that came back is linked already
	TrySub, NewSub   string
}

func cameOf(s accounts.Snapshot, d accounts.Dance) *cameState {
	c := d.Came
	if c == nil {
		return nil
	}
	prof, _ := s.Profile(s.Current)
	home, name := clean(prof.Name), clean(d.ProviderName)
	who := clean(cmp.Or(c.Login, c.Email, c.Name, c.Subject))
	out := &cameState{Title: "This account came back", Sub: "Nothing has been saved and no app can use it yet.",
		Who: who, Name: clean(c.Name), Seed: c.Issuer + c.Subject, Initials: initials(cmp.Or(c.Name, who)),
		Scopes: scopesOf(c.Asked, c.Granted, c.Words), Label: cmp.Or(clean(d.Label), who), Button: "Add to " + brief(home, 16)}
	if out.Name == who {
		out.Name = clean(c.Email)
	}
	place := home + " has no other " + name + " account"
	if n := len(c.Others); n == 1 {
		place = home + " has one other " + name + " account, " + clean(c.Others[0])
	} else if n > 1 {
		place = fmt.Sprintf("%s has %d other %s accounts", home, n, name)
	}
	if known, ok := s.Account(c.Known); ok {
		out.Sub = "It is linked already. Its token is not replaced before you say so."
		place, out.Label, out.Button = home+" has it as "+clean(known.Label), cmp.Or(clean(d.Label), clean(known.Label)), "Reconnect"
	}
	out.LabelHelp = "Only for you. Change it whenever you like."
	if c.Unnamed {
		unnamed(out, home, name, clean(d.Label))
	}
	out.Facts = [][2]string{{"Signed in at", hostOf(c.Issuer)}, {"Its id there", clean(c.Subject)}, {"In this profile", place}}
	var missing []string
	for _, sc := range out.Scopes {
		if !sc.Given {
			missing = append(missing, strings.ToLower(sc.Words))
		}
	}
	if len(missing) > 0 {
		out.Missing = "Not given: " + strings.Join(missing, ", ") + ". Everything else will work."
	}
	if c.Unnamed {
		out.Facts = [][2]string{out.Facts[0], {"Its id there", "not known"}, out.Facts[2]}
	}
	if c.Moved != "" {
		out.Moved = &noticeState{Title: "Its tokens come from another place now.", Text: dotted(clean(c.Moved)) + " Go on only if you know why."}
	}
	if c.Wanted != nil {
		wrong(out, s, name, *c.Wanted, c)
	}
	return out
}

// unnamed is an account whose provider does not say whose it is.
func unnamed(out *cameState, home, name, label string) {
	out.Who, out.Name, out.Label, out.Initials = "Account at "+name, name+" does not say whose account this is.", label, initials(name)
	out.Sub = "Nothing has been saved and no app can use it yet. Give it a name first."
	out.LabelHelp = "Needed: " + name + " does not say who you are, so the name tells your accounts apart."
}

func wrong(out *cameState, s accounts.Snapshot, provider string, w accounts.Account, c *accounts.CameBack) {
	wanted := clean(w.Label)
	out.Title, out.Sub = "Another account came back", "You wanted to sign in again as "+wanted+"."
	_, known := s.Account(c.Known)
	beside := wanted + " stays beside it, as it was."
	if w.Status.NeedsUser() {
		beside = wanted + " stays beside it and still needs its own sign-in."
	}
	out.Wrong = &wrongState{
		Strip: "Your browser is signed in to " + provider + " as someone else.", StripRest: wanted + " stays as it was.",
		Wanted: wanted, WantedSub: provider + ", id " + clean(w.Subject), WantedSeed: w.ID, WantedStatus: statusOf(w, s.At),
		Came: out.Who, CameSub: provider + ", id " + clean(c.Subject), CameSeed: out.Seed, Known: known,
		TrySub: "Opens the browser again. The token of " + out.Who + " is given back.",
		NewSub: beside}
}

// hostOf is the host of an address, for people.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return clean(address)
	}
	return clean(u.Host)
}
