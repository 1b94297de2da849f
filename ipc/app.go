package ipc

import "time"

// Status answers GET /v1/status.
type Status struct {
	Version string       `json:"version"`
	Profile ProfileState `json:"profile"` // of the current profile
	App     AppName      `json:"app"`     // who Dancecard takes the caller for
}

// ProfileState says whether a profile's vault is open.
type ProfileState string

// The states of a profile. ProfileNone: there is no profile yet.
const (
	ProfileOpen   ProfileState = "open"
	ProfileLocked ProfileState = "locked"
	ProfileBroken ProfileState = "broken"
	ProfileNone   ProfileState = "none"
)

// AppName is a program as Dancecard identified it, for people to read.
type AppName struct {
	Name       string `json:"name"`
	Path       string `json:"path,omitempty"`
	Caller     string `json:"caller,omitempty"` // the program that a carrier such as curl speaks for
	CallerPath string `json:"caller_path,omitempty"`
	Sandbox    string `json:"sandbox,omitempty"` // Flatpak or Snap id
	Weak       bool   `json:"weak,omitempty"`    // identified by less than a pidfd
	OnceOnly   bool   `json:"once_only,omitempty"`
}

// An Account is what a program may know of an account that it was granted.
type Account struct {
	ID           string    `json:"id"`
	Provider     string    `json:"provider"`
	ProviderName string    `json:"provider_name"`
	Issuer       string    `json:"issuer"`
	Subject      string    `json:"subject"`
	Login        string    `json:"login,omitempty"`
	Name         string    `json:"name,omitempty"`
	Email        string    `json:"email,omitempty"`
	Label        string    `json:"label"`
	Status       string    `json:"status"` // "ready", "expiring", "refreshing", "offline", "needs sign-in", "needs registration", "revoking"
	Why          string    `json:"why,omitempty"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"` // of the access token; absent: the provider named no end
	Endless      bool      `json:"endless,omitempty"`   // without expires_at: it is known not to expire
	Scopes       []string  `json:"scopes"`
	Hosts        []string  `json:"hosts"`              // where its token may be sent
	APIBase      string    `json:"api_base,omitempty"` // the address that the API's paths are below
}

// Accounts answers GET /v1/accounts.
type Accounts struct {
	Accounts []Account `json:"accounts"`
}

// TokenRequest is the body of POST /v1/accounts/{ref}/token. All fields may be
// left out.
type TokenRequest struct {
	Type     TokenType `json:"type,omitempty"`
	Scopes   []string  `json:"scopes,omitempty"`
	Audience string    `json:"audience,omitempty"`
	MinValid int       `json:"min_valid,omitempty"` // seconds the token must still be good for
	Wait     int       `json:"wait,omitempty"`      // seconds to wait for the user's word; 0: two minutes
}

// TokenType is the kind of token a program asks for.
type TokenType string

// The kinds of tokens.
const (
	AccessToken TokenType = "access"
	IDToken     TokenType = "id"
)

// Token answers POST /v1/accounts/{ref}/token. With Accept: text/plain the
// answer is the bare token.
type Token struct {
	AccessToken Secret            `json:"access_token,omitempty"`
	IDToken     Secret            `json:"id_token,omitempty"`
	TokenType   string            `json:"token_type"`          // "Bearer"
	ExpiresAt   time.Time         `json:"expires_at,omitzero"` // absent: does not expire
	Scope       string            `json:"scope"`               // space-separated (RFC 6749 section 3.3)
	Headers     map[string]Secret `json:"headers,omitempty"`   // what a request must carry besides "Authorization: Bearer"; where the provider wants the token in another way, that
	API         map[string]string `json:"api,omitempty"`       // base_url, and what the provider said of where
	Account     Account           `json:"account"`
}

// Bare is the token that was asked for, whichever kind it is.
func (t Token) Bare() Secret {
	if t.AccessToken != "" {
		return t.AccessToken
	}
	return t.IDToken
}

// Rejected is the body of POST /v1/accounts/{ref}/rejected: the API answered
// 401 to the token with this hash.
type Rejected struct {
	Hash string `json:"hash"` // SHA-256 of the token, in hex; see [HashToken]
}

// Event is something that happened. In the stream its type is the SSE event
// name and its id the SSE id.
type Event struct {
	ID      string            `json:"id"`   // "epoch.seq"; "" for a resync
	Type    string            `json:"type"` // "account.connected", "token.refreshed", ... or [Resync]
	At      time.Time         `json:"at"`
	Profile string            `json:"profile,omitempty"`
	Account string            `json:"account,omitempty"`
	Data    map[string]string `json:"data,omitempty"`
}

// Resync is the type of the event that says: some events are missing, look
// again at everything.
const Resync = "resync"

// AppConnect is the body of POST /v1/connect: a program's wish that the user
// connect a provider of the gallery.
type AppConnect struct {
	Provider string `json:"provider"`
	Wait     int    `json:"wait,omitempty"` // seconds to wait for the end before answering with the operation as it is
}

// Operation is a program's wish on its way. It answers POST /v1/connect and
// GET /v1/operations/{id}?wait=SECONDS.
type Operation struct {
	ID      string         `json:"id"`
	State   OperationState `json:"state"`
	Account *Account       `json:"account,omitempty"` // done, and the program was granted the account
	Error   *Error         `json:"error,omitempty"`   // failed
}

// OperationState says how far an operation is.
type OperationState string

// The states of an operation.
const (
	OperationAsked   OperationState = "asked"   // the question is on screen
	OperationDancing OperationState = "dancing" // the user signs in at the provider
	OperationDone    OperationState = "done"
	OperationFailed  OperationState = "failed" // or refused: see Error
)

// Over reports whether nothing more will happen to the operation.
func (s OperationState) Over() bool { return s == OperationDone || s == OperationFailed }
