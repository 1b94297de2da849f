// Package ui is Dancecard's window, its small question windows and its tray.
// It is the only package that knows Fyne.
//
// Three calls: [New] builds everything from a Book, before the Fyne app runs;
// [UI.Run] shows the window (or does not) and blocks until the user or
// [UI.Quit] ends it. [UI.Show] brings the window to the front, for a second
// start of the program. Show and Quit may be called from any goroutine.
//
// The window is a projection. One goroutine reads the Book's events; for each
// it takes a Snapshot and hands it to the main thread, where the files named
// state*.go, which know no Fyne, turn it into what every view shows. A view
// applies that and decides nothing. Verbs of the Book run away from the main
// thread under a deadline, and what goes wrong comes back as a strip with a
// title, a sentence and perhaps a button (problem.go).
//
// The package never holds a token. A recovery key passes through once, between
// making a profile and "I wrote it down", and so do a client's secret and its
// private key, from their form to the vault. Nothing is allowed by the tray or by
// the Enter key.
package ui

import (
	"context"
	"maps"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dancecard/accounts"
	"dancecard/dance"
)

// Options are what main knows and the Book does not.
type Options struct {
	Version   string // shown in Settings
	Data      string // folder of the profiles, shown in Settings
	Providers string // folder of the user's provider files, shown in Settings
	Socket    string // address of the apps' socket, shown in Settings
	Tray      bool   // a session bus answered at start: there may be a tray
	Quit      func() // what "Quit" calls; nil: [UI.Quit]
}

// UI is the window, the question windows and the tray.
type UI struct {
	app  fyne.App
	book *accounts.Book
	o    Options
	snap func() accounts.Snapshot

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup // goroutines of verbs, the watcher, the clock

	// What follows belongs to the main thread.
	last    accounts.Snapshot
	nav     nav
	busy    map[string]bool
	win     *window
	visible bool
	state   accounts.ProfileState // of the current profile, as last seen
	running bool                  // questions wait for Run: no window is shown before it
	tray    *tray
	ask     *asking
	dances  map[string]accounts.DanceStage // stages seen

	requests map[string]accounts.ConnectRequest // by dance: what was begun here
	browsers []dance.Browser
	watcher  *trayWatcher

	chooser    *dialog.FileDialog // while it is open
	menu       *widget.PopUpMenu  // the last one that was opened
	menuLabels []string
}

// New builds the window and the tray and shows nothing yet. Call it on the main
// goroutine, before Run.
func New(app fyne.App, book *accounts.Book, o Options) *UI {
	return build(app, book, o, book.Snapshot)
}

func build(app fyne.App, book *accounts.Book, o Options, snap func() accounts.Snapshot) *UI {
	ctx, stop := context.WithCancel(context.Background())
	u := &UI{app: app, book: book, o: o, snap: snap, ctx: ctx, stop: stop,
		busy: map[string]bool{}, dances: map[string]accounts.DanceStage{}, requests: map[string]accounts.ConnectRequest{}}
	app.Settings().SetTheme(newTheme())
	app.SetIcon(picture("icon.png"))
	u.nav = newNav()
	u.win = newWindow(u)
	u.watcher = &trayWatcher{grace: trayGrace, gone: func() { u.do(u.trayGone) }}
	u.tray = newTray(u)
	u.apply(snap(), nil)
	return u
}

// Run shows the window unless hidden, and blocks until the program is to end.
// When it returns, nothing of the package runs any more; the caller closes the
// Book then.
func (u *UI) Run(hidden bool) {
	if u.o.Tray {
		u.work.Go(func() { u.watcher.run(u.ctx) })
	}
	if u.book != nil {
		u.work.Go(u.watch)
	}
	u.work.Go(u.clock)
	if mapFile != "" {
		u.work.Go(u.keepMap)
	}
	u.running = true
	u.loadBrowsers()
	if hidden {
		u.refresh()
	} else {
		u.show()
	}
	u.app.Run()
	u.stop()
	done := make(chan struct{})
	go func() { u.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second): // a verb that does not end must not keep the vault open
	}
}

// Show brings the window to the front. Any goroutine may call it.
func (u *UI) Show() { u.do(u.show) }

// Quit ends Run. Any goroutine may call it. What works in the background ends
// before the toolkit, whose calls belong to no thread once its loop has ended.
func (u *UI) Quit() {
	u.stop()
	fyne.Do(u.app.Quit)
}

// Ending is closed when the program is to end. Run returns soon after, unless
// Fyne waits for its own loop that has ended (seen with 2.8.1 on busy
// machines): the caller should not wait for it for ever.
func (u *UI) Ending() <-chan struct{} { return u.ctx.Done() }

// do runs f on the main thread unless the program is ending.
func (u *UI) do(f func()) {
	fyne.Do(func() {
		if u.ctx.Err() == nil {
			f()
		}
	})
}

