package dance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

// newDPoPKey makes the key of one account, as a JWK. Its tokens are worth
// nothing without it (RFC 9449).
func newDPoPKey() (secret.String, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return secret.String{}, err
	}
	data, err := json.Marshal(jose.JSONWebKey{Key: key})
	return secret.New(string(data)), err
}

func readDPoPKey(key secret.String) (*ecdsa.PrivateKey, error) {
	var jwk jose.JSONWebKey
	if jwk.UnmarshalJSON([]byte(key.Reveal())) == nil {
		if private, ok := jwk.Key.(*ecdsa.PrivateKey); ok && private.Curve == elliptic.P256() {
			return private, nil
		}
	}
	return nil, errors.New("the key that the token is bound to cannot be read")
}

// proof shows possession of key for one request (RFC 9449 section 4.2). access
// is the token that goes along, empty at the token endpoint; nonce is what the
// server gave, or empty.
func proof(key secret.String, method, address, nonce string, access secret.String) (string, error) {
	private, err := readDPoPKey(key)
	if err != nil {
		return "", err
	}
	claims := map[string]any{
		"jti": random(), "htm": method, "htu": proofAddress(address), "iat": time.Now().Unix(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if !access.IsZero() {
		sum := sha256.Sum256([]byte(access.Reveal()))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// proofAddress is an address without query and fragment.
func proofAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// thumbprint names the key in an authorization request (RFC 9449 section 10).
func thumbprint(key secret.String) (string, error) {
	private, err := readDPoPKey(key)
	if err != nil {
		return "", err
	}
	sum, err := (&jose.JSONWebKey{Key: &private.PublicKey}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// nonceLength bounds a server's nonce, which comes back in a header.
const nonceLength = 4 << 10

// serverNonce is the nonce in an answer (RFC 9449 section 8), or "".
func serverNonce(h http.Header) string {
	v := h.Get("DPoP-Nonce")
	if len(v) > nonceLength || !tokenText(v) {
		return ""
	}
	return v
}
