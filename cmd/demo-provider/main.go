// Command demo-provider is an OpenID provider as a process of its own, for trying
// Dancecard without an account anywhere: dance/dancetest with flags.
//
//	demo-provider -provider-file ~/.config/dancecard/providers/demo.toml
//
// It listens on loopback, writes the provider file that makes it show up in
// Dancecard's gallery as "Demo", prints one line when it is ready, and runs
// until SIGINT or SIGTERM. The users are mira and jo; their passwords are their
// names. With -state it can be ended, even killed, and started again: same
// port, same tokens.
//
// It guards nothing and is for one machine only. It prints no secret: the
// introspection client's goes to a file, mode 0600, if one is named.
//
// Exit codes: 0 ended by a signal, 1 it could not start or stop, 2 a wrong flag.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"dancecard/dance/dancetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The library logs each refused request; in a demonstration that is noise.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// settings are the flags.
type settings struct {
	options           dancetest.Options
	providerFile      string
	providerName      string
	introspectionFile string
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("demo-provider", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.options.Addr, "addr", "", "loopback `address` to listen on (default the one in -state, else a free port of 127.0.0.1)")
	f.DurationVar(&s.options.AccessTokenLifetime, "access-token-lifetime", 2*time.Minute, "how long an access token works, at least 1s")
	f.DurationVar(&s.options.RefreshGrace, "refresh-grace", 0, "how long a spent refresh token still works")
	f.StringVar(&s.options.StateFile, "state", "", "`file` that keeps tokens and keys from one start to the next (mode 0600)")
	f.StringVar(&s.providerFile, "provider-file", "", "write Dancecard's provider `file` here (mode 0600)")
	f.StringVar(&s.providerName, "name", "Demo", "the provider's `name` in that file")
	f.StringVar(&s.introspectionFile, "introspection-file", "", "write the introspection endpoint, client_id and client_secret to this `file` as JSON (mode 0600)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("there are only flags, and %q is none", f.Arg(0))
	case s.options.AccessTokenLifetime < time.Second:
		return s, errors.New("-access-token-lifetime is less than 1s")
	case s.options.RefreshGrace < 0:
		return s, errors.New("-refresh-grace is less than 0")
	}
	return s, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo-provider: %v\nhint: demo-provider -h lists the flags\n", err)
		return 2
	}
	if err := serve(ctx, s, stdout); err != nil {
		fmt.Fprintf(stderr, "demo-provider: %v\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, s settings, stdout io.Writer) error {
	p, err := dancetest.Start(s.options)
	if err != nil {
		return err
	}
	defer p.Close()
	if s.providerFile != "" {
		if err := writeFile(s.providerFile, p.ProviderFile(s.providerName)); err != nil {
			return fmt.Errorf("write the provider file: %w", err)
		}
	}
	if s.introspectionFile != "" {
		id, secret := p.IntrospectionClient()
		text, err := json.Marshal(map[string]string{
			"endpoint": p.Issuer() + p.IntrospectionPath(), "client_id": id, "client_secret": secret,
		})
		if err != nil {
			return err
		}
		if err := writeFile(s.introspectionFile, text); err != nil {
			return fmt.Errorf("write the introspection file: %w", err)
		}
	}
	fmt.Fprintf(stdout, "demo-provider: ready at %s\n", p.Issuer())
	<-ctx.Done()
	return p.Close()
}

// writeFile leaves the old file or the whole new one, mode 0600, and makes the
// folders on the way to it for the user alone.
func writeFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".demo-provider-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
