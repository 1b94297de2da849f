package dance

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

// What the OpenID foundation asks of a client beyond the ID token's checks,
// by the names of its tests.
func TestConformanceOfARun(t *testing.T) {
	for _, c := range []struct {
		name  string
		run   func(*testing.T, *oddOP) Request
		check func(*testing.T, *oddOP, url.Values, Result)
	}{
		{"O16 scope-userinfo-claims", func(t *testing.T, op *oddOP) Request {
			return Request{Scopes: []string{"openid", "profile", "email"}}
		}, func(t *testing.T, op *oddOP, asked url.Values, res Result) {
			if asked.Get("scope") != "openid profile email" || op.count("/userinfo") != 1 || res.Identity.Name != "Sam" || res.Identity.Email != "sam@example.test" {
				t.Errorf("asked for %q, %d userinfo requests, %+v", asked.Get("scope"), op.count("/userinfo"), res.Identity)
			}
		}},
		{"O17 client-secret-basic", func(t *testing.T, op *oddOP) Request {
			op.token = func(w http.ResponseWriter, r *http.Request) {
				if user, password, _ := r.BasicAuth(); user != "us" || password != "hush%2B" || r.PostForm.Has("client_secret") || r.PostForm.Has("client_id") {
					t.Errorf("%q %q beside %v", user, password, r.PostForm)
				}
				op.serveToken(w, op.pending.Get("nonce"))
			}
			return Request{Registration: Registration{ClientID: "us", ClientSecret: secret.New("hush+")}}
		}, func(t *testing.T, op *oddOP, asked url.Values, res Result) {
			if res.Link.AuthStyle != AuthBasic || strings.Contains(asked.Encode(), "hush") {
				t.Errorf("style %s, asked %v", res.Link.AuthStyle, asked)
			}
		}},
		{"O18 userinfo-bearer-header", func(t *testing.T, op *oddOP) Request {
			op.userinfo = func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer at" || len(r.Form) != 0 {
					t.Errorf("the token came as %q beside %v", r.Header.Get("Authorization"), r.Form)
				}
				writeJSON(w, map[string]any{"sub": "s1"})
			}
			return Request{}
		}, func(t *testing.T, op *oddOP, _ url.Values, _ Result) {
			if op.count("/userinfo") != 1 {
				t.Errorf("%d userinfo requests", op.count("/userinfo"))
			}
		}},
		{"O21 discovery-openid-config", func(t *testing.T, op *oddOP) Request { return Request{} }, func(t *testing.T, op *oddOP, _ url.Values, res Result) {
			if op.count("/.well-known/openid-configuration") != 1 || res.Link.Provider.Endpoints.Revocation != op.URL+"/revoke" {
				t.Errorf("%d documents, %+v", op.count("/.well-known/openid-configuration"), res.Link.Provider.Endpoints)
			}
		}},
		{"O22 discovery-jwks-uri-keys", func(t *testing.T, op *oddOP) Request {
			op.sign = func(c map[string]any) string { return sign(jose.RS256, testRSA(), "rsa", c, nil) }
			op.keys = func() any { return keysOf(map[string]any{"rsa": testRSA().Public()}) }
			return Request{}
		}, func(t *testing.T, op *oddOP, _ url.Values, res Result) {
			if op.count("/keys") != 1 || res.Link.Provider.Endpoints.JWKS != op.URL+"/keys" {
				t.Errorf("keys fetched %d times from %q", op.count("/keys"), res.Link.Provider.Endpoints.JWKS)
			}
		}},
		{"O30 token-type-case-insensitivity", func(t *testing.T, op *oddOP) Request {
			op.answer = func(a map[string]any) { a["token_type"] = "bEARER" }
			return Request{}
		}, func(t *testing.T, op *oddOP, _ url.Values, res Result) {
			if res.Token.Type != "Bearer" {
				t.Errorf("type %q", res.Token.Type)
			}
		}},
		{"O30 without-expires_in", func(t *testing.T, op *oddOP) Request {
			op.answer = func(a map[string]any) { delete(a, "expires_in") }
			return Request{}
		}, func(t *testing.T, op *oddOP, _ url.Values, res Result) {
			if left := time.Until(res.Token.Expiry); left <= 0 || left > assumedLifetime || res.Token.Refresh.Reveal() != "rt" {
				t.Errorf("expires in %v", left)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			req := c.run(t, op)
			var link string
			res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse, Waiting: func(a string, _ error) { link = a }}, req)
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, op, mustQuery(t, link), res)
		})
	}
}

