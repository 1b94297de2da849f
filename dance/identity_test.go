package dance

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

func newSecret(s string) secret.String { return secret.New(s) }

// checked makes the ID token of a dance and checks it.
func checked(t *testing.T, op *oddOP) error {
	t.Helper()
	_, err := op.link().verify(t.Context(), expected{raw: op.idToken("the-nonce"), nonce: "the-nonce", access: "at"})
	return err
}

func TestIDTokenClaims(t *testing.T) {
	now := time.Now().Unix()
	sum := sha256.Sum256([]byte("at"))
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		want   bool
	}{
		{"O1 as it should be", nil, true},
		{"O2 wrong iss", set("iss", "https://evil.example"), false},
		{"O30 missing iss", set("iss", nil), false},
		{"O38 the scheme left out", func(c map[string]any) { c["iss"] = strings.TrimPrefix(c["iss"].(string), "http://") }, false},
		{"O3 missing sub", set("sub", nil), false},
		{"O3 empty sub", set("sub", ""), false},
		{"O41 sub of 255", set("sub", strings.Repeat("s", 255)), true},
		{"O41 sub of 256", set("sub", strings.Repeat("s", 256)), false},
		{"O41 sub with newline", set("sub", "a\nb"), false},
		{"O4 wrong aud", set("aud", "them"), false},
		{"O5 missing aud", set("aud", nil), false},
		{"O30 aud as list", set("aud", []string{"us"}), true},
		{"O30 second aud", set("aud", []string{"us", "them"}), false},
		{"second aud, issued to us", func(c map[string]any) { c["aud"], c["azp"] = []string{"us", "them"}, "us" }, true},
		{"O39 azp mismatch", set("azp", "them"), false},
		{"O39 azp is no string", set("azp", 7), false},
		{"O39 azp is us", set("azp", "us"), true},
		{"O6 missing iat", set("iat", nil), false},
		{"O37 iat in the future", set("iat", now+3600), false},
		{"O37 iat a little ahead", set("iat", now+60), true},
		{"O30 expired", set("exp", now-3600), false},
		{"O37 just expired", set("exp", now-30), true},
		{"O30 missing exp", set("exp", nil), false},
		{"O37 nbf ahead", set("nbf", now+3600), false},
		{"O15 wrong nonce", set("nonce", "another"), false},
		{"O30 missing nonce", set("nonce", nil), false},
		{"O19 wrong at_hash", set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), false},
		{"O20 missing at_hash", set("at_hash", nil), true},
		{"right at_hash", set("at_hash", base64.RawURLEncoding.EncodeToString(sum[:16])), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			op.claims = c.change
			err := checked(t, op)
			if (err == nil) != c.want || err != nil && !isInvalid(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestIDTokenSignatures(t *testing.T) {
	der := x509.MarshalPKCS1PublicKey(&testRSA().PublicKey)
	other := func(c map[string]any) string { return sign(jose.ES256, testEC(), "ec", c, nil) }
	for _, c := range []struct {
		name string
		sign func(map[string]any) string
		keys func() any
		want bool
	}{
		{"O9 RS256", func(c map[string]any) string { return sign(jose.RS256, testRSA(), "rsa", c, nil) },
			func() any { return keysOf(map[string]any{"rsa": testRSA().Public()}) }, true},
		{"O7 no kid, one key", func(c map[string]any) string { return sign(jose.ES256, testEC(), "", c, nil) }, nil, true},
		{"O8 no kid, many keys", func(c map[string]any) string { return sign(jose.ES256, testEC(), "", c, nil) },
			func() any { return keysOf(map[string]any{"a": testRSA().Public(), "b": testEC().Public()}) }, true},
		{"O24 kid unknown", func(c map[string]any) string { return sign(jose.ES256, testEC(), "new", c, nil) }, nil, false},
		{"O10 none", func(c map[string]any) string {
			parts := strings.Split(other(c), ".")
			return "eyJhbGciOiJub25lIn0." + parts[1] + "."
		}, nil, false},
		{"O12 broken signature", func(c map[string]any) string { s := other(c); return s[:len(s)-6] + "AAAAAA" }, nil, false},
		{"O11 RS256 by another key", func(c map[string]any) string { return sign(jose.RS256, testRSA(), "ec", c, nil) }, nil, false},
		{"O13 HS256 with the client secret", func(c map[string]any) string {
			return sign(jose.HS256, []byte(strings.Repeat("secret", 10)), "", c, nil)
		}, nil, false},
		{"O32 HS256 with the public key", func(c map[string]any) string { return sign(jose.HS256, der, "rsa", c, nil) },
			func() any { return keysOf(map[string]any{"rsa": testRSA().Public()}) }, false},
		{"O32 symmetric key in the set", func(c map[string]any) string { return sign(jose.HS256, der, "k", c, nil) },
			func() any { return keysOf(map[string]any{"k": der}) }, false},
		{"O30 ES256 not announced as RS512", func(c map[string]any) string { return sign(jose.RS512, testRSA(), "rsa", c, nil) },
			func() any { return keysOf(map[string]any{"rsa": testRSA().Public()}) }, false},
		{"O33 key in the header", func(c map[string]any) string {
			return sign(jose.RS256, testRSA(), "", c, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: testRSA().Public()}, "jku": "http://127.0.0.1:1/k", "x5u": "http://127.0.0.1:1/x"})
		}, nil, false},
		{"O36 unknown crit", func(c map[string]any) string {
			return sign(jose.ES256, testEC(), "ec", c, map[jose.HeaderKey]any{"crit": []string{"odd"}, "odd": 1})
		}, nil, false},
		{"O35 a million dots", func(map[string]any) string { return strings.Repeat(".", 1_000_000) }, nil, false},
		{"O35 encrypted", func(map[string]any) string { return "a.b.c.d.e" }, nil, false},
		{"not a token", func(map[string]any) string { return "a.b.c" }, nil, false},
		{"O34 odd keys beside the right one", nil, func() any {
			return map[string]any{"keys": []any{map[string]any{"kty": "odd"}, 7, keysOf(map[string]any{"ec": testEC().Public()}).(jose.JSONWebKeySet).Keys[0]}}
		}, true},
		{"O34 duplicate kid", nil, func() any {
			return map[string]any{"keys": []any{
				jose.JSONWebKey{Key: testRSA().Public(), KeyID: "ec"}, jose.JSONWebKey{Key: testEC().Public(), KeyID: "ec"}}}
		}, true},
		{"key for encryption", nil, func() any {
			return map[string]any{"keys": []any{jose.JSONWebKey{Key: testEC().Public(), KeyID: "ec", Use: "enc"}}}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			op.sign, op.keys = c.sign, c.keys
			err := checked(t, op)
			if (err == nil) != c.want || err != nil && !isInvalid(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestO34KeysThatCannotBeHad(t *testing.T) {
	for name, keys := range map[string]func() any{
		"10,000 keys": func() any {
			return map[string]any{"keys": make([]int, 10_000)}
		},
		"5 MB":   func() any { return map[string]any{"keys": []any{}, "x": strings.Repeat("y", 5<<20)} },
		"no set": func() any { return []int{1} },
	} {
		op := newOP(t)
		op.keys = keys
		if err := checked(t, op); failed(t, err).Offline {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestO25KeyRotatesJustBeforeSigning(t *testing.T) {
	op := newOP(t)
	if err := checked(t, op); err != nil {
		t.Fatal(err)
	}
	op.sign = func(c map[string]any) string { return sign(jose.RS256, testRSA(), "next", c, nil) }
	op.keys = func() any { return keysOf(map[string]any{"next": testRSA().Public()}) }
	if err := checked(t, op); err != nil {
		t.Error(err)
	}
}

func TestMaxAge(t *testing.T) {
	hour := 3600
	for v, want := range map[any]bool{time.Now().Unix(): true, time.Now().Unix() - 7200: false, nil: false} {
		op := newOP(t)
		op.claims = func(c map[string]any) { c["auth_time"] = v }
		_, err := op.link().verify(t.Context(), expected{raw: op.idToken("n"), nonce: "n", maxAge: &hour})
		if (err == nil) != want {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestR15RefreshOfAnotherAccount(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		want   bool
	}{
		{"O26 same", func(map[string]any) {}, true},
		{"O27 another issuer", func(c map[string]any) { c["iss"] = "https://evil.example" }, false},
		{"O28 another subject", func(c map[string]any) { c["sub"] = "s2" }, false},
	} {
		op := newOP(t)
		op.claims = c.change
		tok, err := op.refresh(t)
		if (err == nil) != c.want || err != nil && !isInvalid(err) || tok.Refresh.Reveal() != "rt" || tok.Access.IsZero() == c.want {
			t.Errorf("%s: %+v, %v", c.name, tok, err)
		}
	}
}

func TestRefreshWithoutKeysLeavesTheIDTokenOut(t *testing.T) {
	op := newOP(t)
	op.keys = func() any { return 7 }
	tok, err := op.refresh(t)
	if err != nil || !tok.ID.IsZero() || tok.Access.Reveal() != "at" {
		t.Errorf("%+v, %v", tok, err)
	}
}

func TestO14UserinfoOfAnother(t *testing.T) {
	op := newOP(t)
	op.userinfo = raw(200, "application/json", `{"sub":"s2","name":"Eve"}`)
	if _, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{}); !isInvalid(err) {
		t.Errorf("got %v", err)
	}
}

func TestUserinfoTroubleIsNoTrouble(t *testing.T) {
	op := newOP(t)
	op.userinfo = raw(500, "text/html", "down")
	res, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
	if err != nil || res.Identity.Subject != "s1" {
		t.Errorf("%+v, %v", res.Identity, err)
	}
}

func TestO29SignedUserinfo(t *testing.T) {
	for _, c := range []struct {
		aud  any
		iss  string
		want bool
	}{{"us", "", true}, {[]string{"us"}, "", true}, {"them", "", false}, {"us", "https://evil.example", false}} {
		op := newOP(t)
		op.userinfo = func(w http.ResponseWriter, _ *http.Request) {
			iss := c.iss
			if iss == "" {
				iss = op.URL
			}
			w.Header().Set("Content-Type", "application/jwt")
			fmt.Fprint(w, sign(jose.ES256, testEC(), "ec", map[string]any{"sub": "s1", "iss": iss, "aud": c.aud, "name": "Sam"}, nil))
		}
		who, err := Probe(t.Context(), op.link(), Registration{}, Token{Access: secret.New("at")})
		if (err == nil) != c.want || c.want && (who.Name != "Sam" || who.Subject != "s1") {
			t.Errorf("%+v: %+v, %v", c, who, err)
		}
	}
}

func TestNoIDToken(t *testing.T) {
	op := newOP(t)
	op.answer = func(a map[string]any) { delete(a, "id_token") }
	if _, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{}); !isInvalid(err) {
		t.Errorf("got %v", err)
	}
}

func TestIdentityByPaths(t *testing.T) {
	op := newOP(t)
	var sent http.Header
	l := op.link()
	l.Provider.Protocol, l.Provider.Issuer = "oauth2", ""
	l.Provider.Identity = Identify{URL: op.URL + "/userinfo", Subject: "data.0.id", Login: "data.0.login", Name: "data.0.profile.name",
		Email: "none", Avatar: "data.0.picture", Headers: map[string]string{"Accept": "application/vnd.odd+json"}}
	l.Provider.API = API{Scheme: "token", Headers: map[string]string{"Client-Id": "us"}}
	answer := func(body string) {
		op.userinfo = func(w http.ResponseWriter, r *http.Request) {
			sent = r.Header
			raw(200, "application/json", body)(w, r)
		}
	}
	answer(`{"data":[{"id":12345678901234567890,"login":"sam\u202e","profile":{"name":"Sam"},"picture":"https://img.example/1.png"}]}`)
	who, err := l.whoIs(t.Context(), Registration{}, receipt{token: Token{Access: secret.New("at")}}, expected{})
	want := Identity{Issuer: op.URL, Subject: "12345678901234567890", Login: "sam", Name: "Sam", Avatar: "https://img.example/1.png"}
	if err != nil || who != want {
		t.Errorf("%+v, %v", who, err)
	}
	if sent.Get("Authorization") != "token at" || sent.Get("Accept") != "application/vnd.odd+json" || sent.Get("Client-Id") != "us" {
		t.Errorf("sent %v", sent)
	}
	for _, body := range []string{`{"data":[]}`, `{"data":[{"id":""}]}`, `{"data":[{"id":true}]}`, `{"data":[{"id":1e3}]}`, `{"data":{"0":{}}}`, `7`, `{"data":[{"id":"a\u0000"}]}`} {
		answer(body)
		if _, err := l.whoIs(t.Context(), Registration{}, receipt{token: Token{Access: secret.New("at")}}, expected{}); !isInvalid(err) {
			t.Errorf("%s: %v", body, err)
		}
		if _, err := Probe(t.Context(), l, Registration{}, Token{Access: secret.New("at")}); err == nil {
			t.Errorf("%s: probed", body)
		}
	}
	l.Provider.Identity = Identify{Subject: "user_id", Login: "name"}
	l.Provider.Endpoints.UserInfo = ""
	who, err = l.whoIs(t.Context(), Registration{}, receipt{values: map[string]any{"user_id": "7", "name": "sam"}}, expected{})
	if err != nil || who.Subject != "7" || who.Login != "sam" {
		t.Errorf("beside the token: %+v, %v", who, err)
	}
	if _, err := Probe(t.Context(), l, Registration{}, Token{Access: secret.New("at")}); !errors.Is(err, ErrNoProbe) {
		t.Errorf("probe: %v", err)
	}
}

func TestProbeAnswers(t *testing.T) {
	for _, c := range []struct {
		status    int
		challenge string
		body      string
		code      string // Refused; "": Failed
	}{
		{401, "", "", "invalid_token"},
		{403, `Bearer realm="x", error="insufficient_scope"`, "", "insufficient_scope"},
		{403, "", "<html>", ""},
		{503, "", "", ""},
		{429, "", "", ""},
		{200, "", "<html>portal</html>", ""},
		{200, "", `{"ok":false,"error":"token_revoked"}`, "token_revoked"},
	} {
		op := newOP(t)
		op.userinfo = func(w http.ResponseWriter, r *http.Request) {
			if c.challenge != "" {
				w.Header().Set("WWW-Authenticate", c.challenge)
			}
			raw(c.status, "application/json", c.body)(w, r)
		}
		l := op.link()
		l.Provider.Quirks.ErrorsIn200 = true
		_, err := Probe(t.Context(), l, Registration{}, Token{Access: secret.New("at")})
		no, ok := errors.AsType[*Refused](err)
		if ok != (c.code != "") || ok && no.Code != c.code {
			t.Errorf("%+v: %v", c, err)
		}
		if !ok {
			failed(t, err)
		}
	}
}

func TestTenantIssuer(t *testing.T) {
	op := newOP(t)
	l := op.link()
	l.Provider.Issuer = op.URL + "/common/v2.0"
	l.Provider.Quirks.IssuerTemplate = true
	for _, c := range []struct {
		iss, tid string
		want     bool
	}{{"/t-1/v2.0", "t-1", true}, {"/t-1/v2.0", "t-2", false}, {"/t-1/v2.0", "", false}, {"/t-1/v3.0", "t-1", false}} {
		op.claims = func(m map[string]any) { m["iss"], m["tid"] = op.URL+c.iss, c.tid }
		claims, err := l.verify(t.Context(), expected{raw: op.idToken("n"), nonce: "n"})
		if (err == nil) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && l.fromClaims(claims).Issuer != op.URL+c.iss {
			t.Errorf("issuer %q", l.fromClaims(claims).Issuer)
		}
	}
}
