package ipc

import "time"

// The messages of the control socket.

// Overview answers GET /v1/status of the control socket.
type Overview struct {
	Version   string            `json:"version"`
	PID       int               `json:"pid"`
	Current   string            `json:"current,omitempty"` // id of the current profile; "" at a first start
	Profiles  []Profile         `json:"profiles"`
	Accounts  []AccountDetail   `json:"accounts"` // of the current profile while it is open
	Dances    []Dance           `json:"dances"`
	Questions int               `json:"questions"` // that wait in the window
	Broken    []ProviderProblem `json:"broken,omitempty"`
	Alarms    []Alarm           `json:"alarms,omitempty"`
	LastToken time.Time         `json:"last_token,omitzero"` // when a program was last handed a token
	Keyring   string            `json:"keyring,omitempty"`   // why no keyring answers; "" if one does
}

// Profile is a local account: who the user is on this machine.
type Profile struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Current bool         `json:"current"`
	State   ProfileState `json:"state"`
	Since   time.Time    `json:"since,omitzero"`
	Why     string       `json:"why,omitempty"` // locked: "start", "user", "log-out", "screen", "user switch", "sleep", "idle"
	Ways    []string     `json:"ways"`          // "keyring", "passphrase", "recovery"
	Waiting int          `json:"waiting"`       // programs that asked while it was locked
	Locks   LockRules    `json:"locks"`
	Problem *Error       `json:"problem,omitempty"`
}

// LockRules say when a profile locks by itself.
type LockRules struct {
	Screen bool `json:"screen"`       // when the screen locks, or another user takes the seat
	Sleep  bool `json:"sleep"`        // before the machine sleeps
	Idle   int  `json:"idle_minutes"` // when nobody touched anything for so long; 0: never
}

// SetLocks is the body of PUT /v1/profiles/{profile}/locks. Rules that lock
// less than the present ones need a secret, for they widen.
type SetLocks struct {
	LockRules
	Passphrase  Secret `json:"passphrase,omitempty"`
	RecoveryKey Secret `json:"recovery_key,omitempty"`
}

// AccountDetail is an account in full.
type AccountDetail struct {
	Account
	Profile      string            `json:"profile"`
	Since        time.Time         `json:"since,omitzero"`    // when the status began
	NextTry      time.Time         `json:"next_try,omitzero"` // offline, revoking
	Issued       time.Time         `json:"issued,omitzero"`
	Refreshes    bool              `json:"refreshes"` // renews itself
	Asked        []string          `json:"asked"`
	Words        map[string]string `json:"words,omitempty"` // scope -> plain words
	Linked       time.Time         `json:"linked,omitzero"`
	LastUsed     time.Time         `json:"last_used,omitzero"`
	Apps         int               `json:"apps"`
	Revokes      string            `json:"revokes"` // what revoking ends at the provider: "token", "grant", "unknown"
	CanRevoke    bool              `json:"can_revoke"`
	EndSession   bool              `json:"end_session"`
	SettingsPage string            `json:"settings_page,omitempty"`
	FetchOnly    bool              `json:"fetch_only,omitempty"` // its tokens need signing: programs use fetch
	Unnamed      bool              `json:"unnamed,omitempty"`
	Browser      string            `json:"browser,omitempty"`
	SharesGrant  []string          `json:"shares_grant,omitempty"` // other links that disconnecting may end
	StepUp       *StepUp           `json:"step_up,omitempty"`
}

// StepUp is an API's wish for a stronger or fresher sign-in (RFC 9470).
type StepUp struct {
	ACRValues []string  `json:"acr_values,omitempty"`
	MaxAge    *int      `json:"max_age,omitempty"` // seconds
	Since     time.Time `json:"since,omitzero"`
}

