package ui

import (
	"testing"

	"dancecard/accounts"
)

func TestNameOnTheCardIsTheOneThatWasAskedFor(t *testing.T) {
	d := accounts.Dance{Stage: accounts.DanceCameBack, Came: &accounts.CameBack{Login: "mira", Subject: "1"}}
	if c := cameOf(accounts.Snapshot{}, d); c.Label != "mira" {
		t.Errorf("%q", c.Label)
	}
	d.Label = "Work"
	if c := cameOf(accounts.Snapshot{}, d); c.Label != "Work" {
		t.Errorf("%q, and --label said Work", c.Label)
	}
}
