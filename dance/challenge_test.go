package dance

import (
	"errors"
	"net/http"
	"testing"

	"dancecard/internal/secret"
)

// A 401 that finds fault with the proof or the time in a signature says nothing
// of the token: neither is a sign-in needed, nor has the token ended.
func TestFaultsOfASignatureCostNoToken(t *testing.T) {
	key, err := newDPoPKey()
	if err != nil {
		t.Fatal(err)
	}
	bound := Token{Access: secret.New("at"), Type: dpopType, Key: key}
	signed := Token{Access: secret.New("at"), Type: oauthType, Secret: secret.New("own")}
	for _, c := range []struct {
		name   string
		token  Token
		fields []string
		body   string
		gone   bool
	}{
		{"proof refused", bound, []string{`DPoP error="invalid_dpop_proof", algs="ES256"`}, "", false},
		{"never content", bound, []string{`Bearer realm="x"`, `DPoP error="use_dpop_nonce"`}, "", false},
		{"token refused", bound, []string{`DPoP error="invalid_token"`}, "", true},
		{"clock", signed, []string{`OAuth realm="x", oauth_problem="timestamp_refused"`}, "", false},
		{"clock, in the body", signed, nil, "oauth_problem=timestamp_refused&oauth_acceptable_timestamps=1-2", false},
		{"signed token refused", signed, []string{`OAuth oauth_problem="token_rejected"`}, "", true},
		{"nothing said", signed, nil, "", true},
	} {
		s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("DPoP-Nonce", "n")
			w.Header()["Www-Authenticate"] = c.fields
			w.WriteHeader(401)
			w.Write([]byte(c.body))
		})
		l := apiLink(s)
		l.Provider.Identity.URL = s.URL + "/me"
		l.Provider.Endpoints.Revocation = s.URL + "/revoke"
		l.Provider.Revocation = Revocation{Style: "request", Auth: "bearer"}
		r := Registration{ClientID: "us", ClientSecret: secret.New("s3cret")}
		_, err := Probe(t.Context(), l, r, c.token)
		if _, refused := errors.AsType[*Refused](err); refused != c.gone || err == nil {
			t.Errorf("%s: the probe says %v", c.name, err)
		}
		if err := Revoke(t.Context(), l, r, c.token); (err == nil) != c.gone {
			t.Errorf("%s: revoking says %v", c.name, err)
		}
	}
}

// The challenge that asks for a nonce need not be the first field.
func TestD56NonceAskedForInTheSecondField(t *testing.T) {
	h := http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`, `DPoP algs="ES256", error="use_dpop_nonce"`}}
	if !wantsNonce(answer{status: 401, header: h}) {
		t.Error("not seen")
	}
}
