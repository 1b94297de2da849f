package server

import (
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// What of a Snapshot goes over the wire.

func toApp(a accounts.App) ipc.AppName {
	return ipc.AppName{
		Name: a.Name, Path: a.Path, Caller: a.Caller, CallerPath: a.CallerPath,
		Sandbox: a.Sandbox, Weak: a.Weak, OnceOnly: a.OnceOnly,
	}
}

func toAccount(a accounts.Account) ipc.Account {
	return ipc.Account{
		ID: a.ID, Provider: a.Provider, ProviderName: a.ProviderName,
		Issuer: a.Issuer, Subject: a.Subject, Login: a.Login, Name: a.Name, Email: a.Email, Label: a.Label,
		Status: string(a.Status), Why: a.Why, ExpiresAt: wireTime(a.Expiry), Endless: a.Endless,
		Scopes: list(a.Granted), Hosts: list(a.Hosts), APIBase: a.APIBase,
	}
}

func toDetail(a accounts.Account) ipc.AccountDetail {
	return ipc.AccountDetail{
		Account: toAccount(a), Profile: a.Profile,
		Since: wireTime(a.Since), NextTry: wireTime(a.NextTry), Issued: wireTime(a.Issued),
		Refreshes: a.Refreshes, Asked: list(a.Asked), Words: a.Words,
		Linked: wireTime(a.Linked), LastUsed: wireTime(a.LastUsed), Apps: a.Apps,
		Revokes: a.Revokes, CanRevoke: a.CanRevoke, EndSession: a.EndSession, SettingsPage: a.SettingsPage,
		FetchOnly: a.FetchOnly, Unnamed: a.Unnamed, Browser: a.Browser, SharesGrant: a.SharesGrant, StepUp: toStepUp(a.StepUp),
	}
}

func toStepUp(s *accounts.StepUp) *ipc.StepUp {
	if s == nil {
		return nil
	}
	return &ipc.StepUp{ACRValues: s.ACRValues, MaxAge: s.MaxAge, Since: wireTime(s.Since)}
}

func toDetails(all []accounts.Account) []ipc.AccountDetail { return each(all, toDetail) }

func toToken(h accounts.Handout, kind accounts.TokenType) ipc.Token {
	t := ipc.Token{
		TokenType: h.Type, ExpiresAt: wireTime(h.Expiry), Scope: joinScopes(h.Scopes),
		Headers: toHeaders(h), API: h.API, Account: toAccount(h.Account),
	}
	if kind == accounts.IDToken {
		t.IDToken = ipc.Secret(h.Token.Reveal())
	} else {
		t.AccessToken = ipc.Secret(h.Token.Reveal())
	}
	return t
}

// toHeaders is what a request must carry: the row's headers, and the token
// itself where the provider does not take it as a bearer token.
func toHeaders(h accounts.Handout) map[string]ipc.Secret {
	headers := map[string]ipc.Secret{}
	for name, value := range h.Headers {
		headers[name] = ipc.Secret(value)
	}
	switch {
	case h.Header != "":
		headers[h.Header] = ipc.Secret(h.Token.Reveal())
	case h.Scheme != "" && h.Scheme != "Bearer":
		headers["Authorization"] = ipc.Secret(h.Scheme + " " + h.Token.Reveal())
	}
	if len(headers) == 0 {
		return nil
	}
	return headers
}

func toProfile(s accounts.Snapshot) func(accounts.Profile) ipc.Profile {
	return func(p accounts.Profile) ipc.Profile {
		out := ipc.Profile{
			ID: p.ID, Name: p.Name, Current: p.ID == s.Current, State: ipc.ProfileState(p.State),
			Since: wireTime(p.Since), Why: string(p.Why), Waiting: p.Waiting, Ways: []string{},
			Locks: ipc.LockRules{Screen: p.Locks.Screen, Sleep: p.Locks.Sleep, Idle: int(p.Locks.Idle / time.Minute)},
		}
		for _, w := range p.Ways {
			out.Ways = append(out.Ways, string(w.Kind))
		}
		if p.Problem != nil {
			out.Problem = fromBook(p.Problem)
		}
		return out
	}
}

func toDance(d accounts.Dance) ipc.Dance {
	out := ipc.Dance{
		ID: d.ID, Provider: d.Provider, ProviderName: d.ProviderName, Reconnects: d.Reconnects,
		Stage: ipc.DanceStage(d.Stage), URL: d.URL, OpenProblem: d.OpenProblem, Paste: d.Paste, Pasted: d.Pasted,
		Started: wireTime(d.Started), Deadline: wireTime(d.Deadline), Account: d.Account,
	}
	if c := d.Code; c != nil {
		out.Code = &ipc.DeviceCode{UserCode: c.UserCode, URI: c.URI, Complete: c.Complete, Until: wireTime(c.Until)}
	}
	if c := d.Came; c != nil {
		out.Came = &ipc.CameBack{
			Issuer: c.Issuer, Subject: c.Subject, Login: c.Login, Name: c.Name, Email: c.Email,
			Asked: list(c.Asked), Granted: list(c.Granted), Words: c.Words, Known: c.Known, Others: c.Others, Unnamed: c.Unnamed, Moved: c.Moved,
		}
		if c.Wanted != nil {
			wanted := toAccount(*c.Wanted)
			out.Came.Wanted = &wanted
		}
	}
	if d.Failure != nil {
		out.Failure = fromBook(d.Failure)
	}
	return out
}

func toGrant(g accounts.Grant) ipc.Grant {
	return ipc.Grant{
		ID: g.ID, App: toApp(g.App), Account: g.Account, Allow: g.Allow, FetchOnly: g.FetchOnly, Write: g.Write,
		Scopes: g.Scopes, Until: wireTime(g.Until), Made: wireTime(g.Made), LastUsed: wireTime(g.LastUsed), Uses: g.Uses,
	}
}

func toProvider(p accounts.Provider) ipc.Provider {
	out := ipc.Provider{
		ID: p.ID, Name: p.Name, Category: p.Category, Linked: p.Linked,
		NeedsRegistration: p.NeedsRegistration, RegistrationPage: p.RegistrationPage,
		RegistrationHelp: p.RegistrationHelp, RedirectURI: p.RedirectURI, RedirectUnknown: p.RedirectUnknown,
		Scopes: list(p.Scopes), OptionalScopes: p.OptionalScopes, Words: p.Words, BuiltIn: p.BuiltIn, File: p.File,
		Paste: p.Paste, Device: p.Device, NeedsPrivateKey: p.NeedsPrivateKey, Revocation: p.Revocation, SettingsPage: p.SettingsPage,
	}
	for _, o := range p.Options {
		out.Options = append(out.Options, ipc.Option{ID: o.ID, Label: o.Label, Switch: o.Value != "", On: o.On})
	}
	if p.Instance != nil {
		out.Instance, out.InstanceExample, out.InstanceDefault = p.Instance.Label, p.Instance.Example, p.Instance.Default
	}
	return out
}

func toOverview(s accounts.Snapshot) ipc.Overview {
	return ipc.Overview{
		Current:   s.Current,
		Profiles:  each(s.Profiles, toProfile(s)),
		Accounts:  toDetails(s.Accounts),
		Dances:    each(s.Dances, toDance),
		Questions: len(s.Questions),
		Broken:    each(s.Broken, toProblemOfFile),
		Alarms: each(s.Alarms, func(a accounts.Alarm) ipc.Alarm {
			return ipc.Alarm{Code: a.Code, Account: a.Account, Text: a.Text, Hint: a.Hint, At: wireTime(a.At)}
		}),
		LastToken: wireTime(s.LastToken),
		Keyring:   s.Keyring,
	}
}

func toEvent(e accounts.Event) ipc.Event {
	return ipc.Event{ID: e.ID, Type: e.Type, At: wireTime(e.At), Profile: e.Profile, Account: e.Account, Data: e.Data}
}

func toActivity(a accounts.Activity) ipc.Activity {
	return ipc.Activity{At: wireTime(a.At), Type: a.Type, Account: a.Account, Label: a.Label, App: a.App, Path: a.Path, Text: a.Note}
}

// wireTime is a time as RFC 3339 has it, in UTC and whole seconds; the zero
// time stays zero and is left out.
func wireTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// each maps a list; the result is never null in JSON.
func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

func list(in []string) []string {
	if in == nil {
		return []string{}
	}
	return in
}
