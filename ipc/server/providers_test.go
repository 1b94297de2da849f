//go:build linux

package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"dancecard/ipc"
)

func TestLintOverTheSocket(t *testing.T) {
	admin := newRig(t).admin()
	linted, err := admin.Lint(t.Context(), ipc.Lint{Name: "work.toml", Text: "name = \"Work\"\nissuer = \"https://id.example.com\"\n"})
	if err != nil || len(linted.Problems) != 0 || linted.Provider == nil || linted.Provider.ID != "work" {
		t.Errorf("%+v, %v", linted, err)
	}
	linted, err = admin.Lint(t.Context(), ipc.Lint{Name: "work.toml", Text: "name = \"Work\"\nisuer = \"https://id.example.com\"\n"})
	named := slices.ContainsFunc(linted.Problems, func(p ipc.ProviderProblem) bool {
		return p.File == "work.toml" && p.Line == 2 && strings.Contains(p.Fix, "issuer")
	})
	if err != nil || !named || linted.Provider != nil {
		t.Errorf("%+v, %v", linted, err)
	}
	linted, err = admin.Lint(t.Context(), ipc.Lint{Name: "github.toml", Text: "name = \"Mine\"\nissuer = \"https://id.example.com\"\n"})
	if err != nil || len(linted.Problems) != 1 || !strings.Contains(linted.Problems[0].Reason, "ships with Dancecard") {
		t.Errorf("an id that is taken: %+v, %v", linted, err)
	}
}

func TestSchemaOverTheSocket(t *testing.T) {
	data, err := newRig(t).admin().Schema(t.Context())
	var schema struct {
		Schema     string         `json:"$schema"`
		Properties map[string]any `json:"properties"`
	}
	if err != nil || json.Unmarshal(data, &schema) != nil || !strings.Contains(schema.Schema, "2020-12") || schema.Properties["issuer"] == nil {
		t.Errorf("%.200s, %v", data, err)
	}
}
