package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dancecard/dance/dancetest"
)

// authority is a small authorization server that takes registrations (RFC
// 7591, 7592), with an API of its own. Whoever comes is let in: as login_hint
// says, else as user. It is as strict as the standards about clients, PKCE and
// refresh tokens, which rotate and belong to one client.
type authority struct {
	*httptest.Server
	api *httptest.Server

	gate    chan struct{} // holds registrations until it is closed
	arrived chan struct{} // a registration is held

	mu       sync.Mutex
	user     string
	metadata map[string]any // laid over the discovery document
	answer   map[string]any // laid over token answers
	secretly bool           // clients get a secret
	forgets  bool           // clients, as soon as they are made
	closed   bool           // to programs that register themselves
	noUser   bool           // nobody says whose token it is
	clients  map[string]*asClient
	codes    map[string]url.Values // of the authorization request
	refresh  map[string]asGrant
	access   map[string]asGrant
	hits     map[string]int
	asked    []url.Values     // authorization requests
	back     url.Values       // laid over answers to the browser
	onToken  http.HandlerFunc // instead of token
	onAPI    func(http.ResponseWriter, *http.Request) bool
	seen     []string // Authorization headers at the API
	n        int
}

type asClient struct{ secret, token, redirect string }

type asGrant struct{ client, user string }

func newAuthority(t *testing.T) *authority {
	t.Helper()
	as := &authority{
		user: "mira", metadata: map[string]any{}, answer: map[string]any{}, clients: map[string]*asClient{}, codes: map[string]url.Values{},
		refresh: map[string]asGrant{}, access: map[string]asGrant{}, hits: map[string]int{},
	}
	as.Server = httptest.NewServer(http.HandlerFunc(as.serve))
	as.api = httptest.NewServer(http.HandlerFunc(as.serveAPI))
	t.Cleanup(as.Close)
	t.Cleanup(as.api.Close)
	return as
}

func (as *authority) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/register" && as.gate != nil {
		as.arrived <- struct{}{}
		<-as.gate
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	r.ParseForm()
	as.hits[r.Method+" "+r.URL.Path]++
	switch path := r.URL.Path; {
	case path == "/.well-known/oauth-authorization-server":
		doc := map[string]any{
			"issuer": as.URL, "authorization_endpoint": as.URL + "/authorize", "token_endpoint": as.URL + "/token", "userinfo_endpoint": as.URL + "/userinfo",
			"revocation_endpoint": as.URL + "/revoke", "registration_endpoint": as.URL + "/register", "device_authorization_endpoint": as.URL + "/device",
			"code_challenge_methods_supported": []string{"S256"}, "response_types_supported": []string{"code"}, "authorization_response_iss_parameter_supported": true,
		}
		if as.secretly {
			doc["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
		}
		if as.noUser {
			delete(doc, "userinfo_endpoint")
		}
		maps.Copy(doc, as.metadata)
		writeJSON(w, 200, doc)
	case path == "/register" && as.closed:
		w.WriteHeader(http.StatusForbidden)
	case path == "/register" && r.Method == http.MethodPost:
		as.register(w, r)
	case strings.HasPrefix(path, "/register/"):
		delete(as.clients, strings.TrimPrefix(path, "/register/"))
		w.WriteHeader(http.StatusNoContent)
	case path == "/authorize":
		as.authorize(w, r)
	case path == "/token" && as.onToken != nil:
		as.onToken(w, r)
	case path == "/token":
		as.token(w, r)
	case path == "/device":
		writeJSON(w, 200, map[string]any{"device_code": as.name("device"), "user_code": "WDJB-MJHT", "verification_uri": as.URL + "/activate", "expires_in": 600, "interval": 1})
	case path == "/userinfo":
		g, ok := as.access[bare(r)]
		if !ok {
			writeJSON(w, 401, map[string]any{"error": "invalid_token"})
			return
		}
		writeJSON(w, 200, map[string]any{"sub": g.user, "preferred_username": g.user})
	case path == "/revoke" && as.client(r) == nil:
		writeJSON(w, 401, map[string]any{"error": "invalid_client"})
	case path == "/revoke":
		delete(as.refresh, r.Form.Get("token"))
		delete(as.access, r.Form.Get("token"))
	default:
		http.NotFound(w, r)
	}
}

