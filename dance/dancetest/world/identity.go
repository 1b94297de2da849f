package world

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// APIPath is where each API of the world answers, below its base.
const APIPath = "world/thing"

// Subject is who the row's user is.
func (s *Sim) Subject() string { return "subject-" + s.row.ID }

// describe puts the user into a document, where the row says. The subject
// comes last: where a row reads two things from one place, it is that.
func (s *Sim) describe(doc any) any {
	i := s.row.Identity
	subject := i.Subject
	if subject == "" {
		subject = "sub"
	}
	for _, v := range []struct{ path, value string }{
		{i.Login, "login-" + s.row.ID}, {i.Name, "Name of " + s.row.ID}, {i.Email, s.row.ID + "@mail.example"},
		{i.Avatar, "https://pictures.example/" + s.row.ID}, {subject, s.Subject()},
	} {
		if v.path != "" {
			doc = put(doc, v.path, v.value)
		}
	}
	return doc
}

func (s *Sim) identityPlaces() {
	i := s.row.Identity
	if i.URL != "" {
		method := i.Method
		if method == "" {
			method = "GET"
		}
		s.exchangeAt(i.URL, []string{method}, func(w http.ResponseWriter, r *request, path []string) { s.identity(w, r, path, true) }, nil)
	}
	s.add(s.row.Endpoints.UserInfo, []string{"GET"}, func(w http.ResponseWriter, r *request, path []string) { s.identity(w, r, path, false) }, nil)
}

// identity says whose token it is. own: by the row's address, not OpenID's.
func (s *Sim) identity(w http.ResponseWriter, r *request, path []string, own bool) {
	i := s.row.Identity
	if own {
		for name, want := range i.Headers {
			if r.Header.Get(name) != want {
				s.complain(w, 400, "identity: %s is %q, not %q", name, r.Header.Get(name), want)
				return
			}
		}
		if !sameJSON(i.Body, r.body) {
			s.complain(w, 400, "identity: the body is %q", r.body)
			return
		}
	}
	if token := s.inAddress(r, path); own && token != "" {
		if g := s.holder(token); g == nil {
			s.unauthorized(w)
			return
		}
	} else if s.bearer(w, r) == nil {
		return
	}
	doc := s.describe(nil)
	if !own {
		doc = s.describe(map[string]any{
			"sub": s.Subject(), "name": "Name of " + s.row.ID, "preferred_username": "login-" + s.row.ID, "email": s.row.ID + "@mail.example",
		})
	}
	if object, ok := doc.(map[string]any); ok && s.row.Quirks.ErrorsIn200 && s.row.Quirks.Nested != "" {
		object["ok"] = true
	}
	writeJSON(w, 200, doc)
}

// inAddress is the token that an identity address holds.
func (s *Sim) inAddress(r *request, path []string) string {
	_, query, _ := strings.Cut(s.row.Identity.URL, "?")
	declared, _ := url.ParseQuery(query)
	for name := range declared {
		if declared.Get(name) == "{access_token}" {
			return r.query.Get(name)
		}
	}
	if len(path) == 0 {
		return ""
	}
	token, _ := url.PathUnescape(path[0])
	return token
}

func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// holder finds the grant of a live access token.
func (s *Sim) holder(token string) *grant {
	for _, g := range s.grants {
		if token != "" && g.access == token && !g.dead[token] {
			return g
		}
	}
	return nil
}

// unauthorized is the API's word for a token that is dead.
func (s *Sim) unauthorized(w http.ResponseWriter) {
	if s.row.Quirks.ErrorsIn200 {
		writeJSON(w, http.StatusOK, map[string]any{"ok": false, "error": "invalid_token"})
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	w.WriteHeader(http.StatusUnauthorized)
}

// bearer judges how a token is sent: as [api] says and no other way.
func (s *Sim) bearer(w http.ResponseWriter, r *request) *grant {
	a := s.row.API
	if s.row.Protocol == "oauth1" {
		return s.signed(w, r)
	}
	scheme := a.Scheme
	if s.row.DPoP != "" {
		scheme = "DPoP"
	} else if scheme == "" {
		scheme = "Bearer"
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), scheme+" ")
	if a.Header != "" {
		token, ok = r.Header.Get(a.Header), r.Header.Get("Authorization") == ""
	}
	if !ok || token == "" {
		s.note("the API is asked without a token in its place")
		s.unauthorized(w)
		return nil
	}
	g := s.holder(token)
	if g == nil {
		s.unauthorized(w)
		return nil
	}
	for name, want := range a.Headers {
		want = strings.ReplaceAll(want, "{client_id}", g.client)
		if r.Header.Get(name) != want {
			s.complain(w, 400, "API: %s is %q, not %q", name, r.Header.Get(name), want)
			return nil
		}
	}
	if s.row.DPoP != "" && !s.proven(w, r, g) {
		return nil
	}
	return g
}

// base is where this account's API is; "" if the row has none.
func (s *Sim) base() string {
	a := s.row.API
	switch {
	case a.BaseFrom != "":
		return "https://" + s.baseHost() + "/"
	case a.BaseURL != "":
		return strings.TrimSuffix(a.BaseURL, "/") + "/"
	case len(a.Hosts) > 0:
		return "https://" + a.Hosts[0] + "/"
	}
	return ""
}

func (s *Sim) baseHost() string {
	if under := s.row.API.BaseUnder; len(under) > 0 {
		return "world" + under[len(under)-1]
	}
	return s.row.API.Hosts[len(s.row.API.Hosts)-1]
}

// baseValue is an address or a host.
func (s *Sim) baseValue() string {
	if s.dice(2) == 0 {
		return s.baseHost()
	}
	return "https://" + s.baseHost()
}

// API is an address to call with the account's token; "" if the row has none.
func (s *Sim) API() string {
	if b := s.base(); b != "" {
		return b + APIPath
	}
	return ""
}

func (s *Sim) isAPI(host string) bool {
	u, err := url.Parse(s.base())
	return err == nil && u.Host == host || slices.Contains(s.row.API.Hosts, host)
}

func (s *Sim) api(w http.ResponseWriter, r *request) {
	if s.bearer(w, r) != nil {
		writeJSON(w, 200, map[string]any{"thing": s.row.ID})
	}
}
