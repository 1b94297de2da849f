package dance

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

// shown is what a proof says to who checks it.
type shown struct {
	Htm, Htu, Nonce, Ath, Jti string
	Iat                       int64
	thumbprint                string
}

func readProof(t *testing.T, raw string) shown {
	t.Helper()
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	head := jws.Signatures[0].Header
	if head.ExtraHeaders["typ"] != "dpop+jwt" || head.JSONWebKey == nil || !head.JSONWebKey.IsPublic() {
		t.Fatalf("header %+v", head)
	}
	payload, err := jws.Verify(head.JSONWebKey)
	if err != nil {
		t.Fatal(err)
	}
	var s shown
	if err := json.Unmarshal(payload, &s); err != nil {
		t.Fatal(err)
	}
	sum, err := head.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	s.thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	return s
}

func TestProof(t *testing.T) {
	key, err := newDPoPKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proof(key, "POST", "https://api.example/a%2Fb?x=1#y", "the-nonce", secret.New("at"))
	if err != nil {
		t.Fatal(err)
	}
	got := readProof(t, raw)
	sum := sha256.Sum256([]byte("at"))
	if got.Htm != "POST" || got.Htu != "https://api.example/a%2Fb" || got.Nonce != "the-nonce" || got.Ath != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("it says %+v", got)
	}
	if age := time.Since(time.Unix(got.Iat, 0)); age < 0 || age > time.Minute {
		t.Errorf("D56: iat is %v old", age)
	}
	if want, err := thumbprint(key); err != nil || want != got.thumbprint {
		t.Errorf("thumbprint %q, want %q", got.thumbprint, want)
	}
	again, err := proof(key, "POST", "https://api.example", "", secret.String{})
	if err != nil {
		t.Fatal(err)
	}
	second := readProof(t, again)
	if second.Jti == got.Jti || second.Ath != "" || second.Nonce != "" || second.Htu != "https://api.example/" {
		t.Errorf("the second says %+v", second)
	}
	var private struct{ D string }
	if err := json.Unmarshal([]byte(key.Reveal()), &private); err != nil || private.D == "" {
		t.Fatal("the key is not a private one")
	}
	if head, _, _ := strings.Cut(raw, "."); strings.Contains(decode(t, head), private.D) {
		t.Error("D56: the private key left")
	}
	for _, bad := range []string{"", "{}", `{"kty":"oct","k":"AAAA"}`} {
		if _, err := proof(secret.New(bad), "GET", "https://a.example", "", secret.String{}); err == nil {
			t.Errorf("a proof with the key %q", bad)
		}
	}
}

func decode(t *testing.T, part string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// boundOP binds tokens to keys and demands a nonce of its own at each place.
type boundOP struct {
	*oddOP
	t    *testing.T
	kind string // token_type of its answers

	mu     sync.Mutex // guards the fields that follow
	key    string     // thumbprint of the last dance
	proofs map[string]int
}

func newBoundOP(t *testing.T) *boundOP {
	o := &boundOP{oddOP: pushing(t), t: t, kind: "DPoP", proofs: map[string]int{}}
	par := o.document
	o.document = func(d map[string]any) {
		par(d)
		d["dpop_signing_alg_values_supported"] = []string{"RS256", "ES256"}
	}
	o.answer = func(a map[string]any) { a["token_type"] = o.kind }
	o.push = o.demand("/par", 400, "", o.servePush)
	o.token = o.demand("/token", 400, "", func(w http.ResponseWriter, r *http.Request) { o.serveToken(w, o.pending.Get("nonce")) })
	o.userinfo = o.demand("/userinfo", 401, "at", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "DPoP at" {
			t.Errorf("the token came as %q", r.Header.Get("Authorization"))
		}
		writeJSON(w, map[string]any{"sub": "s1", "name": "Sam"})
	})
	return o
}

