package ui

import (
	"testing"

	"dancecard/accounts"
)

func TestSettingsOfferToDeleteTheProfile(t *testing.T) {
	s := stage()
	if got := settingsOf(s, Options{}); got.Delete != "Delete..." || got.Anyway || got.Profile != "Home" {
		t.Errorf("%+v", got)
	}
	for i := range s.Accounts {
		s.Accounts[i].Status = accounts.Revoking
	}
	if got := settingsOf(s, Options{}); got.Delete != "Delete anyway..." || !got.Anyway {
		t.Errorf("%+v", got)
	}
}
