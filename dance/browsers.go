package dance

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// family is how browsers that come of one root take profiles and private windows.
type family struct {
	profile  func(name string) []string // the arguments before the address
	profiles func(root string) []profile
}

// browser is one that is installed.
type browser struct {
	id       string // "firefox", "firefox-flatpak"
	name     string
	program  []string // the words before any argument
	private  string   // the argument for a private window
	family   family
	profiles []profile
}

// profile is one of a browser's.
type profile struct {
	id    string // last part of Browser.ID
	arg   string // how the browser calls it
	shown string
}

var (
	firefoxKind = family{
		profile:  func(name string) []string { return []string{"-P", name} },
		profiles: func(root string) []profile { return readProfilesINI(boundedFile(root + "/profiles.ini")) },
	}
	chromiumKind = family{
		profile:  func(name string) []string { return []string{"--profile-directory=" + name} },
		profiles: func(root string) []profile { return readLocalState(boundedFile(root + "/Local State")) },
	}
)

// launcher is the command of one of Browsers' ids, without the address.
func launcher(list []browser, id string) ([]string, bool) {
	key, rest, chosen := strings.Cut(id, "/")
	i := slices.IndexFunc(list, func(b browser) bool { return b.id == key })
	if i < 0 {
		return nil, false
	}
	b := list[i]
	switch {
	case !chosen:
		return slices.Clone(b.program), true
	case rest == privateID:
		return append(slices.Clone(b.program), b.private), true
	}
	for _, p := range b.profiles {
		if p.id == rest {
			return append(slices.Clone(b.program), b.family.profile(p.arg)...), true
		}
	}
	return nil, false
}

const (
	profileFile  = 4 << 20 // bytes of a browser's own file that are read
	profileCount = 50
	profileName  = 100 // bytes
)

// boundedFile reads a regular file; nothing if it is none, or too long.
func boundedFile(path string) []byte {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, profileFile+1))
	if err != nil || len(data) > profileFile {
		return nil
	}
	return data
}

// asProfile makes a profile of a browser's own words. What could be taken for
// an option, a path or a second argument is left out.
func asProfile(arg, id, name string) (profile, bool) {
	shown := clean(name, 60)
	bad := arg == "" || len(arg) > profileName || arg[0] == '-' || !utf8.ValidString(arg) || strings.ContainsAny(arg, "/\\\x00\r\n")
	if bad || id == "" || shown == "" {
		return profile{}, false
	}
	if id == privateID {
		id = "=" + id // not to be mixed up with the private window
	}
	return profile{id: id, arg: arg, shown: shown}, true
}

// readProfilesINI reads Firefox's list of profiles: sections [Profile0] and so
// on, each with a Name.
func readProfilesINI(data []byte) []profile {
	var list []profile
	inProfile := false
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inProfile = strings.HasPrefix(line, "[Profile")
			continue
		}
		name, ok := strings.CutPrefix(line, "Name=")
		if !ok || !inProfile {
			continue
		}
		inProfile = false // one name a section
		list = addProfile(list, name, clean(name, profileName), name)
	}
	return list
}

// readLocalState reads Chromium's: folder names and what the user calls them.
func readLocalState(data []byte) []profile {
	var state struct {
		Profile struct {
			Cache map[string]struct {
				Name any `json:"name"`
			} `json:"info_cache"`
		} `json:"profile"`
	}
	if json.Unmarshal(data, &state) != nil {
		return nil
	}
	var list []profile
	for _, folder := range slices.Sorted(maps.Keys(state.Profile.Cache)) {
		name, _ := state.Profile.Cache[folder].Name.(string)
		if clean(name, 60) == "" {
			name = folder
		}
		if clean(folder, profileName) == folder {
			list = addProfile(list, folder, folder, name)
		}
	}
	return list
}

func addProfile(list []profile, arg, id, name string) []profile {
	p, ok := asProfile(arg, id, name)
	known := slices.ContainsFunc(list, func(q profile) bool { return q.id == p.id })
	if !ok || known || len(list) == profileCount {
		return list
	}
	return append(list, p)
}
