package accounts

import (
	"dancecard/dance"
)

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
