package world

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dancecard/dance"
)

// Revocable reports whether the row says how a token is ended.
func (s *Sim) Revocable() bool {
	v := s.row.Revocation.Style
	return s.row.Endpoints.Revocation != "" && v != "none" && v != "unknown"
}

func (s *Sim) revocationPlaces() {
	v, address := s.row.Revocation, s.row.Endpoints.Revocation
	if !s.Revocable() {
		return
	}
	notToken := func(r *request) bool { return r.value("grant_type") == "" }
	if v.Style != "request" {
		s.exchangeAt(address, []string{"POST"}, s.revoke7009, notToken)
		return
	}
	method := v.Method
	if method == "" {
		method = "POST"
	}
	s.exchangeAt(address, []string{method}, s.revokeAsSaid, notToken)
	if v.Lookup.URL != "" {
		s.add(v.Lookup.URL, []string{"GET"}, s.lookup, nil)
	}
}

// revoke7009 is RFC 7009 section 2.1.
func (s *Sim) revoke7009(w http.ResponseWriter, r *request, _ []string) {
	if r.json != nil || !s.authenticated(w, r) {
		if r.json != nil {
			s.complain(w, 415, "the revocation is not a form")
		}
		return
	}
	token := r.value("token")
	for _, g := range s.grants {
		if token != "" && (g.access == token || g.refresh == token) {
			s.end(g, token)
		}
	}
}

// end kills a token, or all of its grant.
func (s *Sim) end(g *grant, tokens ...string) {
	if s.row.Revocation.Revokes == "grant" {
		tokens = []string{g.access, g.refresh}
	}
	for _, t := range tokens {
		g.dead[t] = true
	}
}

// lookup is the list of everybody whom the user has let in. Others stand
// before and behind the one who asks, and one has no token (any more).
func (s *Sim) lookup(w http.ResponseWriter, r *request, _ []string) {
	if g := s.bearer(w, r); g != nil {
		look := s.row.Revocation.Lookup
		item := func(token string) any { return put(put(nil, look.Match, token), look.ID, "id-of-"+token) }
		none := put(nil, look.ID, "id-of-none")
		writeJSON(w, 200, []any{item("somebody-else"), none, item(g.access), item("yet-somebody-else")})
	}
}

// values of the words that stand for them, for one grant.
func (s *Sim) values(g *grant) map[string]string {
	v := map[string]string{
		"access_token": g.access, "refresh_token": g.refresh, "client_id": g.client, "client_secret": s.clients[g.client].secret,
	}
	if s.row.Revocation.Lookup.URL != "" {
		v["id"] = "id-of-" + g.access
	}
	for _, name := range s.extras() {
		v["extra."+name] = s.extra(name)
	}
	return v
}

// extra is a value of the token answer: the subject, where the row reads that
// under the same name.
func (s *Sim) extra(name string) string {
	if s.row.Identity.URL == "" && s.row.Identity.Subject == name {
		return s.Subject()
	}
	return "extra-" + name
}

// extras are the values of the token answer that the revocation names.
func (s *Sim) extras() []string {
	text := s.row.Endpoints.Revocation
	for _, v := range s.row.Revocation.Params {
		text += v
	}
	var names []string
	for _, w := range pathWord.FindAllStringSubmatch(text, -1) {
		if name, ok := strings.CutPrefix(w[1], "extra."); ok {
			names = append(names, name)
		}
	}
	return names
}

func expand(text string, values map[string]string) string {
	for word, v := range values {
		text = strings.ReplaceAll(text, "{"+word+"}", v)
	}
	return text
}

var pathWord = regexp.MustCompile(`\{([A-Za-z_.]+)\}`)

// revokeAsSaid takes a request of the row's own shape and ends the tokens that
// it names.
func (s *Sim) revokeAsSaid(w http.ResponseWriter, r *request, path []string) {
	v := s.row.Revocation
	g := s.meant(r, path)
	if g == nil {
		s.complain(w, 400, "the revocation does not say what the row demands: %s %s, body %q", r.Method, r.URL, r.body)
		return
	}
	switch {
	case v.Auth == "basic":
		if id, secret, ok := r.BasicAuth(); !ok || id != url.QueryEscape(g.client) || secret != url.QueryEscape(s.clients[g.client].secret) {
			s.complain(w, 401, "the revocation has no basic authentication")
			return
		}
	case v.Auth == "secret":
		if id, _, ok := r.BasicAuth(); !ok || id != s.clients[g.client].secret {
			s.complain(w, 401, "the revocation is not called with the secret")
			return
		}
	case v.Auth == "bearer":
		if s.bearer(w, r) != g {
			s.note("the revocation is not called with the token")
			return
		}
	case v.Auth == "none":
		if r.Header.Get("Authorization") != "" {
			s.complain(w, 401, "the revocation is authenticated, and the row says that it is not")
			return
		}
	default:
		if v.Send == "query" {
			r.form = r.query
		}
		if !s.authenticated(w, r) {
			return
		}
	}
	names := s.row.Endpoints.Revocation
	for _, p := range v.Params {
		names += p
	}
	var ended []string
	if strings.Contains(names, "{refresh_token}") {
		ended = append(ended, g.refresh)
	}
	if strings.Contains(names, "{access_token}") || strings.Contains(names, "{id}") || v.Auth == "bearer" {
		ended = append(ended, g.access)
	}
	if len(s.extras()) > 0 && len(ended) == 0 {
		ended = append(ended, g.access, g.refresh)
	}
	s.end(g, ended...)
	writeJSON(w, 200, map[string]any{"status": 0, "ok": true})
}

// meant finds the live grant whose values stand in the places the row says.
func (s *Sim) meant(r *request, path []string) *grant {
	v := s.row.Revocation
	where, query, _ := strings.Cut(s.row.Endpoints.Revocation, "?")
	declared, _ := url.ParseQuery(query)
	words := pathWord.FindAllStringSubmatch(where, -1)
	i := slices.IndexFunc(s.grants, func(g *grant) bool {
		if g.access == "" || g.dead[g.access] {
			return false
		}
		values := s.values(g)
		for i, w := range words {
			if got, _ := url.PathUnescape(path[i]); got != values[w[1]] {
				return false
			}
		}
		for name := range declared {
			if r.query.Get(name) != expand(declared.Get(name), values) {
				return false
			}
		}
		for name, value := range v.Params {
			if sentAt(r, v, name) != expand(value, values) {
				return false
			}
		}
		return true
	})
	if i < 0 {
		return nil
	}
	return s.grants[i]
}

// sentAt is a parameter from the place where the row puts it.
func sentAt(r *request, v dance.Revocation, name string) string {
	switch {
	case v.Send == "query":
		return r.query.Get(name)
	case v.Send == "json" && r.json == nil, v.Send != "json" && r.json != nil:
		return ""
	}
	return r.value(name)
}

// Dead reports which tokens of the row's last grant are dead.
func (s *Sim) Dead() (access, refresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.grants) == 0 {
		return false, false
	}
	g := s.grants[len(s.grants)-1]
	return g.dead[g.access], g.refresh != "" && g.dead[g.refresh]
}
