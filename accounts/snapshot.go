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
	Ways    []Way  // the ways in, as its public header lists them
	Waiting int    // apps that asked while it was locked
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
	LockStart  LockReason = "start"   // not opened since the program started
	LockUser   LockReason = "user"    // the user locked it
	LockLogOut LockReason = "log-out" // the user logged out: the keyring has forgotten it
	LockScreen LockReason = "screen"
	LockSleep  LockReason = "sleep"
	LockIdle   LockReason = "idle"
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
	Expiry    time.Time // zero: does not expire
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
	FetchOnly    bool     // its tokens need signing (DPoP, OAuth 1.0a): apps use fetch
	Unnamed      bool     // the provider does not say whose account it is
	Browser      string   // id of the dance.Browser that it was linked in; "" the system's own
	SharesGrant  []string // labels ("Home: mira-o") of other links that live on the same grant, where revoking may end more than the token
	StepUp       *StepUp  // an API asked for a stronger or fresher sign-in
}

// StepUp is what an API asked for (RFC 9470).
type StepUp struct {
	ACRValues []string
	MaxAge    *int // seconds
	Since     time.Time
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

// A Provider is a row of the gallery.
type Provider struct {
	ID                string
	Name              string
	Category          string
	Tile              dance.Tile
	Linked            int             // accounts of the current profile at it
	NeedsRegistration bool            // no client id is known: the user has to register one
	Instance          *dance.Instance // self-hosted: which value to ask for; nil otherwise
	RegistrationPage  string
	RegistrationHelp  string
	RedirectURI       string // what the user registers
	RedirectUnknown   bool   // whether the provider takes a loopback redirect is not known
	Paste             bool   // the user copies the answer from the browser
	Options           []dance.Option
	Device            bool   // a device code can be asked for
	NeedsPrivateKey   bool   // registering means making a key pair (OAuth 1.0a with RSA-SHA1)
	Revocation        string // "revokes", "none", "unknown": what is known of ending tokens there
	SettingsPage      string
	Scopes            []string
	OptionalScopes    []string
	Words             map[string]string
	BuiltIn           bool
	File              string // of a row in the user's folder
}

// A ProviderProblem is a provider file that could not be used.
type ProviderProblem struct {
	File   string
	Line   int // 0: not known
	Reason string
	Fix    string
}

// A Dance is one run of an OAuth flow as the doors see it.
type Dance struct {
	ID           string
	Provider     string
	ProviderName string
	Tile         dance.Tile
	Reconnects   string // id of the account that is to be signed in again; ""
	By           *App   // the app that asked for it; nil: the user
	Label        string // what the account is to be called, where that was said; ""
	Stage        DanceStage
	URL          string      // the provider's own address, for Copy; "" until waiting
	OpenProblem  string      // why no browser could be opened; ""
	Code         *dance.Code // device flow: what to type elsewhere; nil
	Paste        bool        // the provider cannot send the answer here: the user pastes it
	Pasted       string      // why the text that was pasted is not it; ""
	Started      time.Time
	Opened       time.Time // when the browser was opened
	Deadline     time.Time // the attempt ends by itself then
	Came         *CameBack // stage came back
	Failure      *Error    // stage failed
	Account      string    // stage done: the account it made or renewed
}

// DanceStage says how far a dance is.
type DanceStage string

// The stages of a dance.
const (
	DanceStarting   DanceStage = "starting"
	DanceWaiting    DanceStage = "waiting"    // for the user in the browser
	DanceExchanging DanceStage = "exchanging" // the code for tokens
	DanceCameBack   DanceStage = "came back"  // waiting for Keep or Discard
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
	Issuer  string
	Subject string
	Login   string
	Name    string
	Email   string
	Asked   []string
	Granted []string
	Words   map[string]string
	Known   string   // id of the account of this profile that is the same; ""
	Others  []string // labels of the profile's other accounts at this provider
	Wanted  *Account // reconnecting, and another account came back than this one
	Unnamed bool     // the provider does not say who came back: the user gives a label
}

// An App is a local program that asks for tokens, as the socket's server
// identified it.
type App struct {
	Key        string   // what grants are matched by; opaque
	Name       string   // "curl"
	Path       string   // "/usr/bin/curl"; "" if it could not be identified
	Caller     string   // for a carrier: the name of the program it speaks for
	CallerPath string   // its executable, script or unit
	Callers    []string // names of the parents, nearest first
	Sandbox    string   // Flatpak or Snap id
	Weak       bool     // identified by less than a pidfd, or not at all: said on screen
	OnceOnly   bool     // a carrier without a living caller: no standing grant
	PID        int
}

// Want is what an app asks of an account.
type Want struct {
	Type     TokenType // "access" if empty
	Scopes   []string  // nil: what the account has
	Audience string
	MinValid time.Duration // the token must be good for at least this long
	Wait     time.Duration // how long to wait for the user's word; 0: two minutes
}

// TokenType is the kind of token an app asks for.
type TokenType string

// The kinds of tokens.
const (
	AccessToken TokenType = "access"
	IDToken     TokenType = "id"
)

// A Question waits for the user's word.
type Question struct {
	ID         string
	Kind       QuestionKind
	App        App      // who asks; zero for a question of our own tray
	Account    string   // id; "" for QuestionConnect
	Provider   string   // id, for QuestionConnect
	Choices    []string // ids, where the app's wish fits several accounts
	Want       Want
	Verb       string // QuestionConfirm: "disconnect"
	Asked      time.Time
	Until      time.Time // the asker stops waiting then
	TokenUntil time.Time // how long a token handed out now stays good; zero: does not expire
}

// QuestionKind is a kind of question.
type QuestionKind string

// The kinds of questions.
const (
	QuestionUse     QuestionKind = "use"     // may this app use this account?
	QuestionConnect QuestionKind = "connect" // an app asks to connect a provider
	QuestionConfirm QuestionKind = "confirm" // a verb that destroys, asked for from the tray or the control socket
)

// An Answer is the user's word on a Question.
type Answer struct {
	Allow     bool
	For       Duration // with QuestionUse
	FetchOnly bool
	Account   string // the choice, where the question had several
}

// Duration is how long an answer holds.
type Duration string

// The durations: a refusal is Once ("no, this time") or Never.
const (
	Once   Duration = "once"
	Hour   Duration = "hour"
	Always Duration = "always"
	Never  Duration = "never"
)

// A Grant is the user's standing word about an app and an account.
type Grant struct {
	ID        string
	App       App
	Account   string
	Allow     bool // false: never
	FetchOnly bool
	Scopes    []string
	Until     time.Time // zero: until taken back
	Made      time.Time
	LastUsed  time.Time
	Uses      int

	bootEnd time.Duration // boot-time tick of Until, if it was given in this run
}

// A Handout is a token on its way to an app.
type Handout struct {
	Account Account
	Token   Opened
	Type    string    // "Bearer"
	Expiry  time.Time // zero: does not expire
	Scopes  []string
	Headers map[string]string // what a request must carry besides Authorization
	API     map[string]string // base_url and what the provider's answer said of where
}

// An Alarm is something the user should know that no single account shows:
// a full disk, a copy of the vault that is older than it should be.
type Alarm struct {
	Code    string // "disk", "keyring", "older-copy", "torn-tail", "moved"
	Account string
	Text    string
	Hint    string
	At      time.Time
}
