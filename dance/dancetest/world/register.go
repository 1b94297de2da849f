package world

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dancecard/dance"
)

// Document is the address of a client id metadata document that the row knows,
// if it has the method "document".
func (s *Sim) Document() string { return "https://client-" + s.row.ID + ".example/dancecard.json" }

// document is our own, not the provider's: it lists the row's redirect URI.
func (s *Sim) document() {
	if !slices.Contains(s.row.RegistrationMethods, "document") {
		return
	}
	s.add(s.Document(), []string{"GET"}, func(w http.ResponseWriter, _ *request, _ []string) {
		d := s.row.Redirect
		host, path := d.Host, d.Path
		if host == "" {
			host = "127.0.0.1"
		}
		if d.Port != 0 {
			host += fmt.Sprint(":", d.Port)
		}
		if path == "" {
			path = "/dancecard/" + s.row.ID
		}
		writeJSON(w, 200, map[string]any{
			"client_id": s.Document(), "client_name": "Dancecard", "application_type": "native", "token_endpoint_auth_method": "none",
			"redirect_uris": []string{"http://" + host + path}, "dpop_bound_access_tokens": s.row.DPoP != "",
			"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
		})
	}, nil)
}

// register makes a client as the row's methods say: Mastodon's app endpoint
// takes a form, RFC 7591 takes JSON.
func (s *Sim) register(w http.ResponseWriter, r *request, _ []string) {
	id, secret := s.next("client"), s.next("secret")
	methods := s.row.RegistrationMethods
	switch {
	case slices.Contains(methods, "mastodon") && (r.json == nil || !slices.Contains(methods, "dynamic")):
		uris := r.value("redirect_uris")
		if r.value("client_name") == "" || uris == "" || s.redirects(uris, true) != nil && !s.portFree(uris) {
			s.complain(w, 422, "an app needs client_name and the row's redirect URI, not %q", uris)
			return
		}
		s.clients[id] = client{secret, s.row.AuthStyle}
		writeJSON(w, 200, map[string]any{"id": "1", "name": r.value("client_name"), "client_id": id, "client_secret": secret, "redirect_uri": uris})
	case slices.Contains(methods, "dynamic"):
		var doc struct {
			URIs   []string `json:"redirect_uris"`
			Method string   `json:"token_endpoint_auth_method"`
			Type   string   `json:"application_type"`
		}
		if err := json.Unmarshal([]byte(r.body), &doc); err != nil || len(doc.URIs) == 0 || doc.Type != "native" {
			s.complain(w, 400, "a registration needs redirect_uris and the application type native: %s", r.body)
			return
		}
		style := map[string]dance.AuthStyle{"none": dance.AuthNone, "client_secret_post": dance.AuthPost, "client_secret_basic": dance.AuthBasic, "": dance.AuthBasic}[doc.Method]
		made := map[string]any{"client_id": id, "redirect_uris": doc.URIs, "token_endpoint_auth_method": doc.Method, "application_type": "native"}
		if style != dance.AuthNone {
			made["client_secret"], made["client_secret_expires_at"] = secret, 0
		} else {
			secret = ""
		}
		s.clients[id] = client{secret, style}
		writeJSON(w, http.StatusCreated, made)
	default:
		s.complain(w, 404, "the row registers nobody here")
	}
}

// portFree takes a redirect URI without a port from rows that take any.
func (s *Sim) portFree(uri string) bool {
	d := s.row.Redirect
	return (d.Mode == "" || d.Mode == "any_port") && strings.HasPrefix(uri, "http://")
}

// Knows makes a client known that the provider does not register: one with a
// document or atproto's loopback client.
func (s *Sim) Knows(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == s.Document() || strings.HasPrefix(id, "http://localhost") {
		s.clients[id] = client{"", dance.AuthNone}
	}
}
