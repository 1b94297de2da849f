package dance

import (
	"context"
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
	"slices"
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

// A prover adds proofs to the requests to one server and remembers the nonce
// that the server gave last. A nil prover adds none.
type prover struct {
	key        secret.String
	thumbprint string
	nonce      string
}

func newProver(key secret.String) (*prover, error) {
	if key.IsZero() {
		return nil, nil
	}
	sum, err := thumbprint(key)
	return &prover{key: key, thumbprint: sum}, err
}

// bind makes the key of an account where the row, or the user and the
// provider, want its tokens bound to one.
func (l Link) bind(asked bool) (*prover, error) {
	required := l.Provider.DPoP == "required"
	offered := slices.Contains(l.DPoPAlgs, string(jose.ES256))
	switch {
	case required && len(l.DPoPAlgs) > 0 && !offered:
		return nil, &Invalid{Stage: "discovery", Text: "the provider binds tokens to kinds of key that this version does not have (DPoP)"}
	case !required && !(asked && offered):
		return nil, nil
	}
	key, err := newDPoPKey()
	if err != nil {
		return nil, &Failed{Stage: "authorization", Text: "no key could be made", Cause: err}
	}
	return newProver(key)
}

// send performs a request with a proof. A server that wants its nonce in it
// has done nothing yet (RFC 9449 section 8): it is asked once more. access is
// the token in the request, if there is one.
func (p *prover) send(ctx context.Context, c *client, stage string, req *http.Request, access secret.String) (answer, error) {
	if p == nil {
		return c.send(ctx, stage, req)
	}
	for again := false; ; again = true {
		signed, err := proof(p.key, req.Method, req.URL.String(), p.nonce, access)
		if err != nil {
			return answer{}, &Failed{Stage: stage, Text: err.Error(), Offline: true}
		}
		req.Header.Set("DPoP", signed)
		a, err := c.send(ctx, stage, req)
		nonce := serverNonce(a.header)
		if nonce != "" {
			p.nonce = nonce
		}
		if err != nil || again || nonce == "" || !wantsNonce(a) {
			return a, err
		}
		if req.Body != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return answer{}, &Failed{Stage: stage, Text: "the request could not be made", Offline: true}
			}
		}
	}
}

// wantsNonce reports the answer of RFC 9449 section 8 (in the body) or 9 (in
// the challenge).
func wantsNonce(a answer) bool {
	switch a.status {
	case http.StatusBadRequest, http.StatusUnauthorized:
	default:
		return false
	}
	if challengesNonce(a.header) {
		return true
	}
	doc, _ := parseObject(a.body, true)
	return stringAt(doc, "error") == "use_dpop_nonce"
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
