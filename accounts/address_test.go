package accounts

import (
	"net/http"
	"strings"
	"testing"

	"dancecard/dance/dancetest"
)

func TestMCPServersAddressIsEnough(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	as := newAuthority(t)
	server := as.api.URL + "/mcp"
	const place = "/.well-known/oauth-protected-resource/mcp"
	as.onAPI = func(w http.ResponseWriter, q *http.Request) bool {
		switch {
		case q.URL.Path == place:
			writeJSON(w, 200, map[string]any{"resource": server, "authorization_servers": []string{as.URL}, "scopes_supported": []string{"tools"}})
		case bare(q) == "":
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+as.api.URL+place+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			return false
		}
		return true
	}
	a := r.keep(as, "mira", ConnectRequest{Address: server, Label: "Tools"})
	as.change(func() {
		if q := as.asked[len(as.asked)-1]; q.Get("resource") != server || q.Get("scope") != "tools" {
			t.Errorf("asked %v", q)
		}
	})
	r.restart()
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.let(a, "POST", server, Answer{Allow: true, For: Always}); err != nil {
		t.Fatal(err)
	}
}

func TestDancesThatShareAPortGoOneAfterTheOther(t *testing.T) {
	r, as := worksRig(t, "\n[redirect]\nmode = \"fixed_port\"\nport = 8731\n")
	r.write("second", strings.Replace(as.file("\n[redirect]\nmode = \"fixed_port\"\nport = 8731\n"), "Works", "Second", 1))
	first, err := r.Connect(t.Context(), ConnectRequest{Provider: "works", NoBrowser: true})
	if err != nil {
		t.Fatal(err)
	}
	r.awaitDance(first, func(d Dance) bool { return d.Stage == DanceWaiting })
	second, err := r.Connect(t.Context(), ConnectRequest{Provider: "second"})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(second, func(d Dance) bool { return d.OpenProblem != "" || d.Stage.Over() })
	if d.Stage != DanceStarting || !strings.Contains(d.OpenProblem, "8731") {
		t.Fatalf("%s %q", d.Stage, d.OpenProblem)
	}
	third, err := r.Connect(t.Context(), ConnectRequest{Provider: "second"})
	if err != nil || third != second {
		t.Fatalf("%q, %v", third, err)
	}
	if err := r.CancelDance(first); err != nil {
		t.Fatal(err)
	}
	d = r.awaitDance(second, func(d Dance) bool { return d.Stage == DanceCameBack || d.Stage.Over() })
	if d.Stage != DanceCameBack || d.OpenProblem != "" {
		t.Fatalf("%s %q %+v", d.Stage, d.OpenProblem, d.Failure)
	}
}
