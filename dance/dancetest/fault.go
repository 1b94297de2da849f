package dancetest

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

type fault struct {
	path    string
	left    int // below 0: for ever
	instead http.HandlerFunc
	after   http.HandlerFunc
	rewrite func(*Answer)
	held    chan struct{}
}

type faults struct {
	mu   sync.Mutex // guards the field that follows
	list []*fault
}

// take uses up one go of the first fault for the path, after waiting for the
// holds on it.
func (f *faults) take(r *http.Request) *fault {
	for {
		f.mu.Lock()
		i := slices.IndexFunc(f.list, func(x *fault) bool { return x.path == r.URL.Path })
		if i < 0 {
			f.mu.Unlock()
			return nil
		}
		x := f.list[i]
		if x.held == nil {
			if x.left > 0 {
				if x.left--; x.left == 0 {
					f.list = slices.Delete(f.list, i, i+1)
				}
			}
			f.mu.Unlock()
			return x
		}
		f.mu.Unlock()
		select {
		case <-x.held:
		case <-r.Context().Done():
			return &fault{instead: DropConnection()}
		}
	}
}

func (f *faults) add(x *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x.left == 0 && x.held == nil {
		return
	}
	if x.held != nil {
		f.list = slices.Insert(f.list, 0, x)
		return
	}
	f.list = append(f.list, x)
}

func (f *faults) remove(x *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.list, x); i >= 0 {
		f.list = slices.Delete(f.list, i, i+1)
		if x.held != nil {
			close(x.held)
		}
	}
}

// Fault makes the next n requests to path be answered by h instead (n < 0:
// until ClearFaults). The provider itself does not see them. Faults for one
// path act one after the other, in the order in which they were added.
func (p *Provider) Fault(path string, n int, h http.HandlerFunc) {
	p.faults.add(&fault{path: path, left: n, instead: h})
}

// FaultAfter lets the provider do its work for the next n requests to path,
// throws its answer away and lets h answer: with [DropConnection] a refresh
// token was rotated and nobody learnt the new one.
func (p *Provider) FaultAfter(path string, n int, h http.HandlerFunc) {
	p.faults.add(&fault{path: path, left: n, after: h})
}

// Rewrite lets change alter the provider's true answer to the next n requests
// to path: another expires_in, no refresh token, half a body.
func (p *Provider) Rewrite(path string, n int, change func(*Answer)) {
	p.faults.add(&fault{path: path, left: n, rewrite: change})
}

// Hold keeps requests to path waiting until release is called or the client
// goes away. They are in Requests while they wait; see Await.
func (p *Provider) Hold(path string) (release func()) {
	x := &fault{path: path, held: make(chan struct{})}
	p.faults.add(x)
	return func() { p.faults.remove(x) }
}

// ClearFaults ends all faults and holds.
func (p *Provider) ClearFaults() {
	p.faults.mu.Lock()
	list := slices.Clone(p.faults.list)
	p.faults.mu.Unlock()
	for _, x := range list {
		p.faults.remove(x)
	}
}

// Unavailable answers 503, with Retry-After in seconds if after is not 0.
func Unavailable(after time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
		}
		http.Error(w, "the service is down for a moment", http.StatusServiceUnavailable)
	}
}

// OAuthError answers with an error of RFC 6749 section 5.2, such as
// invalid_grant: 401 for invalid_client, else 400.
func OAuthError(code string) http.HandlerFunc {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		oauthError(status, code, "as the test asked for").send(w)
	}
}

// CaptivePortal answers 200 with a page that has nothing to do with OAuth, as
// a hotel's network does.
func CaptivePortal() http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>Welcome</title><p>Accept our terms to use this network.</p>"))
	}
}

// DropConnection closes the connection without one byte of an answer.
func DropConnection() http.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
}
