package dance

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	requestTime    = 5 * time.Second // a request's header, and an answer
	requestHead    = 60 << 10        // bytes of a request's header; net/http adds 4 KiB
	queryCount     = 100             // values in a query
	lingerTime     = time.Second     // what the browser gets to fetch the last page
	lastAnswerTime = 250 * time.Millisecond
)

// loopback is the listener of one dance. It has three addresses, all of them
// unguessable unless the row fixes the second: the start address, which sends
// the browser to the provider once; the redirect address, which takes the
// provider's answer once; and the clean address, where the browser ends up, so
// that no code stays in its history.
//
// A request that is not exactly right is answered and changes nothing.
type loopback struct {
	redirect string // the redirect URI

	link      Link
	state     string
	host      string // what a Host header must say
	path      string // of the redirect URI; "": the answer is pasted
	cleanPath string
	probePath string
	secure    *tls.Config // nil: plain http

	judge     func(url.Values) (callback, page, bool) // nil: the code flow's
	renewable bool                                    // see trip

	answers chan callback // receives one
	taken   chan struct{} // closed when it did
	shown   chan struct{} // closed when the clean address was fetched

	server    *http.Server
	listeners []net.Listener
	running   sync.WaitGroup // accept loops and connections

	mu            sync.Mutex // guards the fields that follow
	phase         phase
	authorization string // where the start address leads
	startPath     string
	fetched       bool // the start address was
	seen          bool // the clean address was
	outcome       page
}

type phase int

const (
	waiting phase = iota
	answered
	over
)

// callback is what ended the wait: a code, or what went wrong.
type callback struct {
	code   string
	values url.Values // the answer's query; nil if a bare code was pasted
	err    error
}

// listen binds the row's redirect address. Nothing is served before serve.
func listen(l Link, state string) (*loopback, error) {
	r := l.Provider.Redirect
	listeners, port, err := bind(r)
	if err != nil {
		return nil, err
	}
	lb := &loopback{
		link: l, state: state, listeners: listeners,
		host:      net.JoinHostPort(r.host(), strconv.Itoa(port)),
		path:      l.Provider.redirectPath(),
		cleanPath: "/done/" + random(),
		probePath: "/probe/" + random(),
		answers:   make(chan callback, 1),
		taken:     make(chan struct{}),
		shown:     make(chan struct{}),
		outcome:   overPage,
	}
	switch {
	case r.paste():
		lb.path, lb.redirect = "", r.URI
		return lb, nil
	case lb.path == "":
		lb.path = "/" + random()
	}
	lb.redirect = r.scheme() + "://" + lb.host + lb.path
	if r.scheme() == "https" {
		if lb.secure, err = selfSigned(); err != nil {
			lb.abandon()
			return nil, &Failed{Stage: "authorization", Text: "no certificate for this machine could be made", Cause: err}
		}
	}
	return lb, nil
}

// abandon ends a listener that was never served.
func (lb *loopback) abandon() {
	for _, l := range lb.listeners {
		l.Close()
	}
}

// lead sets where the start address leads.
func (lb *loopback) lead(authorization string) {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	lb.authorization = authorization
}

func (lb *loopback) leads() string {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	return lb.authorization
}

// start makes a new start URL; an earlier one is no longer known.
func (lb *loopback) start() string {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	lb.startPath, lb.fetched = "/start/"+random(), false
	return "http://" + lb.host + lb.startPath
}

func (lb *loopback) starts(path string) bool {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	return lb.startPath != "" && path == lb.startPath
}

// serve begins to answer. authorization is where the start address leads.
func (lb *loopback) serve(authorization string) {
	lb.lead(authorization)
	lb.server = &http.Server{
		Handler:                      lb,
		ReadTimeout:                  requestTime,
		WriteTimeout:                 requestTime,
		MaxHeaderBytes:               requestHead,
		ErrorLog:                     log.New(io.Discard, "", 0),
		DisableGeneralOptionsHandler: true,
		ConnContext:                  rememberConn,
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				lb.running.Add(1)
			case http.StateClosed:
				lb.running.Done()
			}
		},
	}
	lb.server.SetKeepAlivesEnabled(false)
	guests := &crowd{}
	for _, l := range lb.listeners {
		lb.running.Go(func() { lb.server.Serve(eitherListener{crowdListener{l, guests}, lb.secure}) })
	}
}

