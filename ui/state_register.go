package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dancecard/accounts"
	"dancecard/dance"
)

// registerState is the page before a dance: what a provider wants to know
// first, and what the user may choose.
type registerState struct {
	ID            string
	Title         string
	Sub           string
	Name          string
	Tile          tileState
	Notice        *noticeState // the registration that was known is dead
	Page          string       // to open
	Help          string
	Redirect      string
	RedirectWords string // below the redirect URI
	RevokeDoubt   string // it is not known whether tokens can be ended there; ""
	NeedsKey      bool   // client id and secret
	RSA           bool   // and a key pair
	KeyWords      string // how it stands with the key
	PublicKey     string // of a key that was made here, to copy
	Instance      string // label of the server field; ""
	Example       string
	Default       string
	FileWords     string
	Reconnect     string // id of the account that is signed in again with it
	Choices       choicesState
	Save          string
}

// asksFirst reports whether the register page comes before the dance.
func asksFirst(p accounts.Provider) bool { return p.NeedsRegistration || p.Instance != nil }

// before says what the page before a dance is for.
type before struct {
	provider  string
	found     *accounts.Provider // the row, where it is in no gallery: an address led to it
	reconnect string             // id of an account to sign in again with a new registration
	renew     bool               // ask for the client even though one is known
	keyWords  string
	publicKey string
	fileWords string // what became of a dropped file
	chosen    chosen
}

func (b before) row(s accounts.Snapshot) (accounts.Provider, bool) {
	p, ok := providerOf(s, b.provider)
	if !ok && b.found != nil {
		return *b.found, true
	}
	return p, ok
}

func registerOf(s accounts.Snapshot, b before, browsers []dance.Browser) (registerState, bool) {
	p, ok := b.row(s)
	if !ok {
		return registerState{}, false
	}
	name := clean(p.Name)
	out := registerState{ID: p.ID, Title: "Connect " + name, Name: name, Tile: tileOf(p.Tile, p.Name), Page: p.RegistrationPage,
		Help: clean(p.RegistrationHelp), Redirect: p.RedirectURI, NeedsKey: p.NeedsRegistration || b.renew,
		Choices: choicesOf(p, b.chosen, browsers), Save: "Connect"}
	out.Sub = "Say what to ask for. Your browser opens next."
	if p.Instance != nil {
		out.Sub = "Say which server. Your browser opens next."
		out.Instance, out.Example, out.Default = clean(cmp.Or(p.Instance.Label, "Server")), clean(p.Instance.Example), p.Instance.Default
	}
	if out.NeedsKey {
		out.Sub, out.Save = name+" wants to know this program first. Once, about two minutes.", "Save and connect"
		out.RSA = p.NeedsPrivateKey
		out.KeyWords, out.PublicKey = cmp.Or(clean(b.keyWords), "No key yet."), b.publicKey
		out.RedirectWords = redirectWords(p, name)
		out.FileWords = cmp.Or(clean(b.fileWords), "Got a client file? Drop it here, or")
	}
	if p.Revocation == "unknown" {
		out.RevokeDoubt = "It is not known whether " + name + " can be told to end a token. Disconnect erases it here in any case."
	}
	if a, ok := s.Account(b.reconnect); ok {
		out.Reconnect, out.Title = a.ID, "A new registration at "+name
		out.Sub = "Every account is kept. Each signs in once with the new one."
		out.Save = "Save and sign in"
		if out.Instance != "" && out.Default == "" {
			out.Default = hostOf(a.Issuer)
		}
	}
	if b.renew {
		out.Notice = deadRegistration(s, p.ID)
	}
	return out, true
}

// redirectWords say how exact the redirect URI is, and whether anybody has
// tried it.
func redirectWords(p accounts.Provider, name string) string {
	words := "Exactly as it stands."
	if strings.HasSuffix(p.RedirectURI, "127.0.0.1/") { // known for any path, or for asking for none
		words += " Skip this if " + name + " asks for none."
	}
	if p.RedirectUnknown {
		words += " Nobody has checked yet whether " + name + " takes an address on this machine; if it refuses, nothing is lost."
	}
	return words
}

// deadRegistration is one notice for all accounts that hang on a registration
// that the provider does not take any more; nil: there is none.
func deadRegistration(s accounts.Snapshot, provider string) *noticeState {
	var labels []string
	name := ""
	for _, a := range s.Accounts {
		if a.Provider == provider && a.Status == accounts.NeedsRegistration {
			labels, name = append(labels, clean(a.Label)), clean(a.ProviderName)
		}
	}
	if len(labels) == 0 {
		return nil
	}
	n := &noticeState{Title: name + " no longer takes this program's registration.",
		Text: listed(labels, 3) + " waits for a new one and is kept.", Button: "Set up", Verb: verbRegister, Provider: provider}
	if len(labels) > 1 {
		n.Text = listed(labels, 3) + " wait for a new one and are kept."
	}
	return n
}

// deadRegistrations are the notices above the accounts, one for each provider
// on whose registration more than one account hangs: a single one says it on
// its card.
func deadRegistrations(s accounts.Snapshot) []noticeState {
	var out []noticeState
	hang := map[string]int{}
	for _, a := range s.Accounts {
		if a.Status != accounts.NeedsRegistration {
			continue
		}
		if hang[a.Provider]++; hang[a.Provider] == 2 {
			out = append(out, *deadRegistration(s, a.Provider))
		}
	}
	return out
}

// listed is "a", "a and b", "a, b and 4 more".
func listed(names []string, most int) string {
	if len(names) > most {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%d more", len(names)-most+1))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// hangsOn is the first account that waits for a new registration.
func hangsOn(s accounts.Snapshot, provider string) string {
	for _, a := range s.Accounts {
		if a.Provider == provider && a.Status == accounts.NeedsRegistration {
			return a.ID
		}
	}
	return ""
}
