package world

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"dancecard/dance"
)

// token is the token endpoint, the refresh one and the one that is polled.
func (s *Sim) token(w http.ResponseWriter, r *request, _ []string) {
	q := s.row.Quirks
	if q.JSONBody != (r.json != nil) {
		s.complain(w, 415, "the token request has the content type %q", r.Header.Get("Content-Type"))
		return
	}
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		s.complain(w, 406, "the token request does not ask for JSON")
		return
	}
	if !s.authenticated(w, r) {
		return
	}
	for name, want := range s.row.TokenParams {
		if r.value(name) != want {
			s.complain(w, 400, "token request: %s is %q, not %q", name, r.value(name), want)
			return
		}
	}
	if r.value("resource") != s.row.Resource {
		s.complain(w, 400, "token request: resource is %q", r.value("resource"))
		return
	}
	switch r.value("grant_type") {
	case "authorization_code":
		s.exchange(w, r)
	case "refresh_token":
		s.refresh(w, r)
	case "urn:ietf:params:oauth:grant-type:device_code":
		s.poll(w, r)
	default:
		if s.row.Endpoints.DeviceToken != "" && r.has("code") {
			s.poll(w, r)
			return
		}
		s.complain(w, 400, "the grant type %q is not known", r.value("grant_type"))
	}
}

// authenticated judges how the client proves itself. A second way is wrong.
func (s *Sim) authenticated(w http.ResponseWriter, r *request) bool {
	idParam, secretParam := s.clientParam(), s.row.Quirks.SecretParam
	if secretParam == "" {
		secretParam = "client_secret"
	}
	user, password, basic := r.BasicAuth()
	id := r.value(idParam)
	if basic {
		user, _ = url.QueryUnescape(user)
		password, _ = url.QueryUnescape(password)
		id = user
	}
	c, known := s.clients[id]
	bad := ""
	switch {
	case !known:
		bad = "the client " + id + " is not known"
	case idParam != "client_id" && r.has("client_id"):
		bad = "client_id is sent beside " + idParam
	case secretParam != "client_secret" && r.has("client_secret"):
		bad = "client_secret is sent beside " + secretParam
	case c.style == dance.AuthBasic && (!basic || password != c.secret || r.has(secretParam)):
		bad = "the client does not prove itself by the header alone"
	case c.style == dance.AuthPost && (basic || r.value(secretParam) != c.secret):
		bad = "the client does not prove itself in the body alone"
	case c.style == dance.AuthNone && (basic || r.has(secretParam)):
		bad = "a public client sends a secret"
	}
	if bad != "" {
		s.note(bad)
		s.refuse(w, http.StatusUnauthorized, "invalid_client")
		return false
	}
	return true
}

// refuse is an error in the row's shape.
func (s *Sim) refuse(w http.ResponseWriter, status int, code string) {
	doc := map[string]any{"error": code}
	switch q := s.row.Quirks; {
	case q.StatusZero:
		doc["status"], doc["error"], status = 503, "Invalid Params: invalid refresh_token", http.StatusOK
	case q.ErrorsIn200:
		status = http.StatusOK
		if s.dice(2) == 0 {
			doc["ok"] = false
		}
	}
	if s.row.Quirks.FormAnswer {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
		w.WriteHeader(status)
		fmt.Fprint(w, url.Values{"error": {code}}.Encode())
		return
	}
	writeJSON(w, status, doc)
}

func (s *Sim) exchange(w http.ResponseWriter, r *request) {
	i := slices.IndexFunc(s.grants, func(g *grant) bool { return g.code != "" && g.code == r.value("code") })
	if i < 0 {
		s.complain(w, 400, "the code %q is not known", r.value("code"))
		return
	}
	g := s.grants[i]
	g.code = ""
	switch {
	case g.host != r.Host:
		s.complain(w, 400, "the code is exchanged at %s, not at %s", r.Host, g.host)
	case r.value("redirect_uri") != g.redirect:
		s.complain(w, 400, "token request: the redirect URI is %q, not %q", r.value("redirect_uri"), g.redirect)
	case !verifies(g, r.value("code_verifier")):
		s.complain(w, 400, "the code verifier does not fit")
	case s.proven(w, r, g):
		s.give(w, g, true)
	}
}

// verifies is RFC 7636 section 4.6.
func verifies(g *grant, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	switch g.method {
	case "S256":
		return base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
	case "plain":
		return verifier == g.challenge
	}
	return verifier == ""
}

