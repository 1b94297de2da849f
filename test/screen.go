package test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (w *World) startScreen(tray bool) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd := w.Command(context.Background(), "Xvfb", "-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{write}
	p, err := w.start(cmd)
	write.Close()
	if err != nil {
		return err
	}
	read.SetReadDeadline(time.Now().Add(Patience))
	display, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		return fmt.Errorf("Xvfb named no display: %w\n%s", err, p.Log())
	}
	w.Setenv("DISPLAY", ":"+strings.TrimSpace(display))
	if _, err := w.Start("openbox", "--sm-disable"); err != nil {
		return err
	}
	if err := Await(context.Background(), "the window manager", func() error {
		_, err := w.run(context.Background(), "xdotool", "get_num_desktops")
		return err
	}); err != nil || !tray {
		return err
	}
	w.Tray, err = startTray(w)
	return err
}

// run runs a program to its end and returns what it printed.
func (w *World) run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := w.Command(ctx, name, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), err
}

// Output runs a program to its end and returns what it printed.
func (w *World) Output(ctx context.Context, name string, args ...string) (string, error) {
	return w.run(ctx, name, args...)
}

// Place is something that can be clicked or read in a window, as the window
// itself says (DANCECARD_UI_MAP). The rectangle is in the window's pixels.
type Place struct {
	Window  string `json:"window"` // title
	Kind    string `json:"kind"`   // "button", "entry", "card", "choice", "heading", "text"
	Label   string `json:"label"`
	X       int    `json:"x"`
	Y       int    `json:"y"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Enabled bool   `json:"enabled"`
	Focused bool   `json:"focused"`
}

func (w *World) uiMap() string { return filepath.Join(w.Dir, "ui.json") }

// Places lists what the windows show at this moment.
func (w *World) Places() ([]Place, error) {
	b, err := os.ReadFile(w.uiMap())
	if err != nil {
		return nil, err
	}
	var places []Place
	if err := json.Unmarshal(b, &places); err != nil {
		return nil, fmt.Errorf("%s: %w", b, err)
	}
	return places, nil
}

// ForgetPlaces forgets what a Dancecard that has ended showed last.
func (w *World) ForgetPlaces() error {
	if err := os.Remove(w.uiMap()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// find looks for a place by its label: the whole of it, else its beginning, else
// a part. An empty window is any.
func (w *World) find(window, label string, fit func(Place) bool) (Place, error) {
	places, err := w.Places()
	if err != nil {
		return Place{}, err
	}
	places = slices.DeleteFunc(places, func(p Place) bool { return window != "" && p.Window != window || !fit(p) })
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.HasPrefix, strings.Contains} {
		for _, p := range places {
			if same(p.Label, label) {
				return p, nil
			}
		}
	}
	return Place{}, fmt.Errorf("the window %q has no %q but %s", window, label, labels(places))
}

func anything(Place) bool    { return true }
func clickable(p Place) bool { return p.Kind != "heading" && p.Kind != "text" }

func labels(places []Place) string {
	var all []string
	for _, p := range places {
		all = append(all, strconv.Quote(p.Label))
	}
	return strings.Join(all, ", ")
}

// AwaitPlace waits until a window shows something with that label.
func (w *World) AwaitPlace(ctx context.Context, window, label string) (Place, error) {
	var p Place
	err := Await(ctx, fmt.Sprintf("%q in the window %q", label, window), func() (err error) {
		p, err = w.find(window, label, anything)
		return err
	})
	return p, err
}

// AwaitGone waits until a window shows nothing with that label, or is closed.
func (w *World) AwaitGone(ctx context.Context, window, label string) error {
	return Await(ctx, fmt.Sprintf("%q to leave the window %q", label, window), func() error {
		if _, err := w.find(window, label, anything); err == nil {
			return errors.New("it is still there")
		}
		return nil
	})
}

// Click clicks the middle of a place with the mouse. It waits until the place
// is there, enabled, and has stood still for a moment.
func (w *World) Click(ctx context.Context, window, label string) error {
	return w.press(ctx, window, label, "1")
}

// Menu opens the menu of a place with the mouse's right button.
func (w *World) Menu(ctx context.Context, window, label string) error {
	return w.press(ctx, window, label, "3")
}

func (w *World) press(ctx context.Context, window, label, button string) error {
	p, err := w.settled(ctx, window, label)
	if err != nil {
		return err
	}
	id, err := w.window(ctx, p.Window)
	if err != nil {
		return err
	}
	x, y := strconv.Itoa(p.X+p.Width/2), strconv.Itoa(p.Y+p.Height/2)
	_, err = w.run(ctx, "xdotool", "windowactivate", "--sync", id,
		"mousemove", "--window", id, x, y, "sleep", "0.05", "mousedown", button, "sleep", "0.05", "mouseup", button)
	return err
}

// ClickFor clicks a place until something else is seen: a view that is being
// drawn anew under the pointer may not feel the first click.
func (w *World) ClickFor(ctx context.Context, window, label, seen string) error {
	for {
		err := w.Click(ctx, window, label)
		if err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err = w.AwaitPlace(soon, window, seen)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// settled waits until two looks at the place, an eighth of a second apart, agree.
func (w *World) settled(ctx context.Context, window, label string) (Place, error) {
	var last Place
	var since time.Time
	err := Await(ctx, fmt.Sprintf("%q in the window %q to stand still", label, window), func() error {
		p, err := w.find(window, label, clickable)
		switch {
		case err != nil:
			return err
		case !p.Enabled:
			return errors.New("it cannot be clicked")
		case p != last:
			last, since = p, time.Now()
		case time.Since(since) > 125*time.Millisecond:
			return nil
		}
		return errors.New("it moves")
	})
	return last, err
}

// Answer clicks a button of a small window that asks question. Such a window
// takes no click in its first half second, so it is clicked until it is gone.
func (w *World) Answer(ctx context.Context, question, button string) error {
	p, err := w.AwaitPlace(ctx, "", question)
	if err != nil {
		return err
	}
	for {
		if err := w.Click(ctx, p.Window, button); err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, time.Second)
		err := w.AwaitGone(soon, p.Window, question)
		cancel()
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Type clicks a place and types text into it.
func (w *World) Type(ctx context.Context, window, label, text string) error {
	if err := w.Click(ctx, window, label); err != nil {
		return err
	}
	_, err := w.run(ctx, "xdotool", "sleep", "0.1", "type", "--delay", "15", "--", text)
	return err
}

// Key presses keys in the window that has the focus ("Return", "ctrl+l").
func (w *World) Key(ctx context.Context, keys ...string) error {
	_, err := w.run(ctx, "xdotool", append([]string{"key", "--delay", "30"}, keys...)...)
	return err
}

// Clipboard waits until something was copied, and returns it.
func (w *World) Clipboard(ctx context.Context) (text string, err error) {
	err = Await(ctx, "the clipboard", func() (err error) {
		if text, err = w.run(ctx, "xclip", "-selection", "clipboard", "-o"); err == nil && text == "" {
			err = errors.New("it is empty")
		}
		return err
	})
	return text, err
}

// Copy puts text on the clipboard, as copying it in another program does.
func (w *World) Copy(ctx context.Context, text string) error {
	_, err := w.run(ctx, "sh", "-c", `printf %s "$1" | xclip -selection clipboard >/dev/null 2>&1`, "sh", text)
	return err
}

// window waits for a visible window with exactly that title.
func (w *World) window(ctx context.Context, title string) (id string, err error) {
	err = Await(ctx, "the window "+title, func() (err error) {
		id, err = w.run(ctx, "xdotool", "search", "--onlyvisible", "--name", "^"+regexpQuote(title)+"$")
		if first, _, many := strings.Cut(id, "\n"); many {
			id = first
		}
		return err
	})
	return id, err
}

// regexpQuote quotes for xdotool's POSIX extended expressions.
func regexpQuote(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`.[]*^$()+?{}|\`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// AwaitWindow waits until a window with that title is on the screen.
func (w *World) AwaitWindow(ctx context.Context, title string) error {
	_, err := w.window(ctx, title)
	return err
}
