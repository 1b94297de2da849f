package ui

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

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
	Address    addressState  // what is typed, where it is an address
	Tiles      []galleryTile // without an address that comes first, the first one is connected by Enter
	Total      int
	Categories []string // chips; the first is "All"
	Category   string
	Broken     []brokenState
	Nothing    string
	Looking    bool // an address is being looked up
}

// categories are the chips in their order, with the rows' categories that each
// holds. What no chip holds is under the last one.
var categories = []struct {
	name  string
	holds []string
}{
	{"Code", []string{"code", "cloud"}},
	{"Mail and files", []string{"mail", "files"}},
	{"Social", []string{"social", "chat"}},
	{"Work", []string{"work", "sales"}},
	{"AI tools", []string{"ai"}},
	{"Sign-in", []string{"identity"}},
	{"Music and games", []string{"music", "games"}},
	{"Money", []string{"money"}},
	{"Health", []string{"health"}},
	{"Science", []string{"science", "maps"}},
	{"Others", nil},
}

func categoryOf(p accounts.Provider) string {
	for _, c := range categories {
		if slices.Contains(c.holds, p.Category) {
			return c.name
		}
	}
	return "Others"
}

// popular are the rows that most people look for, in the order of the gallery.
var popular = []string{"github", "google", "microsoft", "gitlab", "mastodon", "slack", "discord", "notion", "dropbox", "spotify",
	"bluesky", "nextcloud", "fastmail", "codeberg", "atlassian", "linear", "reddit", "linkedin", "x", "keycloak", "zoom", "strava"}

// inOrder sorts rows: what is linked, the user's own files, what is looked for
// most, then by name.
func inOrder(list []accounts.Provider) []accounts.Provider {
	rank := make(map[string]int, len(popular))
	for i, id := range popular {
		rank[id] = i - len(popular)
	}
	for _, p := range list {
		if !p.BuiltIn {
			rank[p.ID] = -len(popular) - 1
		}
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b accounts.Provider) int {
		return cmp.Or(cmp.Compare(b.Linked, a.Linked), cmp.Compare(rank[a.ID], rank[b.ID]))
	})
	return list
}

func galleryOf(s accounts.Snapshot, search, category string) galleryState {
	out := galleryState{Total: len(s.Gallery), Category: cmp.Or(category, "All"), Categories: chipsOf(s.Gallery)}
	list := inOrder(s.Gallery)
	typed := strings.ToLower(strings.TrimSpace(search))
	if typed != "" {
		out.Category = "All" // a search looks at all rows
	}
	address, isAddress := addressOf(typed)
	if isAddress {
		typed = address.Host
	}
	var ranked [fits][]galleryTile
	for _, p := range list {
		if out.Category != "All" && categoryOf(p) != out.Category {
			continue
		}
		if r := fitOf(p, typed); r < fits {
			ranked[r] = append(ranked[r], galleryTileOf(p))
		}
	}
	out.Tiles = slices.Concat(ranked[:]...)
	if isAddress && (len(out.Tiles) == 0 || address.Exact) {
		out.Address = address
		out.Address.Text = strings.TrimSpace(search)
	}
	for _, b := range s.Broken {
		out.Broken = append(out.Broken, brokenOf(b))
	}
	if len(out.Tiles) == 0 && out.Address.Host == "" {
		out.Nothing = "No service has that name. Type its web address, or enter it below."
	}
	return out
}

// chipsOf are the chips that hold a row; none but All where there is only one.
func chipsOf(list []accounts.Provider) []string {
	used := map[string]bool{}
	for _, p := range list {
		used[categoryOf(p)] = true
	}
	out := []string{"All"}
	for _, c := range categories {
		if used[c.name] && len(used) > 1 {
			out = append(out, c.name)
		}
	}
	return out
}

// fits is the number of ways in which a row fits what is typed.
const fits = 6

