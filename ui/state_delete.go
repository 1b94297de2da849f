package ui

import (
	"slices"

	"dancecard/accounts"
)

// askDelete is the question whether to delete a profile: what ends, and where.
func askDelete(s accounts.Snapshot, q accounts.Question, out *questionState) {
	p, _ := s.Profile(q.Profile)
	name := clean(p.Name)
	var told, yours, pending []string
	for _, a := range q.Ends {
		label := clean(a.ProviderName) + " " + clean(a.Label)
		switch {
		case a.Status == accounts.Revoking:
			pending = append(pending, label)
		case a.CanRevoke:
			told = append(told, label)
		default:
			yours = append(yours, label)
		}
	}
	out.Title, out.Icon, out.Tile, out.Gets, out.Warn = titleState{Asks: "Delete", What: name, End: "?"}, "unlink", tileState{}, "", ""
	out.Sub = "the profile, with " + count(len(q.Ends), "account")
	facts := []factState{{Label: "Here", Text: "its vault is erased; nothing opens it again"}}
	for _, f := range []struct {
		label string
		names []string
	}{{"Revoked", told}, {"Not told", pending}, {"By you", yours}} {
		if len(f.names) > 0 {
			slices.Sort(f.names)
			facts = append(facts, factState{Label: f.label, Text: listed(f.names, 2)})
		}
	}
	if len(out.Facts) > 0 && q.App.Name != "" {
		facts = append(facts, factState{Label: "Asked by", Text: appName(q.App)})
	}
	out.Facts = facts
	button := "Delete"
	switch {
	case q.Anyway && p.State != accounts.ProfileOpen:
		button, out.Sub = "Delete anyway", "the profile, which is locked"
		out.Warn = "No provider is told: its tokens stay good until you end them there."
	case q.Anyway:
		button = "Delete anyway"
		out.Warn = "Where a provider cannot be told, the token stays good until you end it there."
	case len(yours) > 0:
		out.Warn = "Some providers have to be told by you: their pages open when you delete."
	}
	out.Answers = []answerState{
		{Label: "Cancel", Answer: accounts.Answer{For: accounts.Once}},
		{Label: button, Danger: true, Answer: accounts.Answer{Allow: true, For: accounts.Once}},
	}
	out.Foot = "Closing this window deletes nothing. Enter does nothing."
}
