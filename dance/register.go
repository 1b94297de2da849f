package dance

import (
	"context"
	"time"

	"dancecard/internal/secret"
)

// A Client is a registration that a provider made for us without the user
// (RFC 7591, client id metadata documents, Mastodon's app endpoint, atproto's
// loopback client).
type Client struct {
	Registration
	Method  string        // "document", "dynamic", "mastodon", "loopback"
	URI     string        // client configuration endpoint (RFC 7592); ""
	Token   secret.String // registration access token (RFC 7592)
	Expires time.Time     // when the secret ends; zero: never
}

// RegisterOptions are what a registration says about this program.
type RegisterOptions struct {
	Name     string // "Dancecard"
	Document string // https address of our client id metadata document; "": the method "document" is passed over
	DPoP     bool
	Scopes   []string
}

// Register climbs the row's RegistrationMethods until one gives a client.
// ErrNoRegistration if the row has none that can be used. *Refused, *Failed and
// *Invalid as elsewhere.
func Register(ctx context.Context, p Provider, o RegisterOptions) (Client, error) {
	panic("contract")
}

// Unregister deletes a client that Register made (RFC 7592 section 2.3).
func Unregister(ctx context.Context, p Provider, c Client) error { panic("contract") }
