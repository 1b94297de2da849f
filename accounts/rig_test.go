package accounts

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
	"dancecard/vault"
)

// rig is a real Book on a temporary folder with a real provider. Tests that
// have one run beside each other: they share nothing.
type rig struct {
	*Book
	t        *testing.T
	provider *dancetest.Provider
	opts     Options
	key      secret.String // the profile's recovery key
	user     string        // who is signed in in the "browser"
	opened   chan string   // addresses that are not part of a dance
}

func newRig(t *testing.T, o dancetest.Options) *rig {
	t.Helper()
	t.Parallel()
	p, err := dancetest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	r := &rig{t: t, provider: p, user: "mira", opened: make(chan string, 16)}
	dir := t.TempDir()
	r.opts = Options{Dir: filepath.Join(dir, "data"), Providers: filepath.Join(dir, "providers"), OpenURL: r.browse}
	if err := os.MkdirAll(r.opts.Providers, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.opts.Providers, "demo.toml"), p.ProviderFile("Demo"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.open()
	_, r.key, err = r.CreateProfile(t.Context(), NewProfile{Name: "Home"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// open opens the Book, as a start of the program does.
func (r *rig) open() {
	r.t.Helper()
	book, err := Open(r.t.Context(), r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Book = book
	r.t.Cleanup(func() { book.Close() })
}

// restart closes the Book, opens it again and unlocks its profile.
func (r *rig) restart() {
	r.t.Helper()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open()
	r.unlock()
}

func (r *rig) unlock() {
	r.t.Helper()
	if err := r.Unlock(r.t.Context(), "", WayRecovery, r.key); err != nil {
		r.t.Fatal(err)
	}
}

// browse is the user's browser: it approves as r.user.
func (r *rig) browse(_ context.Context, address string) error {
	user := r.user
	go func() {
		if _, _, err := r.provider.Approve(address, user); err != nil {
			r.opened <- address
		}
	}()
	return nil
}

// link connects the demo provider as user and keeps who came back.
func (r *rig) link(user string) Account {
	r.t.Helper()
	id := r.dance(user, ConnectRequest{Provider: "demo"})
	account, err := r.Keep(r.t.Context(), id, "", false)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.account(account)
}

// dance runs a dance until somebody came back or it is over.
func (r *rig) dance(user string, c ConnectRequest) string {
	r.t.Helper()
	r.user = user
	id, err := r.Connect(r.t.Context(), c)
	if err != nil {
		r.t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage == DanceCameBack || d.Stage.Over() })
	if d.Failure != nil {
		r.t.Fatalf("the dance failed: %v", d.Failure)
	}
	return id
}

func (r *rig) awaitDance(id string, enough func(Dance) bool) Dance {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	d, err := r.AwaitDance(ctx, id, enough)
	if err != nil {
		r.t.Fatalf("dance: %v at stage %s", err, d.Stage)
	}
	return d
}

func (r *rig) account(id string) Account {
	r.t.Helper()
	a, ok := r.Snapshot().Account(id)
	if !ok {
		r.t.Fatalf("no account %s in %+v", id, r.Snapshot().Accounts)
	}
	return a
}

// await waits until the snapshot says what it should.
func (r *rig) await(what string, enough func(Snapshot) bool) Snapshot {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	w := r.Watch("")
	for {
		s := r.Snapshot()
		if enough(s) {
			return s
		}
		if _, _, err := w.Next(ctx); err != nil {
			s.Gallery = nil // hundreds of rows
			r.t.Fatalf("waiting for %s: %v; have %+v", what, err, s)
		}
	}
}

// answer answers the next question as it appears.
func (r *rig) answer(a Answer) {
	r.t.Helper()
	s := r.await("a question", func(s Snapshot) bool { return len(s.Questions) > 0 })
	if err := r.Answer(s.Questions[0].ID, a); err != nil {
		r.t.Fatal(err)
	}
}

// tokens counts the token requests of one grant type.
func (r *rig) tokens(grantType string) (n int) {
	for _, q := range r.provider.Requests() {
		if q.Path == r.provider.TokenPath() && q.Form["grant_type"] == grantType {
			n++
		}
	}
	return n
}

// stored reads the account's token from a copy of the profile's folder as it
// is on disk at this moment, as after a crash.
func (r *rig) stored(account string) tokenRecord {
	r.t.Helper()
	dir := r.t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "copy"), os.DirFS(r.profileDir(r.current))); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "copy"), 0o700); err != nil {
		r.t.Fatal(err)
	}
	filepath.WalkDir(filepath.Join(dir, "copy"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	folder, err := vault.Claim(filepath.Join(dir, "copy"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer folder.Close()
	way, err := vault.RecoveryKey(r.key)
	if err != nil {
		r.t.Fatal(err)
	}
	v, err := folder.Open(r.t.Context(), way)
	if err != nil {
		r.t.Fatal(err)
	}
	t, _, err := load[tokenRecord](v, keyToken+account)
	if err != nil {
		r.t.Fatal(err)
	}
	return t
}

var testApp = App{Key: "app-1", Name: "tester", Path: "/usr/bin/tester"}

// allow gives testApp a standing grant.
func (r *rig) allow(account string) {
	r.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := r.Token(r.t.Context(), testApp, account, Want{})
		done <- err
	}()
	r.answer(Answer{Allow: true, For: Always})
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

// token asks as testApp.
func (r *rig) token(account string, w Want) (Handout, error) {
	return r.Token(r.t.Context(), testApp, account, w)
}

func wantCode(t *testing.T, err error, code Code) {
	t.Helper()
	if CodeOf(err) != code {
		t.Fatalf("error %v with code %q, want %q", err, CodeOf(err), code)
	}
}
