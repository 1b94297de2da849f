package dance

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/oauth2"

	"dancecard/internal/secret"
)

// Refresh asks for a new access token (RFC 6749 section 6). Where the answer
// carries a refresh token that could be read, it is in the Token even when err
// is not nil ("salvaged": the caller stores it first). An answer without one
// leaves Token.Refresh empty: the caller keeps the old one. An answer that is
// silent about scopes leaves Token.Granted empty unless scopes were asked for.
// old needs its refresh token and, for DPoP, its key, which the new token
// keeps. who is needed to check an OpenID provider's ID token in the answer (same
// iss and sub); where the provider's keys cannot be fetched, or only this
// machine's clock speaks against it, Token.ID is left empty instead.
//
// Errors: *Refused (see GrantEnded and RegistrationDead), *Failed (may pass;
// Answered says whether the old refresh token may be spent), *Invalid.
func Refresh(ctx context.Context, l Link, r Registration, old Token, scopes []string, who Identity) (Token, error) {
	p := l.Provider
	if len(scopes) == 0 && p.Quirks.RefreshScope {
		scopes = old.Granted
	}
	params := tokenParams(p)
	if len(scopes) > 0 {
		params.Set(scopeParam(p), joinScopes(p, scopes))
	}
	if l.Resource != "" {
		params.Set("resource", l.Resource)
	}
	if p.Quirks.RefreshRedirect {
		params.Set("redirect_uri", l.RedirectURI)
	}
	address := p.Endpoints.Refresh
	if address == "" {
		address = p.Endpoints.Token
	}
	proofs, err := newProver(old.Key)
	if err != nil {
		return Token{}, &Failed{Stage: "refresh", Text: err.Error(), Offline: true}
	}
	call := &tokenCall{client: newClient(p), stage: "refresh", provider: p, params: params, refreshable: true, proofs: proofs}
	source := config(l, l.registration(r), address).TokenSource(call.over(ctx), &oauth2.Token{RefreshToken: old.Refresh.Reveal()})
	_, err = source.Token()
	t, err := call.result(err)
	if err != nil {
		return t, err
	}
	if sub := t.Extra["sub"]; sub != "" && p.Identity.Pinned.Subject != "" {
		if _, err := l.pinned(Identity{Subject: sub}); err != nil {
			return Token{Refresh: t.Refresh}, err
		}
	}
	if t.Granted == nil {
		t.Granted = scopes
	}
	if t.ID.IsZero() {
		return t, nil
	}
	_, err = l.verify(ctx, expected{raw: t.ID.Reveal(), access: t.Access.Reveal(), who: who})
	switch invalid, ok := errors.AsType[*Invalid](err); {
	case ok && !invalid.clock:
		return Token{Refresh: t.Refresh}, err
	case err != nil:
		t.ID = secret.String{}
	}
	return t, nil
}

func scopeParam(p Provider) string {
	if p.ScopeParam == "" {
		return "scope"
	}
	return p.ScopeParam
}

func joinScopes(p Provider, scopes []string) string {
	if p.ScopeSeparator == "" {
		return strings.Join(scopes, " ")
	}
	return strings.Join(scopes, p.ScopeSeparator)
}
