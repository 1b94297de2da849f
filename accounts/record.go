package accounts

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"dancecard/dance"
	"dancecard/internal/secret"
	"dancecard/vault"
)

// The vault's keys. What follows the slash is an id.
const (
	keyAccount      = "account/"
	keyToken        = "token/"
	keyRegistration = "registration/"
	keyGrant        = "grant/"
	keyRevocation   = "revocation/"
)

// accountRecord is an account as the vault keeps it.
type accountRecord struct {
	ID           string     `json:"id"`
	Provider     string     `json:"provider"`
	Instance     string     `json:"instance,omitempty"` // self-hosted: what the user typed
	Issuer       string     `json:"issuer"`
	Subject      string     `json:"subject"`
	Login        string     `json:"login,omitempty"`
	Name         string     `json:"name,omitempty"`
	Email        string     `json:"email,omitempty"`
	Label        string     `json:"label"`
	Linked       time.Time  `json:"linked"`
	LastUsed     time.Time  `json:"last_used,omitzero"`
	Asked        []string   `json:"asked,omitempty"`
	Granted      []string   `json:"granted,omitempty"`
	Link         dance.Link `json:"link"`
	Registration string     `json:"registration"` // id of a registrationRecord
	Trouble      *trouble   `json:"trouble,omitempty"`
	Sent         time.Time  `json:"sent,omitzero"` // of a refresh whose answer is not stored
	StepUp       *StepUp    `json:"step_up,omitempty"`
	Unnamed      bool       `json:"unnamed,omitempty"` // Subject is made up

	// What the next sign-in is made with again.
	Browser string            `json:"browser,omitempty"`
	Options map[string]string `json:"options,omitempty"`
	DPoP    bool              `json:"dpop,omitempty"`
}

// trouble is permanent: only the user can mend it.
type trouble struct {
	Status   Status    `json:"status"` // NeedsSignIn
	Why      string    `json:"why"`
	Since    time.Time `json:"since"`
	Replaced bool      `json:"replaced,omitempty"` // the account's registration is dead, and there is a way to another
}

// tokenRecord is what the provider gave. Only this file turns it into bytes,
// because secret.String rightly refuses to.
type tokenRecord struct {
	Access  string            `json:"access"`
	Refresh string            `json:"refresh,omitempty"`
	ID      string            `json:"id,omitempty"`
	Key     string            `json:"key,omitempty"`    // Type DPoP
	Secret  string            `json:"secret,omitempty"` // Type OAuth
	Type    string            `json:"type"`
	Issued  time.Time         `json:"issued"`
	Expiry  time.Time         `json:"expiry,omitzero"`
	Granted []string          `json:"granted,omitempty"`
	Extra   map[string]string `json:"extra,omitempty"`
}

func recordToken(t dance.Token, issued time.Time) tokenRecord {
	return tokenRecord{
		Access: t.Access.Reveal(), Refresh: t.Refresh.Reveal(), ID: t.ID.Reveal(),
		Key: t.Key.Reveal(), Secret: t.Secret.Reveal(),
		Type: t.Type, Issued: issued, Expiry: t.Expiry, Granted: t.Granted, Extra: t.Extra,
	}
}

func (r tokenRecord) token() dance.Token {
	return dance.Token{
		Access: secret.New(r.Access), Refresh: secret.New(r.Refresh), ID: secret.New(r.ID),
		Key: secret.New(r.Key), Secret: secret.New(r.Secret),
		Type: r.Type, Expiry: r.Expiry, Granted: r.Granted, Extra: r.Extra,
	}
}

// registrationRecord is a client at one provider. It belongs to the issuer
// (or the token endpoint) that it was made for and is sent nowhere else.
type registrationRecord struct {
	ID         string          `json:"id"`
	Provider   string          `json:"provider"`
	For        string          `json:"for"` // see registrationTarget
	ClientID   string          `json:"client_id"`
	Secret     string          `json:"secret,omitempty"`
	PrivateKey string          `json:"private_key,omitempty"` // PEM; OAuth 1.0a with RSA-SHA1
	AuthStyle  dance.AuthStyle `json:"auth_style"`
	Own        bool            `json:"own"`            // the user typed it in
	Dead       string          `json:"dead,omitempty"` // why the provider takes it no more
	Added      time.Time       `json:"added"`

	// Of a client that dance.Register made.
	Method   string    `json:"method,omitempty"`
	Redirect string    `json:"redirect,omitempty"` // the redirect URI that it was made with
	Scopes   []string  `json:"scopes,omitempty"`   // that it may ask for; none: not said
	DPoP     bool      `json:"dpop,omitempty"`     // made for bound tokens; it gets no others
	URI      string    `json:"uri,omitempty"`      // RFC 7592
	Token    string    `json:"token,omitempty"`    // RFC 7592
	Expires  time.Time `json:"expires,omitzero"`   // of Secret
}

