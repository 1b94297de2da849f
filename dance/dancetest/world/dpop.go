package world

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const proofNonce = "nonce-of-the-world"

// proven demands a DPoP proof (RFC 9449 section 4.3) of rows that declare it,
// with the server's nonce, and the same key each time. g is nil before there
// is a grant.
func (s *Sim) proven(w http.ResponseWriter, r *request, g *grant) bool {
	if s.row.DPoP == "" {
		return true
	}
	token, err := jwt.ParseSigned(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA})
	if err != nil || len(token.Headers) != 1 || token.Headers[0].JSONWebKey == nil || !token.Headers[0].JSONWebKey.IsPublic() ||
		token.Headers[0].ExtraHeaders["typ"] != "dpop+jwt" {
		s.complain(w, 400, "there is no DPoP proof")
		return false
	}
	key := token.Headers[0].JSONWebKey
	var claims struct {
		ID     string `json:"jti"`
		Method string `json:"htm"`
		URL    string `json:"htu"`
		At     int64  `json:"iat"`
		Nonce  string `json:"nonce"`
		Hash   string `json:"ath"`
	}
	if err := token.Claims(key.Key, &claims); err != nil {
		s.complain(w, 400, "the DPoP proof is not signed by its key")
		return false
	}
	if claims.Nonce != proofNonce {
		w.Header().Set("DPoP-Nonce", proofNonce)
		if access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP "); ok && access != "" {
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
			return false
		}
		if g != nil && g.code == "" && g.access == "" { // the code was not used after all
			g.code = r.value("code")
		}
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "use_dpop_nonce"})
		return false
	}
	age := time.Since(time.Unix(claims.At, 0))
	if s.proofs[claims.ID] || claims.ID == "" || claims.Method != r.Method || claims.URL != r.address() || age > time.Minute || age < -time.Minute {
		s.complain(w, 400, "the DPoP proof is for %s %s", claims.Method, claims.URL)
		return false
	}
	s.proofs[claims.ID] = true
	if access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP "); ok {
		if sum := sha256.Sum256([]byte(access)); claims.Hash != base64.RawURLEncoding.EncodeToString(sum[:]) {
			s.complain(w, 401, "the DPoP proof is for another token")
			return false
		}
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil || g != nil && g.key != "" && g.key != string(print) {
		s.complain(w, 400, "the DPoP proof is by another key")
		return false
	}
	if g != nil {
		g.key = string(print)
	}
	return true
}
