package world

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (s *Sim) clientParam() string {
	if p := s.row.Quirks.ClientIDParam; p != "" {
		return p
	}
	return "client_id"
}

func (s *Sim) separator() string {
	if s.row.ScopeSeparator != "" {
		return s.row.ScopeSeparator
	}
	return " "
}

// authorize is the user's page: it says yes at once to what is as the row says.
func (s *Sim) authorize(w http.ResponseWriter, r *request, _ []string) {
	q := r.query
	if uri := q.Get("request_uri"); s.row.Endpoints.PAR != "" {
		pushed := s.pushed[uri]
		if pushed == nil {
			s.complain(w, 400, "the authorization request was not pushed first")
			return
		}
		delete(s.pushed, uri)
		if q.Get("client_id") != pushed.Get("client_id") {
			s.complain(w, 400, "the client that pushed is another")
			return
		}
		q = pushed
	}
	s.last = q
	g, err := s.asked(q)
	if err != nil {
		s.complain(w, 400, "authorization: %v", err)
		return
	}
	g.code = s.next("code")
	s.grants = append(s.grants, g)
	s.answer(w, q.Get("state"), g)
}

// Asked is the last authorization request.
func (s *Sim) Asked() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// asked reads an authorization request and names what is not as it should be.
func (s *Sim) asked(q url.Values) (*grant, error) {
	g := &grant{
		client: q.Get(s.clientParam()), redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"), dead: map[string]bool{},
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"),
	}
	if _, known := s.clients[g.client]; !known {
		return g, fmt.Errorf("the %s %q is not known", s.clientParam(), g.client)
	}
	if s.clientParam() != "client_id" && q.Has("client_id") {
		return g, fmt.Errorf("client_id is sent beside %s", s.clientParam())
	}
	if q.Get("response_type") != "code" || len(q.Get("state")) < 22 {
		return g, fmt.Errorf("response_type %q, state of %d characters", q.Get("response_type"), len(q.Get("state")))
	}
	if err := s.redirects(g.redirect, q.Has("redirect_uri")); err != nil {
		return g, err
	}
	for name, want := range s.row.AuthorizeParams {
		if !words(want, q.Get(name)) {
			return g, fmt.Errorf("%s is %q, not %q", name, q.Get(name), want)
		}
	}
	for _, o := range s.row.Options {
		if o.On && !words(o.Value, q.Get(o.Param)) {
			return g, fmt.Errorf("the option %s is on, and %s is %q", o.ID, o.Param, q.Get(o.Param))
		}
	}
	if q.Get("resource") != s.row.Resource {
		return g, fmt.Errorf("resource is %q", q.Get("resource"))
	}
	if s.openid() && g.nonce == "" {
		return g, fmt.Errorf("there is no nonce")
	}
	var err error
	if g.scopes, err = s.scopes(q, s.row.ScopeParam); err != nil {
		return g, err
	}
	return g, s.pkce(g)
}

// words reports whether all words of some are in all: prompts add up.
func words(some, all string) bool {
	return some == all || some != "" && within(url.Values{"": strings.Fields(some)}, url.Values{"": strings.Fields(all)})
}

// scopes must be the row's, parted as the row says.
func (s *Sim) scopes(q url.Values, param string) ([]string, error) {
	if param == "" {
		param = "scope"
	} else if param != "scope" && q.Has("scope") {
		return nil, fmt.Errorf("scope is sent beside %s", param)
	}
	want := strings.Join(s.row.Scopes, s.separator())
	if got := q.Get(param); got != want && !(want == "" && s.openid() && slices.Contains(strings.Fields(got), "openid")) {
		return nil, fmt.Errorf("%s is %q, not %q", param, got, want)
	}
	if q.Get(param) == "" {
		return nil, nil
	}
	return strings.Split(q.Get(param), s.separator()), nil
}

func (s *Sim) pkce(g *grant) error {
	want := s.row.PKCE
	if want == "" {
		want = "S256"
	}
	switch {
	case want == "off" && g.challenge+g.method == "":
		return nil
	case want != "off" && g.method == want && len(g.challenge) >= 43:
		return nil
	}
	return fmt.Errorf("PKCE by %q with a challenge of %d characters, and the row says %s", g.method, len(g.challenge), want)
}

