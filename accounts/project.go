package accounts

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"dancecard/dance"
	"dancecard/vault"
)

// Snapshot returns everything a door may show, as of now.
func (b *Book) Snapshot() Snapshot {
	problems := b.catalog.Problems()
	b.mu.Lock()
	defer b.mu.Unlock()
	now := readClocks()
	s := Snapshot{
		At: now.wall, Current: b.current, LastToken: b.lastToken, Keyring: b.keyring,
		Alarms: slices.Clone(b.alarms),
	}
	for _, p := range b.profiles {
		s.Profiles = append(s.Profiles, p.viewLocked())
	}
	slices.SortFunc(s.Profiles, func(x, y Profile) int { return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.ID, y.ID)) })
	p := b.profiles[b.current]
	if p != nil && p.vault != nil {
		s.Accounts = p.accountsLocked(now)
		for i := range s.Accounts {
			s.Accounts[i].SharesGrant = b.sharesLocked(p, s.Accounts[i].ID)
		}
		for _, g := range p.grants {
			if g.standing(now) {
				s.Grants = append(s.Grants, *g)
			}
		}
		slices.SortFunc(s.Grants, func(x, y Grant) int { return cmp.Or(y.Made.Compare(x.Made), strings.Compare(x.ID, y.ID)) })
	}
	for _, d := range b.dances {
		if d.profile.id == b.current {
			s.Dances = append(s.Dances, d.view)
		}
	}
	for _, q := range b.questions {
		if q.open() {
			s.Questions = append(s.Questions, q.Question)
		}
	}
	s.Gallery = p.galleryLocked(b.gallery)
	for _, f := range problems {
		s.Broken = append(s.Broken, ProviderProblem{File: f.File, Line: f.Line, Reason: f.Reason, Fix: f.Fix})
	}
	return s
}

func (p *profile) viewLocked() Profile {
	v := Profile{
		ID: p.id, Name: p.card.Name, State: p.state, Since: p.since, Waiting: len(p.waiting), Problem: p.problem, Locks: p.card.Lock.view(),
	}
	if p.state != ProfileOpen {
		v.Why = p.why
	}
	for _, w := range p.ways {
		v.Ways = append(v.Ways, Way{ID: w.ID, Kind: wayKind(w.Kind), Added: w.Added})
	}
	return v
}

func wayKind(k vault.WayKind) WayKind { return WayKind(k) }

// accountsLocked lists what needs the user first, then by last use.
func (p *profile) accountsLocked(now moment) []Account {
	var all []Account
	for _, a := range p.accounts {
		all = append(all, p.accountLocked(a, now))
	}
	for _, r := range p.revocations {
		all = append(all, r.view(p.id))
	}
	slices.SortFunc(all, func(x, y Account) int {
		return cmp.Or(urgency(x.Status)-urgency(y.Status), y.LastUsed.Compare(x.LastUsed),
			y.Linked.Compare(x.Linked), strings.Compare(x.ID, y.ID))
	})
	return all
}

// sharesLocked names the other links that may end with an account's grant:
// those of the same person through the same client in other open profiles.
func (b *Book) sharesLocked(p *profile, id string) (labels []string) {
	a := p.accounts[id]
	if a == nil || a.Link.Provider.Revocation.Revokes == "token" || a.Unnamed {
		return nil
	}
	for _, o := range b.profiles {
		for _, other := range o.accounts {
			one := other.Provider == a.Provider || a.Issuer != "" // Google and Gmail are one provider
			if other != a && one && other.Issuer == a.Issuer && other.Subject == a.Subject && other.Link.ClientID == a.Link.ClientID {
				labels = append(labels, o.card.Name+": "+other.Label)
			}
		}
	}
	slices.Sort(labels)
	return labels
}

func urgency(s Status) int {
	switch {
	case s.NeedsUser():
		return 0
	case s == Revoking:
		return 2
	}
	return 1
}

func (p *profile) accountLocked(a *account, now moment) Account {
	v := viewRecord(a.accountRecord, p.id)
	v.Status, v.Why, v.Since = a.facts.status(now)
	v.NextTry = a.facts.NextTry
	v.FetchOnly = a.signed
	v.Issued, v.Expiry, v.Refreshes = a.facts.Issued, a.facts.Expiry, a.facts.Refreshes
	if left, forever := a.facts.remaining(now); !forever {
		v.Expiry = now.wall.Add(left)
	}
	for _, g := range p.grants {
		if g.Account == a.ID && g.Allow && g.standing(now) {
			v.Apps++
		}
	}
	return v
}

// viewRecord shows what an account was linked with, not what the catalogue
// says today.
func viewRecord(r accountRecord, profile string) Account {
	row := r.Link.Provider
	return Account{
		ID: r.ID, Profile: profile, Provider: r.Provider, ProviderName: row.Name,
		Issuer: r.Issuer, Subject: r.Subject, Login: r.Login, Name: r.Name, Email: r.Email, Label: r.Label,
		Tile: row.Tile, Asked: slices.Clone(r.Asked), Granted: slices.Clone(r.Granted), Words: maps.Clone(row.ScopeWords),
		Linked: r.Linked, LastUsed: r.LastUsed,
		Revokes: cmp.Or(row.Revocation.Revokes, "unknown"), CanRevoke: dance.CanRevoke(r.Link),
		EndSession: row.Endpoints.EndSession != "", SettingsPage: row.SettingsPage, Endless: row.Quirks.NoExpiry, Hosts: slices.Clone(row.API.Hosts),
		Unnamed: r.Unnamed, Browser: r.Browser, StepUp: r.StepUp, APIBase: row.API.BaseURL,
	}
}

// alarm raises an alarm, or renews the one with the same code and account.
func (b *Book) alarm(a Alarm) {
	b.mu.Lock()
	b.alarmLocked(a)
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged})
}

func (b *Book) alarmLocked(a Alarm) {
	a.At = time.Now()
	b.alarms = slices.DeleteFunc(b.alarms, func(o Alarm) bool { return o.Code == a.Code && o.Account == a.Account })
	b.alarms = append(b.alarms, a)
}

// calm takes an alarm back.
func (b *Book) calm(code, account string) {
	b.mu.Lock()
	before := len(b.alarms)
	b.alarms = slices.DeleteFunc(b.alarms, func(o Alarm) bool { return o.Code == code && o.Account == account })
	changed := len(b.alarms) != before
	b.mu.Unlock()
	if changed {
		b.announce(Event{Type: EventChanged})
	}
}
