package ui

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

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