// close lets the browser fetch the last page, then ends everything that serve
// began. No listener, connection or goroutine is left when it returns.
func (lb *loopback) close() {
	select {
	case <-lb.taken:
		linger := time.NewTimer(lingerTime)
		defer linger.Stop()
		select {
		case <-lb.shown:
		case <-linger.C:
		}
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswerTime)
	defer cancel()
	lb.server.Shutdown(ctx)
	lb.server.Close()
	lb.running.Wait()
}

// expire ends the wait without an answer.
func (lb *loopback) expire() {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	if lb.phase == waiting {
		lb.phase = over
	}
}

// settle ends the wait with c, if nothing has ended it yet.
func (lb *loopback) settle(c callback, outcome page) bool {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	if lb.phase != waiting {
		return false
	}
	lb.phase, lb.outcome = answered, outcome
	lb.answers <- c
	close(lb.taken)
	return true
}

// ServeHTTP implements http.Handler.
func (lb *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w)
	path, query, _ := strings.Cut(r.RequestURI, "?") // as sent: no other spelling of a path is right
	var handle func(http.ResponseWriter, string)
	switch {
	case lb.starts(path):
		handle = lb.begin
	case path == lb.path && path != "" && secured(r) == (lb.secure != nil):
		handle = lb.receive
	case path == lb.cleanPath:
		handle = lb.show
	case path == lb.probePath:
		handle = lb.probed
	}
	switch {
	case r.Host != lb.host:
		plain(w, http.StatusBadRequest)
	case handle == nil:
		plain(w, http.StatusNotFound)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		plain(w, http.StatusMethodNotAllowed)
	case ahead(r.Header):
		plain(w, http.StatusServiceUnavailable)
	case within(r.Header):
		plain(w, http.StatusBadRequest)
	default:
		handle(w, query)
	}
}

// ahead reports a browser that fetches before its user has asked for it.
func ahead(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		v := strings.ToLower(h.Get(name))
		if strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
			return true
		}
	}
	return false
}

// within reports a request from inside another page: an image, a frame, a
// script's fetch. What does not send these headers is let through.
func within(h http.Header) bool {
	mode, dest := h.Get("Sec-Fetch-Mode"), h.Get("Sec-Fetch-Dest")
	return mode != "" && mode != "navigate" || dest != "" && dest != "document"
}

// begin sends the browser to the provider. Fetched twice, somebody else has
// read the address, and the dance stops.
func (lb *loopback) begin(w http.ResponseWriter, _ string) {
	lb.mu.Lock()
	again := lb.fetched
	lb.fetched = true
	live, authorization := lb.phase == waiting, lb.authorization
	lb.mu.Unlock()
	if !live || again {
		lb.settle(callback{err: &Invalid{Stage: "authorization",
			Text: "the start page was opened twice, perhaps by another program; start again"}}, overPage)
		overPage.write(w, http.StatusGone)
		return
	}
	if lb.secure != nil {
		page{Kind: "warning", Provider: lb.link.Provider.Name, Next: authorization, Address: lb.host}.write(w, http.StatusOK)
		return
	}
	w.Header().Set("Location", authorization)
	w.WriteHeader(http.StatusFound)
}

// receive takes the provider's answer (RFC 6749 section 4.1.2).
func (lb *loopback) receive(w http.ResponseWriter, query string) {
	answer, outcome, ok := lb.read(query)
	switch {
	case !ok:
		overPage.write(w, http.StatusBadRequest)
	case !lb.settle(answer, outcome):
		overPage.write(w, http.StatusGone)
	default:
		w.Header().Set("Location", lb.cleanPath)
		w.WriteHeader(http.StatusSeeOther)
	}
}

// show is the clean address.
func (lb *loopback) show(w http.ResponseWriter, _ string) {
	lb.mu.Lock()
	outcome, phase := lb.outcome, lb.phase
	first := phase == answered && !lb.seen
	lb.seen = lb.seen || first
	lb.mu.Unlock()
	if phase == waiting {
		plain(w, http.StatusNotFound)
		return
	}
	outcome.write(w, http.StatusOK)
	if first {
		close(lb.shown)
	}
}

// plain answers what no browser of the user's sends.
func plain(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, http.StatusText(status)+"\n")
}
