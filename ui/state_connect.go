package ui

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dancecard/accounts"
)

// galleryTile is a provider in the gallery.
type galleryTile struct {
	ID   string
	Name string
	Hint string
	Tile tileState
}

// brokenState names a provider file that could not be used.
type brokenState struct {
	File   string // base name
	Reason string // "line 4: ..."
	Fix    string
}

// galleryState is the Connect view.
type galleryState struct {
	Tiles      []galleryTile // the first one is connected by Enter
	Total      int
	Categories []string // chips; the first is "All"
	Category   string
	Broken     []brokenState
	Nothing    string
}

// categoryNames fold the rows' categories into chips.
var categoryNames = map[string]string{
	"code": "Code", "mail": "Mail and files", "files": "Mail and files", "social": "Social",
	"work": "Work", "identity": "Work", "music": "Music", "ai": "AI tools",
}

func galleryOf(s accounts.Snapshot, search, category string) galleryState {
	out := galleryState{Total: len(s.Gallery), Category: cmp.Or(category, "All"), Categories: []string{"All"}}
	list := slices.Clone(s.Gallery)
	slices.SortStableFunc(list, func(a, b accounts.Provider) int { return cmp.Compare(b.Linked, a.Linked) })
	for _, name := range []string{"Code", "Mail and files", "Social", "Work", "Music", "AI tools"} {
		if slices.ContainsFunc(list, func(p accounts.Provider) bool { return categoryNames[p.Category] == name }) {
			out.Categories = append(out.Categories, name)
		}
	}
	if len(out.Categories) == 2 {
		out.Categories = out.Categories[:1]
	}
	var later []galleryTile
	for _, p := range list {
		if out.Category != "All" && categoryNames[p.Category] != out.Category || !matches(search, p.Name, p.ID) {
			continue
		}
		if search == "" || strings.HasPrefix(strings.ToLower(p.Name), strings.ToLower(strings.TrimSpace(search))) {
			out.Tiles = append(out.Tiles, galleryTileOf(p))
		} else {
			later = append(later, galleryTileOf(p))
		}
	}
	out.Tiles = append(out.Tiles, later...)
	for _, b := range s.Broken {
		out.Broken = append(out.Broken, brokenOf(b))
	}
	if len(out.Tiles) == 0 {
		out.Nothing = "No service has that name. Any OpenID provider can be added as a file of three lines: name, issuer, client_id."
	}
	return out
}

func galleryTileOf(p accounts.Provider) galleryTile {
	t := galleryTile{ID: p.ID, Name: clean(p.Name), Tile: tileOf(p.Tile, p.Name), Hint: "One click"}
	switch {
	case p.Linked > 0:
		t.Hint = fmt.Sprintf("%d linked", p.Linked)
	case p.Instance != nil:
		t.Hint = "Any server"
	case p.NeedsRegistration:
		t.Hint = "Set up once"
	}
	return t
}

func brokenOf(b accounts.ProviderProblem) brokenState {
	out := brokenState{File: clean(filepath.Base(b.File)), Reason: sentence(b.Reason), Fix: clean(b.Fix)}
	if b.Line > 0 {
		out.Reason = fmt.Sprintf("line %d: %s", b.Line, out.Reason)
	}
	return out
}

// startersOf are up to four providers to begin with: those that need nothing first.
func startersOf(s accounts.Snapshot) []galleryTile {
	var easy, known []galleryTile
	for _, p := range s.Gallery {
		if !p.NeedsRegistration && p.Instance == nil {
			easy = append(easy, galleryTileOf(p))
		} else if slices.Contains([]string{"github", "google", "microsoft", "mastodon"}, p.ID) {
			known = append(known, galleryTileOf(p))
		}
	}
	all := append(easy, known...)
	return all[:min(4, len(all))]
}

func providerOf(s accounts.Snapshot, id string) (accounts.Provider, bool) {
	i := slices.IndexFunc(s.Gallery, func(p accounts.Provider) bool { return p.ID == id })
	if i < 0 {
		return accounts.Provider{}, false
	}
	return s.Gallery[i], true
}

// asksFirst reports whether the register page comes before the dance.
func asksFirst(p accounts.Provider) bool { return p.NeedsRegistration || p.Instance != nil }

// registerState is the page that asks for what a provider wants to know first.
type registerState struct {
	ID       string
	Title    string
	Sub      string
	Name     string
	Tile     tileState
	Page     string // to open
	Help     string
	Redirect string
	Unknown  string // a word of doubt about the redirect
	NeedsKey bool   // client id and secret
	Instance string // label of the server field; ""
	Example  string
	Default  string
	Save     string
}