// Connect is the body of POST /v1/dances.
type Connect struct {
	Provider  string            `json:"provider,omitempty"`
	Instance  string            `json:"instance,omitempty"`  // self-hosted: host name or what the provider asks for
	Scopes    []string          `json:"scopes,omitempty"`    // none: the provider's usual ones
	Reconnect string            `json:"reconnect,omitempty"` // ref of the account to sign in again
	NoBrowser bool              `json:"no_browser,omitempty"`
	Address   string            `json:"address,omitempty"`    // instead of Provider: an issuer's or MCP server's address, or an atproto handle
	AddScopes []string          `json:"add_scopes,omitempty"` // with Reconnect: ask for these besides what it has
	Options   map[string]string `json:"options,omitempty"`    // option id -> text; "on" and "off" for switches
	Browser   string            `json:"browser,omitempty"`    // id of one of GET /v1/browsers
	Device    bool              `json:"device,omitempty"`     // device authorization (RFC 8628)
	DPoP      bool              `json:"dpop,omitempty"`       // bind the tokens to a key of Dancecard's (RFC 9449)
	Label     string            `json:"label,omitempty"`      // what to call the account, where Keep gives no label
}

// Dance is one run of an OAuth flow.
type Dance struct {
	ID           string      `json:"id"`
	Provider     string      `json:"provider"`
	ProviderName string      `json:"provider_name"`
	Reconnects   string      `json:"reconnects,omitempty"` // account id
	Stage        DanceStage  `json:"stage"`
	URL          string      `json:"url,omitempty"`          // the provider's address to open; "" until waiting
	OpenProblem  string      `json:"open_problem,omitempty"` // why no browser could be opened
	Code         *DeviceCode `json:"code,omitempty"`         // device authorization: what to type elsewhere
	Paste        bool        `json:"paste,omitempty"`        // the answer must be pasted: POST /v1/dances/{id}/paste
	Pasted       string      `json:"pasted,omitempty"`       // why the text that was pasted is not it
	Started      time.Time   `json:"started"`
	Deadline     time.Time   `json:"deadline,omitzero"`
	Came         *CameBack   `json:"came,omitempty"`    // stage "came back"
	Failure      *Error      `json:"failure,omitempty"` // stage "failed"
	Account      string      `json:"account,omitempty"` // stage "done"
}

// DeviceCode is what the user types on another device (RFC 8628 section 3.2).
type DeviceCode struct {
	UserCode string    `json:"user_code"`
	URI      string    `json:"uri"`
	Complete string    `json:"complete,omitempty"`
	Until    time.Time `json:"until"`
}

// Paste is the body of POST /v1/dances/{id}/paste: the address at which the
// browser ended, or the code that the page showed.
type Paste struct {
	Text Secret `json:"text"`
}

// DanceStage says how far a dance is.
type DanceStage string

// The stages of a dance.
const (
	DanceStarting   DanceStage = "starting"
	DanceWaiting    DanceStage = "waiting"    // for the user in the browser
	DanceExchanging DanceStage = "exchanging" // the code for tokens
	DanceCameBack   DanceStage = "came back"  // waiting for Keep or CancelDance
	DanceDone       DanceStage = "done"
	DanceFailed     DanceStage = "failed"
	DanceCancelled  DanceStage = "cancelled"
)

// Over reports whether nothing more will happen to the dance.
func (s DanceStage) Over() bool {
	return s == DanceDone || s == DanceFailed || s == DanceCancelled
}

// CameBack is who came back from the provider. Nothing of it is kept yet.
type CameBack struct {
	Issuer  string            `json:"issuer"`
	Subject string            `json:"subject"`
	Login   string            `json:"login,omitempty"`
	Name    string            `json:"name,omitempty"`
	Email   string            `json:"email,omitempty"`
	Asked   []string          `json:"asked"`
	Granted []string          `json:"granted"`
	Words   map[string]string `json:"words,omitempty"`
	Known   string            `json:"known,omitempty"`   // id of the same account, if it is linked already
	Others  []string          `json:"others,omitempty"`  // labels of the profile's other accounts there
	Wanted  *Account          `json:"wanted,omitempty"`  // reconnecting, and another account came back than this one
	Unnamed bool              `json:"unnamed,omitempty"` // the provider does not say who came back: give a label
	Moved   string            `json:"moved,omitempty"`   // one sentence, where its tokens now come from another place than it was linked with
}

// Keep is the body of POST /v1/dances/{id}/keep.
type Keep struct {
	Label string `json:"label,omitempty"`
	AsNew bool   `json:"as_new,omitempty"` // another account came back than wanted: add it beside
}

