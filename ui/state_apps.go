package ui

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dancecard/accounts"
)

// grantFilter is a chip of the Apps view.
type grantFilter string

const (
	grantsAll    grantFilter = "All"
	grantsAlways grantFilter = "Always"
	grantsForNow grantFilter = "For now"
	grantsNever  grantFilter = "Never"
)

// appState is one app's grant.
type appState struct {
	ID        string
	Name      string
	Path      string
	Icon      string
	AccountID string
	Account   string
	Tile      tileState
	Words     string
	Sub       string
	Never     bool
	Button    string
}

// appsState is the Apps view.
type appsState struct {
	Rows   []appState
	Counts map[grantFilter]int
}

func appsOf(s accounts.Snapshot, search string, f grantFilter) appsState {
	out := appsState{Counts: map[grantFilter]int{}}
	list := slices.Clone(s.Grants)
	slices.SortStableFunc(list, func(a, b accounts.Grant) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), b.Made.Compare(a.Made))
	})
	for _, g := range list {
		kind := grantsAlways
		switch {
		case !g.Allow:
			kind = grantsNever
		case !g.Until.IsZero():
			kind = grantsForNow
		}
		out.Counts[grantsAll]++
		out.Counts[kind]++
		row := appOf(s, g)
		if (f == grantsAll || f == kind) && matches(search, row.Name, row.Path, row.Account) {
			out.Rows = append(out.Rows, row)
		}
	}
	return out
}

func appOf(s accounts.Snapshot, g accounts.Grant) appState {
	a, _ := s.Account(g.Account)
	r := appState{ID: g.ID, Name: appName(g.App), Path: clean(cmp.Or(g.App.CallerPath, g.App.Path)), Icon: "apps",
		AccountID: g.Account, Account: clean(cmp.Or(a.Label, "every account")), Tile: tileOf(a.Tile, a.ProviderName), Button: "Take back"}
	how := "Token"
	if g.FetchOnly {
		how = "Fetch only"
	}
	switch {
	case !g.Allow:
		r.Never, r.Words, r.Sub, r.Button = true, "Never", "since "+whenWords(g.Made, s.At), "Remove"
		return r
	case g.Until.IsZero():
		r.Words = how + ", always"
	default:
		r.Words = how + ", " + durationWords(g.Until.Sub(s.At).Truncate(time.Minute))
	}
	r.Sub = "not used yet"
	if !g.LastUsed.IsZero() {
		r.Sub = "used " + agoWords(g.LastUsed, s.At)
	}
	return r
}

// appName is the program that a grant or question is about: the one that a
// carrier speaks for, with the carrier.
func appName(a accounts.App) string {
	name := clean(cmp.Or(a.Name, "A program"))
	if c := clean(a.Caller); c != "" && c != name {
		return fmt.Sprintf("%s, by %s", c, name)
	}
	return name
}
