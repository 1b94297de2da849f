//go:build !darwin && !windows

package dance

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// known is a browser that we know how to talk to.
type known struct {
	id, name string
	commands []string
	flatpak  string
	snap     string // of the same name in /snap/bin
	family   family
	private  string
	root     string // of its profiles: "~/…" or "config/…"
	sandbox  string // where a sandbox keeps that root; root's own place under its home if empty
}

var knownBrowsers = []known{
	{"firefox", "Firefox", []string{"firefox"}, "org.mozilla.firefox", "firefox", firefoxKind, "--private-window", "~/.mozilla/firefox", ""},
	{"firefox-esr", "Firefox ESR", []string{"firefox-esr"}, "", "", firefoxKind, "--private-window", "~/.mozilla/firefox", ""},
	{"librewolf", "LibreWolf", []string{"librewolf"}, "io.gitlab.librewolf-community", "", firefoxKind, "--private-window", "~/.librewolf", ""},
	{"zen", "Zen", []string{"zen-browser", "zen"}, "app.zen_browser.zen", "", firefoxKind, "--private-window", "~/.zen", ""},
	{"waterfox", "Waterfox", []string{"waterfox"}, "net.waterfox.waterfox", "", firefoxKind, "--private-window", "~/.waterfox", ""},
	{"chromium", "Chromium", []string{"chromium", "chromium-browser"}, "org.chromium.Chromium", "chromium", chromiumKind, "--incognito", "config/chromium", "chromium"},
	{"chrome", "Chrome", []string{"google-chrome", "google-chrome-stable"}, "com.google.Chrome", "", chromiumKind, "--incognito", "config/google-chrome", ""},
	{"brave", "Brave", []string{"brave-browser", "brave"}, "com.brave.Browser", "brave", chromiumKind, "--incognito", "config/BraveSoftware/Brave-Browser", ""},
	{"edge", "Edge", []string{"microsoft-edge", "microsoft-edge-stable"}, "com.microsoft.Edge", "", chromiumKind, "--inprivate", "config/microsoft-edge", ""},
	{"vivaldi", "Vivaldi", []string{"vivaldi", "vivaldi-stable"}, "com.vivaldi.Vivaldi", "", chromiumKind, "--incognito", "config/vivaldi", ""},
}

// installed looks on PATH and through the desktop's own list of programs that
// open https addresses, where Flatpak and Snap put theirs.
func installed() []browser {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	handlers := webHandlers(home)
	var list []browser
	for _, k := range knownBrowsers {
		if program := k.native(handlers); program != "" {
			b := k.browser("", "", []string{program})
			b.profiles = k.family.profiles(k.rootOf(home, program))
			list = append(list, b)
		}
		if program := k.inFlatpak(handlers); program != nil {
			b := k.browser("-flatpak", " (Flatpak)", program)
			b.profiles = k.family.profiles(filepath.Join(home, ".var/app", k.flatpak, strings.TrimPrefix(k.root, "~/")))
			list = append(list, b)
		}
	}
	return list
}

func (k known) browser(id, name string, program []string) browser {
	return browser{id: k.id + id, name: k.name + name, program: program, private: k.private, family: k.family}
}

// native is the program on PATH, or the one that a desktop entry names.
func (k known) native(handlers [][]string) string {
	for _, command := range k.commands {
		if path, err := exec.LookPath(command); err == nil && filepath.IsAbs(path) {
			return path
		}
	}
	for _, words := range handlers {
		if filepath.IsAbs(words[0]) && slices.Contains(k.commands, filepath.Base(words[0])) {
			if path, err := exec.LookPath(words[0]); err == nil {
				return path
			}
		}
	}
	return ""
}

func (k known) inFlatpak(handlers [][]string) []string {
	for _, words := range handlers {
		if k.flatpak == "" || filepath.Base(words[0]) != "flatpak" || !slices.Contains(words, k.flatpak) {
			continue
		}
		if path, err := exec.LookPath(words[0]); err == nil {
			return []string{path, "run", k.flatpak}
		}
	}
	return nil
}

// rootOf is where the profiles of the program at path are.
func (k known) rootOf(home, path string) string {
	rest, ofHome := strings.CutPrefix(k.root, "~/")
	switch {
	case k.snap != "" && isSnap(path) && ofHome:
		return filepath.Join(home, "snap", k.snap, "common", rest)
	case k.snap != "" && isSnap(path) && k.sandbox != "":
		return filepath.Join(home, "snap", k.snap, "common", k.sandbox)
	case k.snap != "" && isSnap(path):
		return filepath.Join(home, "snap", k.snap, "current/.config", strings.TrimPrefix(k.root, "config/"))
	case ofHome:
		return filepath.Join(home, rest)
	}
	config := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(home, ".config")
	}
	return filepath.Join(config, strings.TrimPrefix(k.root, "config/"))
}

// isSnap reports a Snap's program, or a script of the system that starts one
// (Ubuntu's /usr/bin/firefox).
func isSnap(path string) bool {
	if to, err := filepath.EvalSymlinks(path); err == nil && filepath.Base(to) == "snap" || strings.HasPrefix(path, "/snap/") {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4<<10)
	n, _ := f.Read(head)
	return bytes.HasPrefix(head[:n], []byte("#!")) && bytes.Contains(head[:n], []byte("/snap/bin/"))
}

const entryCount = 2000 // desktop entries that are looked at

// webHandlers are the commands of the desktop entries that open https
// addresses, as words; what a shell would have to read is left out.
func webHandlers(home string) [][]string {
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		data = filepath.Join(home, ".local/share")
	}
	dirs := os.Getenv("XDG_DATA_DIRS")
	if dirs == "" {
		dirs = "/usr/local/share:/usr/share:/var/lib/flatpak/exports/share:/var/lib/snapd/desktop"
	}
	all := append([]string{data, filepath.Join(data, "flatpak/exports/share")}, filepath.SplitList(dirs)...)
	var found [][]string
	seen := 0
	for _, dir := range all {
		if !filepath.IsAbs(dir) {
			continue
		}
		entries, _ := os.ReadDir(filepath.Join(dir, "applications"))
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".desktop") {
				continue
			}
			if seen++; seen > entryCount {
				return found
			}
			if words := readEntry(boundedFile(filepath.Join(dir, "applications", e.Name()))); words != nil {
				found = append(found, words)
			}
		}
	}
	return found
}

// readEntry is the command of a desktop entry that opens https addresses
// (Desktop Entry Specification, the Exec key); nil for all others.
func readEntry(data []byte) []string {
	var exec string
	handles, inEntry := false, false
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(text, "[") {
			inEntry = text == "[Desktop Entry]"
			continue
		}
		name, value, _ := strings.Cut(text, "=")
		switch name = strings.TrimSpace(name); {
		case !inEntry:
		case name == "Exec":
			exec = strings.TrimSpace(value)
		case name == "MimeType":
			handles = slices.Contains(strings.Split(value, ";"), "x-scheme-handler/https")
		case name == "Hidden" && strings.TrimSpace(value) == "true":
			return nil
		}
	}
	if !handles || strings.ContainsAny(exec, "\\`$'") {
		return nil
	}
	words := strings.Fields(strings.ReplaceAll(exec, `"`, ""))
	if len(words) > 0 && filepath.Base(words[0]) == "env" {
		words = slices.DeleteFunc(words[1:], func(w string) bool { return strings.Contains(w, "=") })
	}
	if len(words) == 0 {
		return nil
	}
	return words
}
