package accounts

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"dancecard/dance"
	"dancecard/dance/catalog"
)

// A Provider is a row of the gallery.
type Provider struct {
	ID                string
	Name              string
	Category          string
	Tile              dance.Tile
	Linked            int             // accounts of the current profile at it
	NeedsRegistration bool            // no client is known, and none can be had without the user
	Instance          *dance.Instance // self-hosted: which value to ask for; nil otherwise
	RegistrationPage  string
	RegistrationHelp  string
	RedirectURI       string // what the user registers
	RedirectUnknown   bool   // whether the provider takes a loopback redirect is not known
	Paste             bool   // the user copies the answer from the browser
	Options           []dance.Option
	Device            bool   // a device code can be asked for; whether an OpenID provider gives one, its document says
	NeedsPrivateKey   bool   // registering means making a key pair (OAuth 1.0a with RSA-SHA1)
	Revocation        string // "revokes", "none", "unknown": what is known of ending tokens there
	SettingsPage      string
	Scopes            []string
	OptionalScopes    []string
	Words             map[string]string
	BuiltIn           bool
	File              string // of a row in the user's folder

	client string // the row's own
}

// A ProviderProblem is a provider file that could not be used.
type ProviderProblem struct {
	File   string
	Line   int // 0: not known
	Reason string
	Fix    string
}

func noSuchProvider(id string) *Error {
	return &Error{Code: CodeNoSuchProvider, Text: fmt.Sprintf("There is no provider %q in the gallery.", id),
		Hint: "dancectl providers lists them; a file in the providers folder adds one."}
}

// provider reads a row of the gallery and fills in the instance, or takes what
// an address led to.
func (b *Book) provider(id, instance string) (dance.Provider, error) {
	entry, ok := b.catalog.Get(id)
	if !ok {
		return b.foundProvider(id, instance)
	}
	if entry.Instance == nil {
		return entry.Provider, nil
	}
	row, err := entry.WithInstance(cmp.Or(instance, entry.Instance.Default))
	if err != nil {
		return row, &Error{Code: CodeBadRequest, Text: err.Error() + ".", Hint: fmt.Sprintf("Give the %s, such as %s.", strings.ToLower(entry.Instance.Label), entry.Instance.Example)}
	}
	return row, nil
}

// foundProvider is a provider that is in no catalogue: one that a dance found
// since the start, or that an account was linked with.
func (b *Book) foundProvider(id, instance string) (dance.Provider, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if row, ok := b.found[id]; ok {
		return row, nil
	}
	if p := b.profiles[b.current]; p != nil {
		for _, a := range p.accounts {
			if a.Provider == id && a.Instance == instance {
				return a.Link.Provider, nil
			}
		}
	}
	return dance.Provider{}, noSuchProvider(id)
}

// mostFound bounds what is remembered of addresses that were tried.
const mostFound = 64

// remember keeps a row that an address led to, for the registration that the
// user may have to make there.
func (b *Book) remember(row dance.Provider) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.found) >= mostFound {
		clear(b.found)
	}
	b.found[row.ID] = row
}

// rowOfIssuer finds the row whose issuer was given as an address. A file in
// the user's folder that sends tokens elsewhere than to its issuer is not
// taken for it.
func (b *Book) rowOfIssuer(address string) (dance.Provider, bool) {
	var own *dance.Provider
	for _, e := range b.catalog.Entries() {
		if e.Issuer == "" || strings.TrimSuffix(e.Issuer, "/") != strings.TrimSuffix(address, "/") || e.Instance != nil {
			continue
		}
		if e.BuiltIn {
			return e.Provider, true
		}
		if strayEndpoint(e.Provider) == "" {
			own = &e.Provider
		}
	}
	if own == nil {
		return dance.Provider{}, false
	}
	return *own, true
}

// strayEndpoint is an origin, other than the issuer's, that the row itself
// names for secrets; "" if there is none.
func strayEndpoint(row dance.Provider) string {
	for _, address := range secretPlaces(row) {
		if o := origin(address); o != origin(row.Issuer) {
			return o
		}
	}
	return ""
}

// secretPlaces are the addresses of a row that secrets are sent to, or come from.
func secretPlaces(row dance.Provider) []string {
	e := row.Endpoints
	return slices.DeleteFunc([]string{e.Token, e.Refresh, e.Revocation, e.PAR, e.DeviceToken, e.RequestToken, e.UserInfo, e.Registration,
		row.Identity.URL, row.Revocation.Lookup.URL}, func(address string) bool { return address == "" })
}

// origin is the scheme and host of an address.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// readGallery takes the rows over from the catalogue; showing them is then
// quick, however many there are.
func (b *Book) readGallery() {
	entries := b.catalog.Entries()
	rows := make([]Provider, len(entries))
	for i, e := range entries {
		rows[i] = b.rowView(e)
	}
	b.mu.Lock()
	b.gallery = rows
	b.mu.Unlock()
}

// rowView is a row before any profile is asked.
func (b *Book) rowView(e catalog.Entry) Provider {
	v := viewProvider(e)
	v.NeedsRegistration = e.ClientID == "" && !b.registersItself(e.Provider)
	return v
}

// galleryLocked are rows as a profile sees them.
func (p *profile) galleryLocked(rows []Provider) []Provider {
	rows = slices.Clone(rows)
	if p == nil || p.vault == nil {
		return rows
	}
	linked, own, dead := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, a := range p.accounts {
		linked[a.Provider]++
	}
	for _, r := range p.registrations {
		own[r.Provider] = own[r.Provider] || r.Own && r.Dead == ""
		if !r.Own && !r.made() && r.Dead != "" {
			dead[r.Provider+"\n"+r.ClientID] = true
		}
	}
	for i := range rows {
		v := &rows[i]
		v.Linked = linked[v.ID]
		v.NeedsRegistration = !own[v.ID] && (v.NeedsRegistration || dead[v.ID+"\n"+v.client])
	}
	return rows
}

// viewProvider is what a row says by itself.
func viewProvider(e catalog.Entry) Provider {
	return Provider{
		ID: e.ID, Name: e.Name, Category: e.Category, Tile: e.Tile, Instance: e.Instance,
		RegistrationPage: e.RegistrationPage, RegistrationHelp: e.RegistrationHelp,
		RedirectURI: dance.RedirectURI(e.Provider), RedirectUnknown: e.Redirect.Mode == "unknown", Paste: e.Redirect.Mode == "paste",
		Options: slices.Clone(e.Options), Device: e.Endpoints.DeviceAuthorization != "" || e.Issuer != "" && e.Protocol != "oauth2", NeedsPrivateKey: e.OAuth1.Signature == "RSA-SHA1",
		Revocation: revocationKnown(e.Provider), SettingsPage: e.SettingsPage,
		Scopes: slices.Clone(e.Scopes), OptionalScopes: slices.Clone(e.OptionalScopes), Words: maps.Clone(e.ScopeWords),
		BuiltIn: e.BuiltIn, File: e.File, client: e.ClientID,
	}
}

// revocationKnown says in a word what is known of ending tokens there.
func revocationKnown(row dance.Provider) string {
	switch {
	case row.Revocation.Style == "none":
		return "none"
	case dance.CanRevoke(dance.Link{Provider: row}):
		return "revokes"
	}
	return "unknown"
}
