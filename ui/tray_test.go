package ui

import "testing"

func TestMenuKeepsUnderscores(t *testing.T) {
	if got := menuLabel("mira_o: ready", "linux"); got != "mira__o: ready" {
		t.Errorf("%q", got)
	}
	if got := menuLabel("mira_o: ready", "darwin"); got != "mira_o: ready" {
		t.Errorf("%q", got)
	}
}
