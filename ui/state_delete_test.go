package ui

import (
	"slices"
	"strings"
	"testing"

	"dancecard/accounts"
)

func TestDeletingAProfileSaysWhatEnds(t *testing.T) {
	ask := func(anyway bool, state accounts.ProfileState) questionState {
		s := asked(func(q *accounts.Question) {
			q.Kind, q.Verb, q.App = accounts.QuestionConfirm, accounts.VerbDeleteProfile, accounts.App{Name: "dancectl", Path: "/usr/bin/dancectl"}
			q.Profile, q.Anyway, q.Account, q.Choices = "p1", anyway, "", nil
			q.Ends = slices.Clone(stage().Accounts)
			q.Ends[4].CanRevoke = false
		})
		s.Profiles[0].State = state
		q, _ := questionOf(s)
		return q
	}
	q := ask(false, accounts.ProfileOpen)
	if q.Title.String() != "Delete Home?" || !slices.Equal(labels(q), []string{"Cancel", "Delete"}) || !q.Answers[1].Danger {
		t.Errorf("%+v", q)
	}
	var facts []string
	for _, f := range q.Facts {
		facts = append(facts, f.Label)
	}
	if !slices.Equal(facts, []string{"Here", "Revoked", "Not told", "By you", "Asked by"}) || !strings.Contains(q.Warn, "told by you") {
		t.Errorf("%q, %q", facts, q.Warn)
	}
	if q := ask(true, accounts.ProfileLocked); labels(q)[1] != "Delete anyway" || !strings.Contains(q.Warn, "No provider is told") {
		t.Errorf("%+v", q)
	}
}
