package dance

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

var (
	testEC  = sync.OnceValue(func() *ecdsa.PrivateKey { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })
	testRSA = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
)

// oddOP is a provider that answers whatever a test wants to see refused. With
// no field set it behaves.
type oddOP struct {
	*httptest.Server
	document func(map[string]any)        // changes the discovery document
	back     func(url.Values)            // changes the answer at the redirect URI
	claims   func(map[string]any)        // changes the ID token
	sign     func(map[string]any) string // instead of ES256 with kid "ec"
	keys     func() any                  // instead of the one key
	token    http.HandlerFunc            // instead of a token answer
	userinfo http.HandlerFunc            // instead of a userinfo answer
	revoke   http.HandlerFunc            // instead of 200
	push     http.HandlerFunc            // instead of taking a pushed request
	answer   func(map[string]any)        // changes the token answer
	device   http.HandlerFunc            // the device authorization endpoint

	mu       sync.Mutex // guards the fields that follow
	pending  url.Values // the last authorization request
	requests map[string]int
	forms    []url.Values // of the token endpoint
	revoked  []string
	pushed   map[string]url.Values // by request_uri
	pushes   []*http.Request       // as they came, form parsed
}

func newOP(t *testing.T) *oddOP {
	t.Helper()
	o := &oddOP{requests: map[string]int{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *oddOP) row() Provider {
	return Provider{ID: "odd", Name: "Odd", Issuer: o.URL, ClientID: "us"}
}

func (o *oddOP) count(path string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.requests[path]
}

func (o *oddOP) revocations() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.revoked
}

func (o *oddOP) lastForm() url.Values {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.forms) == 0 {
		return nil
	}
	return o.forms[len(o.forms)-1]
}

func (o *oddOP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	o.mu.Lock()
	o.requests[r.URL.Path]++
	switch r.URL.Path {
	case "/authorize":
		o.pending = r.Form
		if uri := r.Form.Get("request_uri"); uri != "" {
			o.pending = o.pushed[uri]
			delete(o.pushed, uri)
		}
	case "/par":
		o.pushes = append(o.pushes, r)
	case "/token":
		o.forms = append(o.forms, r.PostForm)
	case "/revoke":
		o.revoked = append(o.revoked, r.PostForm.Get("token"))
	}
	pending := o.pending
	o.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		o.serveDocument(w)
	case "/authorize":
		q := url.Values{"code": {"the-code"}, "state": {pending.Get("state")}, "iss": {o.URL}}
		if o.back != nil {
			o.back(q)
		}
		http.Redirect(w, r, pending.Get("redirect_uri")+"?"+q.Encode(), http.StatusFound)
	case "/par":
		if o.push != nil {
			o.push(w, r)
			return
		}
		o.servePush(w, r)
	case "/token":
		if o.token != nil {
			o.token(w, r)
			return
		}
		o.serveToken(w, pending.Get("nonce"))
	case "/keys":
		if o.keys != nil {
			writeJSON(w, o.keys())
			return
		}
		writeJSON(w, keysOf(map[string]any{"ec": testEC().Public()}))
	case "/userinfo":
		if o.userinfo != nil {
			o.userinfo(w, r)
			return
		}
		writeJSON(w, map[string]any{"sub": "s1", "name": "Sam", "email": "sam@example.test", "preferred_username": "sam"})
	case "/revoke":
		if o.revoke != nil {
			o.revoke(w, r)
		}
	case "/device":
		if o.device != nil {
			o.device(w, r)
		}
	default:
		http.NotFound(w, r)
	}
}

func (o *oddOP) serveDocument(w http.ResponseWriter) {
	doc := map[string]any{
		"issuer":                                o.URL,
		"authorization_endpoint":                o.URL + "/authorize",
		"token_endpoint":                        o.URL + "/token",
		"userinfo_endpoint":                     o.URL + "/userinfo",
		"revocation_endpoint":                   o.URL + "/revoke",
		"jwks_uri":                              o.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"},
		"code_challenge_methods_supported":      []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if o.document != nil {
		o.document(doc)
	}
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
	writeJSON(w, doc)
}

// servePush takes a pushed request, good for one visit.
func (o *oddOP) servePush(w http.ResponseWriter, r *http.Request) {
	uri := "urn:ietf:params:oauth:request_uri:" + random()
	o.mu.Lock()
	if o.pushed == nil {
		o.pushed = map[string]url.Values{}
	}
	o.pushed[uri] = r.PostForm
	o.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"request_uri":%q,"expires_in":60}`, uri)
}

// pushing is the odd provider with RFC 9126.
func pushing(t *testing.T) *oddOP {
	op := newOP(t)
	op.document = func(d map[string]any) {
		d["pushed_authorization_request_endpoint"] = op.URL + "/par"
		d["require_pushed_authorization_requests"] = true
	}
	return op
}

func (o *oddOP) serveToken(w http.ResponseWriter, nonce string) {
	answer := map[string]any{"access_token": "at", "refresh_token": "rt", "token_type": "Bearer", "expires_in": 600,
		"id_token": o.idToken(nonce)}
	if o.answer != nil {
		o.answer(answer)
	}
	writeJSON(w, answer)
}

func (o *oddOP) idToken(nonce string) string {
	now := time.Now().Unix()
	claims := map[string]any{"iss": o.URL, "sub": "s1", "aud": "us", "exp": now + 600, "iat": now, "nonce": nonce}
	if o.claims != nil {
		o.claims(claims)
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	if o.sign != nil {
		return o.sign(claims)
	}
	return sign(jose.ES256, testEC(), "ec", claims, nil)
}

func sign(alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any, header map[jose.HeaderKey]any) string {
	opts := &jose.SignerOptions{ExtraHeaders: header}
	if kid != "" {
		opts = opts.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		panic(err)
	}
	payload, _ := json.Marshal(claims)
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return compact
}

func keysOf(keys map[string]any) any {
	var set jose.JSONWebKeySet
	for kid, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k, KeyID: kid})
	}
	return set
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// raw answers with exactly this.
func raw(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// browse is a browser that follows where it is sent.
func browse(_ context.Context, address string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Get(address)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the browser ended at HTTP %d", res.StatusCode)
	}
	return nil
}

// link is a finished link to the odd provider without a dance.
func (o *oddOP) link() Link {
	p := o.row()
	p.Endpoints = Endpoints{Authorization: o.URL + "/authorize", Token: o.URL + "/token", UserInfo: o.URL + "/userinfo",
		Revocation: o.URL + "/revoke", JWKS: o.URL + "/keys"}
	return Link{Provider: p, ClientID: "us", AuthStyle: AuthNone, SigningAlgs: []string{"RS256", "ES256", "HS256", "none"}}
}

func (o *oddOP) refresh(t *testing.T) (Token, error) {
	return Refresh(t.Context(), o.link(), Registration{}, Token{Refresh: secret.New("old-refresh")}, nil, Identity{Issuer: o.URL, Subject: "s1"})
}
