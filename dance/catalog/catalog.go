// Package catalog knows the providers: rows that ship with Dancecard, and the
// user's own files laid beside them. A row is one small TOML file; three lines
// make an OpenID provider:
//
//	name = "Work"
//	issuer = "https://id.example.com"
//	client_id = "dancecard"
//
// [Open] reads both and watches the user's folder, [Catalog.Entries] are the
// rows that can be used, [Catalog.Problems] say of every other file what is
// wrong with it, where, and what to do. [Catalog.Changed] waits for the next
// change of the folder: a saved file needs no restart. [Lint] explains one file,
// [LintText] a text, [Schema] tells editors of the keys.
// A self-hosted service has a blank that the user fills in:
// [Entry.WithInstance].
//
// The file's name without ".toml" is the provider's id. A user's file never
// takes the id of a row that ships with Dancecard, and one broken file never
// hides another. Files are read strictly: an unknown key, an address that is
// not https (plain http on loopback aside) or a value out of bounds is a
// problem, not a guess. Files and folders that others may write to, links,
// pipes and huge files are refused.
//
// No client id or secret of another program ships here. What is not known of a
// provider stays "unknown". The package opens no connection: whether a provider
// answers is the dance's to find out.
package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"dancecard/dance"
)

// Problem is a provider file that could not be used, or the folder itself.
type Problem struct {
	File   string // path as the user knows it
	Line   int    // 0: not known
	Reason string // one sentence without a full stop
	Fix    string // what to do about it; may be empty
}

// Entry is a usable row.
type Entry struct {
	dance.Provider
	File    string // "" for an embedded row
	BuiltIn bool
}

// Catalog is the embedded rows with the user's folder laid over them. Safe for concurrent use.
type Catalog struct {
	folder string
	stop   context.CancelFunc
	done   chan struct{} // closed when the watching goroutine has ended

	mu       sync.Mutex // guards the fields that follow
	entries  map[string]Entry
	problems []Problem
	gen      int           // counts changes
	seen     int           // the last change that Changed reported
	wake     chan struct{} // closed at the next change
	closed   bool
}

// Open reads the rows and watches folder, which may appear later. With folder
// "" there are the embedded rows only. Where the system can watch no more
// folders the rows are there and Problems says so.
func Open(folder string) (*Catalog, error) {
	ctx, stop := context.WithCancel(context.Background())
	c := &Catalog{folder: folder, stop: stop, done: make(chan struct{}), wake: make(chan struct{})}
	w, err := newWatch(folder)
	c.entries, c.problems = read(folder)
	if err != nil {
		c.problems = append(c.problems, Problem{
			File: folder, Reason: "changes here are not noticed: " + err.Error(),
			Fix: "restart Dancecard after a change, or raise fs.inotify.max_user_instances",
		})
	}
	if w == nil {
		close(c.done)
		return c, nil
	}
	go func() {
		defer close(c.done)
		w.run(ctx, c.reload)
	}()
	return c, nil
}

// reload reads everything again and says so if it differs.
func (c *Catalog) reload() {
	entries, problems := read(c.folder)
	c.mu.Lock()
	defer c.mu.Unlock()
	if same(c.entries, entries) && slices.Equal(c.problems, problems) {
		return
	}
	c.entries, c.problems = entries, problems
	c.gen++
	close(c.wake)
	c.wake = make(chan struct{})
}

// Entries are sorted by name.
func (c *Catalog) Entries() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.entries), func(a, b Entry) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
}

// Get finds a row by its id.
func (c *Catalog) Get(id string) (Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[id]
	return e, ok
}

// Problems are sorted by file and line.
func (c *Catalog) Problems() []Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.problems)
}

// Changed waits for the next change of the folder and reports false when ctx
// ended or the catalogue was closed. A change between two calls is not missed:
// the second returns at once.
func (c *Catalog) Changed(ctx context.Context) bool {
	c.mu.Lock()
	from := c.seen
	for {
		if c.gen > from {
			c.seen = max(c.seen, c.gen)
			c.mu.Unlock()
			return true
		}
		if c.closed {
			c.mu.Unlock()
			return false
		}
		wake := c.wake
		c.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return false
		}
		c.mu.Lock()
	}
}

// Close ends the watching and wakes whoever waits in Changed.
func (c *Catalog) Close() error {
	c.stop()
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.wake)
		c.wake = make(chan struct{})
	}
	return nil
}
