package dance

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"
)

const (
	idTokenLength = 64 << 10
	subjectLength = 255 // OpenID Connect Core 1.0 section 2
	skew          = time.Minute
	keyCount      = 100 // keys of a set that are read
	keyTries      = 10  // keys that are tried where the token names none
)

// Signatures that are accepted: never none, never a shared secret.
var signatures = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// expected is an ID token and what it must agree with.
type expected struct {
	raw    string
	access string
	nonce  string   // "": not a dance, there is none
	maxAge *int     // seconds, as asked for
	acr    []string // any of them will do
	madeUp string   // the subject to keep, where the provider names none
	who    Identity // zero: not known yet
}

// verify checks an ID token (OpenID Connect Core 1.0 sections 3.1.3.7, 3.1.3.8
// and 12.2) and returns its claims. go-oidc checks signature, iss, aud, exp
// and nbf; the rest is here. *Failed: the provider's keys cannot be fetched.
func (l Link) verify(ctx context.Context, e expected) (map[string]any, error) {
	if len(e.raw) > idTokenLength || strings.Count(e.raw, ".") != 2 {
		return nil, invalidID("it is not a signed token")
	}
	keys := &keySet{client: newClient(l.Provider), address: l.Provider.Endpoints.JWKS}
	verifier := oidc.NewVerifier(l.Provider.Issuer, keys, &oidc.Config{
		ClientID:             l.ClientID,
		SupportedSigningAlgs: l.algorithms(),
		SkipIssuerCheck:      l.Provider.Quirks.IssuerTemplate,
		Now:                  func() time.Time { return time.Now().Add(-skew) },
	})
	token, err := verifier.Verify(ctx, e.raw)
	if keys.failed != nil {
		return nil, keys.failed
	}
	if err != nil {
		return nil, invalidID(reason(err))
	}
	var payload json.RawMessage
	if err := token.Claims(&payload); err != nil {
		return nil, invalidID("its claims cannot be read")
	}
	claims, err := parseObject(payload, false)
	if err != nil {
		return nil, invalidID(err.Error())
	}
	if text := l.quarrel(token, claims, e); text != "" {
		return nil, invalidID(text)
	}
	return claims, nil
}

// quarrel is what is wrong with a token that go-oidc accepted, or "".
func (l Link) quarrel(token *oidc.IDToken, claims map[string]any, e expected) string {
	_, issued := number(claims["iat"])
	authTime, authKnown := number(claims["auth_time"])
	azp := stringAt(claims, "azp")
	switch {
	case l.Provider.Quirks.IssuerTemplate && !l.tenantIssuer(token.Issuer, stringAt(claims, "tid")):
		return "its issuer is not this provider"
	case token.Subject == "" || len(token.Subject) > subjectLength || clean(token.Subject, subjectLength) != token.Subject:
		return "it names no usable subject"
	case !issued:
		return "it does not say when it was issued"
	case token.IssuedAt.After(time.Now().Add(5 * time.Minute)):
		return "it comes from the future" + checkClock
	case claims["azp"] != nil && azp != l.ClientID:
		return "it was issued to another client"
	case azp == "" && slices.ContainsFunc(token.Audience, func(a string) bool { return a != l.ClientID }):
		return "it is meant for other clients too and does not say for whom it was issued"
	case e.nonce != "" && subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(e.nonce)) != 1:
		return "it does not answer this sign-in (nonce)"
	case token.AccessTokenHash != "" && token.VerifyAccessToken(e.access) != nil:
		return "it does not belong to the access token (at_hash)"
	case e.maxAge != nil && (!authKnown || time.Since(time.Unix(int64(authTime), 0)) > time.Duration(*e.maxAge)*time.Second+skew):
		return "the sign-in at the provider is older than was asked for"
	case len(e.acr) > 0 && claims["acr"] != nil && !slices.Contains(e.acr, stringAt(claims, "acr")):
		return "the sign-in at the provider was not of the strength that was asked for"
	case e.who.Subject != "" && (token.Subject != e.who.Subject || token.Issuer != e.who.Issuer):
		return "it speaks of another account"
	}
	return ""
}

func (l Link) tenantIssuer(issuer, tid string) bool {
	return issuer == l.Provider.Issuer || tid != "" && tenantOf(l.Provider.Issuer, issuer) == tid
}

