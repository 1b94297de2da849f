//go:build !darwin && !windows

package dance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// desk is a home, a PATH and a list of desktop entries with nothing in them.
type desk struct {
	t               *testing.T
	home, bin, data string
	noted           string // where fake programs write their arguments
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	root := t.TempDir()
	d := &desk{t: t, home: root + "/home", bin: root + "/bin", data: root + "/share", noted: root + "/noted"}
	for _, dir := range []string{d.home, d.bin, d.data + "/applications"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", d.home)
	t.Setenv("PATH", d.bin)
	t.Setenv("XDG_DATA_DIRS", d.data)
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	return d
}

func (d *desk) write(path, text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		d.t.Fatal(err)
	}
}

// program puts one on PATH that notes its name and arguments, then runs script.
func (d *desk) program(name, script string) {
	d.write(filepath.Join(d.bin, name), "#!/bin/sh\nfor a in \"${0##*/}\" \"$@\"; do echo \"$a\"; done > "+d.noted+"\n"+script+"\n")
}

func (d *desk) entry(name, exec, mime string) {
	d.write(filepath.Join(d.data, "applications", name), "[Desktop Entry]\nType=Application\nName=X\nExec="+exec+"\nMimeType=text/html;"+mime+"\n[Desktop Action new]\nExec=/bin/evil\n")
}

func ids(list []Browser) []string {
	var found []string
	for _, b := range list {
		found = append(found, b.ID)
	}
	return found
}

const firefoxProfiles = "[Install4F96]\nDefault=x\nLocked=1\n\n[Profile1]\nName=work\nIsRelative=1\nPath=abc.work\n\n[Profile0]\nName=default-release\nPath=def.default\n\n[General]\nName=no\n"

const localState = `{"browser":{"x":1},"profile":{"info_cache":{"Profile 1":{"name":"Work\u202e <b>"},"Default":{"name":"Mira","gaia":7},"-x":{"name":"option"},"../up":{"name":"path"}}}}`

func TestBrowsers(t *testing.T) {
	d := newDesk(t)
	if got := Browsers(); len(got) != 1 || got[0].ID != "" || got[0].Name == "" {
		t.Fatalf("on an empty desk: %+v", got)
	}
	d.program("firefox", "")
	d.program("chromium-browser", "")
	d.write(d.home+"/.mozilla/firefox/profiles.ini", firefoxProfiles)
	d.write(d.home+"/.config/chromium/Local State", localState)
	got := Browsers()
	want := []string{"", "firefox", "firefox/work", "firefox/default-release", "firefox/private", "chromium", "chromium/Default", "chromium/Profile 1", "chromium/private"}
	if !slices.Equal(ids(got), want) || !slices.Equal(ids(Browsers()), want) {
		t.Errorf("got %q", ids(got))
	}
	if b := got[7]; b.Profile != "Work <b>" || b.Name != "Chromium" || got[4].Private != true || got[4].Profile != "" {
		t.Errorf("%+v", got)
	}
}

func TestOneProfileIsNoChoiceButStaysKnown(t *testing.T) {
	d := newDesk(t)
	d.program("firefox-esr", "")
	d.write(d.home+"/.mozilla/firefox/profiles.ini", "[Profile0]\nName=only\n")
	if got := ids(Browsers()); !slices.Equal(got, []string{"", "firefox-esr", "firefox-esr/private"}) {
		t.Errorf("got %q", got)
	}
	if _, ok := launcher(installed(), "firefox-esr/only"); !ok {
		t.Error("an account that remembers it would lose it")
	}
}

