package accounts

import (
	"context"
	"testing"

	"dancecard/dance/dancetest"
)

const forge = `name = "Forge"
protocol = "oauth2"
client_id = "dancecard"
auth_style = "none"

[endpoints]
authorization = "https://{host}/authorize"
token = "https://{host}/token"

[instance]
param = "host"
label = "Forge server"
example = "forge.example.com"

[identity]
unknown = true

[api]
hosts = ["{host}"]
`

// addForge lays a self-hosted row into the user's folder and waits for it.
func (r *rig) addForge() {
	r.t.Helper()
	if err := writeFile(r, "forge", forge); err != nil {
		r.t.Fatal(err)
	}
	r.await("the row", func(s Snapshot) bool {
		for _, p := range s.Gallery {
			if p.ID == "forge" {
				return true
			}
		}
		return false
	})
}

func TestTwoServersOfOneProviderAreTwoDances(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.opts.OpenURL = func(context.Context, string) error { return nil }
	r.restart()
	r.addForge()
	dances := map[string]string{}
	for _, host := range []string{"one.example.com", "two.example.com", "one.example.com"} {
		id, err := r.Connect(t.Context(), ConnectRequest{Provider: "forge", Instance: host})
		if err != nil {
			t.Fatal(err)
		}
		if was, ok := dances[host]; ok && was != id {
			t.Errorf("a second click on %s began a second dance", host)
		}
		dances[host] = id
	}
	if dances["one.example.com"] == dances["two.example.com"] {
		t.Error("who wants to sign in at one server is shown the sign-in of another")
	}
}

// The row of a file that is gone lives on in its accounts, each with the server
// that it was linked at: a client's secret is for that one.
func TestServerOfARowThatIsGone(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	r.addForge()
	p := r.profiles[r.current]
	for _, host := range []string{"one.example.com", "two.example.com"} {
		row, err := r.Book.provider("forge", host)
		if err != nil {
			t.Fatal(err)
		}
		record := accountRecord{ID: newID("a"), Provider: "forge", Instance: host}
		record.Link.Provider = row
		r.mu.Lock()
		p.accounts[record.ID] = newAccount(record, tokenRecord{})
		r.mu.Unlock()
	}
	r.drop("forge")
	for range 20 { // maps have no order
		row, err := r.Book.provider("forge", "two.example.com")
		if err != nil || row.Endpoints.Token != "https://two.example.com/token" {
			t.Fatalf("%s, %v", row.Endpoints.Token, err)
		}
	}
	_, err := r.Book.provider("forge", "three.example.com")
	wantCode(t, err, CodeNoSuchProvider)
}
