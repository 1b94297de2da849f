package dance

import (
	"time"

	"dancecard/internal/secret"
)

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
