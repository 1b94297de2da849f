package dance

import (
	"strings"
	"testing"
)

func FuzzBrowserProfiles(f *testing.F) {
	f.Add([]byte("[Profile0]\nName=work\n[Profile1]\nName=-no-remote\nName=x\n"))
	f.Add([]byte(`{"profile":{"info_cache":{"Profile 1":{"name":"Work"},"../x":{"name":1},"Default":{}}}}`))
	f.Add([]byte("[Profile\nName=private\nName=\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, list := range [][]profile{readProfilesINI(data), readLocalState(data)} {
			seen := map[string]bool{}
			for _, p := range list {
				if p.arg[0] == '-' || strings.ContainsAny(p.arg, "/\x00\n") || p.id == privateID || p.shown == "" || clean(p.shown, 60) != p.shown || seen[p.id] {
					t.Errorf("%+v of %q", p, data)
				}
				seen[p.id] = true
			}
			if len(list) > profileCount {
				t.Errorf("%d profiles", len(list))
			}
		}
	})
}
