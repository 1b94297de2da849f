package dancetest

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const introspectionID = "dancetest-introspection"

// nativeClient is the one public client. Loopback redirects match by glob,
// because a native app takes any port (RFC 8252 section 7.3) and ours takes any
// path as well; the library checks on its own that the host is loopback.
type nativeClient struct{}

var _ op.HasRedirectGlobs = nativeClient{}

func (nativeClient) GetID() string { return clientID }

func (nativeClient) RedirectURIs() []string {
	return []string{"http://127.0.0.1", "http://localhost", "http://[::1]"}
}

func (nativeClient) RedirectURIGlobs() []string {
	return []string{
		"http://127.0.0.1{,:*}/**", "http://localhost{,:*}/**", `http://\[::1\]{,:*}/**`,
	}
}

func (c nativeClient) PostLogoutRedirectURIs() []string { return c.RedirectURIs() }

func (nativeClient) PostLogoutRedirectURIGlobs() []string {
	var globs []string
	for _, host := range []string{"127.0.0.1", "localhost", `\[::1\]`} {
		for _, path := range []string{"/", "/*", "/*/*"} {
			globs = append(globs, "http://"+host+path, "http://"+host+":*"+path)
		}
	}
	return globs
}

func (nativeClient) ApplicationType() op.ApplicationType { return op.ApplicationTypeNative }
func (nativeClient) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodNone }

func (nativeClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (nativeClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

func (nativeClient) LoginURL(id string) string           { return loginPath + "?request=" + id }
func (nativeClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (nativeClient) IDTokenLifetime() time.Duration      { return time.Hour }
func (nativeClient) DevMode() bool                       { return false }
func (nativeClient) ClockSkew() time.Duration            { return 0 }

func (nativeClient) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (nativeClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (nativeClient) IsScopeAllowed(scope string) bool { return slices.Contains(scopeNames(), scope) }

// IDTokenUserinfoClaimsAssertion is false: name and e-mail are at the userinfo
// endpoint, as OpenID Connect Core 1.0 section 5.4 has it for the code flow.
func (nativeClient) IDTokenUserinfoClaimsAssertion() bool { return false }
