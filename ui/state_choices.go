package ui

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"dancecard/accounts"
	"dancecard/dance"
)

// chosen is what the user changed before a dance.
type chosen struct {
	scopes   map[string]bool // scope -> asked for; what is missing is as the row says
	switches map[string]bool // option id -> on
	browser  string          // id
	device   bool
}

func (c chosen) clone() chosen {
	c.scopes, c.switches = maps.Clone(c.scopes), maps.Clone(c.switches)
	return c
}

// checkState is something that is on or off.
type checkState struct {
	ID     string
	Words  string
	Scope  string // in mono behind the words
	On     bool
	Locked bool // cannot be changed
}

// textOption is an option that the user types.
type textOption struct{ ID, Label string }

// choicesState is what the user may choose before a dance.
type choicesState struct {
	Name     string // of the provider
	Scopes   []checkState
	Switches []checkState
	Texts    []textOption
	Browsers bool   // there is more than one
	Browser  string // words for the one that is chosen
	Device   *checkState
}

// any reports whether there is something to choose.
func (c choicesState) any() bool {
	return len(c.Scopes)+len(c.Switches)+len(c.Texts) > 0 || c.Browsers || c.Device != nil
}

func choicesOf(p accounts.Provider, c chosen, browsers []dance.Browser) choicesState {
	out := choicesState{Name: clean(p.Name), Browsers: len(browsers) > 1, Browser: browserName(c.browser, browsers)}
	own := map[string]bool{}
	for _, sc := range p.Scopes {
		own[sc] = true
		out.Scopes = append(out.Scopes, scopeCheck(p, c, sc, true))
	}
	for _, sc := range p.OptionalScopes {
		if !own[sc] {
			out.Scopes = append(out.Scopes, scopeCheck(p, c, sc, false))
		}
	}
	for _, o := range p.Options {
		label := clean(cmp.Or(o.Label, o.ID))
		if o.Value == "" {
			out.Texts = append(out.Texts, textOption{o.ID, label})
			continue
		}
		on, set := c.switches[o.ID]
		out.Switches = append(out.Switches, checkState{ID: o.ID, Words: label, On: set && on || !set && o.On})
	}
	if p.Device {
		out.Device = &checkState{ID: "device", Words: "Use a code on another device", On: c.device}
	}
	return out
}

// scopeCheck is a scope with a check. openid stays: without it the provider
// does not say who came back.
func scopeCheck(p accounts.Provider, c chosen, scope string, own bool) checkState {
	st := scopeOf(scope, p.Words, true)
	on, set := c.scopes[scope]
	return checkState{ID: scope, Words: st.Words, Scope: st.Scope, On: set && on || !set && own, Locked: own && scope == "openid"}
}

// requestOf turns what was chosen into a request. What was left as it is stays
// the row's to say.
func requestOf(p accounts.Provider, c chosen, texts map[string]string) accounts.ConnectRequest {
	r := accounts.ConnectRequest{Provider: p.ID, Browser: c.browser, Device: c.device && p.Device}
	changed := false
	var scopes []string
	for _, sc := range choicesOf(p, c, nil).Scopes {
		if sc.On != slices.Contains(p.Scopes, sc.ID) {
			changed = true
		}
		if sc.On {
			scopes = append(scopes, sc.ID)
		}
	}
	if changed {
		r.Scopes = slices.Concat([]string{}, scopes)
	}
	for _, o := range p.Options {
		value := texts[o.ID]
		if on, set := c.switches[o.ID]; o.Value != "" {
			value = ""
			if set && on != o.On {
				value = map[bool]string{true: "on", false: "off"}[on]
			}
		}
		if value == "" {
			continue
		}
		if r.Options == nil {
			r.Options = map[string]string{}
		}
		r.Options[o.ID] = value
	}
	return r
}

const systemBrowser = "The system's own browser"

// browserWords names a browser: "Firefox, work", "Chromium, private window".
func browserWords(b dance.Browser) string {
	name := clean(b.Name)
	switch {
	case b.ID == "" && (name == "" || strings.HasSuffix(name, "browser")): // nobody knows which one that is
		return systemBrowser
	case b.ID == "":
		return name + ", the system's"
	case b.Private:
		return name + ", private window"
	case b.Profile != "":
		return name + ", " + clean(b.Profile)
	}
	return name
}

// browserName finds a browser by its id. One that is gone is said to be.
func browserName(id string, browsers []dance.Browser) string {
	for _, b := range browsers {
		if b.ID == id {
			return browserWords(b)
		}
	}
	if id == "" {
		return systemBrowser
	}
	return clean(id) + ", not installed now"
}

// moreState is the page that asks for more scopes of an account.
type moreState struct {
	ID      string
	Title   string
	Sub     string
	Tile    tileState
	Scopes  []checkState
	Has     []scopeState
	Browser string
	Ready   bool // something is checked
}

// missing are the scopes that an account might ask for and has not.
func missing(s accounts.Snapshot, a accounts.Account) []string {
	p, _ := providerOf(s, a.Provider)
	var out []string
	for _, sc := range slices.Concat(p.OptionalScopes, p.Scopes, a.Asked) {
		if !slices.Contains(a.Granted, sc) && !slices.Contains(out, sc) {
			out = append(out, sc)
		}
	}
	return out
}

func moreOf(s accounts.Snapshot, id string, c chosen, browsers []dance.Browser) (moreState, bool) {
	a, ok := s.Account(id)
	if !ok {
		return moreState{}, false
	}
	p, _ := providerOf(s, a.Provider)
	words := maps.Clone(p.Words)
	if words == nil {
		words = map[string]string{}
	}
	maps.Copy(words, a.Words)
	p.Words = words
	name := clean(a.ProviderName)
	out := moreState{ID: a.ID, Title: "Ask " + name + " for more", Tile: tileOf(a.Tile, a.ProviderName),
		Sub:     "Your browser opens; sign in there as " + clean(cmp.Or(a.Login, a.Label)) + ".",
		Browser: browserName(a.Browser, browsers), Has: scopesOf(nil, a.Granted, a.Words)}
	for _, sc := range missing(s, a) {
		out.Scopes = append(out.Scopes, scopeCheck(p, c, sc, false))
		out.Ready = out.Ready || c.scopes[sc]
	}
	return out, true
}

// added are the scopes that are checked, in the page's order.
func (m moreState) added() []string {
	var out []string
	for _, sc := range m.Scopes {
		if sc.On {
			out = append(out, sc.ID)
		}
	}
	return out
}
