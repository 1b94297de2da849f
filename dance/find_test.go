package dance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// place is a server of which a test says what lies where.
type place struct {
	*httptest.Server
	at    map[string]http.HandlerFunc // by path
	asked []string                    // "GET /path"
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{at: map[string]http.HandlerFunc{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked = append(p.asked, r.Method+" "+r.URL.Path)
		if h := p.at[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *place) host() string { return strings.TrimPrefix(p.URL, "http://") }

func says(doc map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, doc) }
}

// issuerDocument is metadata of an issuer with all that rows are made of.
func issuerDocument(issuer string, changes map[string]any) map[string]any {
	u, _ := url.Parse(issuer)
	origin := u.Scheme + "://" + u.Host
	doc := map[string]any{
		"issuer": issuer, "authorization_endpoint": origin + "/authorize", "token_endpoint": origin + "/token",
		"jwks_uri": origin + "/keys", "userinfo_endpoint": origin + "/me", "registration_endpoint": origin + "/register",
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"scopes_supported": []string{"openid", "offline_access"},
	}
	for name, v := range changes {
		if doc[name] = v; v == nil {
			delete(doc, name)
		}
	}
	return doc
}

func TestFindIssuer(t *testing.T) {
	p := newPlace(t)
	p.at["/.well-known/openid-configuration"] = says(issuerDocument(p.URL, map[string]any{"client_id_metadata_document_supported": true}))
	got, err := Find(t.Context(), "  "+strings.ToUpper(p.URL[:4])+p.URL[4:])
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != p.URL || got.Protocol != "oidc" || got.Name != p.host() || got.Endpoints.Token != p.URL+"/token" || got.Endpoints.Registration != p.URL+"/register" {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.RegistrationMethods, []string{"document", "dynamic"}) || !slices.Equal(got.API.Hosts, []string{p.host()}) || got.Identity.Unknown {
		t.Errorf("%+v", got)
	}
	if !strings.HasPrefix(got.ID, "at-127-0-0-1-") || got.Redirect.Mode != "fixed_port" || got.Redirect.Port < 20000 || got.Redirect.Port >= 32000 {
		t.Errorf("%s %+v", got.ID, got.Redirect)
	}
	again, err := Find(t.Context(), p.URL)
	if err != nil || again.ID != got.ID || again.Redirect.Port != got.Redirect.Port {
		t.Errorf("another row the second time: %+v, %v", again, err)
	}
}

func TestFindOAuthServerWithoutOpenID(t *testing.T) {
	p := newPlace(t)
	p.at["/.well-known/oauth-authorization-server/tenant"] = says(issuerDocument(p.URL+"/tenant", map[string]any{
		"jwks_uri": nil, "id_token_signing_alg_values_supported": nil, "userinfo_endpoint": nil, "registration_endpoint": nil}))
	got, err := Find(t.Context(), p.URL+"/tenant")
	if err != nil || got.Protocol != "oauth2" || !got.Identity.Unknown || got.RegistrationMethods != nil || got.Redirect.Mode != "unknown" {
		t.Fatalf("%+v, %v", got, err)
	}
	if l, _, err := resolve(t.Context(), got, Registration{ClientID: "us"}); err != nil || !l.ChallengeKnown {
		t.Errorf("the dance does not ask the issuer again: %+v, %v", l, err)
	}
}

func TestFindIssuerBehindALogin(t *testing.T) {
	p := newPlace(t)
	p.at["/tenant"] = guarded("", `Basic realm="staff"`)
	p.at["/tenant/.well-known/openid-configuration"] = says(issuerDocument(p.URL+"/tenant", nil))
	if got, err := Find(t.Context(), p.URL+"/tenant"); err != nil || got.Protocol != "oidc" || got.Resource != "" {
		t.Errorf("%+v, %v", got, err)
	}
	p.at["/other"] = guarded("", `Basic realm="staff"`)
	if _, err := Find(t.Context(), p.URL+"/other"); err == nil || !strings.Contains(err.Error(), "does not say where") {
		t.Errorf("got %v", err)
	}
}

func TestFindTakesTheDocumentsSlash(t *testing.T) {
	for _, c := range []struct{ typed, named string }{{"/tenant", "/tenant/"}, {"/tenant/", "/tenant"}, {"/", ""}, {"", "/"}} {
		p := newPlace(t)
		p.at[strings.TrimSuffix(c.named, "/")+"/.well-known/openid-configuration"] = says(issuerDocument(p.URL+c.named, nil))
		if got, err := Find(t.Context(), p.URL+c.typed); err != nil || got.Issuer != p.URL+c.named {
			t.Errorf("%q: %+v, %v", c, got.Issuer, err)
		}
	}
}

func TestD23FindRefusesAnotherIssuer(t *testing.T) {
	for _, named := range []string{"https://evil.example", "/tenant//", "/Tenant", "/other", ""} {
		p := newPlace(t)
		issuer := named
		if !strings.HasPrefix(named, "https://") {
			issuer = p.URL + named
		}
		p.at["/tenant/.well-known/openid-configuration"] = says(issuerDocument(issuer, nil))
		if got, err := Find(t.Context(), p.URL+"/tenant"); !isInvalid(err) || !strings.Contains(err.Error(), "its issuer is") {
			t.Errorf("%q: %+v, %v", named, got, err)
		}
	}
}

func TestFindRefusesWhatIsNoAddress(t *testing.T) {
	for typed, want := range map[string]string{
		strings.Repeat("https://a.example/", 200): "neither a web address",
		"":                           "neither a web address nor a handle",
		"mira":                       "neither a web address nor a handle",
		"not an address":             "neither a web address nor a handle",
		"issuer.example/path":        "neither a web address nor a handle",
		"127.0.0.1:8080":             "neither a web address nor a handle",
		"mira@issuer.example":        "neither a web address nor a handle",
		"http://issuer.example":      "does not begin with https://",
		"http://192.168.1.1/":        "does not begin with https://",
		"ftp://issuer.example":       "does not begin with https://",
		"javascript://x/%0aalert":    "does not begin with https://",
		"https://u:p@issuer.example": "user name",
		"https://issuer.example/#x":  "fragment",
		"https://":                   "not a web address",
		"did:key:z6Mk":               "did:plc and did:web",
		"mira.localhost":             "not on the internet",
		"printer.local":              "not on the internet",
		"mira.test/x":                "neither",
	} {
		if got, err := Find(t.Context(), typed); !isInvalid(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", typed, got.ID, err)
		}
	}
}

func TestD23FindOddDocuments(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer other.Close()
	for name, h := range map[string]http.HandlerFunc{
		"cross-host":       func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, 302) },
		"endless redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", 302) },
		"10 MB": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"x":"%s"}`, strings.Repeat("y", 10<<20))
		},
		"depth":           raw(200, "application/json", strings.Repeat(`{"x":`, 1000)+"1"+strings.Repeat("}", 1000)),
		"duplicate names": raw(200, "application/json", `{"issuer":"a","issuer":"b"}`),
		"page":            raw(200, "text/html", "<html>"),
		"hangs up":        func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(h)
			defer srv.Close()
			if got, err := Find(t.Context(), srv.URL); err == nil {
				t.Errorf("found %+v", got)
			}
		})
	}
}

func TestD23FindSurvivesAStreamWithoutEnd(t *testing.T) {
	p := newPlace(t)
	p.at["/"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+p.URL+`/meta"`)
		w.WriteHeader(401)
		io.WriteString(w, strings.Repeat("data\n", 1<<19))
	}
	p.at["/meta"] = says(map[string]any{"resource": p.URL + "/", "authorization_servers": []string{p.URL}})
	p.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(p.URL, nil))
	if got, err := Find(t.Context(), p.URL+"/"); err != nil || got.Resource != p.URL+"/" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestD24FoundEndpointsInside(t *testing.T) {
	issuer, _ := url.Parse("https://issuer.example")
	for _, address := range []string{"https://127.0.0.1/x", "https://169.254.169.254/x", "https://[::1]/x", "http://localhost:1/x", "https://10.0.0.1/", "https://other.example:8443/"} {
		for _, name := range []string{"registration_endpoint", "token_endpoint", "pushed_authorization_request_endpoint"} {
			body, _ := jsonOf(issuerDocument(issuer.String(), map[string]any{name: address}))
			if _, err := readMetadata(body, Provider{Issuer: issuer.String()}, issuer); !isInvalid(err) {
				t.Errorf("%s %s: %v", name, address, err)
			}
		}
	}
}