// Answers that FAPI 2 has a client refuse at the redirect: the dance goes on
// waiting, and no token is asked for.
func TestConformanceOfStates(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"O30 authorization-response-with-invalid-state-fails":         func(q url.Values) { q.Set("state", q.Get("state")+"1") },
		"O30 authorization-response-with-invalid-missing-state-fails": func(q url.Values) { q.Del("state") },
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.back = change
			ctx, cancel := context.WithCancel(t.Context())
			_, err := Run(ctx, op.row(), Prompt{OpenURL: func(ctx context.Context, start string) error {
				defer cancel()
				return browse(ctx, start)
			}}, Request{})
			if !errors.Is(err, ErrCancelled) || op.count("/token") != 0 {
				t.Errorf("%v after %d token requests", err, op.count("/token"))
			}
		})
	}
}

func TestConformanceOfDPoP(t *testing.T) {
	for _, kind := range []string{"dpop", "DPOP", "dPoP"} {
		t.Run("O30 dpop-auth-scheme-case-insensitivity "+kind, func(t *testing.T) {
			op := newBoundOP(t) // its userinfo takes no other spelling than DPoP
			op.kind = kind
			res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{DPoP: true})
			if err != nil || res.Token.Type != "DPoP" || res.Identity.Name != "Sam" {
				t.Errorf("%v, type %q, %+v", err, res.Token.Type, res.Identity)
			}
		})
	}
	t.Run("O30 no-dpop-nonce", func(t *testing.T) {
		op := newOP(t)
		op.document = func(d map[string]any) { d["dpop_signing_alg_values_supported"] = []string{"ES256"} }
		op.answer = func(a map[string]any) { a["token_type"] = "DPoP" }
		proofs := map[string]shown{}
		note := func(then func(http.ResponseWriter)) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				proofs[r.URL.Path] = readProof(t, r.Header.Get("DPoP"))
				then(w)
			}
		}
		op.token = note(func(w http.ResponseWriter) { op.serveToken(w, op.pending.Get("nonce")) })
		op.userinfo = note(func(w http.ResponseWriter) { writeJSON(w, map[string]any{"sub": "s1"}) })
		if _, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{DPoP: true}); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/token", "/userinfo"} {
			if p := proofs[path]; p.Htu != op.URL+path || p.Nonce != "" || op.count(path) != 1 {
				t.Errorf("%s: %+v after %d requests", path, p, op.count(path))
			}
		}
	})
}

// O30 alternate-alg and null-alg: a good signature of a kind that was not
// announced, and none at all; neither fetches a key twice.
func TestO30AlternateAndNullAlg(t *testing.T) {
	op := newOP(t)
	l := op.link()
	l.SigningAlgs = []string{"ES256"}
	op.keys = func() any { return keysOf(map[string]any{"rsa": testRSA().Public(), "ec": testEC().Public()}) }
	null := func(header string) func(map[string]any) string {
		return func(c map[string]any) string {
			parts := strings.Split(sign(jose.ES256, testEC(), "ec", c, nil), ".")
			return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "."
		}
	}
	for name, made := range map[string]func(map[string]any) string{
		"alternate-alg": func(c map[string]any) string { return sign(jose.RS256, testRSA(), "rsa", c, nil) },
		"none":          null(`{"alg":"none"}`),
		"None":          null(`{"alg":"None","kid":"ec"}`),
		"null":          null(`{"alg":null}`),
		"empty":         null(`{"alg":""}`),
		"absent":        null(`{"kid":"ec"}`),
	} {
		op.sign = made
		if _, err := l.verify(t.Context(), expected{raw: op.idToken("n"), nonce: "n"}); !isInvalid(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A token whose key is unknown makes one request for keys, not a storm.
func TestO24UnknownKeyFetchesOnce(t *testing.T) {
	op := newOP(t)
	op.sign = func(c map[string]any) string { return sign(jose.ES256, testEC(), "never", c, nil) }
	for i := range 3 {
		if err := checked(t, op); !isInvalid(err) || op.count("/keys") != i+1 {
			t.Errorf("%v after %d requests for keys", err, op.count("/keys"))
		}
	}
}

// Aggregated and distributed claims name other places; none gets a token, or
// a request at all (OpenID Connect Core 1.0 section 5.6.2).
func TestO29DistributedClaimsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked for %s with %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	sources := map[string]any{
		"here":  map[string]any{"endpoint": other.URL + "/claims", "access_token": "theirs"},
		"there": map[string]any{"endpoint": other.URL + "/claims"},
		"in":    map[string]any{"JWT": sign(jose.ES256, testEC(), "", map[string]any{"name": "Eve", "iss": other.URL}, nil)},
	}
	names := map[string]any{"name": "in", "email": "here", "preferred_username": "there"}
	op := newOP(t)
	op.claims = func(c map[string]any) { c["_claim_names"], c["_claim_sources"] = names, sources }
	op.userinfo = func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"sub": "s1", "_claim_names": names, "_claim_sources": sources})
	}
	res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
	if err != nil || res.Identity.Subject != "s1" || res.Identity.Name != "" || res.Identity.Email != "" {
		t.Errorf("%+v, %v", res.Identity, err)
	}
}