// redirects judges a redirect URI by the row's rule.
func (s *Sim) redirects(uri string, sent bool) error {
	d := s.row.Redirect
	wrong := fmt.Errorf("the redirect URI %q is not the row's", uri)
	if d.Mode == "paste" {
		if uri != d.URI || sent != (d.URI != "") {
			return wrong
		}
		return nil
	}
	uri, _, state := strings.Cut(uri, "?") // OAuth 1.0a has no other place for a state
	u, err := url.Parse(uri)
	if err != nil || state && s.row.Protocol != "oauth1" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return wrong
	}
	host, scheme, port, path := d.Host, "http", "8939", d.Path
	if host == "" {
		host = "127.0.0.1"
	}
	if d.Mode == "https" {
		scheme = "https"
	}
	if d.Port != 0 {
		port = fmt.Sprint(d.Port)
	}
	if d.Mode == "any_port" || d.Mode == "" {
		port = u.Port()
	}
	if path == "" {
		path = "/dancecard/" + s.row.ID
	}
	if d.RandomPath && len(u.Path) > 20 {
		path = u.Path
	}
	if u.Scheme != scheme || u.Hostname() != host || u.Port() != port || port == "" || u.EscapedPath() != path {
		return wrong
	}
	return nil
}

// answer sends the browser back with all that the row says is in the address.
func (s *Sim) answer(w http.ResponseWriter, state string, g *grant) {
	back := url.Values{"code": {g.code}, "state": {state}}
	if s.row.Issuer != "" {
		back.Set("iss", s.issuer())
	}
	for _, name := range s.row.Redirect.Keep {
		back.Set(name, "kept-"+name)
	}
	u, _ := url.Parse(s.row.Endpoints.Token)
	g.host = u.Host
	if hosts := s.row.Redirect.Hosts; len(hosts) > 0 {
		g.host = hosts[len(hosts)-1]
		value := "https://" + g.host
		if s.dice(2) == 0 {
			value = g.host
		}
		back.Set(s.row.Redirect.HostParam, value)
	}
	if b := s.row.API.BaseFrom; slices.Contains(s.row.Redirect.Keep, b) {
		back.Set(b, s.baseValue())
	}
	if !strings.HasPrefix(g.redirect, "http") { // nowhere to send it: the page shows the code
		fmt.Fprintf(w, "<p>Copy this code: <code>%s</code>", g.code)
		return
	}
	w.Header().Set("Location", g.redirect+"?"+back.Encode())
	w.WriteHeader(http.StatusFound)
}

// issuer is what answers and ID tokens name: with a template a tenant's own.
func (s *Sim) issuer() string {
	if !s.row.Quirks.IssuerTemplate {
		return s.row.Issuer
	}
	u, _ := url.Parse(s.row.Issuer)
	_, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	u.Path = "/" + tenant + "/" + rest
	return u.String()
}

// push takes a pushed authorization request (RFC 9126).
func (s *Sim) push(w http.ResponseWriter, r *request, _ []string) {
	if !s.authenticated(w, r) || !s.proven(w, r, nil) {
		return
	}
	uri := "urn:ietf:params:oauth:request_uri:" + s.next("par")
	s.pushed[uri] = r.form
	writeJSON(w, http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": 60})
}

// discovery puts the document of an issuer on stage (OpenID Connect Discovery
// 1.0 section 4, RFC 8414 section 3).
func (s *Sim) discovery() {
	if s.row.Issuer == "" {
		return
	}
	u, err := url.Parse(s.row.Issuer)
	if err != nil {
		return
	}
	path := strings.TrimSuffix(u.Path, "/")
	where := u.Scheme + "://" + u.Host + path + "/.well-known/openid-configuration"
	if !s.openid() {
		where = u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + path
	}
	s.add(where, []string{"GET"}, func(w http.ResponseWriter, _ *request, _ []string) {
		e := s.row.Endpoints
		issuer := s.row.Issuer
		if s.row.Quirks.IssuerTemplate {
			issuer = strings.Replace(s.issuer(), tenant, "{tenantid}", 1)
		}
		doc := map[string]any{
			"issuer": issuer, "authorization_endpoint": e.Authorization, "token_endpoint": e.Token, "jwks_uri": e.JWKS,
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported":          []string{"ES256"},
			"code_challenge_methods_supported":               []string{"S256"},
			"authorization_response_iss_parameter_supported": true,
			"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		}
		for name, v := range map[string]string{
			"userinfo_endpoint": e.UserInfo, "revocation_endpoint": e.Revocation, "registration_endpoint": e.Registration,
			"device_authorization_endpoint": e.DeviceAuthorization,
		} {
			if v != "" && !strings.Contains(v, "{") {
				doc[name] = v
			}
		}
		if e.PAR != "" {
			doc["pushed_authorization_request_endpoint"], doc["require_pushed_authorization_requests"] = e.PAR, true
		}
		if s.row.DPoP != "" {
			doc["dpop_signing_alg_values_supported"] = []string{"ES256"}
		}
		if slices.Contains(s.row.RegistrationMethods, "document") {
			doc["client_id_metadata_document_supported"] = true
		}
		if s.row.PKCE == "off" {
			delete(doc, "code_challenge_methods_supported")
		}
		writeJSON(w, 200, doc)
	}, nil)
}

// live is how long the tokens of this world last.
const live = 2 * time.Hour

// tenant is the user's own at an issuer with a template.
const tenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
