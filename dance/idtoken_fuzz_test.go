package dance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// fuzzIssuer and fuzzKey are the same in every process of a fuzzing run.
const fuzzIssuer = "http://localhost:1"

func fuzzKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString("Q97_jIdukCmX2ABZ1oH-sV5E8PSED1M3EXbiZiQ-Bdc")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// FuzzIDToken takes a whole token, or claims that the provider itself signs.
// Whatever is accepted must be signed by the provider and meant for this
// client and this sign-in.
func FuzzIDToken(f *testing.F) {
	key := fuzzKey(f)
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, keysOf(map[string]any{"ec": key.Public()}))
	}))
	f.Cleanup(keys.Close)
	now := time.Now().Unix()
	claims := map[string]any{"iss": fuzzIssuer, "sub": "s1", "aud": "us", "exp": now + 1e6, "iat": now, "nonce": "the-nonce"}
	f.Add(sign(jose.ES256, key, "ec", claims, nil), false)
	f.Add(sign(jose.HS256, []byte("0123456789abcdef0123456789abcdef"), "ec", claims, nil), false)
	f.Add("eyJhbGciOiJub25lIn0.e30.", false)
	f.Add("..", false)
	f.Add(`{"iss":"http://localhost:1","sub":"s1","aud":["us","them"],"exp":9999999999,"iat":1,"nonce":"the-nonce","azp":"us"}`, true)
	f.Add(`{"iss":"http://localhost:1","sub":"s1","aud":"us","exp":9999999999,"iat":1,"nonce":"the-nonce","at_hash":"x","acr":"gold","auth_time":1}`, true)
	f.Add(`{"iss":"http://localhost:1","iss":"https://evil.example","sub":"\u202e"}`, true)
	l := Link{ClientID: "us", SigningAlgs: []string{"ES256", "RS256", "none", "HS256"},
		Provider: Provider{Issuer: fuzzIssuer, Endpoints: Endpoints{JWKS: keys.URL}}}
	if _, err := l.verify(f.Context(), expected{raw: sign(jose.ES256, key, "ec", claims, nil), nonce: "the-nonce"}); err != nil {
		f.Fatalf("a good one: %v", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "ec"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string, ours bool) {
		if ours {
			jws, err := signer.Sign([]byte(raw))
			if err != nil {
				return
			}
			raw, _ = jws.CompactSerialize()
		}
		got, err := l.verify(t.Context(), expected{raw: raw, access: "at", nonce: "the-nonce", acr: []string{"gold"}})
		if err != nil {
			if !isInvalid(err) || got != nil {
				t.Fatalf("%T beside %v: %v", err, got, err)
			}
			return
		}
		jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatalf("took %q", raw)
		}
		if _, err := jws.Verify(key.Public()); err != nil {
			t.Fatalf("took %q: %v", raw, err)
		}
		audience := append(stringsAt(got, "aud"), stringAt(got, "aud"))
		sub := stringAt(got, "sub")
		if stringAt(got, "iss") != fuzzIssuer || stringAt(got, "nonce") != "the-nonce" || !slices.Contains(audience, "us") ||
			sub == "" || len(sub) > subjectLength || clean(sub, subjectLength) != sub {
			t.Fatalf("took %v", got)
		}
		if azp := got["azp"]; azp != nil && azp != "us" || got["acr"] != nil && got["acr"] != "gold" {
			t.Fatalf("took %v", got)
		}
		if who := l.fromClaims(got); clean(who.Name, 200) != who.Name || clean(who.Login, 200) != who.Login {
			t.Fatalf("shows %+v", who)
		}
	})
}
