package accounts

import "time"

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
	Fetch    bool          // the app sends requests through Fetch and does not get the token
	Write    bool          // with Fetch: requests that may change something
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
	Verb       string    // QuestionConfirm: "disconnect", VerbGiveUp, VerbDeleteProfile
	Profile    string    // id, for VerbDeleteProfile
	Ends       []Account // for VerbDeleteProfile: what is disconnected, or pending
	Anyway     bool      // for VerbDeleteProfile: even if a provider cannot be told
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
	FetchOnly bool     // a question about Fetch is never answered with more
	Write     bool     // with FetchOnly: requests that may change something too; always so where the question was about one
	Account   string   // the choice, where the question had several
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
	Write     bool // with FetchOnly: not only GET, HEAD and OPTIONS
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
	Scheme  string            // of the Authorization header; "Bearer" if empty
	Header  string            // the header that carries the bare token instead; "" for Authorization
	API     map[string]string // base_url and what the provider's answer said of where
}
