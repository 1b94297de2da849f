package dance

import (
	"context"
	"errors"
	"os/exec"
	"strings"
)

// OpenBrowser starts the system's browser with one argument; https and
// loopback http URLs only. It waits for the opener until ctx ends; an opener
// that runs on (some are the browser itself) is left running and reaped when
// it ends.
func OpenBrowser(ctx context.Context, address string) error {
	if err := checkBrowserURL(address); err != nil {
		return err
	}
	cmd := opener(address)
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
