package world

import (
	"net/http"
	"slices"
	"strings"

	"dancecard/dance"
)

// deviceCode is RFC 8628 section 3.2.
func (s *Sim) deviceCode(w http.ResponseWriter, r *request, _ []string) {
	id := r.value(s.clientParam())
	c, known := s.clients[id]
	if _, _, basic := r.BasicAuth(); basic && c.style != dance.AuthBasic || !known {
		s.complain(w, 400, "device: the client %q is not known", id)
		return
	}
	want := strings.Join(s.row.Scopes, s.separator())
	param := s.row.Device.ScopeParam
	if param == "" {
		param = "scope"
	}
	if got := r.value(param); got != want || param != "scope" && r.has("scope") {
		s.complain(w, 400, "device: %s is %q, not %q", param, got, want)
		return
	}
	g := &grant{client: id, scopes: s.row.Scopes, device: s.next("device"), dead: map[string]bool{}}
	s.grants = append(s.grants, g)
	writeJSON(w, 200, map[string]any{
		"device_code": g.device, "user_code": "WDJB-MJHT", "verification_uri": "https://device.example/" + s.row.ID,
		"verification_url": "https://device.example/" + s.row.ID, "expires_in": 600, "interval": 1,
	})
}

// poll is one question whether the user has said yes: the first comes too early.
func (s *Sim) poll(w http.ResponseWriter, r *request) {
	where := s.row.Endpoints.DeviceToken
	if where == "" {
		where = s.row.Endpoints.Token
	}
	if r.address() != strings.TrimSuffix(where, "?"+r.URL.RawQuery) {
		s.complain(w, 400, "device: the code is polled at %s, not at %s", r.address(), where)
		return
	}
	code := r.value("device_code")
	if code == "" {
		code = r.value("code")
	}
	i := slices.IndexFunc(s.grants, func(g *grant) bool { return g.device != "" && g.device == code })
	if i < 0 {
		s.complain(w, 400, "device: the code %q is not known", code)
		return
	}
	g := s.grants[i]
	if s.deny {
		g.device = ""
		if s.row.Device.StatusCodes {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		s.refuse(w, http.StatusBadRequest, "access_denied")
		return
	}
	if g.polls++; g.polls == 1 {
		if s.row.Device.StatusCodes {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.refuse(w, http.StatusBadRequest, "authorization_pending")
		return
	}
	g.device = ""
	if s.proven(w, r, g) {
		s.give(w, g, true)
	}
}

// Deny lets the user say no to device codes from now on, or yes again.
func (s *Sim) Deny(no bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deny = no
}
