package catalog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dancecard/dance"
)

// step is one part of a row's life.
type step struct {
	name string
	err  error
}

// exercise takes a row through all that it declares and says how each step
// went. It stops at the first that fails.
func exercise(ctx context.Context, declared, client dance.Provider) (done []step) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	l, leave, err := begin(ctx, declared, client)
	if err != nil {
		return []step{{"stage", err}}
	}
	defer leave()
	run := func(name string, do func(context.Context) error) bool {
		err := do(ctx)
		if said := l.sim.Complaints(); len(said) > 0 {
			err = errors.Join(err, fmt.Errorf("the provider says: %s", said[0]))
		}
		done = append(done, step{name, err})
		return err == nil
	}
	for _, method := range declared.RegistrationMethods {
		if !run("register", func(ctx context.Context) error { return l.register(ctx, method) }) {
			return done
		}
	}
	e := l.row.Endpoints
	if e.DeviceAuthorization != "" && !(run("denied", l.denied) && l.live(run, "device")) {
		return done
	}
	if e.Authorization != "" || l.row.Issuer != "" {
		name := "browser"
		if l.row.Redirect.Mode == "paste" {
			name = "paste"
		}
		if l.live(run, name) && len(declared.Options) > 0 {
			run("options", l.choose)
		}
	}
	return done
}

// choose connects with every option of the row chosen.
func (l *life) choose(ctx context.Context) error {
	const typed = "mira.example"
	l.options = map[string]string{}
	for _, o := range l.row.Options {
		l.options[o.ID] = typed
		if o.Value != "" {
			l.options[o.ID] = "on"
		}
	}
	if err := l.connect(ctx, false); err != nil {
		return err
	}
	for _, o := range l.row.Options {
		want, got := cmp.Or(o.Value, typed), l.sim.Asked().Get(o.Param)
		if got != want && !slices.Contains(strings.Fields(got), want) {
			return fmt.Errorf("the option %s is chosen, and %s is %q", o.ID, o.Param, got)
		}
	}
	return nil
}

// live is one account from its first day to its last.
func (l *life) live(run func(string, func(context.Context) error) bool, flow string) bool {
	ok := run(flow, func(ctx context.Context) error { return l.connect(ctx, flow == "device") })
	if ok && !l.result.Token.Refresh.IsZero() {
		ok = run("refresh", l.refresh) && run("refused", l.refused)
	}
	if ok && asks(l.result.Link.Provider) {
		ok = run("identity", l.probe)
	}
	if ok && l.sim.API() != "" {
		ok = run("fetch", l.fetch)
	}
	if !ok {
		return false
	}
	if l.sim.Revocable() {
		return run("revoke", l.revoke)
	}
	return run("no revocation", l.revoke)
}

// denied is a sign-in by code to which the user says no.
func (l *life) denied(ctx context.Context) error {
	l.sim.Deny(true)
	defer l.sim.Deny(false)
	err := l.connect(ctx, true)
	if no, ok := errors.AsType[*dance.Refused](err); !ok || no.Code != "access_denied" {
		return fmt.Errorf("the user's no was taken for %w", cmpErr(err))
	}
	return nil
}

// register gets a client by one method alone and goes on with it.
func (l *life) register(ctx context.Context, method string) error {
	row := l.client
	row.RegistrationMethods = []string{method}
	c, err := dance.Register(ctx, row, dance.RegisterOptions{
		Name: "Dancecard", Document: l.sim.Document(), DPoP: row.DPoP != "", Scopes: row.Scopes,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	l.sim.Knows(c.ClientID)
	l.registration = c.Registration
	return nil
}

// TestEveryRow takes each row that ships through connect, refresh, identity,
// fetch and revoke at a provider that behaves as the row says. What came of it
// is in docs/flows.md; go test ./dance/catalog -update writes that anew.
func TestEveryRow(t *testing.T) {
	results := map[string][]step{}
	var mu sync.Mutex
	t.Run("rows", func(t *testing.T) {
		for id, e := range builtIn() {
			t.Run(id, func(t *testing.T) {
				t.Parallel()
				p, err := staged(e)
				if err != nil {
					t.Fatal(err)
				}
				steps := exercise(t.Context(), p, p)
				for _, s := range steps {
					if s.err != nil {
						t.Errorf("%s: %v", s.name, s.err)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				results[id] = steps
			})
		}
	})
	if len(results) < len(builtIn()) {
		return // a part was asked for with -run
	}
	golden(t, "../../docs/flows.md", flowsPage(results))
}

// golden compares a file that the tests write with what they would write now.
func golden(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tests say (%v); run go test ./dance/catalog -update", file, err)
	}
}
