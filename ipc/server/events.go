package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// heartbeat is how often a quiet stream says that it lives, and finds out
// whether its reader does.
const heartbeat = 15 * time.Second

// appEvents streams what the app may see at that moment.
func (s *Server) appEvents(w http.ResponseWriter, q *request) error {
	p := q.Context().Value(peerKey{}).(*peer)
	return s.stream(w, q, func(e accounts.Event) (bool, error) {
		app, refusal := s.id.current(p)
		if refusal != nil {
			return false, refusal
		}
		return s.book.Visible(app, e), nil
	})
}

// controlEvents streams everything that has a name.
func (s *Server) controlEvents(w http.ResponseWriter, q *request) error {
	p := q.Context().Value(peerKey{}).(*peer)
	return s.stream(w, q, func(e accounts.Event) (bool, error) {
		if _, refusal := s.id.current(p); refusal != nil {
			return false, refusal
		}
		return e.Type != accounts.EventChanged, nil
	})
}

// stream sends server-sent events (WHATWG HTML section 9.2) until the reader
// goes away, stalls, or becomes another program. Last-Event-ID says what it has
// seen; events that are no longer known become one resync.
func (s *Server) stream(w http.ResponseWriter, q *request, visible func(accounts.Event) (bool, error)) error {
	last := q.Header.Get("Last-Event-ID")
	if len(last) > 128 {
		return badRequest("The Last-Event-ID is none of ours.")
	}
	ctx := q.Context()
	watch := s.book.Watch(last)
	s.streams.Add(1)
	defer s.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := bytes.NewBufferString(": dancecard\n\n")
	for {
		if !send(w, out) {
			return nil
		}
		wait, cancel := context.WithTimeout(ctx, heartbeat)
		events, missed, err := watch.Next(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			if ok, refusal := visible(accounts.Event{}); !ok && refusal != nil {
				return nil
			}
			out.WriteString(": still here\n\n")
			continue
		case err != nil:
			return nil
		}
		if missed {
			frame(out, ipc.Event{Type: ipc.Resync, At: wireTime(time.Now())})
		}
		for _, e := range events {
			ok, refusal := visible(e)
			if refusal != nil {
				return nil // the head is out; the connection ends
			}
			if ok {
				frame(out, toEvent(e))
			}
		}
	}
}

// frame writes one event. JSON has no bare line break, so data is one line.
func frame(out *bytes.Buffer, e ipc.Event) {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and times of this century always marshal
	}
	out.WriteString("event: " + clean(e.Type) + "\n")
	if e.ID != "" {
		out.WriteString("id: " + clean(e.ID) + "\n")
	}
	out.WriteString("data: ")
	out.Write(data)
	out.WriteString("\n\n")
}

// send writes and empties out; false if the reader is gone or stalls.
func send(w http.ResponseWriter, out *bytes.Buffer) bool {
	defer out.Reset()
	if out.Len() == 0 {
		return true
	}
	deadline(w, writeTimeout)
	if _, err := w.Write(out.Bytes()); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}
