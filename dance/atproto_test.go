package dance

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	miraDID  = "did:plc:abcdefghijklmnopqrstuvwx"
	otherDID = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"
)

// zone is what a name server knows.
type zone struct {
	mu    sync.Mutex
	texts map[string][]string // guarded by mu
}

func (z *zone) set(name string, texts ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.texts[name] = texts
}

func (z *zone) get(name string) []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.texts[name]
}

// nameServer answers TXT questions on loopback; a name it does not know does
// not exist.
func nameServer(t *testing.T, z *zone) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			a := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true, RCode: dnsmessage.RCodeNameError}, Questions: q.Questions}
			for _, text := range z.get(strings.TrimSuffix(q.Questions[0].Name.String(), ".")) {
				a.RCode = dnsmessage.RCodeSuccess
				a.Answers = append(a.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.TXTResource{TXT: []string{text}},
				})
			}
			packed, err := a.Pack()
			if err == nil {
				conn.WriteTo(packed, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

// network is atproto's: a handle's site, the directory, a data server and its
// authorization server.
type network struct {
	finder
	site, directory, data, authorization *place
	names                                zone
}

func didDoc(did, handle, server string) map[string]any {
	return map[string]any{"id": did, "alsoKnownAs": []string{"at://" + handle}, "service": []any{
		map[string]any{"id": "#other", "type": "Other", "serviceEndpoint": "https://other.example"},
		map[string]any{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": server},
	}}
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{site: newPlace(t), directory: newPlace(t), data: newPlace(t), authorization: newPlace(t)}
	n.names.texts = map[string][]string{}
	n.finder = finder{directory: n.directory.URL, resolver: nameServer(t, &n.names), web: func(string) string { return n.site.URL }}
	n.names.set("_atproto.mira.test", "v=spf1 -all", "did="+miraDID)
	n.directory.at["/"+miraDID] = says(didDoc(miraDID, "mira.test", n.data.URL))
	n.data.at[resourcePlace] = says(map[string]any{"resource": n.data.URL, "authorization_servers": []string{n.authorization.URL}})
	n.issuer(nil)
	return n
}

func (n *network) issuer(changes map[string]any) {
	all := map[string]any{"jwks_uri": nil, "id_token_signing_alg_values_supported": nil, "userinfo_endpoint": nil, "registration_endpoint": nil,
		"scopes_supported": []string{"atproto", "transition:generic"}, "pushed_authorization_request_endpoint": n.authorization.URL + "/par",
		"require_pushed_authorization_requests": true, "authorization_response_iss_parameter_supported": true,
		"dpop_signing_alg_values_supported": []string{"ES256"}, "client_id_metadata_document_supported": true}
	for name, v := range changes {
		all[name] = v
	}
	n.authorization.at["/.well-known/oauth-authorization-server"] = says(issuerDocument(n.authorization.URL, all))
}

func TestFindHandle(t *testing.T) {
	for name, change := range map[string]func(*network){
		"by DNS": func(*network) {},
		"by the web": func(n *network) {
			n.names.set("_atproto.mira.test")
			n.site.at["/.well-known/atproto-did"] = raw(200, "text/plain", miraDID+"\n")
		},
		"by both":                      func(n *network) { n.site.at["/.well-known/atproto-did"] = raw(200, "text/plain", miraDID) },
		"web broken":                   func(n *network) { n.site.at["/.well-known/atproto-did"] = raw(500, "text/plain", "") },
		"web is a page for everything": func(n *network) { n.site.at["/.well-known/atproto-did"] = raw(200, "text/html", "<html>") },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t)
			change(n)
			for _, typed := range []string{"mira.test", "@Mira.Test "} {
				p, err := n.find(t.Context(), typed)
				if err != nil {
					t.Fatal(err)
				}
				if p.Issuer != n.authorization.URL || p.DPoP != "required" || !slices.Equal(p.Scopes, atprotoScopes) || p.Endpoints.PAR != n.authorization.URL+"/par" {
					t.Errorf("%+v", p)
				}
				if p.Identity.Pinned != (Pinned{Subject: miraDID, Login: "mira.test"}) || p.ID != "at-mira-test" || p.Name != "mira.test" {
					t.Errorf("%s %+v", p.ID, p.Identity)
				}
				if !slices.Equal(p.API.Hosts, []string{n.data.host()}) || !slices.Equal(p.RegistrationMethods, []string{"document", "loopback"}) {
					t.Errorf("%+v %v", p.API, p.RegistrationMethods)
				}
				c, err := Register(t.Context(), p, RegisterOptions{Name: "Dancecard"})
				if err != nil || !strings.Contains(c.ClientID, url.QueryEscape("http://127.0.0.1/dancecard/at-mira-test")) {
					t.Errorf("%+v, %v", c, err)
				}
			}
		})
	}
}

