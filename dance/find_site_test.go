package dance

import "testing"

// A server names userinfo addresses of its own site for the API, nobody else's.
func TestSameSite(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"api.example.com", "login.example.com", true},
		{"API.example.com", "example.com", true},
		{"api.github.com", "evil.example", false},
		{"a.co.uk", "b.co.uk", false},
		{"mira.github.io", "jo.github.io", false},
		{"127.0.0.1", "127.0.0.1", false},
		{"192.0.2.8", "198.51.2.8", false},
		{"localhost", "localhost", false},
		{"", "", false},
	} {
		if got := sameSite(c.a, c.b); got != c.same {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}
