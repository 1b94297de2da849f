package ui

import (
	"slices"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
)

// choicesBlock is what the user may choose before a dance: what to ask for, the
// row's options, the browser.
func (u *UI) choicesBlock(c choicesState) fyne.CanvasObject {
	box := rows(16)
	if len(c.Scopes) > 0 {
		box.Add(u.scopeChecks("Ask "+c.Name+" for", c.Scopes))
	}
	var cells []fyne.CanvasObject
	if c.Browsers {
		cells = append(cells, labelled("Sign in with", u.browserSelect(c.Browser)))
	}
	for _, t := range c.Texts {
		e := u.nav.entry("option "+t.ID, t.Label, false)
		e.SetPlaceHolder("Leave empty for none")
		cells = append(cells, labelled(t.Label, field(e)))
	}
	for pair := range slices.Chunk(cells, 2) {
		if len(pair) == 1 {
			pair = append(pair, gap(1, 1))
		}
		box.Add(evenColumns(pair[0], pair[1]))
	}
	if list := u.switches(c); len(list) > 0 {
		box.Add(checkGrid(list))
	}
	return box
}

// switches are the row's own options that are on or off, and the code on
// another device.
func (u *UI) switches(c choicesState) []*check {
	var list []*check
	for _, st := range c.Switches {
		list = append(list, newCheck(st, true, func(on bool) {
			c := u.nav.chosen.clone()
			if c.switches == nil {
				c.switches = map[string]bool{}
			}
			c.switches[st.ID] = on
			u.nav.chosen = c
		}))
	}
	if c.Device != nil {
		list = append(list, newCheck(*c.Device, true, func(on bool) { u.nav.chosen.device = on }))
	}
	return list
}

// scopeChecks are permissions in plain words, each with a check.
func (u *UI) scopeChecks(title string, list []checkState) fyne.CanvasObject {
	var checks []*check
	for _, st := range list {
		checks = append(checks, newCheck(st, false, func(on bool) {
			c := u.nav.chosen.clone()
			if c.scopes == nil {
				c.scopes = map[string]bool{}
			}
			c.scopes[st.ID] = on
			u.nav.chosen = c
			u.win.render()
		}))
	}
	return rows(6, fitting(title, styleCaptionBold, colInk2), checkGrid(checks))
}

// browserSelect chooses the browser of the dance to come.
func (u *UI) browserSelect(words string) fyne.CanvasObject {
	return selectButton("Sign in with: "+words, words, func(at fyne.CanvasObject) {
		u.browserMenu(at, u.nav.chosen.browser, func(id string) {
			c := u.nav.chosen.clone()
			c.browser = id
			u.nav.chosen = c
			u.win.render()
		})
	})
}

// moreView asks for more scopes of an account.
func (u *UI) moreView(s moreState) built {
	content := rows(16)
	if len(s.Scopes) == 0 {
		content.Add(newPara("It has all that is known to be asked for.", 1, styleText, colInk2))
	} else {
		content.Add(module(padded(4, 4, 0, 0, u.scopeChecks("Ask also for", s.Scopes))))
	}
	if len(s.Has) > 0 {
		content.Add(moduleWith("It has already", nil, scopeRows(s.Has, false)))
	}
	ask := newButton("Ask", "", filled, func() {
		st, ok := moreOf(u.last, s.ID, u.nav.chosen, u.browsers)
		if a, known := u.last.Account(s.ID); ok && known {
			u.connect(accounts.ConnectRequest{Provider: a.Provider, Reconnect: a.ID, AddScopes: st.added()})
		}
	})
	ask.disable(!s.Ready || u.busy["connect"])
	cancel := newButton("Cancel", "", outlined, u.back)
	return built{object: sheet(u.sheetHead(s.Tile, s.Title, plainSub(s.Sub)), content,
		footWith("", fitting("Signs in with: "+s.Browser, styleCaption, colInk2), cancel, ask))}
}