func TestFindDID(t *testing.T) {
	n := newNetwork(t)
	p, err := n.find(t.Context(), miraDID)
	if err != nil || p.Identity.Pinned != (Pinned{Subject: miraDID, Login: "mira.test"}) {
		t.Errorf("%+v, %v", p.Identity, err)
	}
	n.names.set("_atproto.mira.test", "did="+otherDID) // the handle is somebody else's
	p, err = n.find(t.Context(), miraDID)
	if err != nil || p.Identity.Pinned != (Pinned{Subject: miraDID}) || p.Name != miraDID {
		t.Errorf("%+v, %v", p, err)
	}
	const webDID = "did:web:mira.test"
	n.site.at["/.well-known/did.json"] = says(didDoc(webDID, "mira.test", n.data.URL))
	if p, err = n.find(t.Context(), webDID); err != nil || p.Identity.Pinned.Subject != webDID {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAtprotoMixUp(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*network)
		want   string
	}{
		"handle points to somebody else": {func(n *network) {
			n.names.set("_atproto.mira.test", "did="+otherDID)
			n.directory.at["/"+otherDID] = says(didDoc(otherDID, "somebody.test", n.data.URL))
		}, "does not call itself so"},
		"document names another handle": {func(n *network) {
			n.directory.at["/"+miraDID] = says(didDoc(miraDID, "mira.test.evil.example", n.data.URL))
		}, "does not call itself so"},
		"document names no handle": {func(n *network) {
			doc := didDoc(miraDID, "", n.data.URL)
			delete(doc, "alsoKnownAs")
			n.directory.at["/"+miraDID] = says(doc)
		}, "does not call itself so"},
		"document of another DID": {func(n *network) {
			n.directory.at["/"+miraDID] = says(didDoc(otherDID, "mira.test", n.data.URL))
		}, "is about"},
		"DNS and web disagree": {func(n *network) {
			n.site.at["/.well-known/atproto-did"] = raw(200, "text/plain", otherDID)
		}, "different identities"},
		"two DNS records": {func(n *network) {
			n.names.set("_atproto.mira.test", "did="+miraDID, "did="+otherDID)
		}, "several identities"},
		"nobody": {func(n *network) { n.names.set("_atproto.mira.test") }, "nobody has the handle"},
		"DNS holds an address": {func(n *network) {
			n.names.set("_atproto.mira.test", "did=did:web:evil.example/../x", "did=https://evil.example")
		}, "nobody has the handle"},
		"identity is deleted": {func(n *network) { delete(n.directory.at, "/"+miraDID) }, "does not exist"},
		"no data server": {func(n *network) {
			n.directory.at["/"+miraDID] = says(didDoc(miraDID, "mira.test", ""))
		}, "no server for its data"},
		"data server in a file": {func(n *network) {
			n.directory.at["/"+miraDID] = says(didDoc(miraDID, "mira.test", "file:///etc/passwd"))
		}, "no server for its data"},
		"data server speaks of another": {func(n *network) {
			n.data.at[resourcePlace] = says(map[string]any{"resource": "https://other.example", "authorization_servers": []string{n.authorization.URL}})
		}, "speaks of"},
		"two authorization servers": {func(n *network) {
			n.data.at[resourcePlace] = says(map[string]any{"resource": n.data.URL, "authorization_servers": []string{n.authorization.URL, "https://evil.example"}})
		}, "2 authorization servers"},
		"another issuer":     {func(n *network) { n.issuer(map[string]any{"issuer": "https://evil.example"}) }, "its issuer is"},
		"no PAR":             {func(n *network) { n.issuer(map[string]any{"pushed_authorization_request_endpoint": nil}) }, "atproto's rules"},
		"no iss":             {func(n *network) { n.issuer(map[string]any{"authorization_response_iss_parameter_supported": false}) }, "atproto's rules"},
		"no atproto":         {func(n *network) { n.issuer(map[string]any{"scopes_supported": []string{"openid"}}) }, "atproto's rules"},
		"endpoint elsewhere": {func(n *network) { n.issuer(map[string]any{"token_endpoint": "http://evil.example/"}) }, "token_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t)
			c.change(n)
			if p, err := n.find(t.Context(), "mira.test"); !isInvalid(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func TestD23AtprotoDocuments(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"10 MB":      raw(200, "application/json", `{"id":"`+strings.Repeat("a", 10<<20)+`"}`),
		"deep":       raw(200, "application/json", strings.Repeat(`{"id":`, 1000)+"1"+strings.Repeat("}", 1000)),
		"twice":      raw(200, "application/json", `{"id":"`+miraDID+`","id":"`+otherDID+`"}`),
		"cross-host": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://evil.example/", 302) },
		"in trouble": raw(503, "text/plain", ""),
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t)
			n.directory.at["/"+miraDID] = h
			_, err := n.find(t.Context(), "mira.test")
			failed(t, err)
		})
	}
}

