package ipc

// The messages of the control socket about providers.

// Browser is a way to open an address.
type Browser struct {
	ID      string `json:"id"` // "" is the system's own
	Name    string `json:"name"`
	Profile string `json:"profile,omitempty"`
	Private bool   `json:"private,omitempty"`
}

// Option is a choice at a sign-in.
type Option struct {
	ID     string `json:"id"`
	Label  string `json:"label"`
	Switch bool   `json:"switch"` // "on" or "off"; else a text
	On     bool   `json:"on,omitempty"`
}

// Lint is the body of POST /v1/providers/-/lint, and Linted its answer.
type (
	// Lint is a provider file to look at.
	Lint struct {
		Name string `json:"name"` // "work.toml"
		Text string `json:"text"`
	}
	// Linted says what is wrong with it; no problems: it can be used.
	Linted struct {
		Problems []ProviderProblem `json:"problems"`
		Provider *Provider         `json:"provider,omitempty"`
	}
	// ClientDocument is the body of POST /v1/providers/-/client-document: where
	// the document will be published, and for which providers.
	ClientDocument struct {
		Address   string   `json:"address"`
		Providers []string `json:"providers,omitempty"`
	}
	// SetBrowser is the body of PUT /v1/accounts/{ref}/browser.
	SetBrowser struct {
		Browser string `json:"browser"`
	}
	// Browsers answers GET /v1/browsers.
	Browsers struct {
		Browsers []Browser `json:"browsers"`
	}
)

// Registration is the body of PUT /v1/providers/{id}/registration: the user's
// own client.
type Registration struct {
	Instance     string `json:"instance,omitempty"`
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret Secret `json:"client_secret,omitempty"`
	ClientFile   Secret `json:"client_file,omitempty"` // instead of both: the provider's file of the client, such as Google's client_secret.json
	PrivateKey   Secret `json:"private_key,omitempty"` // PEM, OAuth 1.0a with RSA-SHA1
}

// Provider is a row of the gallery.
type Provider struct {
	ID                string            `json:"id"`
	Name              string            `json:"name"`
	Category          string            `json:"category,omitempty"`
	Linked            int               `json:"linked"` // accounts of the current profile at it
	NeedsRegistration bool              `json:"needs_registration,omitempty"`
	Instance          string            `json:"instance,omitempty"` // self-hosted: what to ask for, in words
	InstanceExample   string            `json:"instance_example,omitempty"`
	InstanceDefault   string            `json:"instance_default,omitempty"`
	RegistrationPage  string            `json:"registration_page,omitempty"`
	RegistrationHelp  string            `json:"registration_help,omitempty"`
	RedirectURI       string            `json:"redirect_uri,omitempty"` // what the user registers
	RedirectUnknown   bool              `json:"redirect_unknown,omitempty"`
	Paste             bool              `json:"paste,omitempty"`
	Options           []Option          `json:"options,omitempty"`
	Device            bool              `json:"device,omitempty"`
	NeedsPrivateKey   bool              `json:"needs_private_key,omitempty"`
	Revocation        string            `json:"revocation,omitempty"` // "revokes", "none", "unknown"
	SettingsPage      string            `json:"settings_page,omitempty"`
	Scopes            []string          `json:"scopes"`
	OptionalScopes    []string          `json:"optional_scopes,omitempty"`
	Words             map[string]string `json:"words,omitempty"`
	BuiltIn           bool              `json:"built_in"`
	File              string            `json:"file,omitempty"` // of a row in the user's folder
}

// ProviderProblem is a provider file that could not be used.
type ProviderProblem struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
}
