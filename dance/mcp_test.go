package dance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func jsonOf(v any) ([]byte, error) { return json.Marshal(v) }

// guarded answers 401 with a challenge, to method alone if it is given.
func guarded(method, challenge string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if method != "" && r.Method != method {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// newMCP is an MCP server at /mcp and the authorization server it names.
func newMCP(t *testing.T) (server, authorization *place) {
	t.Helper()
	server, authorization = newPlace(t), newPlace(t)
	server.at["/mcp"] = guarded("", `Bearer error="invalid_token", resource_metadata="`+server.URL+`/meta", scope="mail.read mail.send"`)
	server.at["/meta"] = says(map[string]any{"resource": server.URL + "/mcp", "authorization_servers": []string{authorization.URL}, "scopes_supported": []string{"all"}})
	authorization.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(authorization.URL, map[string]any{
		"jwks_uri": nil, "id_token_signing_alg_values_supported": nil, "userinfo_endpoint": nil, "scopes_supported": nil, "client_id_metadata_document_supported": true}))
	return server, authorization
}

func TestFindMCPServer(t *testing.T) {
	server, authorization := newMCP(t)
	p, err := Find(t.Context(), server.URL+"/mcp")
	if err != nil {
		t.Fatal(err)
	}
	if p.Issuer != authorization.URL || p.Resource != server.URL+"/mcp" || p.Protocol != "oauth2" || !p.Identity.Unknown || p.Category != "ai" {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.Scopes, []string{"mail.read", "mail.send"}) || !slices.Equal(p.RegistrationMethods, []string{"document", "dynamic"}) {
		t.Errorf("%v %v", p.Scopes, p.RegistrationMethods)
	}
	if p.API.BaseURL != server.URL+"/mcp" || !slices.Equal(p.API.Hosts, []string{server.host()}) || p.Name != server.host() {
		t.Errorf("%+v", p.API)
	}
}

// An authorization server that has userinfo for its other clients refuses the
// token of an MCP server there: the account is one without a name, and userinfo
// is not asked about it again.
func TestMCPServerWhoseUserInfoIsForOthers(t *testing.T) {
	server, authorization := newMCP(t)
	authorization.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(authorization.URL, map[string]any{
		"jwks_uri": nil, "id_token_signing_alg_values_supported": nil, "scopes_supported": nil}))
	p, err := Find(t.Context(), server.URL+"/mcp")
	if err != nil || p.Endpoints.UserInfo == "" || !p.Identity.Unknown {
		t.Fatalf("%+v, %v", p, err)
	}
	for status, fine := range map[int]bool{401: true, 403: true, 503: false} {
		op := newOP(t)
		op.back = func(q url.Values) { q.Del("iss") }
		op.token = raw(200, "application/json", okAnswer)
		op.userinfo = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
			w.WriteHeader(status)
		}
		row := op.plainRow()
		row.Endpoints.UserInfo, row.Identity = op.URL+"/userinfo", Identify{Unknown: true}
		res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{})
		if (err == nil) != fine || fine && !res.Identity.Unnamed {
			t.Errorf("%d: %+v, %v", status, res.Identity, err)
		}
		if _, err := Probe(t.Context(), res.Link, Registration{}, res.Token); fine && err != ErrNoProbe {
			t.Errorf("%d: the probe says %v", status, err)
		}
	}
}

func TestFindMCPServerWithOpenID(t *testing.T) {
	server, authorization := newMCP(t)
	authorization.at["/.well-known/openid-configuration"] = says(issuerDocument(authorization.URL, nil))
	server.at["/meta"] = says(map[string]any{"resource": server.URL + "/mcp", "authorization_servers": []string{authorization.URL}, "dpop_bound_access_tokens_required": true})
	p, err := Find(t.Context(), server.URL+"/mcp")
	if err != nil || p.Protocol != "oidc" || p.Identity.Unknown || !slices.Equal(p.Scopes, []string{"mail.read", "mail.send", "openid", "offline_access"}) || p.DPoP != "required" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestFindMCPServerByItsOtherSigns(t *testing.T) {
	for name, change := range map[string]func(server, authorization *place){
		"well-known of the path": func(s, _ *place) {
			s.at["/mcp"] = guarded("", "Bearer")
			s.at["/.well-known/oauth-protected-resource/mcp"] = s.at["/meta"]
		},
		"well-known of the host": func(s, a *place) {
			s.at["/mcp"] = guarded("", "")
			s.at["/.well-known/oauth-protected-resource"] = says(map[string]any{"resource": s.URL, "authorization_servers": []string{a.URL}})
		},
		"challenge points to the host's": func(s, a *place) {
			s.at["/mcp"] = guarded("", `Bearer resource_metadata="`+s.URL+resourcePlace+`"`)
			s.at[resourcePlace] = says(map[string]any{"resource": s.URL + "/", "authorization_servers": []string{a.URL}})
		},
		"POST alone": func(s, _ *place) {
			s.at["/mcp"] = guarded("POST", `Bearer resource_metadata="`+s.URL+`/meta"`)
		},
		"first version, no metadata": func(s, _ *place) {
			s.at["/mcp"] = guarded("", "Bearer")
			s.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(s.URL, nil))
		},
		"a page for all that is unknown": func(s, _ *place) {
			s.at["/mcp"] = guarded("", "Bearer")
			s.at["/.well-known/oauth-protected-resource/mcp"] = raw(200, "text/html", "<html>")
			s.at[resourcePlace] = raw(200, "text/html", "<html>")
			s.at["/.well-known/openid-configuration"] = raw(404, "text/html", "<html>")
			s.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(s.URL, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, authorization := newMCP(t)
			change(server, authorization)
			p, err := Find(t.Context(), server.URL+"/mcp")
			if err != nil || !strings.HasPrefix(p.Resource, server.URL) || p.Endpoints.Token == "" {
				t.Errorf("%+v, %v; asked %v", p, err, server.asked)
			}
		})
	}
}

