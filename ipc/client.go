package ipc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

// Client speaks to Dancecard as an app. The zero value is ready, is safe for
// concurrent use and keeps connections; do not copy it after its first use.
//
// An account is named by a ref: its id, its label, its provider ("github"),
// provider:login ("github:mira-o"), or the host its token is for
// ("host:github.com").
type Client struct {
	// Socket is the socket's path; if empty, $DANCECARD_SOCK, else
	// app/dancecard.sock in [RuntimeDir].
	Socket string

	conn conn
}

func (c *Client) path() (string, error) {
	if c.Socket != "" {
		return c.Socket, nil
	}
	if p := os.Getenv("DANCECARD_SOCK"); p != "" {
		return p, nil
	}
	dir, err := RuntimeDir()
	return filepath.Join(dir, AppSocket), err
}

func (c *Client) do(ctx context.Context, k call, out any) error {
	return do(ctx, c.conn.client(c.path), k, out)
}

// Close lets go of the kept connections. The Client can be used again.
func (c *Client) Close() { c.conn.close() }

// Status says whether the profile is open and who Dancecard takes us for.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.do(ctx, call{method: "GET", path: path("status")}, &s)
	return s, err
}

// Accounts lists the accounts that this program was granted.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	var a Accounts
	err := c.do(ctx, call{method: "GET", path: path("accounts")}, &a)
	return a.Accounts, err
}

// Account looks one granted account up.
func (c *Client) Account(ctx context.Context, ref string) (Account, error) {
	var a Account
	err := c.do(ctx, call{method: "GET", path: path("accounts", ref)}, &a)
	return a, err
}

// Token asks for a token, which may put a question on the user's screen and
// wait for the answer. When ctx ends first, the question is withdrawn.
func (c *Client) Token(ctx context.Context, ref string, r TokenRequest) (Token, error) {
	var t Token
	err := c.do(ctx, call{method: "POST", path: path("accounts", ref, "token"), body: r, again: true}, &t)
	return t, err
}

// Rejected reports that the API answered 401 to token, which is not sent: only
// its hash is. If the token was stale the next Token call has the current one;
// else Dancecard refreshes.
func (c *Client) Rejected(ctx context.Context, ref string, token Secret) error {
	body := Rejected{Hash: HashToken(token)}
	return c.do(ctx, call{method: "POST", path: path("accounts", ref, "rejected"), body: body, again: true}, nil)
}

// HashToken is the hash that [Rejected] carries: SHA-256 in lower-case hex.
func HashToken(token Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// Connect asks the user to connect a provider of the gallery, by its id, and
// waits until that is done, refused, or ctx ends.
func (c *Client) Connect(ctx context.Context, provider string) (Operation, error) {
	var o Operation
	if err := c.do(ctx, call{method: "POST", path: path("connect"), body: AppConnect{Provider: provider}}, &o); err != nil {
		return o, err
	}
	for !o.State.Over() {
		next, err := c.Operation(ctx, o.ID, time.Minute)
		if err != nil {
			return o, err
		}
		o = next
	}
	if o.Error != nil {
		return o, o.Error
	}
	return o, nil
}

// Operation looks an operation up; it waits up to wait for a change.
func (c *Client) Operation(ctx context.Context, id string, wait time.Duration) (Operation, error) {
	var o Operation
	err := c.do(ctx, call{method: "GET", path: path("operations", id), query: waitQuery(wait)}, &o)
	return o, err
}

// Events yields what happens to the granted accounts, after the event with
// that id ("" for now). It connects again when the connection is lost, and
// yields an event of type [Resync] when some may be missing: look at the
// accounts again. It ends with an error when ctx ends, when Dancecard is not
// running at the start, or when it refuses.
func (c *Client) Events(ctx context.Context, lastID string) iter.Seq2[Event, error] {
	return events(ctx, func(h http.Header) (*http.Response, error) {
		return send(ctx, c.conn.client(c.path), call{method: "GET", path: path("events")}, h)
	}, lastID)
}

// TokenSource is an [oauth2.TokenSource] for an account: any program on
// golang.org/x/oauth2 uses it in one line. It keeps nothing; each call is one
// round trip to the socket and waits up to three minutes for the user.
func (c *Client) TokenSource(account string) oauth2.TokenSource {
	return tokenSource{client: c, account: account}
}

type tokenSource struct {
	client  *Client
	account string
}

// Token implements [oauth2.TokenSource].
func (s tokenSource) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	t, err := s.client.Token(ctx, s.account, TokenRequest{})
	if err != nil {
		return nil, err
	}
	token := &oauth2.Token{
		AccessToken: t.AccessToken.Reveal(),
		TokenType:   t.TokenType,
		Expiry:      t.ExpiresAt,
	}
	extra := map[string]any{"scope": t.Scope}
	for k, v := range maps.All(t.API) {
		extra[k] = v
	}
	return token.WithExtra(extra), nil
}

func waitQuery(wait time.Duration) url.Values {
	if wait <= 0 {
		return nil
	}
	return url.Values{"wait": {strconv.Itoa(int(wait / time.Second))}}
}
