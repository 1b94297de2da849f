package dance

import "context"

const foundPrefix = "at-" // of the ids of rows that Find makes

// Find makes a row for a provider that is in no catalogue, of what the user
// typed: an issuer's address (OpenID Connect Discovery, RFC 8414), an MCP
// server's address (RFC 9728, then its authorization server) or an atproto
// handle ("mira.bsky.social", or a DID). The row's id is made of the host name;
// its endpoints are resolved.
func Find(ctx context.Context, address string) (Provider, error) { panic("contract") }
