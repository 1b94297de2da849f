package accounts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The types of events. Data holds no secret.
const (
	EventProfileOpened  = "profile.opened"
	EventProfileLocked  = "profile.locked"
	EventProfileCreated = "profile.created"
	EventProfileDeleted = "profile.deleted"

	EventDanceStarted   = "dance.started"
	EventDanceFailed    = "dance.failed"
	EventDanceCancelled = "dance.cancelled"

	EventAccountConnected         = "account.connected"
	EventAccountReconnected       = "account.reconnected"
	EventAccountDisconnected      = "account.disconnected"
	EventAccountNeedsSignIn       = "account.needs_sign_in"
	EventAccountNeedsRegistration = "account.needs_registration"
	EventAccountStepUp            = "account.step_up" // an API wants a stronger or fresher sign-in
	EventAccountRecovered         = "account.recovered"

	EventTokenRefreshed     = "token.refreshed"
	EventTokenRefreshFailed = "token.refresh_failed"

	EventRevocationPending = "revocation.pending"
	EventRevocationDone    = "revocation.done"
	EventRevocationGivenUp = "revocation.given_up" // by the user: the token may still be good at its provider

	EventGrantAsked   = "grant.asked"
	EventGrantAllowed = "grant.allowed"
	EventGrantDenied  = "grant.denied"
	EventGrantRevoked = "grant.revoked"
	EventGrantUsed    = "grant.used"

	EventCatalogChanged = "catalog.changed"

	// EventChanged says that a Snapshot differs in something that is no event
	// of its own: a dance that went a step on, a label, a status. It is for
	// the doors' own use and no app sees it.
	EventChanged = "changed"
)

// An Event is something that happened, after it became durable.
type Event struct {
	ID      string // "epoch.seq"; the epoch is new with every start
	Type    string
	At      time.Time
	Profile string
	Account string            // id
	App     string            // App.Key, in grant.*
	Data    map[string]string // provider, label, why, app
}

// ringSize is how many events can be replayed.
const ringSize = 1024

// ring keeps the newest events. Readers hold a position in it, so a slow one
// costs nothing and holds nobody up: it finds that it missed some.
type ring struct {
	epoch string

	// mu guards the fields that follow.
	mu     sync.Mutex
	events [ringSize]Event
	next   uint64        // sequence number of the next event; the first is 1
	news   chan struct{} // closed and replaced at each event
	closed bool
}

func newRing() *ring {
	var raw [6]byte
	rand.Read(raw[:])
	return &ring{epoch: hex.EncodeToString(raw[:]), next: 1, news: make(chan struct{})}
}

func (r *ring) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	e.ID = r.epoch + "." + strconv.FormatUint(r.next, 10)
	r.events[r.next%ringSize] = e
	r.next++
	close(r.news)
	r.news = make(chan struct{})
}

func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.news)
	}
}

func (b *Book) announce(events ...Event) {
	for _, e := range events {
		e.At = time.Now()
		b.logActivity(e)
		b.events.add(e)
	}
}

// ErrClosed ends a Watch when its Book is closed.
var ErrClosed = errors.New("accounts: the book is closed")

// A Watch is a position in the stream of events. It is not safe for
// concurrent use.
type Watch struct {
	ring   *ring
	at     uint64 // sequence number of the next event to read
	missed bool
}

// Watch starts after the event with the id after, or now if after is "". An
// id of another epoch, or one that fell out of the ring, starts now, and the
// first Next reports that events were missed.
func (b *Book) Watch(after string) *Watch {
	r := b.events
	r.mu.Lock()
	defer r.mu.Unlock()
	w := &Watch{ring: r, at: r.next}
	if after == "" {
		return w
	}
	epoch, seq, _ := strings.Cut(after, ".")
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil || epoch != r.epoch || n >= r.next || r.next-n > ringSize {
		w.missed = true
		return w
	}
	w.at = n + 1
	return w
}

// Next waits for events. missed says that some are gone for good: the caller
// looks at a Snapshot again. It ends with ctx's error or ErrClosed.
func (w *Watch) Next(ctx context.Context) (events []Event, missed bool, err error) {
	for {
		w.ring.mu.Lock()
		events, missed, news, closed := w.readLocked()
		w.ring.mu.Unlock()
		if len(events) > 0 || missed {
			return events, missed, nil
		}
		if closed {
			return nil, false, ErrClosed
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

func (w *Watch) readLocked() (events []Event, missed bool, news chan struct{}, closed bool) {
	r := w.ring
	missed = w.missed
	w.missed = false
	if r.next-w.at > ringSize-1 && r.next > ringSize {
		missed = true
		w.at = r.next
	}
	for ; w.at < r.next; w.at++ {
		events = append(events, r.events[w.at%ringSize])
	}
	return events, missed, r.news, r.closed
}

// Visible reports whether an app may see an event at this moment: of accounts
// that it is granted, of grant.* its own, and what concerns everybody.
func (b *Book) Visible(app App, e Event) bool {
	if e.Type == EventChanged || strings.HasPrefix(e.Type, "dance.") {
		return false
	}
	if strings.HasPrefix(e.Type, "grant.") {
		return e.App == app.Key
	}
	if e.Account == "" {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.profiles[e.Profile]
	if !ok {
		return false
	}
	if g := p.grantLocked(app.Key, e.Account); g != nil {
		return g.Allow
	}
	return p.farewells[farewell{app.Key, e.Account}]
}