// algorithms are those the provider announced and we accept; RS256 where it
// announced none.
func (l Link) algorithms() []string {
	if len(l.SigningAlgs) == 0 {
		return []string{oidc.RS256}
	}
	found := slices.DeleteFunc(slices.Clone(l.SigningAlgs), func(a string) bool { return !slices.Contains(signatures, a) })
	if len(found) == 0 {
		return []string{oidc.RS256}
	}
	return found
}

const checkClock = "; check the clock"

func invalidID(text string) *Invalid {
	return &Invalid{Stage: "identity", Text: "the provider's ID token cannot be trusted: " + text, clock: strings.HasSuffix(text, checkClock)}
}

// reason turns go-oidc's error, which may quote the token, into plain words.
func reason(err error) string {
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return "it has expired" + checkClock
	}
	for _, known := range []struct{ part, text string }{
		{"different provider", "its issuer is not this provider"},
		{"expected audience", "it was made for another client"},
		{"nbf", "it is not valid yet" + checkClock},
		{"verify signature", "its signature is wrong"},
		{"malformed jwt", "its form or its signature algorithm is not accepted"},
	} {
		if strings.Contains(err.Error(), known.part) {
			return known.text
		}
	}
	return "it cannot be read"
}

// keySet is the provider's current keys, fetched for one check: a rotated key
// is never missed. It implements oidc.KeySet.
type keySet struct {
	client  *client
	address string
	failed  *Failed // the keys could not be had
}

// VerifySignature implements oidc.KeySet. Keys and addresses in the token's
// own header are not looked at.
func (k *keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	accepted := make([]jose.SignatureAlgorithm, len(signatures))
	for i, name := range signatures {
		accepted[i] = jose.SignatureAlgorithm(name)
	}
	jws, err := jose.ParseSignedCompact(raw, accepted)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, errors.New("malformed jwt")
	}
	keys, err := k.fetch(ctx)
	if err != nil {
		return nil, err
	}
	head := jws.Signatures[0].Header
	tried := 0
	for _, key := range keys {
		if head.KeyID != "" && key.KeyID != head.KeyID || key.Algorithm != "" && key.Algorithm != head.Algorithm {
			continue
		}
		if tried++; tried > keyTries {
			break
		}
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no key fits")
}

func (k *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	const stage = "identity"
	if k.address == "" {
		return nil, errors.New("the provider has no keys")
	}
	a, err := k.client.get(ctx, stage, k.address)
	if err == nil && a.status != 200 {
		err = &Failed{Stage: stage, Status: a.status, Answered: true, Text: fmt.Sprintf("the provider's keys cannot be fetched (HTTP %d)", a.status)}
	}
	if err != nil {
		k.failed, _ = errors.AsType[*Failed](err)
		return nil, err
	}
	doc, err := parseObject(a.body, false)
	list, ok := at(doc, "keys").([]any)
	if err != nil || !ok || len(list) > keyCount {
		k.failed = odd(stage, a, errors.New("it is not a set of keys"))
		return nil, k.failed
	}
	return usableKeys(list), nil
}

// usableKeys leaves out what is not a public signing key.
func usableKeys(list []any) []jose.JSONWebKey {
	var keys []jose.JSONWebKey
	for _, v := range list {
		data, err := json.Marshal(v)
		if err != nil {
			continue
		}
		var key jose.JSONWebKey
		if key.UnmarshalJSON(data) == nil && key.Valid() && key.IsPublic() && key.Use != "enc" {
			keys = append(keys, key)
		}
	}
	return keys
}

// unverifiedExpiry reads exp of a token of our own without checking it.
func unverifiedExpiry(raw string) (time.Time, bool) {
	accepted := make([]jose.SignatureAlgorithm, len(signatures))
	for i, name := range signatures {
		accepted[i] = jose.SignatureAlgorithm(name)
	}
	jws, err := jose.ParseSignedCompact(raw, accepted)
	if err != nil {
		return time.Time{}, false
	}
	doc, err := parseObject(jws.UnsafePayloadWithoutVerification(), false)
	if err != nil {
		return time.Time{}, false
	}
	exp, ok := number(doc["exp"])
	return time.Unix(int64(exp), 0), ok
}