func TestK18BrowsersInFlatpakAndSnap(t *testing.T) {
	d := newDesk(t)
	d.program("flatpak", "")
	d.entry("org.mozilla.firefox.desktop", "/usr/bin/env A=b "+d.bin+"/flatpak run --branch=stable --command=firefox --file-forwarding org.mozilla.firefox @@u %u @@", "x-scheme-handler/https;")
	d.write(d.home+"/.var/app/org.mozilla.firefox/.mozilla/firefox/profiles.ini", firefoxProfiles)
	d.entry("com.google.Chrome.desktop", d.bin+"/flatpak run com.google.Chrome @@u %U @@", "x-scheme-handler/http;x-scheme-handler/https;")
	d.write(d.home+"/.var/app/com.google.Chrome/config/google-chrome/Local State", localState)
	d.write(filepath.Join(d.bin, "chromium"), "#!/bin/sh\nexec /snap/bin/chromium \"$@\"\n")
	d.write(d.home+"/snap/chromium/common/chromium/Local State", localState)
	d.write(d.home+"/.config/chromium/Local State", `{"profile":{"info_cache":{"Default":{"name":"old"},"Profile 9":{"name":"older"}}}}`)
	got := ids(Browsers())
	for _, want := range []string{"firefox-flatpak/work", "chrome-flatpak/Profile 1", "chromium/Profile 1"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if slices.Contains(got, "firefox") || slices.Contains(got, "chromium/Profile 9") {
		t.Errorf("got %q", got)
	}
	const address = "https://issuer.example/a?x=1&y=%20"
	if err := OpenBrowserIn(t.Context(), "firefox-flatpak/work", address); err != nil {
		t.Fatal(err)
	}
	d.ran("flatpak", "run", "org.mozilla.firefox", "-P", "work", address)
}

// ran compares the arguments that the last program was given.
func (d *desk) ran(want ...string) {
	d.t.Helper()
	got, err := os.ReadFile(d.noted)
	if err != nil || string(got) != strings.Join(want, "\n")+"\n" {
		d.t.Errorf("ran %q, %v", got, err)
	}
}

func TestBrowserKnownByItsDesktopEntryAlone(t *testing.T) {
	d := newDesk(t)
	opt := filepath.Dir(d.bin) + "/opt/firefox"
	d.write(opt, "#!/bin/sh\n")
	d.entry("firefox-own.desktop", `"`+opt+`" %u`, "x-scheme-handler/https")
	d.entry("evil.desktop", "sh -c 'firefox $(id)'", "x-scheme-handler/https")
	d.entry("viewer.desktop", opt+"-esr %u", "image/png")
	if got := ids(Browsers()); !slices.Equal(got, []string{"", "firefox", "firefox/private"}) {
		t.Errorf("got %q", got)
	}
}

func TestOpenBrowserIn(t *testing.T) {
	d := newDesk(t)
	d.program("firefox", "")
	d.program("chromium", "")
	d.program("microsoft-edge", "")
	d.program("xdg-open", "")
	d.write(d.home+"/.mozilla/firefox/profiles.ini", firefoxProfiles+"[Profile7]\nName=my; $(id) \"work\"\n[Profile8]\nName=private\n")
	d.write(d.home+"/.config/chromium/Local State", localState)
	const address = "http://127.0.0.1:1234/start/abc"
	for id, want := range map[string][]string{
		"":                         {"xdg-open"},
		"firefox":                  {"firefox"},
		"firefox/work":             {"firefox", "-P", "work"},
		`firefox/my; $(id) "work"`: {"firefox", "-P", `my; $(id) "work"`},
		"firefox/=private":         {"firefox", "-P", "private"},
		"firefox/private":          {"firefox", "--private-window"},
		"chromium/Profile 1":       {"chromium", "--profile-directory=Profile 1"},
		"chromium/private":         {"chromium", "--incognito"},
		"edge/private":             {"microsoft-edge", "--inprivate"},
	} {
		if err := OpenBrowserIn(t.Context(), id, address); err != nil {
			t.Errorf("%q: %v", id, err)
			continue
		}
		d.ran(append(want, address)...)
	}
}

func TestOpenBrowserInUnknown(t *testing.T) {
	d := newDesk(t)
	d.program("firefox", "")
	for _, id := range []string{"chromium", "firefox/gone", "firefox/", "/private", "/bin/sh", "firefox/work/x", "--help", "chromium/private"} {
		if err := OpenBrowserIn(t.Context(), id, "https://issuer.example/"); err == nil || !strings.Contains(err.Error(), "choose another") {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := os.Stat(d.noted); err == nil {
		t.Error("a program ran")
	}
}

func TestD22AddressesThatReachNoChosenBrowser(t *testing.T) {
	d := newDesk(t)
	d.program("firefox", "")
	for _, address := range []string{"file:///etc/passwd", "javascript:alert(1)", "--help", "-P", "http://issuer.example/", "https://a.example/ b", "https://a.example/$(id)", "https://a.example/\n-x", "https://u:p@a.example/", "about:config", ""} {
		for _, id := range []string{"", "firefox", "firefox/private"} {
			if err := OpenBrowserIn(t.Context(), id, address); err == nil {
				t.Errorf("%q was taken", address)
			}
		}
	}
	if _, err := os.Stat(d.noted); err == nil {
		t.Error("a program ran")
	}
}

func TestD41ChosenBrowserFails(t *testing.T) {
	d := newDesk(t)
	d.program("firefox", "exit 3")
	if err := OpenBrowserIn(t.Context(), "firefox", "https://a.example/"); err == nil || !strings.Contains(err.Error(), "copy the link") {
		t.Errorf("got %v", err)
	}
	d.write(filepath.Join(d.bin, "vivaldi"), "no program at all")
	if err := OpenBrowserIn(t.Context(), "vivaldi", "https://a.example/"); err == nil || !strings.Contains(err.Error(), "copy the link") {
		t.Errorf("got %v", err)
	}
}

func TestProfileFilesThatAreNone(t *testing.T) {
	d := newDesk(t)
	d.program("firefox", "")
	d.program("chromium", "")
	ini := d.home + "/.mozilla/firefox/profiles.ini"
	d.write(ini, "")
	if err := os.Remove(ini); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(ini, 0o600); err != nil { // a reader would wait for ever
		t.Fatal(err)
	}
	d.write(d.home+"/.config/chromium/Local State", strings.Repeat(" ", profileFile+1))
	if got := ids(Browsers()); !slices.Equal(got, []string{"", "firefox", "firefox/private", "chromium", "chromium/private"}) {
		t.Errorf("got %q", got)
	}
}