func TestD23SlowHandleIsBounded(t *testing.T) {
	n := newNetwork(t)
	n.directory.at["/"+miraDID] = func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := n.find(ctx, "mira.test"); err == nil {
		t.Error("found")
	}
}

func TestD24IdentityOnAnInnerServer(t *testing.T) {
	n := newNetwork(t)
	c := &client{home: "handle.invalid"} // the handle is a public one
	for _, server := range []string{n.data.URL, "https://10.0.0.1", "https://[::1]", "https://localhost"} {
		if p, err := n.atprotoRow(t.Context(), c, miraDID, "mira.test", server); !isInvalid(err) || !strings.Contains(err.Error(), errInner.Error()) {
			t.Errorf("%s: %+v, %v", server, p, err)
		}
	}
	if len(n.data.asked) != 0 {
		t.Errorf("asked %v", n.data.asked)
	}
}

// The handle that a document claims is nobody's word but the document's: its
// site is not looked for inside this network.
func TestD24ClaimedHandleOnAnInnerServer(t *testing.T) {
	n := newNetwork(t)
	n.names.set("_atproto.mira.test")
	n.site.at["/.well-known/atproto-did"] = raw(200, "text/plain", miraDID)
	doc := didDocument{id: miraDID, handles: []string{"mira.test"}}
	if got := n.confirmed(t.Context(), &client{home: "directory.invalid"}, doc); got != "" || len(n.site.asked) != 0 {
		t.Errorf("%q after %v", got, n.site.asked)
	}
	if got := n.confirmed(t.Context(), newClient(Provider{Issuer: n.site.URL}), doc); got != "mira.test" {
		t.Errorf("from inside: %q", got)
	}
	n.names.set("_atproto.printer.internal", "did="+miraDID)
	doc.handles[0] = "printer.internal"
	if got := n.confirmed(t.Context(), newClient(Provider{Issuer: n.site.URL}), doc); got != "" {
		t.Errorf("a name that is not on the internet: %q", got)
	}
}

// The last link of the chain: whoever the authorization server says signed in
// must be the one whose handle was typed.
func TestAtprotoAnotherSubject(t *testing.T) {
	l := Link{Provider: Provider{Protocol: "oauth2", Identity: Identify{Subject: "sub", Pinned: Pinned{Subject: miraDID, Login: "mira.test"}}}}
	for sub, ok := range map[string]bool{miraDID: true, otherDID: false, "": false, strings.ToUpper(miraDID): false} {
		who, err := l.pinned(Identity{Subject: sub})
		if ok != (err == nil) || ok && who.Login != "mira.test" || !ok && !isInvalid(err) {
			t.Errorf("%q: %+v, %v", sub, who, err)
		}
	}
}

func FuzzDIDDocument(f *testing.F) {
	doc, _ := jsonOf(didDoc(miraDID, "mira.test", "https://data.example"))
	f.Add(string(doc))
	f.Add(`{"id":"` + miraDID + `","service":[{"id":"#atproto_pds","type":"AtprotoPersonalDataServer","serviceEndpoint":{"a":1}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		d, err := readDID([]byte(body), miraDID)
		if err != nil {
			return
		}
		u, err := checkURL(d.server)
		if err != nil || u.Path != "" || u.RawQuery != "" || d.id != miraDID {
			t.Errorf("%+v of %q", d, body)
		}
	})
}
