package accounts

import (
	"time"

	"dancecard/dance"
)

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
	Moved   string   // one sentence, where the tokens of Known now come from another place than it was linked with; ""
	Unnamed bool     // the provider does not say who came back: the user gives a label
}