func (u *UI) show() {
	u.visible = true
	u.win.render()
	u.win.w.Show()
	u.win.w.RequestFocus()
	u.refresh()
}

func (u *UI) hide() {
	u.visible = false
	u.win.w.Canvas().Unfocus() // a cursor would go on blinking
	u.win.w.Hide()
}

// trayGone brings a hidden window back: nothing else could.
func (u *UI) trayGone() {
	if !u.visible {
		u.show()
	}
}

// seen are the windows on screen.
func (u *UI) seen() []fyne.Window {
	var out []fyne.Window
	if u.visible {
		out = append(out, u.win.w)
	}
	if u.ask != nil {
		out = append(out, u.ask.w)
	}
	return out
}

// watch is the one goroutine that reads the Book's events.
func (u *UI) watch() {
	w := u.book.Watch("")
	u.publish(nil)
	for {
		events, _, err := w.Next(u.ctx)
		if err != nil {
			return
		}
		u.publish(events)
	}
}

func (u *UI) publish(events []accounts.Event) {
	s := u.snap()
	u.notify(s, events)
	u.do(func() { u.apply(s, events) })
}

// clock moves the words that tell time: each second while something on screen
// counts seconds, else twice a minute; not at all while nothing is seen.
func (u *UI) clock() {
	for n := 0; ; n++ {
		select {
		case <-u.ctx.Done():
			return
		case <-time.After(time.Second):
		}
		slow := n%30 == 0
		u.do(func() {
			if u.visible && (slow || u.win.counts) {
				u.last.At = time.Now()
				u.win.render()
			}
		})
	}
}

// refresh looks at the Book again.
func (u *UI) refresh() { u.apply(u.snap(), nil) }

// apply shows a snapshot everywhere.
func (u *UI) apply(s accounts.Snapshot, events []accounts.Event) {
	u.last = s
	if p, ok := s.Profile(s.Current); ok && p.State != u.state {
		if u.state == accounts.ProfileOpen { // locked by whom ever: nothing typed or read stays
			u.forgetView()
		}
		u.state = p.State
	}
	u.follow(s)
	u.askNext(s)
	u.tray.apply(trayOf(s))
	if len(events) > 0 {
		u.win.activityStale = true
	}
	if u.visible { // nothing is drawn while hidden; show looks again
		u.win.render()
	}
}

// follow goes where the dances go: to one that begins, to who came back, and to
// the accounts when it is done.
func (u *UI) follow(s accounts.Snapshot) {
	stages := map[string]accounts.DanceStage{}
	for _, d := range s.Dances {
		old, known := u.dances[d.ID]
		stages[d.ID] = d.Stage
		if known && old == d.Stage {
			continue
		}
		switch {
		case d.Stage == accounts.DanceCameBack:
			u.visit(func(n *nav) { n.page, n.dance = pageDance, d.ID })
			if !u.visible && u.book != nil {
				u.show()
			}
		case !d.Stage.Over() && !known && u.nav.page != pageDance && u.nav.page != pageRegister:
			u.visit(func(n *nav) { n.page, n.dance = pageDance, d.ID })
		case d.Stage == accounts.DanceDone && u.nav.page == pageDance && u.nav.dance == d.ID:
			u.visit(func(n *nav) { n.page = pageAccounts })
		case d.Stage == accounts.DanceCancelled && u.nav.page == pageDance && u.nav.dance == d.ID:
			u.visit(func(n *nav) { n.page = pageConnect })
		}
	}
	u.dances = stages
	maps.DeleteFunc(u.requests, func(id string, _ accounts.ConnectRequest) bool { _, ok := stages[id]; return !ok })
	if u.nav.page == pageDance {
		if _, ok := s.Dance(u.nav.dance); !ok {
			u.visit(func(n *nav) { n.page = pageAccounts })
		}
	}
	if u.nav.page == pageAccount || u.nav.page == pageMore {
		if _, ok := s.Account(u.nav.account); !ok {
			u.visit(func(n *nav) { n.page = pageAccounts })
		}
	}
}

// The deadlines of verbs.
const (
	quickLimit   = 20 * time.Second // the vault
	networkLimit = 90 * time.Second // a provider, or the desktop's keyring prompt
)

// run does a verb away from the main thread; then runs on it if it went well.
func (u *UI) run(name string, limit time.Duration, verb func(context.Context) error, then func()) {
	if u.busy[name] {
		return
	}
	u.busy[name] = true
	u.nav.notice = nil
	u.win.render()
	u.work.Go(func() {
		ctx, cancel := context.WithTimeout(u.ctx, limit)
		defer cancel()
		err := verb(ctx)
		u.do(func() {
			delete(u.busy, name)
			if err != nil {
				n := problemOf(err)
				u.nav.notice = &n
				u.refresh()
				return
			}
			if then != nil {
				then()
			}
			u.refresh()
		})
	})
}
