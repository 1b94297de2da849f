package catalog

import (
	"io/fs"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"dancecard/dance"
)

// TestRowsLint names each bad row with line, reason and fix.
func TestRowsLint(t *testing.T) {
	names, err := fs.Glob(rowFiles, "rows/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := rowFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		row, problems := parse(name, data)
		for _, p := range problems {
			t.Errorf("%s:%d: %s; %s", p.File, p.Line, p.Reason, p.Fix)
		}
		if e := builtIn()[row.ID]; !reflect.DeepEqual(e.Provider, row) {
			t.Errorf("%s: what ships is not what was checked", name)
		}
	}
	if len(names) < 200 {
		t.Errorf("%d rows ship", len(names))
	}
}

func TestRowsThatShip(t *testing.T) {
	c, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := c.Problems(); len(p) != 0 {
		t.Error(p)
	}
	for _, e := range c.Entries() {
		t.Run(e.ID, func(t *testing.T) { checkRow(t, e) })
	}
}

// TestPresetsOfFlaskDance: who comes from there misses none.
func TestPresetsOfFlaskDance(t *testing.T) {
	for _, id := range []string{
		"atlassian", "authentiq", "microsoft", "dexcom", "digitalocean", "discord", "dropbox", "facebook", "fitbit", "github",
		"gitlab", "google", "heroku", "jira-oauth1", "linkedin", "meetup", "nylas", "orcid", "orcid-sandbox", "openstreetmap",
		"reddit", "salesforce", "slack", "spotify", "strava", "twitch", "zoho", "twitter-oauth1", "x",
	} {
		if _, ok := builtIn()[id]; !ok {
			t.Errorf("there is no %s", id)
		}
	}
}

func checkRow(t *testing.T, e Entry) {
	if !e.BuiltIn || e.File != "" {
		t.Error("not marked as built in")
	}
	if e.ClientID != "" || !e.ClientSecret.IsZero() {
		t.Error("a client id of somebody ships")
	}
	if e.Category == "" || e.Protocol == "" || e.AuthStyle == "" && e.Protocol != "oauth1" || e.Revocation.Style == "" || e.Redirect.Mode == "" {
		t.Error("category, protocol, auth_style, revocation.style and redirect.mode are written out in every row")
	}
	if data, _ := rowFiles.ReadFile("rows/" + e.ID + ".toml"); (e.PKCE == "off" || e.PKCE == "plain") && !strings.Contains(string(data), "# ") {
		t.Error("a row without S256 says why in a comment")
	}
	if e.RegistrationHelp == "" {
		t.Error("the user is not told how to register")
	}
	for _, s := range slices.Concat(e.Scopes, e.OptionalScopes) {
		words := e.ScopeWords[s]
		if words == "" || len(words) > 60 || strings.HasSuffix(words, ".") || words[0] < 'a' || words[0] > 'z' {
			t.Errorf("scope %s in words: %q; want a short verb phrase", s, words)
		}
	}
	for s := range e.ScopeWords {
		if !slices.Contains(e.Scopes, s) && !slices.Contains(e.OptionalScopes, s) {
			t.Errorf("words for %s, which is never asked for", s)
		}
	}
	if utf8.RuneCountInString(e.Tile.Monogram) < 1 {
		t.Error("no monogram")
	}
	contrast(t, e.Tile.Brand, e.Tile.Text, 3)
	if e.Tile.BrandDark != "" {
		contrast(t, e.Tile.BrandDark, e.Tile.TextDark, 3)
	}
	value := ""
	if e.Instance != nil && e.Instance.Default == "" {
		value = e.Instance.Example
	}
	p, err := e.WithInstance(value)
	if err != nil {
		t.Fatal(err)
	}
	for key, address := range addresses(&p) {
		*address = withoutPlaceholders(*address, standIns(key))
		if strings.ContainsAny(*address, "{}") || *address != "" && !strings.HasPrefix(*address, "https://") {
			t.Errorf("%s is %s", key, *address)
		}
	}
	if dance.RedirectURI(p) == "" {
		t.Error("no redirect URI")
	}
}

