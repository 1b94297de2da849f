package accounts

import (
	"time"

	"dancecard/dance"
)

// A Snapshot is everything a door may show, at one moment. It holds no secret
// and shares nothing with the Book: keep it as long as you like.
type Snapshot struct {
	At        time.Time
	Profiles  []Profile  // all on this machine, by name
	Current   string     // id of the profile that the doors show; "" at a first start
	Accounts  []Account  // of the current profile while it is open
	Dances    []Dance    // running and just finished, oldest first
	Questions []Question // waiting for the user's word, oldest first
	Grants    []Grant    // of the current profile while it is open
	Gallery   []Provider
	Broken    []ProviderProblem // provider files that could not be used
	Alarms    []Alarm
	LastToken time.Time // when an app was last handed a token; zero: never since the start
	Keyring   string    // "" if a keyring answers, else why not, in words
}

// Account finds an account by id.
func (s Snapshot) Account(id string) (Account, bool) {
	for _, a := range s.Accounts {
		if a.ID == id {
			return a, true
		}
	}
	return Account{}, false
}

// Profile finds a profile by id.
func (s Snapshot) Profile(id string) (Profile, bool) {
	for _, p := range s.Profiles {
		if p.ID == id {
			return p, true
		}
	}
	return Profile{}, false
}

// Dance finds a dance by id.
func (s Snapshot) Dance(id string) (Dance, bool) {
	for _, d := range s.Dances {
		if d.ID == id {
			return d, true
		}
	}
	return Dance{}, false
}

// A Profile is a local account: who the user is on this machine.
type Profile struct {
	ID      string
	Name    string // "Home"
	State   ProfileState
	Since   time.Time // when it was opened or locked
	Why     LockReason
	Ways    []Way // the ways in, as its public header lists them
	Waiting int   // apps that asked while it was locked
	Locks   LockRules
	Problem *Error // why it cannot be opened (damaged, in use, a newer format)
}

// ProfileState says whether a profile's vault is open.
type ProfileState string

// The states of a profile.
const (
	ProfileOpen   ProfileState = "open"
	ProfileLocked ProfileState = "locked"
	ProfileBroken ProfileState = "broken" // see Profile.Problem
)

// LockReason says why a profile is locked.
type LockReason string

// The reasons for a lock.
const (
	LockStart      LockReason = "start"   // not opened since the program started
	LockUser       LockReason = "user"    // the user locked it
	LockLogOut     LockReason = "log-out" // the user logged out: the keyring has forgotten it
	LockScreen     LockReason = "screen"
	LockUserSwitch LockReason = "user switch" // another user took the seat
	LockSleep      LockReason = "sleep"
	LockIdle       LockReason = "idle"
)

// A Way is a way into a profile.
type Way struct {
	ID    string
	Kind  WayKind
	Added time.Time
}

// WayKind is a kind of way into a profile.
type WayKind string

// The kinds of ways in.
const (
	WayKeyring    WayKind = "keyring"
	WayPassphrase WayKind = "passphrase"
	WayRecovery   WayKind = "recovery"
)

// An Account is a provider account that is linked to a profile. What
// identifies it is (Provider, Issuer, Subject), never an e-mail address.
type Account struct {
	ID           string
	Profile      string
	Provider     string // id of the provider
	ProviderName string
	Issuer       string
	Subject      string
	Login        string // "mira-o"; may be empty
	Name         string // "Mira Okafor"; may be empty
	Email        string
	Label        string // what the user calls it; never empty
	Tile         dance.Tile

	Status  Status
	Why     string    // one sentence, for needs sign-in, needs registration, offline and revoking
	Since   time.Time // when Status began
	NextTry time.Time // offline, revoking: the next attempt

	Issued    time.Time // when the present access token came
	Expiry    time.Time // zero: the provider named no end (see Endless)
	Endless   bool      // its tokens are known not to expire
	Refreshes bool      // a refresh token is kept

	Asked   []string          // scopes asked for
	Granted []string          // scopes given
	Words   map[string]string // scope -> plain words, where the row knows them

	Linked       time.Time
	LastUsed     time.Time // zero: never
	Apps         int       // apps that hold a grant
	Revokes      string    // what revoking ends at the provider: "token", "grant", "unknown"
	CanRevoke    bool
	EndSession   bool // "Sign out at provider" has an address
	SettingsPage string
	Hosts        []string // where its token may be sent
	APIBase      string   // the address that the API's paths are below; ""
	FetchOnly    bool     // its tokens need signing (DPoP, OAuth 1.0a): apps use fetch
	Unnamed      bool     // the provider does not say whose account it is
	Browser      string   // id of the dance.Browser that it was linked in; "" the system's own
	SharesGrant  []string // labels ("Home: mira-o") of other links that live on the same grant, where revoking may end more than the token
	StepUp       *StepUp  // an API asked for a stronger or fresher sign-in
}

// StepUp is what an API asked for (RFC 9470).
type StepUp struct {
	ACRValues []string  `json:"acr_values,omitempty"`
	MaxAge    *int      `json:"max_age,omitempty"` // seconds
	Since     time.Time `json:"since"`
}

// Status says in one word how an account stands; [StatusOf] computes it.
type Status string

// The states of an account, as DESIGN.md section 3 names them.
const (
	Ready             Status = "ready"
	Expiring          Status = "expiring"
	Refreshing        Status = "refreshing"
	Offline           Status = "offline"
	NeedsSignIn       Status = "needs sign-in"
	NeedsRegistration Status = "needs registration"
	Revoking          Status = "revoking"
)

// NeedsUser reports whether only the user can mend it.
func (s Status) NeedsUser() bool { return s == NeedsSignIn || s == NeedsRegistration }

// An Alarm is something the user should know that no single account shows:
// a full disk, a copy of the vault that is older than it should be.
type Alarm struct {
	Code    string // "disk", "keyring", "older-copy", "torn-tail", "moved"
	Account string
	Text    string
	Hint    string
	At      time.Time
}