func (r registrationRecord) registration() dance.Registration {
	return dance.Registration{ClientID: r.ClientID, ClientSecret: secret.New(r.Secret), AuthStyle: r.AuthStyle, PrivateKey: secret.New(r.PrivateKey)}
}

// made reports a client that [dance.Register] made.
func (r registrationRecord) made() bool { return r.Method != "" }

func (r registrationRecord) expired(now time.Time) bool {
	return !r.Expires.IsZero() && !now.Before(r.Expires)
}

func (r registrationRecord) client() dance.Client {
	return dance.Client{Registration: r.registration(), Method: r.Method, URI: r.URI, Token: secret.New(r.Token), Expires: r.Expires}
}

// revocationRecord is a token that is gone here and not yet at its provider.
type revocationRecord struct {
	ID           string             `json:"id"` // the account's id
	Account      accountRecord      `json:"account"`
	Registration registrationRecord `json:"registration"`
	Tokens       []tokenRecord      `json:"tokens"`
	Since        time.Time          `json:"since"`
}

// grantRecord is a Grant as the vault keeps it.
type grantRecord Grant

// arrival is what lies in the inbox: the answer to a refresh, or the end of a
// revocation, that came while the profile was locked.
type arrival struct {
	Account string            `json:"account,omitempty"`
	Before  string            `json:"before,omitempty"` // hash of the access token that it renews; "" if nothing can have come between
	Token   *tokenRecord      `json:"token,omitempty"`
	Trouble *trouble          `json:"trouble,omitempty"`
	Gone    *revocationRecord `json:"gone,omitempty"`    // what to make of Token if the account is gone
	Revoked string            `json:"revoked,omitempty"` // id of a revocationRecord
	Tokens  int               `json:"tokens,omitempty"`  // how many of its tokens were revoked
}

// Records hold secrets as plain text, which no format verb and no logger prints,
// nor that of a struct with one in an unexported field (package fmt asks no
// method there).

func (tokenRecord) Format(f fmt.State, _ rune)        { io.WriteString(f, "[redacted]") }
func (registrationRecord) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }
func (revocationRecord) Format(f fmt.State, _ rune)   { io.WriteString(f, "[redacted]") }
func (refreshCall) Format(f fmt.State, _ rune)        { io.WriteString(f, "[redacted]") }
func (account) Format(f fmt.State, _ rune)            { io.WriteString(f, "[redacted]") }
func (enrolment) Format(f fmt.State, _ rune)          { io.WriteString(f, "[redacted]") }
func (outgrown) Format(f fmt.State, _ rune)           { io.WriteString(f, "[redacted]") }
func (danceRun) Format(f fmt.State, _ rune)           { io.WriteString(f, "[redacted]") }
func (tokenRecord) LogValue() slog.Value              { return slog.StringValue("[redacted]") }
func (registrationRecord) LogValue() slog.Value       { return slog.StringValue("[redacted]") }
func (revocationRecord) LogValue() slog.Value         { return slog.StringValue("[redacted]") }
func (arrival) LogValue() slog.Value                  { return slog.StringValue("[redacted]") }

func put(key string, record any) vault.Change {
	value, err := json.Marshal(record)
	if err != nil {
		panic("accounts: a record that cannot be encoded: " + err.Error())
	}
	return vault.Change{Key: key, Value: value}
}

func remove(key string) vault.Change { return vault.Change{Key: key} }

// load reads one record. A record that cannot be read is damage, never absence.
func load[T any](v *vault.Vault, key string) (record T, found bool, err error) {
	value, found, err := v.Get(key)
	if err != nil || !found {
		return record, false, err
	}
	defer clear(value)
	return record, true, json.Unmarshal(value, &record)
}

// loadAll reads every record under a prefix.
func loadAll[T any](v *vault.Vault, prefix string) ([]T, error) {
	var all []T
	for _, key := range v.Keys(prefix) {
		record, _, err := load[T](v, key)
		if err != nil {
			return nil, err
		}
		all = append(all, record)
	}
	return all, nil
}
