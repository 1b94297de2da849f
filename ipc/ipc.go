// Package ipc is how local programs talk to Dancecard: the types that go over
// its sockets, and clients for them.
//
// A program that needs tokens uses a [Client]. Its zero value works:
//
//	var dancecard ipc.Client
//	api := oauth2.NewClient(ctx, dancecard.TokenSource("github"))
//
// or, without x/oauth2,
//
//	answer, err := dancecard.Token(ctx, "github:mira-o", ipc.TokenRequest{})
//
// The first use of an account by a program puts a question on the user's
// screen, and the call waits for the answer. [Client.Events] tells what
// happens to the accounts the program was granted.
//
// [Control] is for administration, as dancectl does it: profiles, dances,
// grants. Programs in a sandbox never reach it.
//
// The wire is HTTP/1.1 with JSON on a unix socket, so that
//
//	curl --unix-socket $XDG_RUNTIME_DIR/dancecard/app/dancecard.sock http://dancecard/v1/accounts
//
// is a client too. Errors are problem documents (RFC 9457) with a stable code
// and a hint; both clients return them as an [*Error].
//
// The routes for apps:
//
//	GET  /v1/status                     [Status]
//	GET  /v1/accounts                   [Accounts]
//	GET  /v1/accounts/{ref}             [Account]
//	POST /v1/accounts/{ref}/token       [TokenRequest] gives [Token]
//	POST /v1/accounts/{ref}/rejected    [Rejected] gives nothing
//	POST /v1/connect                    [AppConnect] gives [Operation]
//	GET  /v1/operations/{id}?wait=60    [Operation]
//	GET  /v1/events                     server-sent [Event]s; Last-Event-ID replays
//
// Promised: routes under /v1 and the names and meanings of their fields stay;
// fields and codes may be added. A refresh token is never in any answer.
//
// This package keeps no token and never retries a refused request by itself.
package ipc

import (
	"os"
	"path/filepath"
)

// Where the sockets lie below the folder that [RuntimeDir] returns.
const (
	AppSocket     = "app/dancecard.sock"
	ControlSocket = "control/control.sock"
)

// Host is the host name that requests carry.
const Host = "dancecard"

// RuntimeDir returns the folder of Dancecard's sockets,
// $XDG_RUNTIME_DIR/dancecard, or an error if XDG_RUNTIME_DIR is not set. There
// is no fallback: a folder that others may write to is not one to trust.
func RuntimeDir() (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(dir) {
		return "", &Error{
			Code:    CodeNotRunning,
			Message: "Dancecard's socket cannot be found, because XDG_RUNTIME_DIR is not set.",
			Hint:    "Log in to the desktop session, or set XDG_RUNTIME_DIR to your own runtime folder.",
		}
	}
	return filepath.Join(dir, "dancecard"), nil
}
