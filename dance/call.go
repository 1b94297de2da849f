package dance

import (
	"context"
	"net/http"
)

// Call performs one request at the provider's API with the token added: as a
// bearer token, with a DPoP proof (RFC 9449) or signed (OAuth 1.0a), as the
// link says. The caller owns the answer's body. Bodies stream both ways, no
// redirect is followed, and a host that the link does not name is refused.
func Call(ctx context.Context, l Link, r Registration, t Token, req *http.Request) (*http.Response, error) {
	panic("contract")
}

// StepUp is an API's word that the token is good but the sign-in behind it is
// not strong or fresh enough (RFC 9470 section 3).
type StepUp struct {
	ACRValues []string
	MaxAge    *int // seconds
}

// StepUpOf reads the challenge of an answer with status 401.
func StepUpOf(res *http.Response) (StepUp, bool) { panic("contract") }
