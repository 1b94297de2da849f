package dancetest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const recordSize = 10_000

// A Request is one that the provider received.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Header http.Header
	Form   map[string]string // query and form values, the first of each; passwords left out
	Status int               // 0: not answered, or dropped without an answer
}

type record struct {
	mu    sync.Mutex // guards the fields that follow
	list  []*Request
	wakes []chan struct{}
}

func (c *record) add(r *http.Request, body []byte) *Request {
	form := map[string]string{}
	values := r.URL.Query()
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		posted, _ := url.ParseQuery(string(body))
		for k, v := range posted {
			values[k] = append(v, values[k]...)
		}
	}
	for k, v := range values {
		if k != "password" {
			form[k] = v[0]
		}
	}
	seen := &Request{At: time.Now(), Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Form: form}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) >= recordSize {
		c.list = slices.Delete(c.list, 0, recordSize/10)
	}
	c.list = append(c.list, seen)
	c.wakeLocked()
	return seen
}

func (c *record) done(seen *Request, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen.Status = status
	c.wakeLocked()
}

func (c *record) wakeLocked() {
	for _, w := range c.wakes {
		close(w)
	}
	c.wakes = nil
}

// Requests returns what was received so far, oldest first (the last ten
// thousand at most). A request is listed as soon as it has arrived.
func (p *Provider) Requests() []Request {
	p.record.mu.Lock()
	defer p.record.mu.Unlock()
	out := make([]Request, len(p.record.list))
	for i, r := range p.record.list {
		out[i] = *r
	}
	return out
}

// Await waits until n requests to path have arrived since the start, and
// reports false if ctx ended first.
func (p *Provider) Await(ctx context.Context, path string, n int) bool {
	for {
		p.record.mu.Lock()
		have := 0
		for _, r := range p.record.list {
			if r.Path == path {
				have++
			}
		}
		wake := make(chan struct{})
		p.record.wakes = append(p.record.wakes, wake)
		p.record.mu.Unlock()
		if have >= n {
			return true
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return false
		}
	}
}
