package accounts

import (
	"cmp"
	"encoding/json"
	"time"
)

// Activity is one line of what happened: who asked for what, and what became
// of accounts. It is sealed in the vault, bounded, and not synced line by line.
type Activity struct {
	At      time.Time `json:"at"`
	Type    string    `json:"type"` // the event's type
	Account string    `json:"account,omitempty"`
	Label   string    `json:"label,omitempty"`
	App     string    `json:"app,omitempty"` // name
	Path    string    `json:"path,omitempty"`
	Note    string    `json:"note,omitempty"` // why, or for how long
}

// Activity returns the newest lines of the current profile, newest first.
func (b *Book) Activity(most int) ([]Activity, error) {
	p, v, err := b.openProfile()
	if err != nil {
		return nil, err
	}
	raw, err := v.Activity(most)
	if err != nil {
		return nil, vaultProblem(err, b.nameOf(p))
	}
	var lines []Activity
	for _, r := range raw {
		var line Activity
		if json.Unmarshal(r, &line) == nil {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// logActivity writes an event down in the profile that it belongs to. That it
// cannot be written is no reason to fail what happened.
func (b *Book) logActivity(e Event) {
	if e.Type == EventChanged || e.Type == EventCatalogChanged || e.Profile == "" {
		return
	}
	b.mu.Lock()
	p := b.profiles[e.Profile]
	if p == nil || p.vault == nil {
		b.mu.Unlock()
		return
	}
	v := p.vault
	line := Activity{At: cmp.Or(e.At, time.Now()), Type: e.Type, Account: e.Account, Label: e.Data["label"], App: e.Data["app"], Path: e.Data["path"]}
	if a := p.accounts[e.Account]; a != nil && line.Label == "" {
		line.Label = a.Label
	}
	b.mu.Unlock()
	line.Note = cmp.Or(e.Data["why"], e.Data["for"], e.Data["request"])
	if raw, err := json.Marshal(line); err == nil {
		v.Log(raw)
	}
}