func contrast(t *testing.T, a, b string, least float64) {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	if r := (max(x, y) + 0.05) / (min(x, y) + 0.05); r < least {
		t.Errorf("contrast of %s and %s is %.1f", a, b, r)
	}
}

// luminance is WCAG 2.1's.
func luminance(t *testing.T, c string) float64 {
	t.Helper()
	if !regexp.MustCompile(`^#[0-9A-F]{6}$`).MatchString(c) {
		t.Fatalf("colour %q", c)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(c[1+2*i:3+2*i], 16, 8)
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

func TestWithInstance(t *testing.T) {
	c, _ := Open("")
	defer c.Close()
	for _, test := range []struct{ id, value, token, issuer, host, wrong string }{
		{id: "gitlab", issuer: "https://gitlab.com", host: "gitlab.com"},
		{id: "gitlab", value: "GitLab.GNOME.org", issuer: "https://gitlab.gnome.org", host: "gitlab.gnome.org"},
		{id: "gitlab", value: " https://git.example.com:8443/ ", issuer: "https://git.example.com:8443", host: "git.example.com:8443"},
		{id: "mastodon", value: "fosstodon.org", token: "https://fosstodon.org/oauth/token", host: "fosstodon.org"},
		{id: "microsoft", issuer: "https://login.microsoftonline.com/common/v2.0"},
		{id: "microsoft", value: "contoso.onmicrosoft.com", issuer: "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0"},
		{id: "keycloak", value: "https://id.example.com/realms/main/", issuer: "https://id.example.com/realms/main"},
		{id: "keycloak", value: "http://127.0.0.1:8080/realms/x", issuer: "http://127.0.0.1:8080/realms/x"},
		{id: "github"},

		{id: "keycloak", wrong: "is missing"},
		{id: "keycloak", value: "http://id.example.com/realms/x", wrong: "plain http"},
		{id: "keycloak", value: "https://id.example.com/realms/x?y=1", wrong: "plain address"},
		{id: "keycloak", value: "https://user@id.example.com/realms/x", wrong: "user name"},
		{id: "keycloak", value: "javascript:alert(1)", wrong: "https://"},
		{id: "gitlab", value: "example.com/evil", wrong: "host name"},
		{id: "gitlab", value: "a@example.com", wrong: "host name"},
		{id: "gitlab", value: "exa mple.com", wrong: "host name"},
		{id: "gitlab", value: "http://example.com", wrong: "host name"},
		{id: "microsoft", value: "a/../../b", wrong: "belong"},
		{id: "microsoft", value: "common@evil.example", wrong: "belong"},
		{id: "github", value: "github.example.com", wrong: "one service"},
	} {
		e, _ := c.Get(test.id)
		p, err := e.WithInstance(test.value)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s with %q: %v, want an error with %q", test.id, test.value, err, test.wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s with %q: %v", test.id, test.value, err)
			continue
		}
		if p.Instance != nil || test.issuer != "" && p.Issuer != test.issuer || test.token != "" && p.Endpoints.Token != test.token ||
			test.host != "" && !slices.Equal(p.API.Hosts, []string{test.host}) {
			t.Errorf("%s with %q: %s %s %v", test.id, test.value, p.Issuer, p.Endpoints.Token, p.API.Hosts)
		}
	}
	if e, _ := c.Get("gitlab"); e.API.Hosts[0] != "{host}" {
		t.Error("filling one in changed the row")
	}
}

// BenchmarkBuiltIn reads every row that ships, as the first Open does.
func BenchmarkBuiltIn(b *testing.B) {
	for b.Loop() {
		if len(readBuiltIn()) < 200 {
			b.Fatal("rows are missing")
		}
	}
}
