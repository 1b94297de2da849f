package accounts

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"dancecard/dance"
	"dancecard/internal/secret"
	"dancecard/vault"
)

// registrationTarget names whom a client secret may be sent to: a client that
// was made for one issuer is sent to no other, whatever a file says later. A
// file of the user's own that names further places is believed with these
// alone.
func (b *Book) registrationTarget(p dance.Provider) string {
	target := cmp.Or(p.Issuer, p.Endpoints.Token)
	if e, ok := b.catalog.Get(p.ID); !ok || e.BuiltIn {
		return target
	}
	var strays []string
	for _, address := range secretPlaces(p) {
		if o := origin(address); o != origin(target) {
			strays = append(strays, o)
		}
	}
	slices.Sort(strays)
	return strings.Join(append([]string{target}, slices.Compact(strays)...), " ")
}

// SetRegistration stores the user's own client for a provider: id and secret,
// and for OAuth 1.0a with RSA-SHA1 the private key (PEM). It takes the place of
// an earlier one for new dances. Where only the secret was renewed, the
// accounts that hang on the client go on with it; accounts of another client
// that died need a sign-in. None is lost.
func (b *Book) SetRegistration(_ context.Context, provider, instance, clientID string, clientSecret, privateKey secret.String) error {
	row, err := b.provider(provider, instance)
	if err != nil {
		return err
	}
	if clientID = strings.TrimSpace(clientID); clientID == "" || len(clientID) > 512 || strings.ContainsFunc(clientID, notVisible) {
		return &Error{Code: CodeBadRequest, Text: "That is not a client id.", Hint: "Copy it from " + row.Name + "'s page; it has no spaces."}
	}
	if err := checkPrivateKey(row, privateKey); err != nil {
		return err
	}
	p, v, err := b.openProfile()
	if err != nil {
		return err
	}
	r := registrationRecord{
		ID: newID("r"), Provider: row.ID, For: b.registrationTarget(row), ClientID: clientID, Secret: clientSecret.Reveal(), PrivateKey: privateKey.Reveal(),
		AuthStyle: authStyle(row, clientSecret), Own: true, Added: time.Now(),
	}
	p.store.Lock()
	defer p.store.Unlock()
	b.mu.Lock()
	for _, old := range p.registrations {
		if old.Provider == r.Provider && old.For == r.For && old.ClientID == r.ClientID && old.Own {
			r.ID = old.ID // only its secret was renewed
		}
	}
	stranded := p.strandedLocked(r)
	b.mu.Unlock()
	changes := []vault.Change{put(keyRegistration+r.ID, r)}
	for _, a := range stranded {
		changes = append(changes, put(keyAccount+a.ID, a))
	}
	if err := v.Commit(changes...); err != nil {
		return vaultProblem(err, p.card.Name)
	}
	b.mu.Lock()
	if p.vault == v {
		p.registrations[r.ID] = r
		p.reviveLocked(r.ID)
		p.troubleLocked(stranded)
	}
	b.mu.Unlock()
	b.announce(Event{Type: EventChanged, Profile: p.id})
	b.poke()
	return nil
}

// checkPrivateKey reads the key as the signer will.
func checkPrivateKey(row dance.Provider, key secret.String) error {
	bad := &Error{Code: CodeBadRequest, Text: "That is not an RSA private key.",
		Hint: "Paste the whole file, from -----BEGIN to -----END; a key with a passphrase has to be decrypted first."}
	if key.IsZero() {
		if row.OAuth1.Signature != "RSA-SHA1" {
			return nil
		}
		bad.Text = row.Name + " wants requests signed with a private key."
		return bad
	}
	block, _ := pem.Decode([]byte(key.Reveal()))
	if block == nil || len(key.Reveal()) > 64<<10 {
		return bad
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if _, ok := parsed.(*rsa.PrivateKey); err != nil || !ok {
		return bad
	}
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

// wish is a client that a dance needs.
type wish struct {
	row    dance.Provider
	target string // see registrationTarget
	dpop   bool
	scopes []string
}

// registration climbs the ladder as far as it goes without the network: the
// user's own client, the row's public one, one that was made before. found is
// false where one has to be made; the error is the guide.
func (b *Book) registration(p *profile, w wish) (r registrationRecord, found bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.vault == nil {
		return r, false, p.lockedErrorLocked()
	}
	var own, made registrationRecord
	for _, r := range p.registrations {
		switch {
		case r.For != w.target || r.Dead != "":
		case r.Own && r.Provider == w.row.ID && r.Added.After(own.Added):
			own = r
		case r.fits(w) && r.Added.After(made.Added):
			made = r
		}
	}
	switch {
	case own.ID != "":
		return own, true, nil
	case w.row.ClientID != "":
		return registrationRecord{
			ID: newID("r"), Provider: w.row.ID, For: w.target, ClientID: w.row.ClientID, Secret: w.row.ClientSecret.Reveal(),
			AuthStyle: authStyle(w.row, w.row.ClientSecret), Added: time.Now(),
		}, true, nil
	case made.ID != "":
		return made, true, nil
	case b.registersItself(w.row):
		return r, false, nil
	}
	return r, false, registrationGuide(w.row)
}

// fits reports whether a client that was made serves this wish too.
func (r registrationRecord) fits(w wish) bool {
	return r.made() && !r.expired(time.Now().Add(time.Minute)) && r.Redirect == dance.RedirectURI(w.row) && r.DPoP == w.dpop &&
		(len(r.Scopes) == 0 || within(w.scopes, r.Scopes))
}

func registrationGuide(row dance.Provider) *Error {
	return &Error{Code: CodeNeedsRegistration, Text: row.Name + " wants to know this program first.",
		Hint: fmt.Sprintf("Register %s as a redirect URI at %s, then enter the client id.", dance.RedirectURI(row), cmp.Or(row.RegistrationPage, row.Name))}
}
