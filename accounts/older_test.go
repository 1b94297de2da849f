package accounts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dancecard/internal/secret"
)

// copyOlder lays testdata/vault1 out as a data folder. It was written before
// accounts had browsers, options, keys and made clients; with it came two
// accounts (one that needs a sign-in), a pending revocation, a client of the
// user's, a grant and a refusal.
func copyOlder(t *testing.T) (dir string, key secret.String) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "vault1"))); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "key.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, secret.New(strings.TrimSpace(string(text)))
}

func TestOlderVaultOpens(t *testing.T) {
	t.Parallel()
	dir, key := copyOlder(t)
	for range 2 { // as it was written, and as this program leaves it
		b, err := Open(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		if err := b.Unlock(t.Context(), "", WayRecovery, key); err != nil {
			t.Fatal(err)
		}
		s := b.Snapshot()
		byLabel := map[string]Account{}
		for _, a := range s.Accounts {
			byLabel[a.Label] = a
		}
		work, jo, gone := byLabel["Work"], byLabel["jo"], byLabel["gone"]
		if len(s.Accounts) != 3 || work.Login != "mira" || work.Issuer == "" || work.Unnamed || work.FetchOnly || work.StepUp != nil || !slices.Contains(work.Granted, "openid") {
			t.Errorf("%+v", s.Accounts)
		}
		if jo.Status != NeedsSignIn || jo.Why != "Demo ended it." || gone.Status != Revoking {
			t.Errorf("%+v, %+v", jo, gone)
		}
		if len(s.Grants) != 2 || !slices.ContainsFunc(s.Grants, func(g Grant) bool { return g.App.Key == "app-1" && g.Allow && g.Account == work.ID }) {
			t.Errorf("%+v", s.Grants)
		}
		p := b.profiles[b.current]
		a, r := p.accounts[work.ID], registrationRecord{}
		for _, o := range p.registrations {
			if o.Own {
				r = o
			}
		}
		if a.Link.Provider.Endpoints.Token == "" || a.Link.ClientID != p.registrations[a.Registration].ClientID || r.ClientID != "my-client" || r.Secret != "my-secret" || r.made() {
			t.Error("the link or the user's client was read as another")
		}
		if a.hash != "13e192786e749559c57dc607f09e9c9930d6651ba9c6d198c553e9dddc2b987c" || !a.facts.Refreshes {
			t.Errorf("another token: %s", a.hash)
		}
		if row, err := b.provider("github", ""); err != nil || r.For != b.registrationTarget(row) {
			t.Errorf("the user's client is for %s, %v", r.For, err)
		}
		if err := b.Rename(work.ID, "Work"); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