// demand checks the proof; one without the place's nonce is sent back.
func (o *boundOP) demand(path string, status int, access string, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("DPoP") == "" {
			then(w, r)
			return
		}
		got := readProof(o.t, r.Header.Get("DPoP"))
		o.mu.Lock()
		defer o.mu.Unlock()
		o.proofs[path]++
		if got.Htu != o.URL+path || got.Htm != r.Method || o.key != "" && got.thumbprint != o.key || (access != "") != (got.Ath != "") {
			o.t.Errorf("%s: the proof says %+v, key %s", path, got, o.key)
		}
		o.key = got.thumbprint
		w.Header().Set("DPoP-Nonce", "nonce-of-"+path)
		if got.Nonce == "nonce-of-"+path {
			then(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if status == 401 {
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", error_description="nonce, please"`)
			w.WriteHeader(status)
			return
		}
		w.WriteHeader(status)
		w.Write([]byte(`{"error":"use_dpop_nonce"}`))
	}
}

func TestD56NoncesEverywhere(t *testing.T) {
	op := newBoundOP(t)
	res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{DPoP: true})
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := thumbprint(res.Token.Key); res.Token.Type != "DPoP" || want != op.key || op.pushes[0].PostForm.Get("dpop_jkt") != want {
		t.Errorf("token of type %s, key %s, asked with %s", res.Token.Type, want, op.pushes[0].PostForm.Get("dpop_jkt"))
	}
	if res.Identity.Name != "Sam" || len(res.Link.DPoPAlgs) != 2 {
		t.Errorf("%+v, link %+v", res.Identity, res.Link)
	}
	for path, n := range map[string]int{"/par": 2, "/token": 2, "/userinfo": 2} {
		if op.proofs[path] != n {
			t.Errorf("%s: %d requests", path, op.proofs[path])
		}
	}
	// The key is the account's: a refresh goes on with it.
	tok, err := Refresh(t.Context(), res.Link, Registration{}, res.Token, nil, res.Identity)
	if err != nil || tok.Type != "DPoP" || !tok.Key.Equal(res.Token.Key) || op.proofs["/token"] != 4 {
		t.Errorf("refresh: %v, type %s", err, tok.Type)
	}
	who, err := Probe(t.Context(), res.Link, Registration{}, res.Token)
	if err != nil || who.Subject != "s1" {
		t.Errorf("probe: %+v, %v", who, err)
	}
	res.Token.Key = secret.String{}
	if _, err := Probe(t.Context(), res.Link, Registration{}, res.Token); err == nil {
		t.Error("a probe without the key")
	}
}

// A server that is never content is asked twice, not for ever.
func TestD56EndlessNonces(t *testing.T) {
	op := newBoundOP(t)
	n := 0
	op.token = func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.Header().Set("DPoP-Nonce", random())
		raw(400, "application/json", `{"error":"use_dpop_nonce"}`)(w, nil)
	}
	if _, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{DPoP: true}); err == nil || n != 2 {
		t.Errorf("%v after %d requests", err, n)
	}
}

func TestD47TypesWithAndWithoutAKey(t *testing.T) {
	for _, c := range []struct {
		name, kind     string
		asked, require bool
		offered        bool
		fine           bool
		want           string
	}{
		{"asked", "dpop", true, false, true, true, "DPoP"},
		{"required", "DPoP", false, true, true, true, "DPoP"},
		{"asked, bearer", "Bearer", true, false, true, true, "Bearer"},
		{"required, bearer", "Bearer", false, true, true, false, ""},
		{"required, not announced", "DPoP", false, true, false, true, "DPoP"},
		{"asked, not offered", "Bearer", true, false, false, true, "Bearer"},
		{"not asked, bound", "DPoP", false, false, true, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newBoundOP(t)
			op.kind = c.kind
			op.userinfo = nil
			if !c.offered {
				op.document = nil
			}
			row := op.row()
			if c.require {
				row.DPoP = "required"
			}
			res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{DPoP: c.asked})
			if (err == nil) != c.fine || res.Token.Type != c.want {
				t.Fatalf("%v, type %q", err, res.Token.Type)
			}
			sent := op.proofs["/token"] > 0
			if bound := (c.asked && c.offered) || c.require; bound != sent || c.fine && bound == res.Token.Key.IsZero() {
				t.Errorf("proofs %v, key kept %v", op.proofs, !res.Token.Key.IsZero())
			}
		})
	}
	t.Run("no kind of key in common", func(t *testing.T) {
		op := newOP(t)
		op.document = func(d map[string]any) { d["dpop_signing_alg_values_supported"] = []string{"RS256"} }
		row := op.row()
		row.DPoP = "required"
		if _, err := Run(t.Context(), row, Prompt{OpenURL: func(context.Context, string) error { t.Error("opened"); return nil }}, Request{}); !isInvalid(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestServerNonceIsScreened(t *testing.T) {
	for v, want := range map[string]string{"abc": "abc", "a b": "", strings.Repeat("a", 5000): "", "ä": ""} {
		if got := serverNonce(http.Header{"Dpop-Nonce": {v}}); got != want {
			t.Errorf("%.20q gave %.20q", v, got)
		}
	}
}
