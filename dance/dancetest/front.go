package dancetest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const maxBody = 1 << 20

// An Answer is what the provider is about to send; [Provider.Rewrite] may change it.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// answerOf collects what a handler writes.
func answerOf(h http.Handler, r *http.Request) *Answer {
	b := &buffer{header: http.Header{}}
	h.ServeHTTP(b, r)
	if b.status == 0 {
		b.status = http.StatusOK
	}
	return &Answer{Status: b.status, Header: b.header, Body: b.body.Bytes()}
}

type buffer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header { return b.header }
func (b *buffer) WriteHeader(status int) {
	if b.status == 0 {
		b.status = status
	}
}
func (b *buffer) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	return b.body.Write(p)
}

func (a *Answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.Header)
	w.Header().Del("Content-Length") // net/http counts; a Rewrite may have changed the body
	w.WriteHeader(a.Status)
	w.Write(a.Body)
}

// front stands before everything: it records, lets faults act, refuses what
// the library would let through and adds what it leaves out.
func (p *Provider) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "the body is too large or was cut short", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen := p.record.add(r, body)
		sw := &statusWriter{ResponseWriter: w}
		defer func() { p.record.done(seen, sw.status) }()

		f := p.faults.take(r)
		if f != nil && f.instead != nil {
			f.instead(sw, r)
			return
		}
		a := p.answer(next, r)
		if err := p.store.save(); err != nil {
			http.Error(sw, err.Error(), http.StatusInternalServerError)
			return
		}
		switch {
		case f != nil && f.after != nil:
			f.after(sw, r)
		case f != nil && f.rewrite != nil:
			f.rewrite(a)
			a.send(sw)
		default:
			a.send(sw)
		}
	})
}

// statusWriter remembers the status for the record.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets a fault hijack the connection through http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (p *Provider) answer(next http.Handler, r *http.Request) *Answer {
	if r.Host != p.addr {
		return plain(http.StatusMisdirectedRequest, "this is "+p.addr+"; ask it by that name")
	}
	switch r.URL.Path {
	case p.TokenPath(), p.RevocationPath(), p.IntrospectionPath():
		if r.Method != http.MethodPost {
			return plain(http.StatusMethodNotAllowed, "use POST (RFC 6749 section 3.2)")
		}
		if r.URL.RawQuery != "" {
			return oauthError(http.StatusBadRequest, "invalid_request", "parameters belong in the body")
		}
	case p.AuthorizationPath():
		if m := r.FormValue("response_mode"); m != "" && m != string(oidc.ResponseModeQuery) {
			return plain(http.StatusBadRequest, "response_mode is query here")
		}
	}
	a := answerOf(next, r)
	switch r.URL.Path {
	case oidc.DiscoveryEndpoint:
		p.discovery(a)
	case p.UserInfoPath():
		if a.Status == http.StatusForbidden || a.Status == http.StatusUnauthorized {
			// RFC 6750 section 3.1; the library answers 403 without a code.
			*a = *oauthError(http.StatusUnauthorized, "invalid_token", "the access token is revoked, expired or unknown")
			a.Header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		}
	case p.TokenPath():
		a.Header.Set("Cache-Control", "no-store")
	}
	p.addIssuer(a)
	return a
}

// discovery says what is true of this provider rather than of the library.
func (p *Provider) discovery(a *Answer) {
	var doc map[string]any
	if json.Unmarshal(a.Body, &doc) != nil {
		return
	}
	doc["authorization_response_iss_parameter_supported"] = true
	doc["response_types_supported"] = []string{"code"}
	doc["response_modes_supported"] = []string{"query"}
	doc["grant_types_supported"] = []string{"authorization_code", "refresh_token"}
	doc["token_endpoint_auth_methods_supported"] = []string{"none"}
	doc["revocation_endpoint_auth_methods_supported"] = []string{"none"}
	doc["introspection_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
	doc["prompt_values_supported"] = []string{"login", "consent", "select_account"}
	for name := range doc {
		if strings.Contains(name, "signing_alg_values") && name != "id_token_signing_alg_values_supported" ||
			name == "device_authorization_endpoint" {
			delete(doc, name)
		}
	}
	a.Body, _ = json.Marshal(doc)
}

// addIssuer puts iss into redirects that leave for the program (RFC 9207).
func (p *Provider) addIssuer(a *Answer) {
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil || to.Host == "" || to.Host == p.addr {
		return
	}
	q := to.Query()
	if !q.Has("code") && !q.Has("error") {
		return
	}
	q.Set("iss", p.issuer)
	to.RawQuery = q.Encode()
	a.Header.Set("Location", to.String())
}

func plain(status int, text string) *Answer {
	return &Answer{
		Status: status, Body: []byte(text + "\n"),
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
	}
}

func oauthError(status int, code, description string) *Answer {
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": description})
	return &Answer{Status: status, Body: body, Header: http.Header{
		"Content-Type": {"application/json"}, "Cache-Control": {"no-store"},
	}}
}

// refuse sends the browser back with the user's no.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, req *authRequest) {
	op.AuthRequestError(w, r, req, oidc.ErrAccessDenied().WithDescription("the user said no"), p.op)
}
