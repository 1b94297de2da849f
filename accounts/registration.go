package accounts

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"dancecard/dance"
	"dancecard/internal/secret"
)

// registrationTarget names whom a client secret may be sent to: a client that
// was made for one issuer is sent to no other, whatever a file says later.
func registrationTarget(p dance.Provider) string {
	return cmp.Or(p.Issuer, p.Endpoints.Token)
}

func noSuchProvider(id string) *Error {
	return &Error{Code: CodeNoSuchProvider, Text: fmt.Sprintf("There is no provider %q in the gallery.", id),
		Hint: "dancectl providers lists them; a file in the providers folder adds one."}
}

// provider reads a row of the gallery and fills in the instance.
func (b *Book) provider(id, instance string) (dance.Provider, error) {
	entry, ok := b.catalog.Get(id)
	if !ok {
		return dance.Provider{}, noSuchProvider(id)
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

// SetRegistration stores the user's own client for a provider. It takes the
// place of an earlier one for new dances; accounts keep the client that they
// were linked with.
func (b *Book) SetRegistration(_ context.Context, provider, instance, clientID string, clientSecret, privateKey secret.String) error {
	row, err := b.provider(provider, instance)
	if err != nil {
		return err
	}
	if clientID = strings.TrimSpace(clientID); clientID == "" || len(clientID) > 512 || strings.ContainsFunc(clientID, notVisible) {
		return &Error{Code: CodeBadRequest, Text: "That is not a client id.", Hint: "Copy it from " + row.Name + "'s page; it has no spaces."}
	}
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	r := registrationRecord{
		ID: newID("r"), Provider: row.ID, For: registrationTarget(row), ClientID: clientID, Secret: clientSecret.Reveal(),
		AuthStyle: authStyle(row, clientSecret), Own: true, Added: time.Now(),
	}
	p.store.Lock()
	defer p.store.Unlock()
	if err := v.Commit(put(keyRegistration+r.ID, r)); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	if p.vault == v {
		p.registrations[r.ID] = r
	}
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged, Profile: p.id})
	return nil
}

func notVisible(r rune) bool { return r <= ' ' || r > '~' }

// authStyle is the row's, or what follows from having a secret.
func authStyle(row dance.Provider, s secret.String) dance.AuthStyle {
	switch {
	case s.IsZero():
		return dance.AuthNone
	case row.AuthStyle == "" || row.AuthStyle == dance.AuthNone:
		return dance.AuthBasic
	}
	return row.AuthStyle
}

// registration climbs the ladder: the user's own client, then the row's
// public one, then a guide.
func (b *Book) registration(p *profile, row dance.Provider) (registrationRecord, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var own registrationRecord
	for _, r := range p.registrations {
		if r.Provider == row.ID && r.Own && r.Dead == "" && r.For == registrationTarget(row) && r.Added.After(own.Added) {
			own = r
		}
	}
	if own.ID != "" {
		return own, nil
	}
	if row.ClientID == "" {
		return own, &Error{Code: CodeNeedsRegistration, Text: row.Name + " wants to know this program first.",
			Hint: fmt.Sprintf("Register %s as a redirect URI at %s, then enter the client id.", dance.RedirectURI(row), cmp.Or(row.RegistrationPage, row.Name))}
	}
	return registrationRecord{
		ID: newID("r"), Provider: row.ID, For: registrationTarget(row), ClientID: row.ClientID, Secret: row.ClientSecret.Reveal(),
		AuthStyle: authStyle(row, row.ClientSecret), Added: time.Now(),
	}, nil
}