func TestFindSaysThatNothingIsThere(t *testing.T) {
	p := newPlace(t)
	if _, err := Find(t.Context(), p.URL); err == nil || !strings.Contains(err.Error(), "says how to sign in") {
		t.Errorf("got %v", err)
	}
}

func TestTypedNamesAreComparedAsTheyAreAsked(t *testing.T) {
	for typed, want := range map[string]string{
		"https://M\u00fcnchen.example:443/x": "https://xn--mnchen-3ya.example/x",
		"HTTPS://Issuer.Example":             "https://issuer.example",
		"http://[::1]:8080/":                 "http://[::1]:8080/",
		"https://a_b.example/":               "https://a_b.example/",
	} {
		if u, err := typedURL(typed); err != nil || u.String() != want {
			t.Errorf("%q: %v, %v", typed, u, err)
		}
	}
	for _, typed := range []string{"https://issuer\u202e.example/", "https://\u200bissuer.example/", "https://%00/"} {
		if u, err := typedURL(typed); err == nil && strings.ContainsFunc(u.Host, func(c rune) bool { return c > '~' }) {
			t.Errorf("%q was taken as %q", typed, u.Host)
		}
	}
}

func TestFoundIDs(t *testing.T) {
	seen := map[string]string{}
	for _, address := range []string{
		"https://issuer.example", "https://is-suer.example", "https://is.suer.example", "https://issuer.example:8443", "http://localhost:8443",
		"https://issuer.example/a", "https://issuer.example/b", "https://issuer.example/a?x", "https://" + strings.Repeat("long.", 30) + "example",
		"https://" + strings.Repeat("long.", 29) + "example", "https://[2001:db8::1]/", "https://xn--mnchen-3ya.example",
	} {
		u, err := typedURL(address)
		if err != nil {
			t.Fatal(err)
		}
		id := foundID(u)
		if other := seen[id]; other != "" || len(id) > 60 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("%s: %q, as %s", address, id, other)
		}
		seen[id] = address
		p := Provider{ID: id}
		if err := (Redirect{Path: p.redirectPath()}).check(); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if seen["at-issuer-example"] != "https://issuer.example" {
		t.Errorf("%v", seen)
	}
}