func registerOf(s accounts.Snapshot, id string, always bool) (registerState, bool) {
	p, ok := providerOf(s, id)
	if !ok {
		return registerState{}, false
	}
	name := clean(p.Name)
	out := registerState{ID: id, Title: "Connect " + name, Name: name, Tile: tileOf(p.Tile, p.Name), Page: p.RegistrationPage,
		Help: clean(p.RegistrationHelp), Redirect: p.RedirectURI, NeedsKey: p.NeedsRegistration || always, Save: "Connect"}
	out.Sub = "Say which server. Your browser opens next."
	if out.NeedsKey {
		out.Sub, out.Save = name+" wants to know this program first. Once, about two minutes.", "Save and connect"
	}
	if p.RedirectUnknown {
		out.Unknown = "Nobody has checked yet whether " + name + " takes an address on this machine."
	}
	if p.Instance != nil {
		out.Instance, out.Example, out.Default = clean(cmp.Or(p.Instance.Label, "Server")), clean(p.Instance.Example), p.Instance.Default
	}
	return out, true
}

// stepState is one of the three beads of a dance.
type stepState struct {
	Words, Sub string
	Kind       beadKind
}

// danceState is a dance under way, or how it ended.
type danceState struct {
	ID       string
	Provider string // id
	Title    string
	Sub      string
	Tile     tileState
	Steps    [3]stepState
	Link     string
	LinkHelp string
	Problem  *noticeState
	Waiting  string // "Waiting for GitHub"
	Deadline time.Time
	Over     bool // failed or cancelled: Try again instead of Open again
	Came     *cameState
}

func danceOf(s accounts.Snapshot, id string) (danceState, bool) {
	d, ok := s.Dance(id)
	if !ok {
		return danceState{}, false
	}
	name := clean(d.ProviderName)
	out := danceState{ID: d.ID, Provider: d.Provider, Title: "Connect " + name, Tile: tileOf(d.Tile, d.ProviderName), Link: d.URL,
		LinkHelp: "Open this link in the browser where you are signed in to " + name + ".",
		Waiting:  "Waiting for " + name, Deadline: d.Deadline}
	if a, ok := s.Account(d.Reconnects); ok {
		out.Title = "Sign in again as " + clean(a.Label)
	}
	opened := stepState{Words: "Browser opened", Kind: beadDone}
	if !d.Opened.IsZero() {
		opened.Sub = clock(d.Opened)
	}
	approve := stepState{Words: "You approve", Sub: "at " + hostOf(d.URL)}
	who := stepState{Words: "You say who it is", Sub: "nothing is kept before"}
	switch d.Stage {
	case accounts.DanceStarting:
		out.Sub = "Asking " + name + " how to sign in."
		opened, approve.Sub = stepState{Words: "Browser opens", Kind: beadNow}, "at "+name
	case accounts.DanceWaiting:
		out.Sub = "Your browser is open. Approve there, then come back here."
		approve.Kind = beadNow
		if d.Opened.IsZero() {
			opened = stepState{Words: "Browser not opened", Sub: "use the link below", Kind: beadDone}
			out.Sub = "Open the link in a browser, approve there, then come back here."
		}
	case accounts.DanceExchanging:
		out.Sub, out.Waiting = name+" answered. One moment.", "Fetching the token from "+name
		approve.Kind, who.Kind = beadDone, beadNow
	case accounts.DanceCameBack:
		out.Came = cameOf(s, d)
	case accounts.DanceFailed, accounts.DanceCancelled:
		out.Over, out.Link, out.Waiting = true, "", ""
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

func endedOf(d accounts.Dance) noticeState {
	if d.Stage == accounts.DanceCancelled {
		return noticeState{Title: "This attempt was cancelled.", Text: "Nothing was saved."}
	}
	if d.Failure == nil {
		return noticeState{Title: "It did not work.", Text: "Try again.", Danger: true}
	}
	p := problemOf(d.Failure)
	p.Danger = true
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
	Button     string
	Wrong      *wrongState
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
		Scopes: scopesOf(c.Asked, c.Granted, c.Words), Label: who, Button: "Add to " + home}
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
		place, out.Label, out.Button = home+" has it as "+clean(known.Label), clean(known.Label), "Reconnect"
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
	if c.Wanted != nil {
		wrong(out, s, name, *c.Wanted, c)
	}
	return out
}

func wrong(out *cameState, s accounts.Snapshot, provider string, w accounts.Account, c *accounts.CameBack) {
	wanted := clean(w.Label)
	out.Title, out.Sub = "Another account came back", "You wanted to sign in again as "+wanted+"."
	_, known := s.Account(c.Known)
	out.Wrong = &wrongState{
		Strip: "Your browser is signed in to " + provider + " as someone else.", StripRest: wanted + " stays as it was.",
		Wanted: wanted, WantedSub: provider + ", id " + clean(w.Subject), WantedSeed: w.ID, WantedStatus: statusOf(w, s.At),
		Came: out.Who, CameSub: provider + ", id " + clean(c.Subject), CameSeed: out.Seed, Known: known,
		TrySub: "Opens the browser again. The token of " + out.Who + " is given back.",
		NewSub: wanted + " stays beside it and still needs its own sign-in."}
}
