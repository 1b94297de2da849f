package accounts

import (
	"os"
	"path/filepath"
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
	if err := os.WriteFile(filepath.Join(r.opts.Providers, "forge.toml"), []byte(forge), 0o600); err != nil {
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
	r.addForge()
	dances := map[string]string{}
	for _, host := range []string{"one.example.com", "two.example.com", "one.example.com"} {
		id, err := r.Connect(t.Context(), ConnectRequest{Provider: "forge", Instance: host, NoBrowser: true})
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
