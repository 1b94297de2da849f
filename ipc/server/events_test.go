//go:build linux

package server

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// listen collects events until its context ends.
func listen(ctx context.Context, events func(context.Context, string) iter.Seq2[ipc.Event, error], last string) <-chan ipc.Event {
	out := make(chan ipc.Event, 256)
	go func() {
		defer close(out)
		for e, err := range events(ctx, last) {
			if err != nil {
				return
			}
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func appEvents(c *ipc.Client) func(context.Context, string) iter.Seq2[ipc.Event, error] {
	return func(ctx context.Context, last string) iter.Seq2[ipc.Event, error] { return c.Events(ctx, last) }
}

// next waits for an event of that type and returns it and what came before.
func next(t *testing.T, events <-chan ipc.Event, kind string) (e ipc.Event, before []ipc.Event) {
	t.Helper()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the stream ended before %s; got %+v", kind, before)
			}
			if e.Type == kind {
				return e, before
			}
			before = append(before, e)
		case <-time.After(patience):
			t.Fatalf("no %s; got %+v", kind, before)
		}
	}
}

// streaming waits until so many streams are read.
func (r *rig) streaming(n int32) {
	r.t.Helper()
	eventually(r.t, "the streams to begin", func() bool { return r.streams.Load() >= n })
}

func TestEventsReplayAndResync(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)

	ctx, stop := context.WithCancel(t.Context())
	events := listen(ctx, appEvents(c), "")
	r.streaming(1)
	if err := r.book.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	first, _ := next(t, events, "token.refreshed")
	if first.Account != a.ID || first.ID == "" || first.At.IsZero() {
		t.Errorf("%+v", first)
	}
	stop()

	if err := r.book.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	second, before := next(t, listen(t.Context(), appEvents(c), first.ID), "token.refreshed")
	if second.ID == first.ID || len(before) != 0 {
		t.Errorf("after %s came %+v and %+v", first.ID, before, second)
	}
	for _, last := range []string{"0123456789ab.7", "nonsense", first.ID + "999999"} {
		if e, before := next(t, listen(t.Context(), appEvents(c), last), ipc.Resync); e.ID != "" || len(before) > 0 {
			t.Errorf("after %q: %+v %+v", last, before, e)
		}
	}
	status, h, text := r.do(ipc.AppSocket, "GET", "/v1/events", "", "Last-Event-ID", strings.Repeat("1", 200))
	if e := problemIn(t, status, h, text); e.Code != ipc.CodeBadRequest {
		t.Errorf("%+v", e)
	}
}

// The client connects again by itself when Dancecard was started again, and is
// told to look again.
func TestEventsAcrossARestart(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	events := listen(t.Context(), appEvents(c), "")
	r.streaming(1)
	r.Server.Close()
	r.serve()
	next(t, events, ipc.Resync)
	r.streaming(1)
	if err := r.book.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	next(t, events, "token.refreshed")
}

func TestCurlReadsEvents(t *testing.T) {
	r := newOpenRig(t)
	cmd := r.curl("-N", "http://dancecard/v1/events")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), ":") {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	if err := r.book.Lock("", accounts.LockUser); err != nil {
		t.Fatal(err)
	}
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
		if strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), `"profile.locked"`) {
			break
		}
	}
	if text := strings.Join(got, "\n"); !strings.Contains(text, "event: profile.locked\nid: ") {
		t.Errorf("curl read %s", text)
	}
}

// An app sees neither other accounts, nor other apps' grants, nor a secret.
func TestI31EventsOfGrantedAccounts(t *testing.T) {
	r := newOpenRig(t)
	mira, jo := r.link(), r.link()
	c := r.client()
	token := r.allow(c, mira.ID)
	events := listen(t.Context(), appEvents(c), "")
	r.streaming(1)
	for _, id := range []string{jo.ID, mira.ID} {
		if err := r.book.Refresh(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	e, before := next(t, events, "token.refreshed")
	if e.Account != mira.ID || len(before) != 0 {
		t.Errorf("%+v %+v", before, e)
	}
	for _, g := range r.book.Snapshot().Grants {
		if err := r.book.TakeBack(g.ID); err != nil {
			t.Fatal(err)
		}
	}
	next(t, events, "grant.revoked")
	if err := r.book.Refresh(t.Context(), mira.ID); err != nil {
		t.Fatal(err)
	}
	r.book.Lock("", accounts.LockUser)
	_, before = next(t, events, "profile.locked")
	for _, e := range before {
		if e.Account == mira.ID {
			t.Errorf("after the grant was taken back: %+v", e)
		}
	}
	all := listen(t.Context(), func(ctx context.Context, last string) iter.Seq2[ipc.Event, error] {
		return r.admin().Events(ctx, last)
	}, strings.Split(e.ID, ".")[0]+".1")
	var text strings.Builder
	_, before = next(t, all, "profile.locked")
	for _, e := range append(before, e) {
		for _, v := range e.Data {
			text.WriteString(v + "\n")
		}
	}
	if len(before) < 5 || strings.Contains(text.String(), token.AccessToken.Reveal()) {
		t.Errorf("the control stream: %d events, %s", len(before), text.String())
	}
}

func TestI30ManySubscribersAndAStalledOne(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	stalled := r.dial(ipc.AppSocket)
	io.WriteString(stalled, "GET /v1/events HTTP/1.1\r\nHost: dancecard\r\n\r\n")

	const readers = 500
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	heard := make(chan struct{}, readers)
	for range readers {
		wg.Go(func() {
			for e, err := range c.Events(ctx, "") {
				if err != nil {
					return
				}
				if e.Type == "token.refreshed" {
					heard <- struct{}{}
				}
			}
		})
	}
	r.streaming(readers + 1)
	if err := r.book.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(patience)
	for n := range readers {
		select {
		case <-heard:
		case <-deadline:
			t.Fatalf("%d of %d heard of it", n, readers)
		}
	}
	stop()
	wg.Wait()
	stalled.Close()
	eventually(t, "the subscribers to be gone", func() bool { return r.streams.Load() == 0 })
}

// A reader that does not read is dropped once the socket's buffer is full.
func TestI30StalledReaderIsDropped(t *testing.T) {
	r := newOpenRig(t)
	p := r.dial(ipc.AppSocket)
	io.WriteString(p, "GET /v1/events HTTP/1.1\r\nHost: dancecard\r\n\r\n")
	r.streaming(1)
	w := &stalledWriter{header: http.Header{}}
	began := time.Now()
	q := &request{Request: (&http.Request{Header: http.Header{}}).WithContext(t.Context())}
	done := make(chan error, 1)
	go func() {
		done <- r.stream(w, q, func(accounts.Event) (bool, error) { return true, nil })
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the stream goes on")
	}
	if w.deadline.Before(began) || w.deadline.After(time.Now().Add(writeTimeout)) {
		t.Errorf("the write's deadline is %v", w.deadline)
	}
}

// stalledWriter is a response whose reader does not read: a write ends with the
// deadline that was set for it.
type stalledWriter struct {
	header   http.Header
	deadline time.Time
}

func (w *stalledWriter) Header() http.Header { return w.header }
func (w *stalledWriter) WriteHeader(int)     {}
func (w *stalledWriter) Write(p []byte) (int, error) {
	if w.deadline.IsZero() {
		select {} // for ever
	}
	return 0, context.DeadlineExceeded
}
func (w *stalledWriter) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }
