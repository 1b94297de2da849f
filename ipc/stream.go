package ipc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"
)

// maxLine bounds a line of the event stream.
const maxLine = 1 << 20

// events reads the stream that open starts, and opens it again when it ends.
func events(ctx context.Context, open func(http.Header) (*http.Response, error), lastID string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		known := lastID != "" // what was missed can be asked for
		pause := 100 * time.Millisecond
		for first := true; ; first = false {
			h := http.Header{"Accept": {"text/event-stream"}}
			if lastID != "" {
				h.Set("Last-Event-ID", lastID)
			}
			resp, err := open(h)
			switch {
			case err == nil:
				if !first && !known && !yield(Event{Type: Resync, At: time.Now()}, nil) {
					resp.Body.Close()
					return
				}
				ok := readStream(resp.Body, func(e Event) bool {
					pause = 100 * time.Millisecond
					if e.ID != "" {
						lastID, known = e.ID, true
					}
					return yield(e, nil)
				})
				resp.Body.Close()
				if !ok {
					return
				}
			case first || !passing(err):
				yield(Event{}, err)
				return
			}
			select {
			case <-ctx.Done():
				yield(Event{}, ctx.Err())
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, 5*time.Second)
		}
	}
}

// passing reports whether connecting again may help.
func passing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return !ok || e.Code == CodeNotRunning || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests
}

// readStream reads server-sent events (WHATWG HTML section 9.2) until the
// stream ends; false if f had enough.
func readStream(r io.Reader, f func(Event) bool) bool {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	var data strings.Builder
	for s.Scan() {
		line := s.Text()
		if line == "" {
			var e Event
			if data.Len() > 0 && json.Unmarshal([]byte(data.String()), &e) == nil && !f(e) {
				return false
			}
			data.Reset()
			continue
		}
		if text, ok := strings.CutPrefix(line, "data:"); ok {
			data.WriteString(strings.TrimPrefix(text, " "))
		}
	}
	return true
}
