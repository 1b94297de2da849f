package dance

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

const privateID = "private" // of a browser's private window

// A Browser is a way to open an address: an installed browser, a profile of
// one, or its private window.
type Browser struct {
	ID      string // "firefox", "firefox/work", "chromium/Profile 1", "firefox/private"; stable
	Name    string // "Firefox", for people
	Profile string // "work"; ""
	Private bool
}

// Browsers lists what is installed for this user, the system's own choice
// first with the id "". Profiles are listed where a browser has several. Linux
// and its like only; elsewhere the list is the system's own.
func Browsers() []Browser {
	list := []Browser{{Name: "The system's own browser"}}
	for _, b := range installed() {
		list = append(list, Browser{ID: b.id, Name: b.name})
		if len(b.profiles) > 1 {
			for _, p := range b.profiles {
				list = append(list, Browser{ID: b.id + "/" + p.id, Name: b.name, Profile: p.shown})
			}
		}
		list = append(list, Browser{ID: b.id + "/" + privateID, Name: b.name, Private: true})
	}
	return list
}

// OpenBrowserIn is [OpenBrowser] with one of [Browsers]; "" is the system's own.
func OpenBrowserIn(ctx context.Context, id, address string) error {
	if id == "" {
		return OpenBrowser(ctx, address)
	}
	if err := checkBrowserURL(address); err != nil {
		return err
	}
	program, ok := launcher(installed(), id)
	if !ok {
		return fmt.Errorf("the browser %q is not here (any more); choose another one, or copy the link into it", clean(id, 100))
	}
	return start(ctx, command(append(program, address)...))
}

// OpenBrowser starts the system's browser with one argument; https and
// loopback http URLs only. It waits for the opener until ctx ends; an opener
// that runs on (some are the browser itself) is left running and reaped when
// it ends.
func OpenBrowser(ctx context.Context, address string) error {
	if err := checkBrowserURL(address); err != nil {
		return err
	}
	return start(ctx, opener(address))
}

func start(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return errors.New("no program to open a browser is installed; copy the link into one")
		}
		return errors.New("the browser could not be started; copy the link into one")
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			return errors.New("the browser could not be started; copy the link into one")
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkBrowserURL accepts what cannot be taken for anything but one web
// address, by a shell, by an option parser or by a desktop's own rules.
func checkBrowserURL(address string) error {
	for _, c := range address {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-._~:/?#[]@!&*+,;=%", c) {
			return errors.New("the address holds characters that no web address has")
		}
	}
	_, err := checkURL(address)
	return err
}
