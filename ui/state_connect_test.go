package ui

import (
	"slices"
	"strings"
	"testing"

	"dancecard/accounts"
)

func names(tiles []galleryTile) (out []string) {
	for _, t := range tiles {
		out = append(out, t.Name)
	}
	return out
}

func TestGalleryIsSearchedByNameIDHostAndCategory(t *testing.T) {
	s := stage()
	s.Gallery = append(s.Gallery, accounts.Provider{ID: "acme", Name: "Rocket Works", Category: "science", BuiltIn: true, SettingsPage: "https://id.acme-rockets.example/me",
		OptionalScopes: []string{"fuel.read"}, Words: map[string]string{"fuel.read": "look into the tank"}})
	s.Gallery = append(s.Gallery, accounts.Provider{ID: "x", Name: "X", BuiltIn: true})
	for typed, want := range map[string]string{"git": "GitHub", "lab": "GitLab", "acme": "Rocket Works", "rockets.ex": "Rocket Works", "works": "Rocket Works",
		"science": "Rocket Works", "fuel": "Rocket Works", "tank": "Rocket Works", "twitter": "X", "https://id.acme-rockets.example/login": "Rocket Works"} {
		got := galleryOf(s, typed, "Code")
		if len(got.Tiles) == 0 || got.Tiles[0].Name != want || got.Category != "All" {
			t.Errorf("%q finds %v under %s", typed, names(got.Tiles), got.Category)
		}
	}
	if got := names(galleryOf(s, "", "").Tiles); got[0] != "GitHub" || got[len(got)-1] != "Rocket Works" || slices.Index(got, "Keycloak") > slices.Index(got, "GitLab") {
		t.Errorf("order: %v", got)
	}
	own := s
	own.Gallery = append([]accounts.Provider{{ID: "mine", Name: "Zebra"}}, s.Gallery...)
	if got := names(galleryOf(own, "", "").Tiles); slices.Index(got, "Zebra") > slices.Index(got, "Spotify") || got[0] != "GitHub" {
		t.Errorf("the user's own file is lost among the others: %v", got)
	}
	if got := galleryOf(s, "", "Science"); !slices.Equal(names(got.Tiles), []string{"Rocket Works"}) {
		t.Errorf("chip: %v", names(got.Tiles))
	}
}

func TestAddressesAreToldFromNames(t *testing.T) {
	for typed, want := range map[string]string{
		"https://login.example.org": "login.example.org", "login.example.org": "login.example.org", "mcp.example.com/mcp": "mcp.example.com",
		"http://127.0.0.1:8080/": "127.0.0.1:8080", "@mira.bsky.social": "mira.bsky.social", "localhost:8080": "", "https://Example.ORG/x": "example.org",
		"github": "", "node.js 2": "", "v1.2": "", "a.b": "", "ftp://example.org": "", "https://user:pass@example.org": "", "https://": "", "": "", ".": "", "...": "",
		"javascript:alert(1).com": "", "exa mple.org": "",
	} {
		got, ok := addressOf(typed)
		if got.Host != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", typed, got.Host, ok)
		}
	}
}

func TestAnAddressComesFirstWhereItIsMeant(t *testing.T) {
	s := stage()
	if got := galleryOf(s, "github.com", ""); got.Address.Host != "" || len(got.Tiles) != 1 {
		t.Errorf("%+v hides GitHub", got.Address)
	}
	if got := galleryOf(s, "https://github.com/mcp", ""); got.Address.Text != "https://github.com/mcp" || len(got.Tiles) != 1 {
		t.Errorf("%+v", got)
	}
	if got := galleryOf(s, "elsewhere.example", ""); got.Address.Title != "Connect elsewhere.example" || len(got.Tiles) != 0 || got.Nothing != "" {
		t.Errorf("%+v", got)
	}
}

