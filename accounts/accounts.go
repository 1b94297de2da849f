// Package accounts is the core of Dancecard: profiles, the provider accounts
// linked to them, their tokens, what apps were granted, and the events that
// tell of it all. It has no window and no socket; those are doors, and both
// use the same [Book].
//
//	book, err := accounts.Open(ctx, accounts.Options{Dir: dataDir})
//	id, recoveryKey, err := book.CreateProfile(ctx, accounts.NewProfile{Name: "Home"})
//	dance, err := book.Connect(ctx, accounts.ConnectRequest{Provider: "github"})
//
// An app asks for a token ([Book.Token]), or has a request made with one that
// it never sees ([Book.Fetch]).
//
// A door shows a [Snapshot], takes a new one after each event of a [Watch],
// and calls the Book's verbs. It never patches its own copy.
//
// What the package promises:
//
//   - A change is durable before it is announced, and a refreshed token is
//     durable before anybody is handed it. If the disk refuses, the answer is
//     kept in memory, an alarm is raised and the write is tried again.
//   - One refresh an account at a time: callers join it, and a caller that
//     gives up does not end it. Trouble with one provider holds up no other.
//   - Only the provider's own word (invalid_grant) costs the user a sign-in.
//     Network trouble never does.
//   - What an account was linked with is sealed into it. A changed provider
//     file or discovery document moves no secret.
//
// What it never does: open a browser unasked, link by e-mail, hand out a
// refresh token, write a secret anywhere but into the vault.
package accounts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dancecard/dance"
	"dancecard/dance/catalog"
)

// Options say where a Book lives and what it borrows from its program.
type Options struct {
	// Dir holds the profiles ($XDG_DATA_HOME/dancecard). Made if missing.
	Dir string
	// Providers is the folder of the user's provider files; "" for none.
	Providers string
	// OpenURL opens the user's browser; nil means dance.OpenBrowser.
	OpenURL func(ctx context.Context, address string) error
	// Browsers lists what OpenIn opens an address in, by id; nil means
	// dance.Browsers and dance.OpenBrowserIn.
	Browsers func() []dance.Browser
	OpenIn   func(ctx context.Context, browser, address string) error
	// ClientDocument is the https address of a client id metadata document that
	// the owner of this program published; "" passes that way to a client over.
	ClientDocument string
	// BeforeLink are gates: each sees who came back before anything is kept.
	// An error refuses the account, and its token is revoked. Every gate runs.
	BeforeLink []func(ctx context.Context, p Provider, c CameBack) error
}

// Book holds everything. It is safe for concurrent use.
type Book struct {
	opts    Options
	catalog *catalog.Catalog
	events  *ring

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // every goroutine of the Book
	wake    chan struct{}  // tells the scheduler that something became due

	// mu guards the fields that follow. It is never held over network, disk
	// or a prompt. Lock order: profile.store, then mu.
	mu        sync.Mutex
	profiles  map[string]*profile
	current   string
	dances    []*danceRun
	questions []*question
	asked     map[string]dismissals // by app and account
	alarms    []Alarm
	lastToken time.Time
	gallery   []Provider // the rows without what a profile adds; replaced, never changed
	keyring   string
	closing   bool                     // nothing new is begun
	limits    map[string]chan struct{} // refreshes under way, by provider

	ports      map[string]chan struct{}  // fixed ports of dances, by number
	enrolments map[string]*enrolment     // clients on their way
	found      map[string]dance.Provider // what addresses led to since the start, by id
}

// Open reads the profiles and opens those that the desktop's keyring opens
// without asking, within a few seconds. A profile that cannot be opened is
// in the Snapshot with its reason; the error is for a Dir that is of no use.
func Open(ctx context.Context, o Options) (*Book, error) {
	if o.OpenURL == nil {
		o.OpenURL = dance.OpenBrowser
	}
	if o.Browsers == nil {
		o.Browsers = dance.Browsers
	}
	if o.OpenIn == nil {
		o.OpenIn = dance.OpenBrowserIn
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "profiles"), 0o700); err != nil {
		return nil, &Error{Code: CodeDisk, Text: fmt.Sprintf("The folder for profiles cannot be made: %v.", err),
			Hint: "Check the owner and the free space of " + o.Dir + "."}
	}
	rows, err := catalog.Open(o.Providers)
	if err != nil {
		return nil, err
	}
	b := &Book{
		opts:     o,
		catalog:  rows,
		events:   newRing(),
		wake:     make(chan struct{}, 1),
		profiles: map[string]*profile{},
		asked:    map[string]dismissals{},
		limits:   map[string]chan struct{}{},

		ports:      map[string]chan struct{}{},
		enrolments: map[string]*enrolment{},
		found:      map[string]dance.Provider{},
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.readGallery()
	if err := b.readProfiles(); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	b.openByKeyring(ctx)
	b.running.Go(b.schedule)
	b.running.Go(b.watchCatalog)
	return b, nil
}

// closeGrace is how long Close waits for refreshes under way, so that a
// rotated refresh token is stored and not lost.
const closeGrace = 5 * time.Second

// Close ends the workers and closes the profiles: refreshes under way are
// waited for and stored, keys are wiped, locks let go.
func (b *Book) Close() error {
	b.cancelDances("")
	b.mu.Lock()
	b.closing = true
	b.mu.Unlock()
	for _, p := range b.profileList() {
		b.withdrawQuestions(p.id)
	}
	b.awaitFlights(closeGrace)
	b.cancel()
	b.running.Wait()
	var errs []error
	for _, p := range b.profileList() {
		b.flushUse(p)
		errs = append(errs, b.lastWrite(p))
		errs = append(errs, p.folder.close())
	}
	b.events.close()
	return errors.Join(append(errs, b.catalog.Close())...)
}

// spawnLocked starts a goroutine of the Book, unless the Book is closing.
func (b *Book) spawnLocked(f func()) bool {
	if !b.closing {
		b.running.Go(f)
	}
	return !b.closing
}

func errClosing() *Error {
	return &Error{Code: CodeCancelled, Text: "Dancecard is closing.", Hint: "Start it again."}
}

// newID returns a short random name: 80 bits, lower-case hex, with a prefix
// that says what it names.
func newID(prefix string) string {
	var raw [10]byte
	rand.Read(raw[:])
	return prefix + hex.EncodeToString(raw[:])
}

func (b *Book) watchCatalog() {
	for b.catalog.Changed(b.ctx) {
		b.readGallery()
		b.announce(Event{Type: EventCatalogChanged})
	}
}

// poke makes the scheduler look again.
func (b *Book) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
