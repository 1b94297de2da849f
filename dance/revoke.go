package dance

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dancecard/internal/secret"
)

// Revoke ends the token at the provider (RFC 7009): the refresh token if there
// is one, then the access token, which not every provider ends with it.
// ErrNoRevocation if the link knows no way; *Failed is worth another try; a
// token that the provider does not know any more counts as revoked.
func Revoke(ctx context.Context, l Link, r Registration, t Token) error {
	v := l.Provider.Revocation
	if l.Provider.Endpoints.Revocation == "" || v.Style != "" && v.Style != "rfc7009" {
		return ErrNoRevocation
	}
	r = l.registration(r)
	if t.Refresh.IsZero() {
		if t.Access.IsZero() {
			return nil
		}
		return l.revoke(ctx, r, t.Access, "access_token")
	}
	err := l.revoke(ctx, r, t.Refresh, "refresh_token")
	if t.Access.IsZero() || err != nil && !unsupported(err) {
		return err
	}
	if accessErr := l.revoke(ctx, r, t.Access, "access_token"); err == nil && !unsupported(accessErr) {
		return accessErr
	}
	return err
}

func unsupported(err error) bool {
	no, ok := err.(*Refused)
	return ok && no.Code == "unsupported_token_type"
}

func (l Link) revoke(ctx context.Context, r Registration, token secret.String, hint string) error {
	const stage = "revocation"
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {hint}}
	if l.AuthStyle != AuthBasic {
		form.Set("client_id", r.ClientID)
	}
	if l.AuthStyle == AuthPost {
		form.Set("client_secret", r.ClientSecret.Reveal())
	}
	req, err := http.NewRequest(http.MethodPost, l.Provider.Endpoints.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return &Failed{Stage: stage, Text: "the revocation address cannot be used"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if l.AuthStyle == AuthBasic {
		req.SetBasicAuth(url.QueryEscape(r.ClientID), url.QueryEscape(r.ClientSecret.Reveal()))
	}
	a, err := newClient(l.Provider).send(ctx, stage, req)
	if a.status/100 == 2 {
		return nil // the body says nothing (RFC 7009 section 2.2), whether or not it could be read
	}
	if err != nil {
		return err
	}
	doc, _ := document(a, l.Provider.Quirks.FormAnswer)
	err = judge(stage, a, doc, l.Provider.Quirks, []string{token.Reveal(), r.ClientSecret.Reveal()})
	if no, ok := err.(*Refused); ok && (no.Code == "invalid_token" || no.Code == "invalid_grant") {
		return nil
	}
	return err
}

// EndSessionURL is the address that signs the user out of the provider in the
// browser (OpenID Connect RP-Initiated Logout 1.0 section 2); "" if it has
// none. The ID token goes along as a hint only once it has expired, since
// addresses show in process lists and histories and a live one opens doors.
func EndSessionURL(l Link, idToken secret.String) string {
	u, err := checkURL(l.Provider.Endpoints.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", l.ClientID)
	if exp, ok := unverifiedExpiry(idToken.Reveal()); ok && exp.Before(time.Now()) {
		q.Set("id_token_hint", idToken.Reveal())
	}
	u.RawQuery = q.Encode()
	return u.String()
}