func (s *Sim) refresh(w http.ResponseWriter, r *request) {
	token := r.value("refresh_token")
	i := slices.IndexFunc(s.grants, func(g *grant) bool { return token != "" && g.refresh == token && !g.dead[token] })
	if i < 0 {
		s.refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	g := s.grants[i]
	where := s.row.Endpoints.Refresh
	if where == "" {
		where = s.row.Endpoints.Token
	}
	u, _ := url.Parse(where)
	host := u.Host
	if len(s.row.Redirect.Hosts) > 0 {
		host = g.host
	}
	scope := s.row.ScopeParam
	if scope == "" {
		scope = "scope"
	}
	repeat := ""
	if s.row.Quirks.RefreshRedirect {
		repeat = g.redirect
	}
	switch q := s.row.Quirks; {
	case r.Host != host || r.URL.Path != u.Path:
		s.complain(w, 400, "the refresh goes to %s%s", r.Host, r.URL.Path)
	case r.value("redirect_uri") != repeat:
		s.complain(w, 400, "refresh: the redirect URI is %q", r.value("redirect_uri"))
	case q.RefreshScope && r.value(scope) != strings.Join(g.scopes, s.separator()):
		s.complain(w, 400, "refresh: %s is %q", scope, r.value(scope))
	case s.proven(w, r, g):
		s.give(w, g, false)
	}
}

// give makes tokens and answers as the row says.
func (s *Sim) give(w http.ResponseWriter, g *grant, first bool) {
	q := s.row.Quirks
	if g.access != "" {
		g.dead[g.access] = true
	}
	g.access = s.next("at")
	in := map[string]any{"access_token": g.access}
	switch {
	case first && (!q.NoExpiry || s.dice(2) == 0), !first && s.dice(2) == 0:
		if g.refresh != "" {
			g.dead[g.refresh] = true
		}
		g.refresh = s.next("rt")
		in["refresh_token"] = g.refresh
	}
	switch {
	case s.row.DPoP != "":
		in["token_type"] = "DPoP"
	case q.TokenType != "":
		in["token_type"] = q.TokenType
	case !q.TokenTypeMissing:
		in["token_type"] = []string{"Bearer", "bearer"}[s.dice(2)]
	}
	s.expires(in)
	if len(g.scopes) > 0 && s.dice(3) != 0 {
		in["scope"] = strings.Join(g.scopes, s.separator())
		if s.dice(3) == 1 && !q.FormAnswer {
			in["scope"] = g.scopes
		}
	}
	if s.openid() && slices.Contains(g.scopes, "openid") {
		in["id_token"] = s.idToken(g)
	}
	var doc any = map[string]any{}
	if q.Nested == "" {
		doc = in
	} else {
		doc = put(doc, q.Nested, in)
	}
	object := doc.(map[string]any)
	if q.StatusZero {
		object["status"] = 0
	}
	if q.ErrorsIn200 && q.Nested != "" {
		object["ok"] = true
	}
	s.besides(object, first)
	if q.FormAnswer {
		form := url.Values{}
		for name, v := range object {
			form.Set(name, fmt.Sprint(v))
		}
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
		fmt.Fprint(w, form.Encode())
		return
	}
	writeJSON(w, http.StatusOK, object)
}

// expires says when a token ends, as the row says.
func (s *Sim) expires(in map[string]any) {
	seconds := int(live / time.Second)
	switch q := s.row.Quirks; {
	case q.NoExpiry:
	case q.ExpiresIn == "ms":
		in["expires_in"] = seconds * 1000
	case q.ExpiresIn == "at":
		in["expires_at"] = time.Now().Unix() + int64(seconds)
	default:
		in["expires_in"] = []any{seconds, fmt.Sprint(seconds), float64(seconds) + 0.5}[s.dice(3)]
	}
}

// besides is what the row reads out of the answer beside the tokens.
func (s *Sim) besides(doc map[string]any, first bool) {
	p := s.row
	if p.API.BaseFrom != "" && !slices.Contains(p.Redirect.Keep, p.API.BaseFrom) {
		put(doc, p.API.BaseFrom, s.baseValue())
	}
	for _, name := range s.extras() {
		doc[name] = s.extra(name)
	}
	if !first || p.Identity.URL != "" || p.Endpoints.UserInfo != "" || s.openid() || p.Identity.Unknown {
		return
	}
	s.describe(doc)
}

func (s *Sim) idToken(g *grant) string {
	now := time.Now()
	claims := map[string]any{
		"iss": s.issuer(), "sub": s.Subject(), "aud": g.client, "exp": now.Add(live).Unix(), "iat": now.Unix(),
		"auth_time": now.Unix(),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if s.row.Quirks.IssuerTemplate {
		claims["tid"] = tenant
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.world.key, KeyID: "world"}}, nil)
	if err != nil {
		panic(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err)
	}
	return token
}

func (s *Sim) keys(w http.ResponseWriter, _ *request, _ []string) {
	writeJSON(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: s.world.key.Public(), KeyID: "world", Algorithm: "ES256", Use: "sig"},
	}})
}
