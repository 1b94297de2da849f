// Package dance performs OAuth 2.0 and OpenID Connect client flows: the
// protocol and nothing else. It stores nothing and shows nothing.
//
// [Run] takes a [Provider] (a row of the catalogue), a [Prompt] (what the
// dance borrows from its caller: a browser, a place to show the link) and a
// [Request], and returns tokens, who they speak for, and the [Link]: all that
// [Refresh], [Call], [Revoke], [Probe] and [EndSessionURL] need later. A link is
// meant to be sealed into the account, so that a row or a discovery document
// that changes never sends a secret to a new place.
//
// It promises: authorization code with PKCE S256 unless the row says
// otherwise, pushed where the provider takes that (PAR), tokens bound to a key
// where it is asked for (DPoP), state and nonce of 256 bits, the iss check of
// RFC 9207; a listener on loopback alone that takes one answer and is gone, with every
// goroutine, when Run returns; no redirect followed with a secret, no request
// repeated, answers bounded and strictly read; a refresh token in an answer
// that is otherwise odd is saved.
//
// It never puts a body or a secret of an answer into an error, a log or a
// command line, never speaks http but to this machine, and never tries a
// second way to authenticate.
//
// Errors are [*Refused] (the provider said no), [*Failed] (may pass),
// [*Invalid] (must not be trusted), or one of the Err variables. Their text is
// for people.
package dance

import (
	"context"
	"time"

	"dancecard/internal/secret"
)

// A Registration identifies Dancecard to one provider.
type Registration struct {
	ClientID     string
	ClientSecret secret.String
	AuthStyle    AuthStyle     // empty: the row's, else by what discovery offers
	PrivateKey   secret.String // PEM of an RSA key: OAuth 1.0a with RSA-SHA1 only
}

// A Request is what is asked of the provider in one dance.
type Request struct {
	Registration Registration // zero: the row's own client
	Scopes       []string     // nil: the provider's Scopes
	LoginHint    string
	PromptParam  string            // OpenID "prompt": "select_account", "login", "consent"
	MaxAge       *int              // seconds
	ACRValues    []string          // OpenID "acr_values" (RFC 9470 section 4)
	Options      map[string]string // option id -> what the user typed; "on" and "off" for switches
	Resource     string            // resource indicator (RFC 8707); empty: the row's
	DPoP         bool              // bind the tokens to a key of ours (RFC 9449) where the provider offers it
	Device       bool              // device authorization (RFC 8628) instead of a browser on this machine
	Subject      string            // made up for rows with Identity.Unknown on a reconnect; else unused
}

// Prompt holds the abilities a dance borrows from its caller. Each may be nil.
type Prompt struct {
	// OpenURL opens the one-time start address on the loopback listener in a
	// browser. An error does not end the dance: the link is on screen. It runs
	// beside the dance and must return when ctx ends.
	OpenURL func(ctx context.Context, start string) error
	// Waiting is called when the listener stands: the provider's own URL (for
	// Copy and --print-url), and OpenURL's error if it failed within a second.
	// It is called once more for each word on Again.
	Waiting func(authorization string, opened error)
	// Again, at each word, has OpenURL called once more, with a new start
	// address; the one before is no longer good.
	Again <-chan struct{}
	// ShowCode is called when the device flow has its code.
	ShowCode func(Code)
	// Paste brings what the user copied from the browser: the address it ended
	// at, or the code that the page showed. A text that cannot be right is
	// answered through Pasted and changes nothing. It is read in every flow with
	// a redirect, so that a browser on another machine can finish a dance.
	Paste <-chan string
	// Pasted says what became of a text from Paste: nil, or why it is not it.
	Pasted func(error)
	// Exchanging is called when the right answer came and tokens are asked for.
	Exchanging func()
}

// Token is what the provider gave.
type Token struct {
	Access  secret.String
	Refresh secret.String
	ID      secret.String
	Type    string            // "Bearer"; "DPoP" and "OAuth" tokens only work with a signature: see [Call]
	Key     secret.String     // the private key they are bound to (a JWK), where DPoP was asked for; never leaves. A token of Type Bearer is not bound, its refresh token may be
	Secret  secret.String     // Type OAuth: the token's own shared secret (RFC 5849)
	Expiry  time.Time         // zero: the provider named none (see Quirks.NoExpiry)
	Granted []string          // scopes as granted; the asked ones if the answer is silent (RFC 6749 section 5.1)
	Extra   map[string]string // other values of the answer (instance_url, api_domain)
}

// Identity is who came back.
type Identity struct {
	Issuer  string // the issuer, or the origin of the token endpoint
	Subject string // never empty
	Login   string
	Name    string
	Email   string
	Avatar  string // https URL
	Unnamed bool   // the provider does not say whose token it is; Subject is made up
}

// A Link is everything that an account was linked with; it is sealed into the
// account, and refresh, revocation and identity run on it alone.
type Link struct {
	Provider       Provider  `json:"provider"` // endpoints resolved, discovery merged in
	ClientID       string    `json:"client_id"`
	AuthStyle      AuthStyle `json:"auth_style"`
	RedirectURI    string    `json:"redirect_uri"`
	IssParam       bool      `json:"iss_param"`       // the provider promised iss in its answers (RFC 9207)
	ChallengeKnown bool      `json:"challenge_known"` // the provider says that it checks PKCE S256 (RFC 8414)
	SigningAlgs    []string  `json:"signing_algs"`
	DPoPAlgs       []string  `json:"dpop_algs,omitempty"` // what the provider takes (RFC 9449 section 5.1)
	PARRequired    bool      `json:"par_required,omitempty"`
	Resource       string    `json:"resource,omitempty"` // resource indicator that the tokens were asked for
	Homes          []string  `json:"homes,omitempty"`    // inner hosts that were inner when it was linked
}

// registration falls back on the row's own client. A link that was stored has
// no secret: who has one passes it.
func (l Link) registration(r Registration) Registration {
	if r.ClientID == "" {
		return Registration{ClientID: l.ClientID, ClientSecret: l.Provider.ClientSecret}
	}
	return r
}

// Result is a finished dance. Nothing of it is stored by this package.
type Result struct {
	Token    Token
	Identity Identity
	Link     Link
	Asked    []string
}
