package ui

import (
	"testing"

	"dancecard/accounts"
)

func TestSignInsAreNamedByTheirProvider(t *testing.T) {
	for label, want := range map[string]string{"Demo": "The sign-in at Demo began", "": "A sign-in began"} {
		if l := lineOf(accounts.Snapshot{}, accounts.Activity{Type: "dance.started", Label: label}); l.Words != want {
			t.Errorf("%q: %q", label, l.Words)
		}
	}
}
