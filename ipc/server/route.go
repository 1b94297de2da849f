package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dancecard/accounts"
	"dancecard/ipc"
)

type peerKey struct{}

// A request is what a handler gets.
type request struct {
	*http.Request
	app  accounts.App
	vars []string // the path's {segments}, unescaped
}

// none is the type of a body that is not there.
type none struct{}

// A route is a row of a socket's table. in and out are the types of its bodies,
// from which its description is made.
type route struct {
	method  string
	pattern []string
	in, out reflect.Type
	serve   func(http.ResponseWriter, *request) error
}

// handle makes a route of a function from one body to the other. A status of
// 200 is meant; none answers 204.
func handle[In, Out any](method, pattern string, f func(context.Context, *request, In) (Out, error)) route {
	r := newRoute(method, pattern, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	r.serve = func(w http.ResponseWriter, q *request) error {
		var in In
		if err := readBody(w, q, &in); err != nil {
			return err
		}
		out, err := f(q.Context(), q, in)
		if err != nil {
			return err
		}
		return answer(w, q, out)
	}
	return r
}

func newRoute(method, pattern string, in, out reflect.Type) route {
	return route{method: method, pattern: strings.Split(strings.TrimPrefix(pattern, "/"), "/"), in: in, out: out}
}

// match compares the path's segments with the pattern's.
func (r route) match(segments []string) (vars []string, ok bool) {
	if len(segments) != len(r.pattern) {
		return nil, false
	}
	for n, p := range r.pattern {
		if strings.HasPrefix(p, "{") {
			vars = append(vars, segments[n])
		} else if p != segments[n] {
			return nil, false
		}
	}
	return vars, true
}

// handler answers a socket's requests: it refuses who must not ask, finds the
// route, and sends what the route's function says.
func (s *Server) handler(routes []route, control bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if len(r.TransferEncoding) > 0 {
			h.Set("Connection", "close") // what follows such a body is never a request (RFC 9112 section 6.1)
		}
		defer func() {
			switch recover() { // its text may quote what must not be quoted
			case nil:
			case http.ErrAbortHandler:
				panic(http.ErrAbortHandler)
			default:
				slog.Error("a request to the socket broke its handler", "method", r.Method)
				h.Set("Connection", "close")
				writeProblem(w, problem(ipc.CodeInternal, "Dancecard broke on this request.", "Report it, with what was asked."))
			}
		}()
		if err := s.serve(w, r, routes, control); err != nil {
			e := toProblem(err)
			if e.Code == ipc.CodeUnidentified || e.Code == ipc.CodeNotYourOwn {
				h.Set("Connection", "close")
			}
			writeProblem(w, e)
		}
	})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, routes []route, control bool) error {
	p := r.Context().Value(peerKey{}).(*peer)
	app, refusal := s.id.current(p)
	if refusal != nil {
		return refusal
	}
	if control && p.boxed {
		return problem(ipc.CodeNotYourOwn, "Programs in a sandbox do not administer Dancecard.", "Use Dancecard's window.")
	}
	if err := fromProgram(r); err != nil {
		return err
	}
	if ref, host, rest, ok := fetchOf(r); ok && !control {
		return s.fetch(w, &request{Request: r, app: app, vars: []string{ref}}, host, rest)
	}
	segments, err := split(r.URL)
	if err != nil {
		return err
	}
	var allowed []string
	for _, route := range routes {
		vars, ok := route.match(segments)
		switch {
		case ok && route.method == r.Method:
			return route.serve(w, &request{Request: r, app: app, vars: vars})
		case ok:
			allowed = append(allowed, route.method)
		}
	}
	if allowed != nil {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return problem(ipc.CodeMethodNotAllowed, "This route does not take the method "+clean(r.Method)+".",
			"Use "+strings.Join(allowed, " or ")+".")
	}
	return problem(ipc.CodeNotFound, "There is no such route.", "The documentation of package ipc lists the routes.")
}

// fromProgram refuses what a browser sends, or sends for a page whose host name
// was bent to lead here.
func fromProgram(r *http.Request) error {
	refuse := func(what string) error {
		return problem(ipc.CodeBrowserRefused, "Dancecard answers programs, not web pages: "+what+".",
			"Send Host: "+ipc.Host+" and none of Origin, Referer and Sec-Fetch-*.")
	}
	if !strings.EqualFold(r.Host, ipc.Host) && !strings.EqualFold(r.Host, "localhost") {
		return refuse("the Host is another")
	}
	for name := range r.Header {
		if name == "Origin" || name == "Referer" || strings.HasPrefix(name, "Sec-Fetch-") {
			return refuse("there is a header " + name)
		}
	}
	return nil
}

// split cuts the path at its slashes as sent, and then unescapes: a ref may
// hold a slash, and nothing is cleaned up or redirected.
func split(u *url.URL) ([]string, error) {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for n, part := range parts {
		s, err := url.PathUnescape(part)
		if err != nil || s == "" || s == "." || s == ".." || len(s) > 512 ||
			!utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return nil, problem(ipc.CodeNotFound, "The path has a segment that no route takes.",
				"Escape the account's name as a URL path segment.")
		}
		parts[n] = s
	}
	return parts, nil
}

// readBody reads the request's JSON into v.
func readBody(w http.ResponseWriter, q *request, v any) error {
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	data, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem(ipc.CodeTooLarge, "The body has more than 64 KB.", "Send only the fields that the route takes.")
	}
	if err != nil {
		w.Header().Set("Connection", "close")
		return badRequest("The body did not come to its end.")
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	return decode(data, v)
}

// answer sends out as JSON, or a token bare where only text is accepted.
func answer(w http.ResponseWriter, q *request, out any) error {
	if _, ok := out.(none); ok {
		deadline(w, writeTimeout)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	kind, data := "application/json", []byte(nil)
	if b, ok := out.(interface{ Bare() ipc.Secret }); ok && wantsText(q.Header) {
		kind, data = "text/plain; charset=utf-8", []byte(b.Bare().Reveal())
	} else {
		var err error
		if data, err = json.Marshal(out); err != nil {
			return err
		}
		data = append(data, '\n')
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	deadline(w, writeTimeout)
	w.Write(data)
	return nil
}

// wantsText reports whether the first media type that is accepted is plain text.
func wantsText(h http.Header) bool {
	first, _, _ := strings.Cut(h.Get("Accept"), ",")
	kind, _, err := mime.ParseMediaType(first)
	return err == nil && kind == "text/plain"
}

// seconds reads a whole number of seconds from the query, up to most.
func seconds(q *request, name string, most time.Duration) (time.Duration, error) {
	text := q.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badRequest("The query's " + name + " is not a whole number.")
	}
	return inSeconds(name, n, most)
}

// inSeconds checks a number of seconds; what is more than most is most.
func inSeconds(name string, n int, most time.Duration) (time.Duration, error) {
	if n < 0 {
		return 0, badRequest(name + " is less than zero.")
	}
	return time.Duration(min(n, int(most/time.Second))) * time.Second, nil
}
