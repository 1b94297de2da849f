package test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is the user's browser: a headless Chromium, started when first
// needed, and an xdg-open that says what it was asked to open.
type browser struct {
	world  *World
	opened chan string
	start  sync.Once
	ctx    context.Context // chromedp's
}

const opener = `#!/bin/sh
[ $# = 1 ] || { echo "xdg-open was given $# arguments" >&2; exit 1; }
printf '%%s\n' "$1" >%s
`

func (w *World) startBrowser() error {
	fifo := filepath.Join(w.Dir, "opened")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.Dir, "bin/xdg-open"), fmt.Appendf(nil, opener, fifo), 0o700); err != nil {
		return err
	}
	// Open for both, so that it never ends and never blocks a writer.
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := &browser{world: w, opened: make(chan string, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(f); lines.Scan(); {
			b.opened <- lines.Text()
		}
	}()
	w.browser = b
	w.onClose(func() error {
		err := f.Close()
		<-done
		return err
	})
	return nil
}

// BreakBrowser makes every attempt to open a browser fail.
func (w *World) BreakBrowser() error {
	return os.WriteFile(filepath.Join(w.Dir, "bin/xdg-open"), []byte("#!/bin/sh\nexit 3\n"), 0o700)
}

// Opened waits for the next address that Dancecard opened in the browser.
func (w *World) Opened(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	select {
	case u := <-w.browser.opened:
		return u, nil
	case <-ctx.Done():
		return "", errors.New("no browser was opened")
	}
}

// NothingOpened says which address was opened although none should have been.
func (w *World) NothingOpened() error {
	select {
	case u := <-w.browser.opened:
		return fmt.Errorf("a browser was opened unasked: %s", u)
	default:
		return nil
	}
}

// Page is a tab of the user's browser, in a session of its own.
type Page struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// Open opens address in the browser.
func (w *World) Open(ctx context.Context, address string) (*Page, error) {
	b := w.browser
	b.start.Do(func() { b.ctx = w.startChromium() })
	tab, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	p := &Page{tab, cancel}
	// The first call makes the tab, which lives as long as that call's context.
	err := chromedp.Do(tab)
	if err == nil {
		err = p.do(ctx, chromedp.Navigate(address))
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("opening %s: %w", address, err)
	}
	return p, nil
}

func (w *World) startChromium() context.Context {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(filepath.Join(w.Dir, "chromium")),
		chromedp.NoSandbox, // it is root in a container, and sees our own pages only
		chromedp.DisableGPU,
		chromedp.WindowSize(1000, 720),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(Patience),
		chromedp.NoInheritEnv,
		chromedp.Env(w.Env...),
	)
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(alloc)
	w.onClose(func() error {
		// The browser that never started has nothing to close.
		if chromedp.FromContext(ctx).Browser != nil {
			chromedp.Cancel(ctx)
		}
		cancel()
		stopAlloc()
		return nil
	})
	chromedp.Do(ctx) // starts it; an error comes again at the first tab
	return ctx
}

// do runs steps in the tab until ctx or Patience ends.
func (p *Page) do(ctx context.Context, steps ...chromedp.Action[chromedp.Void]) error {
	run, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	return chromedp.Do(run, steps...)
}

// SignIn gives user's name and password on the demo provider's page.
func (p *Page) SignIn(ctx context.Context, user string) error {
	if err := p.do(ctx, chromedp.WaitVisible("#sign-in")); err != nil {
		return err
	}
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.querySelector("#username").value = ""`)); err != nil {
		return err
	}
	return p.do(ctx,
		chromedp.SendKeys("#username", user),
		chromedp.SendKeys("#password", user),
		chromedp.Click("#sign-in"),
		chromedp.WaitVisible("#allow, #problem"),
	)
}

// Click clicks what a CSS selector finds.
func (p *Page) Click(ctx context.Context, selector string) error {
	return p.do(ctx, chromedp.WaitVisible(selector), chromedp.Click(selector))
}

// Point clicks the middle of what a CSS selector finds with the mouse, also on
// the browser's own warning pages.
func (p *Page) Point(ctx context.Context, selector string) error {
	var at []float64
	err := Await(ctx, selector+" on the page", func() (err error) {
		run, cancel := context.WithTimeout(p.ctx, 5*time.Second)
		defer cancel()
		at, err = chromedp.Run(run, chromedp.Evaluate[[]float64](fmt.Sprintf(`(() => {
			const found = document.querySelector(%q), r = found ? found.getBoundingClientRect() : {width: 0}
			return r.width ? [r.x + r.width/2, r.y + r.height/2] : []
		})()`, selector)))
		if err == nil && len(at) != 2 {
			err = errors.New("it is not in sight")
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.do(ctx, chromedp.MouseClickXY(at[0], at[1]))
}

// Fill types text into a field, over what stands there.
func (p *Page) Fill(ctx context.Context, selector, text string) error {
	return p.do(ctx, chromedp.WaitVisible(selector), chromedp.Clear(selector), chromedp.SendKeys(selector, text))
}

// Text is what the page shows.
func (p *Page) Text(ctx context.Context) (string, error) {
	run, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	return chromedp.Run(run, chromedp.Evaluate[string](`document.title + "\n" + (document.body ? document.body.innerText : "")`))
}

// Address is what the address bar shows.
func (p *Page) Address(ctx context.Context) (string, error) {
	run, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	return chromedp.Run(run, chromedp.Evaluate[string](`location.href`))
}

// AwaitText waits until the page shows text.
func (p *Page) AwaitText(ctx context.Context, text string) error {
	return Await(ctx, "the page to say "+text, func() error {
		shown, err := p.Text(ctx)
		if err == nil && !strings.Contains(shown, text) {
			err = fmt.Errorf("it says: %s", shown)
		}
		return err
	})
}

// Screenshot saves a picture of the page.
func (p *Page) Screenshot(ctx context.Context, file string) error {
	run, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	picture, err := chromedp.Run(run, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	return os.WriteFile(file, picture, 0o644)
}

// Close closes the tab.
func (p *Page) Close() { p.cancel() }

// Approve does the user's part of the next dance: sign in as user, allow, and
// read the page that Dancecard answers with.
func (w *World) Approve(ctx context.Context, user string) error {
	address, err := w.Opened(ctx)
	if err != nil {
		return err
	}
	p, err := w.Open(ctx, address)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Approve(ctx, user)
}

// Approve signs in at the demo provider as user and allows.
func (p *Page) Approve(ctx context.Context, user string) error {
	if err := p.SignIn(ctx, user); err != nil {
		return err
	}
	if err := p.Click(ctx, "#allow"); err != nil {
		return err
	}
	return p.AwaitText(ctx, "Dancecard")
}
