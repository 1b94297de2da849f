package ipc

import (
	"context"
	"net/http"
)

// Fetch performs a request at the API of an account with the account's token
// added; this program never sees the token. r.URL is the API's own address,
// and its host one of [Account.Hosts]. The caller closes the answer's body.
//
// An answer of the API is returned as it is, whatever its status; an error is
// Dancecard's own word. r's Authorization and Cookie are not sent on.
func (c *Client) Fetch(ctx context.Context, ref string, r *http.Request) (*http.Response, error) {
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.URL.User = "http", Host, nil
	out.Host = Host
	rest := r.URL.EscapedPath()
	if rest == "" {
		rest = "/"
	}
	out.URL.Opaque = path("accounts", ref, "fetch", r.URL.Host) + rest
	out.RequestURI = ""
	resp, err := c.conn.client(c.path).Do(out)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	if resp.Header.Get(Header) != "" {
		defer resp.Body.Close()
		return nil, readError(resp)
	}
	return resp, nil
}

// HTTPClient is an [http.Client] whose requests are made with [Client.Fetch]:
// a program that calls an API through it never holds a token. Redirects are
// followed as by any http.Client, each through Dancecard, which refuses hosts
// that are not the account's.
func (c *Client) HTTPClient(account string) *http.Client {
	return &http.Client{Transport: fetcher{client: c, account: account}}
}

type fetcher struct {
	client  *Client
	account string
}

// RoundTrip implements [http.RoundTripper]. The Referer that an http.Client adds
// after a redirect is left out: Dancecard takes it for a web page's request.
func (f fetcher) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Referer") != "" {
		r = r.Clone(r.Context())
		r.Header.Del("Referer")
	}
	return f.client.Fetch(r.Context(), f.account, r)
}