// The logout page is opened and nothing is expected back: there is no state
// that could be wrong, and no address to come back to.
func TestO31LogoutExpectsNothingBack(t *testing.T) {
	op := newOP(t)
	op.document = func(d map[string]any) { d["end_session_endpoint"] = op.URL + "/out?theme=dark" }
	res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(EndSessionURL(res.Link, res.Token.ID))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/out" || q.Get("client_id") != "us" || q.Get("theme") != "dark" || len(q) != 2 {
		t.Errorf("opens %s", u)
	}
}

// Tokens made to keep a reader busy are refused before they do.
func TestO35CostlyTokens(t *testing.T) {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	jwe := func(header string) string {
		return part(header) + "." + part(strings.Repeat("k", 40)) + "." + part("0123456789ab") + "." + part(strings.Repeat("\x00", 30<<10)) + "." + part("0123456789abcdef")
	}
	for name, raw := range map[string]string{
		"PBES2 with a huge count": jwe(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"c2FsdHNhbHQ"}`),
		"compressed":              jwe(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`),
		"signed, with p2c":        part(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647}`) + ".e30.AAAA",
		"a million dots":          "eyJhbGciOiJFUzI1NiJ9" + strings.Repeat(".", 1_000_000),
		"dots in the limit":       strings.Repeat(".", idTokenLength-1),
		"longer than any token":   sign(jose.ES256, testEC(), "ec", nil, nil) + strings.Repeat("A", idTokenLength),
	} {
		op := newOP(t)
		began := time.Now()
		_, err := op.link().verify(t.Context(), expected{raw: raw})
		if took := time.Since(began); !isInvalid(err) || took > time.Second || op.count("/keys") != 0 {
			t.Errorf("%s: %v after %v and %d requests for keys", name, err, took, op.count("/keys"))
		}
	}
}

func TestO34OddKeyNames(t *testing.T) {
	for _, kid := range []string{"../../etc/passwd", "ec\x00", "EC", "ec ", strings.Repeat("k", 8000), "' OR 1=1", "http://127.0.0.1:1/key"} {
		op := newOP(t)
		op.sign = func(c map[string]any) string { return sign(jose.ES256, testEC(), kid, c, nil) }
		if err := checked(t, op); !isInvalid(err) {
			t.Errorf("%.20q: %v", kid, err)
		}
	}
	op := newOP(t)
	op.keys = func() any {
		key := keysOf(map[string]any{"ec": testEC().Public()}).(jose.JSONWebKeySet).Keys[0]
		return map[string]any{"keys": []any{map[string]any{"kty": "EC", "kid": 7}, map[string]any{"kid": []int{1}}, key}}
	}
	if err := checked(t, op); err != nil {
		t.Errorf("odd names beside the right one: %v", err)
	}
}

func TestO37EdgesOfTheClock(t *testing.T) {
	for _, c := range []struct {
		claim string
		off   time.Duration
		want  bool
	}{
		{"exp", -50 * time.Second, true}, {"exp", -70 * time.Second, false}, {"exp", -time.Hour, false},
		{"iat", 290 * time.Second, true}, {"iat", 310 * time.Second, false}, {"iat", 100 * 365 * 24 * time.Hour, false},
		{"nbf", 30 * time.Second, true}, {"nbf", 400 * time.Second, false},
	} {
		op := newOP(t)
		op.claims = func(m map[string]any) { m[c.claim] = time.Now().Add(c.off).Unix() }
		if err := checked(t, op); (err == nil) != c.want {
			t.Errorf("%s at %v: %v", c.claim, c.off, err)
		}
	}
	for _, odd := range []any{"tomorrow", -1, 1e300, map[string]any{}} {
		op := newOP(t)
		op.claims = func(m map[string]any) { m["exp"] = odd }
		if err := checked(t, op); !isInvalid(err) {
			t.Errorf("exp %v: %v", odd, err)
		}
	}
}

// Two subjects that differ in case alone, or at their end, are two.
func TestO41SubjectsAreComparedExactly(t *testing.T) {
	long := strings.Repeat("s", 254)
	for _, pair := range [][2]string{{"Sam", "sam"}, {long + "a", long + "b"}, {"s", "s "}} {
		op := newOP(t)
		op.claims = func(c map[string]any) { c["sub"] = pair[0] }
		op.userinfo = raw(200, "application/json", fmt.Sprintf(`{"sub":%q}`, pair[1]))
		if _, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{}); !isInvalid(err) {
			t.Errorf("%.10q taken for %.10q: %v", pair[1], pair[0], err)
		}
		_, err := op.link().verify(t.Context(), expected{raw: op.idToken(""), who: Identity{Issuer: op.URL, Subject: pair[1]}})
		if !isInvalid(err) {
			t.Errorf("refreshed %.10q as %.10q: %v", pair[1], pair[0], err)
		}
	}
}
