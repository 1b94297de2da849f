package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"dancecard/ipc"
)

// fetchIdle is how long one side of a fetch may be silent in the middle of a
// body.
const fetchIdle = 2 * time.Minute

// fetchOf recognises /v1/accounts/{ref}/fetch/{host}/{path}. What follows the
// host is the API's: it is neither split nor unescaped.
func fetchOf(r *http.Request) (ref, host, rest string, ok bool) {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	if absolute, ok := strings.CutPrefix(sent, "http://"+r.Host); ok { // RFC 9112 section 3.2.2
		sent = absolute
	}
	after, ok := strings.CutPrefix(sent, "/v1/accounts/")
	if !ok {
		return "", "", "", false
	}
	ref, after, _ = strings.Cut(after, "/")
	after, ok = strings.CutPrefix(after, "fetch/")
	if !ok {
		return "", "", "", false
	}
	host, rest, _ = strings.Cut(after, "/")
	ref, err := url.PathUnescape(ref)
	host, err2 := url.PathUnescape(host)
	return ref, host, "/" + rest, err == nil && err2 == nil && ref != "" && host != ""
}

// fetch performs the request at the API. Bodies stream both ways.
func (s *Server) fetch(w http.ResponseWriter, q *request, host, rest string) error {
	parsed, err := url.Parse("https://" + host)
	if err != nil || parsed.Host != host || parsed.Hostname() == "" || q.Method == http.MethodConnect {
		return problem(ipc.CodeBadRequest, "That is no host, or no method, of an API.",
			"The route is /v1/accounts/ACCOUNT/fetch/HOST/PATH.")
	}
	target := &url.URL{Host: host, Opaque: rest, RawQuery: q.URL.RawQuery, ForceQuery: q.URL.ForceQuery}
	control := http.NewResponseController(w)
	control.EnableFullDuplex()
	var body io.Reader = http.NoBody
	if q.ContentLength != 0 {
		body = idleReader{q.Body, control}
	}
	out, err := http.NewRequestWithContext(q.Context(), q.Method, "https://"+host, body)
	if err != nil {
		return badRequest("That method cannot be sent on.")
	}
	out.URL, out.Header, out.ContentLength = target, q.Header.Clone(), q.ContentLength
	resp, err := s.book.Fetch(q.Context(), q.app, q.vars[0], out)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	pass(w, control, resp)
	return nil
}

// idleReader lets a body take its time, but not be silent for long.
type idleReader struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read implements io.Reader.
func (r idleReader) Read(p []byte) (int, error) {
	r.control.SetReadDeadline(time.Now().Add(fetchIdle))
	return r.ReadCloser.Read(p)
}

// notTheirs are headers that say something about this connection or come from
// Dancecard alone: an API cannot set them (RFC 9110 section 7.6.1).
var notTheirs = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Te", "Trailer", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authorization", "Alt-Svc", "Strict-Transport-Security", "Set-Cookie",
	http.CanonicalHeaderKey(ipc.Header),
}

// pass sends the API's answer on as it comes.
func pass(w http.ResponseWriter, control *http.ResponseController, resp *http.Response) {
	drop := slices.Clone(notTheirs)
	for _, line := range resp.Header.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			drop = append(drop, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	for name, values := range resp.Header {
		if !slices.Contains(drop, name) {
			w.Header()[name] = values
		}
	}
	control.SetWriteDeadline(time.Now().Add(fetchIdle))
	w.WriteHeader(resp.StatusCode)
	chunk := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(chunk)
		if n > 0 {
			control.SetWriteDeadline(time.Now().Add(fetchIdle))
			if _, err := w.Write(chunk[:n]); err != nil {
				return
			}
			control.Flush()
		}
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			panic(http.ErrAbortHandler) // the app must not take a part for the whole
		}
	}
}
