//go:build linux

package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"dancecard/dance/dancetest"
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

func TestClientDocumentOverTheSocket(t *testing.T) {
	admin := newRig(t).admin()
	const address = "https://me.example/dancecard.json"
	data, err := admin.ClientDocument(t.Context(), ipc.ClientDocument{Address: address, Providers: []string{"github", "gitlab"}})
	var document struct {
		ClientID  string   `json:"client_id"`
		Redirects []string `json:"redirect_uris"`
		Method    string   `json:"token_endpoint_auth_method"`
	}
	if err != nil || json.Unmarshal(data, &document) != nil || document.ClientID != address || document.Method != "none" ||
		!slices.Contains(document.Redirects, "http://127.0.0.1/dancecard/github") || len(document.Redirects) != 2 {
		t.Errorf("%s, %v", data, err)
	}
	_, err = admin.ClientDocument(t.Context(), ipc.ClientDocument{Address: address, Providers: []string{"nosuch"}})
	wantCode(t, err, ipc.CodeNoSuchProvider)
	_, err = admin.ClientDocument(t.Context(), ipc.ClientDocument{Address: "http://me.example/"})
	wantCode(t, err, ipc.CodeBadRequest)
}

// Google's file is read here, and its secret goes into the vault alone.
func TestClientFileOverTheSocket(t *testing.T) {
	r := newOpenRig(t)
	admin := r.admin()
	file := ipc.Secret(`{"installed":{"client_id":"id-1.apps.googleusercontent.com","client_secret":"canary-secret","redirect_uris":["http://localhost"]}}`)
	if err := admin.SetRegistration(t.Context(), "google", ipc.Registration{ClientFile: file}); err != nil {
		t.Fatal(err)
	}
	p, err := admin.Provider(t.Context(), "google")
	if err != nil || p.NeedsRegistration {
		t.Errorf("%+v, %v", p, err)
	}
	err = admin.SetRegistration(t.Context(), "google", ipc.Registration{ClientFile: `{"installed":{"client_secret":"canary-secret"}}`})
	wantCode(t, err, ipc.CodeBadRequest)
	if strings.Contains(err.Error(), "canary") {
		t.Error("the secret is in the error")
	}
	wantCode(t, admin.SetRegistration(t.Context(), "google", ipc.Registration{ClientFile: file, ClientID: "x"}), ipc.CodeBadRequest)
}

func TestProviderThatAnAddressLedToTakesAClient(t *testing.T) {
	var issuer *httptest.Server
	issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": issuer.URL, "authorization_endpoint": issuer.URL + "/authorize", "token_endpoint": issuer.URL + "/token", "jwks_uri": issuer.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		})
	}))
	t.Cleanup(issuer.Close)
	admin := newOpenRig(t).admin()
	d, err := admin.Connect(t.Context(), ipc.Connect{Address: issuer.URL})
	for err == nil && !d.Stage.Over() {
		d, err = admin.AwaitDance(t.Context(), d.ID, d.Stage)
	}
	if err != nil || d.Failure == nil || d.Failure.Code != ipc.CodeNeedsRegistration {
		t.Fatalf("%+v, %v", d, err)
	}
	p, err := admin.Provider(t.Context(), d.Provider)
	if err != nil || p.ID != d.Provider || p.RedirectURI == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := admin.SetRegistration(t.Context(), d.Provider, ipc.Registration{ClientID: "by-hand"}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Provider(t.Context(), "nobody"); ipc.CodeOf(err) != ipc.CodeNoSuchProvider {
		t.Errorf("%v", err)
	}
}

// A provider that no list knows is named by its address, and the document lists
// the redirect URI that a dance there will use.
func TestClientDocumentForAnAddress(t *testing.T) {
	r := newOpenRig(t)
	other, err := dancetest.Start(dancetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	data, err := r.admin().ClientDocument(t.Context(), ipc.ClientDocument{Address: "https://me.example/d.json", Providers: []string{other.Issuer()}})
	var document struct {
		Redirects []string `json:"redirect_uris"`
	}
	if err != nil || json.Unmarshal(data, &document) != nil || len(document.Redirects) != 1 || !strings.Contains(document.Redirects[0], "/dancecard/at-127-0-0-1-") {
		t.Errorf("%s, %v", data, err)
	}
}
