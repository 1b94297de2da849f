package ipc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxAnswer bounds what a client reads of one answer.
const maxAnswer = 8 << 20

// conn keeps connections to one socket. The zero value works once path is set
// by the caller of open.
type conn struct {
	once sync.Once
	http *http.Client
}

func (c *conn) client(path func() (string, error)) *http.Client {
	c.once.Do(func() {
		var d net.Dialer
		c.http = &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					p, err := path()
					if err != nil {
						return nil, err
					}
					return d.DialContext(ctx, "unix", p)
				},
				MaxIdleConnsPerHost: 8,
				IdleConnTimeout:     time.Minute, // the server lets go later, so no request meets a closing connection
				DisableCompression:  true,
			},
		}
	})
	return c.http
}

func (c *conn) close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// A call is one request. again says that doing it twice does no harm.
type call struct {
	method string
	path   string // with escaped segments
	query  url.Values
	body   any
	again  bool
}

// send performs the call. A nil error comes with a 2xx response to be closed.
func send(ctx context.Context, h *http.Client, c call, header http.Header) (*http.Response, error) {
	var body io.Reader
	if c.body != nil {
		data, err := json.Marshal(c.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	u := "http://" + Host + c.path
	if len(c.query) > 0 {
		u += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, u, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.again {
		// Not sent: it tells net/http that a kept connection which turns out
		// to be closed is no reason to fail.
		req.Header["X-Idempotency-Key"] = nil
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, readError(resp)
	}
	return resp, nil
}

// do performs the call and reads its answer into out, if there is one.
func do(ctx context.Context, h *http.Client, c call, out any) error {
	resp, err := send(ctx, h, c, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return dialError(ctx, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &Error{Code: CodeInternal, Status: resp.StatusCode,
			Message: "Dancecard's answer cannot be read: it may be another version.",
			Hint:    "Update Dancecard and this program, then try again."}
	}
	return nil
}

// dialError tells "not running" from a caller who gave up and from the rest.
func dialError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Code: CodeNotRunning, Title: "Not running",
			Message: "Dancecard is not running.",
			Hint:    "Start Dancecard from the menu, or run `dancecard --hidden`."}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Code: CodeNotRunning, Title: "Not reachable",
			Message: "Dancecard's socket may not be opened by this program.",
			Hint:    "Run it as the user who runs Dancecard, or give its sandbox access to the folder dancecard/app."}
	}
	cause := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		cause = u.Err
	}
	return fmt.Errorf("Dancecard did not answer: %w", cause)
}

// readError turns an answer that is not 2xx into an *Error.
func readError(resp *http.Response) error {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	e := new(Error)
	if err := json.Unmarshal(data, e); err != nil || e.Code == "" {
		e = &Error{Code: Code(resp.Header.Get(Header)), Title: resp.Status,
			Message: "Something that is not Dancecard answered at its socket.",
			Hint:    "End the program that listens there, then start Dancecard."}
		if e.Code == "" {
			e.Code = CodeInternal
		}
	}
	e.Status = resp.StatusCode
	return e
}

// path joins escaped segments. A ref may hold any character.
func path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}