// fitOf says how well a row fits, 0 best; fits: not at all.
func fitOf(p accounts.Provider, typed string) int {
	if typed == "" {
		return 0
	}
	name := strings.ToLower(p.Name)
	switch {
	case strings.HasPrefix(name, typed):
		return 0
	case strings.Contains(name, " "+typed):
		return 1
	case strings.Contains(name, typed), strings.Contains(p.ID, typed), strings.Contains(formerly[p.ID], typed):
		return 2
	case slices.ContainsFunc(hostsOf(p), func(host string) bool { return strings.Contains(host, typed) || strings.HasSuffix(typed, "."+host) }):
		return 3
	case strings.Contains(strings.ToLower(categoryOf(p)), typed), strings.Contains(p.Category, typed):
		return 4
	case len(typed) > 2 && canDo(p, typed):
		return 5
	}
	return fits
}

// formerly are other names that people look for.
var formerly = map[string]string{"x": "twitter", "microsoft": "azure entra office 365 live hotmail", "facebook": "meta"}

// canDo reports rows whose scopes speak of what is typed: jira, calendar.
func canDo(p accounts.Provider, typed string) bool {
	return slices.ContainsFunc(slices.Concat(p.Scopes, p.OptionalScopes), func(scope string) bool {
		return strings.Contains(strings.ToLower(scope), typed) || strings.Contains(strings.ToLower(p.Words[scope]), typed)
	})
}

// hostsOf are the hosts that a row is known by.
func hostsOf(p accounts.Provider) []string {
	var out []string
	for _, address := range []string{p.SettingsPage, p.RegistrationPage} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			out = append(out, strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."))
		}
	}
	if p.Instance != nil && p.Instance.Default != "" {
		out = append(out, strings.ToLower(p.Instance.Default))
	}
	return out
}

// addressState is an address that was typed instead of a name.
type addressState struct {
	Text  string // as typed
	Host  string // "": none
	Exact bool   // with a scheme or a path: meant as an address
	Title string
	Sub   string
}

// addressOf reads what is typed as an issuer's or MCP server's address, or a
// handle with a dot.
func addressOf(typed string) (addressState, bool) {
	typed = strings.TrimPrefix(strings.TrimSpace(typed), "@")
	scheme, rest, exact := strings.Cut(typed, "://")
	if !exact {
		scheme, rest = "https", typed
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || scheme != "https" && scheme != "http" || u.User != nil || strings.ContainsFunc(typed, unicode.IsSpace) {
		return addressState{}, false
	}
	host := strings.ToLower(u.Host)
	last := host[strings.LastIndex(host, ".")+1:]
	if !exact && (last == host || len(last) < 2 || strings.ContainsFunc(last, func(r rune) bool { return r < 'a' || r > 'z' })) || u.Hostname() == "" {
		return addressState{}, false
	}
	host = clean(host)
	return addressState{Text: typed, Host: host, Exact: exact || u.Path != "", Title: "Connect " + host,
		Sub: "Looks there for an OpenID provider, an MCP server or a handle. Nothing else is sent."}, true
}

func galleryTileOf(p accounts.Provider) galleryTile {
	t := galleryTile{ID: p.ID, Name: clean(p.Name), Tile: tileOf(p.Tile, p.Name), Hint: "One click"}
	switch {
	case p.Linked > 0:
		t.Hint = fmt.Sprintf("%d linked", p.Linked)
	case p.NeedsRegistration:
		t.Hint = "Set up once"
	case p.Instance != nil:
		t.Hint = "Any server"
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

// startersOf are up to four providers to begin with: the user's own files that
// need nothing, then what is looked for most, what needs nothing first.
func startersOf(s accounts.Snapshot) []galleryTile {
	rank := func(p accounts.Provider) int {
		switch known := slices.Contains(popular, p.ID); {
		case !p.BuiltIn && !asksFirst(p):
			return 0
		case known && !asksFirst(p):
			return 1
		case known:
			return 2
		case !asksFirst(p):
			return 3
		}
		return 4
	}
	list := inOrder(s.Gallery)
	slices.SortStableFunc(list, func(a, b accounts.Provider) int { return cmp.Compare(rank(a), rank(b)) })
	var out []galleryTile
	for _, p := range list[:min(4, len(list))] {
		if rank(p) < 4 {
			out = append(out, galleryTileOf(p))
		}
	}
	return out
}

func providerOf(s accounts.Snapshot, id string) (accounts.Provider, bool) {
	i := slices.IndexFunc(s.Gallery, func(p accounts.Provider) bool { return p.ID == id })
	if i < 0 {
		return accounts.Provider{}, false
	}
	return s.Gallery[i], true
}