func TestDefaultsStayTheRowsToSay(t *testing.T) {
	var p accounts.Provider
	chooseable(&p)
	if r := requestOf(p, chosen{}, map[string]string{"hosted_domain": ""}); r.Scopes != nil || r.Options != nil || r.Device {
		t.Errorf("%+v", r)
	}
	same := chosen{scopes: map[string]bool{"api": false, "read_user": true}, switches: map[string]bool{"account_chooser": true}}
	if r := requestOf(p, same, nil); r.Scopes != nil || r.Options != nil {
		t.Errorf("%+v", r)
	}
	other := chosen{scopes: map[string]bool{"api": true, "read_user": false, "openid": true}, switches: map[string]bool{"account_chooser": false}, browser: "firefox/work", device: true}
	r := requestOf(p, other, map[string]string{"hosted_domain": "example.org"})
	if !slices.Equal(r.Scopes, []string{"openid", "api"}) || r.Options["account_chooser"] != "off" || r.Options["hosted_domain"] != "example.org" || r.Browser != "firefox/work" || !r.Device {
		t.Errorf("%+v", r)
	}
	p.Device = false
	if r := requestOf(p, other, nil); r.Device {
		t.Error("a code is asked for where none can be had")
	}
}

func TestBrowsersAreNamed(t *testing.T) {
	list := stageBrowsers()
	for id, want := range map[string]string{"": "Firefox, the system's", "firefox/work": "Firefox, work", "firefox/private": "Firefox, private window",
		"chromium": "Chromium", "gone": "gone, not installed now"} {
		if got := browserName(id, list); got != want {
			t.Errorf("%q: %q", id, got)
		}
	}
	if got := browserName("", nil); got != systemBrowser {
		t.Error(got)
	}
}

func TestUncertaintyIsShown(t *testing.T) {
	s := stage()
	if st, _ := registerOf(s, before{provider: "gitlab"}, nil); st.RevokeDoubt != "" || st.RedirectWords != "Exactly as it stands." {
		t.Errorf("%q %q", st.RevokeDoubt, st.RedirectWords)
	}
	s.Gallery[3].RedirectUnknown, s.Gallery[3].Revocation = true, "unknown"
	if st, _ := registerOf(s, before{provider: "gitlab"}, nil); !strings.Contains(st.RevokeDoubt, "not known") || !strings.Contains(st.RedirectWords, "Nobody has checked") {
		t.Errorf("%q %q", st.RevokeDoubt, st.RedirectWords)
	}
}

func TestOneNoticeForADeadRegistration(t *testing.T) {
	s := dead()
	if got := deadRegistrations(s); len(got) != 1 || got[0].Text != "mira@work and mira-o wait for a new one and are kept." || got[0].Provider != "github" {
		t.Errorf("%+v", got)
	}
	st, _ := registerOf(s, before{provider: "github", renew: true, reconnect: "02"}, nil)
	if st.Notice == nil || !st.NeedsKey || st.Reconnect != "02" || st.Save != "Save and sign in" {
		t.Errorf("%+v", st)
	}
	s.Accounts[0].Status = accounts.Ready
	if got := deadRegistrations(s); got != nil {
		t.Errorf("one account says it on its card: %+v", got)
	}
	if st, ok := registerOf(s, before{provider: "at-example-org", found: &accounts.Provider{ID: "at-example-org", Name: "example.org"}, renew: true}, nil); !ok || st.Name != "example.org" {
		t.Error("a provider that is in no gallery cannot be set up")
	}
}

func TestAskForMoreListsWhatIsMissing(t *testing.T) {
	s := stage()
	stageMore(&s)
	s.Gallery[2].Scopes = []string{"repo"}
	st, _ := moreOf(s, "01", chosen{scopes: map[string]bool{"workflow": true}}, nil)
	if len(st.Scopes) != 3 || !st.Ready || !slices.Equal(st.added(), []string{"workflow"}) || st.Scopes[0].Words != "Delete repositories" {
		t.Errorf("%+v", st)
	}
	if st, _ := moreOf(s, "01", chosen{}, nil); st.Ready {
		t.Error("nothing is checked, and it can be asked")
	}
}