func TestMCPMixUp(t *testing.T) {
	evil := newPlace(t)
	for name, change := range map[string]func(server, authorization *place){
		"resource of another host": func(s, a *place) {
			s.at["/meta"] = says(map[string]any{"resource": evil.URL + "/mcp", "authorization_servers": []string{a.URL}})
		},
		"resource of another path": func(s, a *place) {
			s.at["/meta"] = says(map[string]any{"resource": s.URL + "/other", "authorization_servers": []string{a.URL}})
		},
		"a tenant speaks for its host": func(s, a *place) {
			s.at["/meta"] = says(map[string]any{"resource": s.URL, "authorization_servers": []string{a.URL}})
		},
		"path that begins alike": func(s, a *place) {
			s.at["/mcp"] = guarded("", "")
			s.at[resourcePlace] = says(map[string]any{"resource": s.URL + "/mc", "authorization_servers": []string{a.URL}})
		},
		"path that begins alike, at its place": func(s, a *place) {
			s.at["/mcp"] = guarded("", `Bearer resource_metadata="`+s.URL+resourcePlace+`/mc"`)
			s.at[resourcePlace+"/mc"] = says(map[string]any{"resource": s.URL + "/mc", "authorization_servers": []string{a.URL}})
		},
		"no resource": func(s, a *place) {
			s.at["/meta"] = says(map[string]any{"authorization_servers": []string{a.URL}})
		},
		"metadata on another host": func(s, _ *place) {
			s.at["/mcp"] = guarded("", `Bearer resource_metadata="`+evil.URL+`/meta"`)
		},
		"metadata in a file": func(s, _ *place) {
			s.at["/mcp"] = guarded("", `Bearer resource_metadata="file:///etc/passwd"`)
		},
		"authorization server with another issuer": func(_, a *place) {
			a.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(evil.URL, nil))
		},
		"authorization server with a slash more": func(_, a *place) {
			a.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(a.URL+"/", nil))
		},
		"two authorization servers": func(s, a *place) {
			s.at["/meta"] = says(map[string]any{"resource": s.URL + "/mcp", "authorization_servers": []string{a.URL, evil.URL}})
		},
		"no authorization server": func(s, _ *place) {
			s.at["/meta"] = says(map[string]any{"resource": s.URL + "/mcp"})
		},
		"authorization server in a script": func(s, _ *place) {
			s.at["/meta"] = says(map[string]any{"resource": s.URL + "/mcp", "authorization_servers": []string{"javascript:alert(1)"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, authorization := newMCP(t)
			change(server, authorization)
			if p, err := Find(t.Context(), server.URL+"/mcp"); !isInvalid(err) {
				t.Errorf("%+v, %v", p, err)
			}
			if len(evil.asked) != 0 {
				t.Errorf("the other host was asked: %v", evil.asked)
			}
		})
	}
}

func TestD24MCPServerNamesAnInnerHost(t *testing.T) {
	inner := newPlace(t)
	u, _ := url.Parse("https://mcp.issuer.invalid/mcp")
	c := &client{home: u.Hostname()}
	if _, err := discoverOver(t.Context(), c, Provider{Issuer: inner.URL}); err == nil || !strings.Contains(err.Error(), errInner.Error()) || len(inner.asked) != 0 {
		t.Errorf("%v, asked %v", err, inner.asked)
	}
	if _, err := c.mcp(t.Context(), u, knocked{}, resource{name: u.String(), issuers: []string{inner.URL}}); !isInvalid(err) || len(inner.asked) != 0 {
		t.Errorf("%v, asked %v", err, inner.asked)
	}
	for _, issuer := range []string{"https://10.0.0.1", "http://localhost:1", "https://[fe80::1]"} {
		if err := fromIssuer(u, issuer); err == nil {
			t.Errorf("%s was taken", issuer)
		}
	}
}

func TestMCPServerThatAsksForNoToken(t *testing.T) {
	p := newPlace(t)
	p.at["/mcp"] = raw(200, "application/json", "{}")
	if got, err := Find(t.Context(), p.URL+"/mcp"); err == nil {
		t.Errorf("found %+v", got)
	}
}

func FuzzResourceMetadata(f *testing.F) {
	f.Add(`{"resource":"https://mcp.example/mcp","authorization_servers":["https://issuer.example"],"scopes_supported":["a"]}`, "https://mcp.example"+resourcePlace+"/mcp")
	f.Add(`{"resource":"https://mcp.example"}`, "https://mcp.example"+resourcePlace)
	u, _ := url.Parse("https://mcp.example/mcp")
	f.Fuzz(func(t *testing.T, body, place string) {
		r, err := readResource(answer{status: 200, body: []byte(body)}, u, place)
		if err != nil {
			return
		}
		named, err := url.Parse(r.name)
		if err != nil || named.Hostname() == "" || !strings.EqualFold(named.Hostname(), u.Hostname()) || named.Scheme != "https" {
			t.Errorf("%q was taken for %s", r.name, u)
		}
		if path := strings.TrimSuffix(named.EscapedPath(), "/"); path != "/mcp" && path != "" {
			t.Errorf("%q was taken for %s", r.name, u)
		}
		for _, s := range r.scopes {
			if !tokenText(s) {
				t.Errorf("scope %q", s)
			}
		}
	})
}
