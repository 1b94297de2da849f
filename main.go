// Command dancecard is the tray app: it opens the profiles, answers on the
// sockets and shows the window. dancectl is its command line.
//
// Usage:
//
//	dancecard [--hidden] [--client-document ADDRESS] [--version]
//
// A second start shows the first one's window. Exit codes: 0 done; 1 an error,
// which is on standard error in one line with a hint; 2 usage; 3 no display.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"

	"dancecard/accounts"
	"dancecard/internal/bus"
	"dancecard/ipc"
	"dancecard/ipc/server"
	"dancecard/ui"
)

func main() {
	hidden := flag.Bool("hidden", false, "start without a window, in the tray")
	document := flag.String("client-document", "", "`ADDRESS` of your own client id metadata document (dancectl providers client-document)")
	showVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	meta := metadata()
	switch {
	case *showVersion:
		fmt.Println(meta.Name, meta.Version)
	case flag.NArg() > 0:
		fail(exitUsage, fmt.Errorf("it takes no arguments, and %q is one", flag.Arg(0)), "dancecard --help")
	default:
		run(meta, *hidden, *document)
	}
}

func run(meta fyne.AppMetadata, hidden bool, document string) {
	signals, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := harden(); err != nil {
		fmt.Fprintln(os.Stderr, "dancecard: core dumps could not be switched off:", err)
	}
	var window *ui.UI
	ready := make(chan struct{})
	sockets, err := server.Listen(server.Options{
		Version: meta.Version,
		Show:    func() { <-ready; window.Show() },
		Stop:    func() { <-ready; window.Quit() },
	})
	if errors.Is(err, server.ErrRunning) {
		showRunning()
		return
	}
	if err != nil {
		fail(exitError, err, "look at the folder that it names; dancectl status tells whether a Dancecard runs")
	}
	if !displayed() {
		sockets.Close()
		fail(exitNoDisplay, errors.New("there is no display to show a window on"), "start it in a desktop session, or use dancectl where one runs")
	}
	data, providers := xdg("XDG_DATA_HOME", ".local/share"), filepath.Join(xdg("XDG_CONFIG_HOME", ".config"), "providers")
	book, err := accounts.Open(context.Background(), accounts.Options{Dir: data, Providers: providers, ClientDocument: document})
	if err != nil {
		sockets.Close()
		fail(exitError, err, hintOf(err))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		os.MkdirAll(cache, 0o700) // on a new home Fyne complains instead
	}
	app.SetMetadata(meta)
	err = onDisplay(func() {
		window = ui.New(app.NewWithID(meta.ID), book, ui.Options{
			Version: meta.Version, Data: data, Providers: providers, Socket: sockets.AppSocket(), Tray: bus.Alive(),
		})
	})
	served := make(chan error, 1)
	end := sync.OnceFunc(func() {
		if err := errors.Join(sockets.Close(), <-served, book.Close()); err != nil {
			fail(exitError, err, "the profiles are locked; the next start repairs what it can")
		}
		os.Exit(0)
	})
	if err == nil {
		close(ready)
		go func() { served <- sockets.Serve(book) }()
		go endOnSignal(signals, stop, window)
		go endWithSession(signals, meta.ID, window.Quit)
		go lockWhenAway(signals, book)
		go lockWhenIdle(signals, book)
		go retryWithNetwork(signals, book)
		go func() {
			<-window.Ending()
			time.AfterFunc(quitGrace, end)
		}()
		err = onDisplay(func() { window.Run(hidden) })
	}
	if err != nil {
		sockets.Close()
		book.Close()
		fail(exitNoDisplay, err, "start it in a desktop session, or mend DISPLAY")
	}
	end()
}

// endOnSignal ends the program in good order; a second signal ends it at once.
func endOnSignal(signals context.Context, stop func(), window *ui.UI) {
	<-signals.Done()
	stop()
	window.Quit()
}

// quitGrace is how long the window has to end.
const quitGrace = 3 * time.Second

// showRunning brings the first one's window to the front.
func showRunning() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := new(ipc.Control).Show(ctx); err != nil {
		fail(exitError, err, "another Dancecard runs but does not answer; end it and start again")
	}
}