func (as *authority) name(kind string) string {
	as.n++
	return fmt.Sprintf("%s-%06d", kind, as.n)
}

func (as *authority) register(w http.ResponseWriter, r *http.Request) {
	var in struct {
		RedirectURIs []string `json:"redirect_uris"`
	}
	json.NewDecoder(r.Body).Decode(&in)
	id := as.name("client")
	c := &asClient{token: as.name("registration-token"), redirect: in.RedirectURIs[0]}
	as.clients[id] = c
	doc := map[string]any{"client_id": id, "redirect_uris": in.RedirectURIs, "registration_client_uri": as.URL + "/register/" + id, "registration_access_token": c.token}
	if as.secretly {
		c.secret = as.name("client-secret")
		doc["client_secret"], doc["client_secret_expires_at"], doc["token_endpoint_auth_method"] = c.secret, 0, "client_secret_basic"
	}
	writeJSON(w, 201, doc)
}

func (as *authority) authorize(w http.ResponseWriter, r *http.Request) {
	as.asked = append(as.asked, r.Form)
	code := as.name("code")
	if as.noUser || r.Form.Get("login_hint") == "" {
		r.Form.Set("login_hint", as.user)
	}
	as.codes[code] = r.Form
	back := url.Values{"code": {code}, "state": {r.Form.Get("state")}, "iss": {as.URL}}
	maps.Copy(back, as.back)
	http.Redirect(w, r, r.Form.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// client is who asks, if it proves that.
func (as *authority) client(r *http.Request) *asClient {
	id, key, basic := r.BasicAuth()
	if !basic {
		id, key = r.Form.Get("client_id"), r.Form.Get("client_secret")
	}
	if c := as.clients[id]; c != nil && c.secret == key {
		return c
	}
	return nil
}

func (as *authority) token(w http.ResponseWriter, r *http.Request) {
	id, _, basic := r.BasicAuth()
	if !basic {
		id = r.Form.Get("client_id")
	}
	if as.forgets || as.client(r) == nil {
		writeJSON(w, 401, map[string]any{"error": "invalid_client"})
		return
	}
	g := asGrant{client: id, user: as.user}
	switch r.Form.Get("grant_type") {
	case "authorization_code":
		asked := as.codes[r.Form.Get("code")]
		delete(as.codes, r.Form.Get("code"))
		sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
		if asked.Get("client_id") != id || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			writeJSON(w, 400, map[string]any{"error": "invalid_grant"})
			return
		}
		g.user = asked.Get("login_hint")
	case "refresh_token":
		old := as.refresh[r.Form.Get("refresh_token")]
		if old.client != id {
			writeJSON(w, 400, map[string]any{"error": "invalid_grant"})
			return
		}
		delete(as.refresh, r.Form.Get("refresh_token"))
		g = old
	}
	access, refresh := as.name("access-of-"+g.user), as.name("refresh-of-"+g.user)
	as.access[access], as.refresh[refresh] = g, g
	doc := map[string]any{"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600}
	if r.Header.Get("DPoP") != "" {
		doc["token_type"] = "DPoP"
	}
	maps.Copy(doc, as.answer)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
	writeJSON(w, 200, doc)
}

func (as *authority) serveAPI(w http.ResponseWriter, r *http.Request) {
	as.mu.Lock()
	defer as.mu.Unlock()
	as.hits["api "+r.Method]++
	as.seen = append(as.seen, r.Header.Get("Authorization"))
	if as.onAPI != nil && as.onAPI(w, r) {
		return
	}
	g, ok := as.access[bare(r)]
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "hello %s at %s", g.user, r.URL.RequestURI())
}

func bare(r *http.Request) string {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token
}

func writeJSON(w http.ResponseWriter, status int, doc map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(doc)
}

// hold keeps registrations waiting until release is called. It is for a
// provider that nobody has asked yet.
func (as *authority) hold() (release func()) {
	as.gate, as.arrived = make(chan struct{}), make(chan struct{}, 16)
	return sync.OnceFunc(func() { close(as.gate) })
}

// change changes how it behaves.
func (as *authority) change(f func()) {
	as.mu.Lock()
	defer as.mu.Unlock()
	f()
}

// clientless reports that a client was made and none is left.
func (as *authority) clientless() bool {
	as.mu.Lock()
	defer as.mu.Unlock()
	return as.hits["POST /register"] > 0 && len(as.clients) == 0
}

func (as *authority) count(what string) int {
	as.mu.Lock()
	defer as.mu.Unlock()
	return as.hits[what]
}

// file is a provider file for it.
func (as *authority) file(more string) string {
	top, tables, _ := strings.Cut(more, "\n[")
	if tables != "" {
		tables = "\n[" + tables
	}
	return "name = \"Works\"\nprotocol = \"oauth2\"\nissuer = \"" + as.URL + "\"\nregistration_methods = [\"dynamic\"]\n" + top +
		"\n[endpoints]\nauthorization = \"" + as.URL + "/authorize\"\ntoken = \"" + as.URL + "/token\"\nuserinfo = \"" + as.URL + "/userinfo\"\nrevocation = \"" + as.URL + "/revoke\"\n" +
		"registration = \"" + as.URL + "/register\"\ndevice_authorization = \"" + as.URL + "/device\"\n" +
		"[api]\nbase_url = \"" + as.api.URL + "\"\nhosts = [\"" + strings.TrimPrefix(as.api.URL, "http://") + "\"]\n" + tables
}

// worksRig is a rig whose provider "works" is an authority.
func worksRig(t *testing.T, more string) (*rig, *authority) {
	t.Helper()
	r := newRig(t, dancetest.Options{})
	as := newAuthority(t)
	r.write("works", as.file(more))
	return r, as
}

// write puts a provider file in place and waits until the gallery has it.
func (r *rig) write(id, content string) {
	r.t.Helper()
	before, _ := r.catalog.Get(id)
	if err := writeFile(r, id, content); err != nil {
		r.t.Fatal(err)
	}
	r.await("the provider file", func(s Snapshot) bool {
		now, ok := r.catalog.Get(id)
		return ok && fmt.Sprintf("%+v", now) != fmt.Sprintf("%+v", before) || len(s.Broken) > 0
	})
	if broken := r.Snapshot().Broken; len(broken) > 0 {
		r.t.Fatalf("%+v", broken)
	}
}

// writeFile puts a provider file in place whole: the catalogue never sees half
// of it.
func writeFile(r *rig, id, content string) error {
	half := filepath.Join(r.opts.Providers, id+".half")
	if err := os.WriteFile(half, []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(half, filepath.Join(r.opts.Providers, id+".toml"))
}

// drop takes a provider file away.
func (r *rig) drop(id string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.opts.Providers, id+".toml")); err != nil {
		r.t.Fatal(err)
	}
	r.await("the provider file to go", func(Snapshot) bool { _, ok := r.catalog.Get(id); return !ok })
}

// keep dances at works as user and keeps who came back.
func (r *rig) keep(as *authority, user string, c ConnectRequest) Account {
	r.t.Helper()
	as.change(func() { as.user = user })
	id, err := r.Keep(r.t.Context(), r.dance(user, c), c.Label, false)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.account(id)
}

// heard collects the events of a type that came since the start.
func (r *rig) heard(kind string) (all []Event) {
	w := r.Watch(r.events.epoch + ".0")
	ctx, cancel := context.WithCancel(r.t.Context())
	cancel()
	events, _, _ := w.Next(ctx)
	for _, e := range events {
		if e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}