// Confirm is the body of DELETE /v1/accounts/{ref} and .../revocation. With a passphrase or
// recovery key the verb is done at once; without, the window asks the user.
type Confirm struct {
	Passphrase  Secret `json:"passphrase,omitempty"`
	RecoveryKey Secret `json:"recovery_key,omitempty"`
}

// DeleteProfile is the body of DELETE /v1/profiles/{profile}, confirmed as
// [Confirm] is. A secret confirms for an open profile only.
type DeleteProfile struct {
	Passphrase  Secret `json:"passphrase,omitempty"`
	RecoveryKey Secret `json:"recovery_key,omitempty"`
	Anyway      bool   `json:"anyway,omitempty"` // even if it is locked, or a provider cannot be told
}

// DeletedProfile answers DELETE /v1/profiles/{profile}.
type DeletedProfile struct {
	ID   string         `json:"id"`
	Name string         `json:"name"`
	Left []Disconnected `json:"left"` // what the user has to end at the providers
}

// Disconnected answers DELETE /v1/accounts/{ref} and .../revocation, where
// nothing is pending any more and the provider was not told.
type Disconnected struct {
	Account      string `json:"account"`
	Provider     string `json:"provider"`
	ProviderName string `json:"provider_name"`
	Label        string `json:"label"`
	Pending      bool   `json:"pending"` // the provider has not been told yet; it is tried again
	Told         bool   `json:"told"`    // the provider offers revocation
	Page         string `json:"page,omitempty"`
}

// Unlock is the body of POST /v1/profiles/{id}/unlock. One of the secrets, or
// none for the keyring.
type Unlock struct {
	Passphrase  Secret `json:"passphrase,omitempty"`
	RecoveryKey Secret `json:"recovery_key,omitempty"`
}

// NewProfile is the body of POST /v1/profiles.
type NewProfile struct {
	Name       string `json:"name"`
	Keyring    bool   `json:"keyring,omitempty"` // opens by itself through the desktop's keyring
	Passphrase Secret `json:"passphrase,omitempty"`
}

// CreatedProfile answers POST /v1/profiles. The recovery key is shown this
// once and kept nowhere.
type CreatedProfile struct {
	ID          string `json:"id"`
	RecoveryKey Secret `json:"recovery_key"`
}

// Grant is the user's standing word about a program and an account.
type Grant struct {
	ID        string    `json:"id"`
	App       AppName   `json:"app"`
	Account   string    `json:"account"` // id
	Allow     bool      `json:"allow"`   // false: never
	FetchOnly bool      `json:"fetch_only,omitempty"`
	Write     bool      `json:"write,omitempty"` // with fetch_only: not only GET, HEAD and OPTIONS
	Scopes    []string  `json:"scopes,omitempty"`
	Until     time.Time `json:"until,omitzero"` // absent: until taken back
	Made      time.Time `json:"made,omitzero"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	Uses      int       `json:"uses"`
}

// Alarm is something the user should know that no single account shows.
type Alarm struct {
	Code    string    `json:"code"`
	Account string    `json:"account,omitempty"`
	Text    string    `json:"text"`
	Hint    string    `json:"hint,omitempty"`
	At      time.Time `json:"at"`
}

// Activity is one line of what happened.
type Activity struct {
	At      time.Time `json:"at"`
	Type    string    `json:"type"`              // the event's type
	Account string    `json:"account,omitempty"` // id
	Label   string    `json:"label,omitempty"`   // of the account
	App     string    `json:"app,omitempty"`
	Path    string    `json:"path,omitempty"`
	Text    string    `json:"text,omitempty"` // why, or for how long
}

// The lists as they go over the wire, and the body that renames.
type (
	// Profiles answers GET /v1/profiles.
	Profiles struct {
		Profiles []Profile `json:"profiles"`
	}
	// Grants answers GET /v1/grants.
	Grants struct {
		Grants []Grant `json:"grants"`
	}
	// Providers answers GET /v1/providers.
	Providers struct {
		Providers []Provider `json:"providers"`
	}
	// Activities answers GET /v1/activity.
	Activities struct {
		Activity []Activity `json:"activity"`
	}
	// Details answers GET /v1/accounts of the control socket.
	Details struct {
		Accounts []AccountDetail `json:"accounts"`
	}
	// Rename is the body of PATCH on a profile or an account.
	Rename struct {
		Name string `json:"name"`
	}
)
