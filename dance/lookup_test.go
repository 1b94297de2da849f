package dance

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"dancecard/internal/secret"
)

// TestD58LookupTakesOnlyTheTokensOwnItem: the list holds all programs that the
// user has let in, and ending any but ours would cut off a stranger.
func TestD58LookupTakesOnlyTheTokensOwnItem(t *testing.T) {
	const other, mine = `{"id":"theirs","at":{"token":"canary-other"}}`, `{"id":"ours","at":{"token":"canary-access"}}`
	for _, c := range []struct {
		name   string
		status int
		list   string
		want   string // "", "none", or part of an error
		ended  string // the path of the DELETE
	}{
		{"behind another", 200, `[` + other + `,` + mine + `]`, "", "/ours"},
		{"before another", 200, `[` + mine + `,` + other + `]`, "", "/ours"},
		{"in a part of the list", 206, `[` + other + `,` + mine + `]`, "", "/ours"},
		{"beside one without a token", 200, `[{"id":"x","at":null},3,null,` + mine + `]`, "", "/ours"},
		{"a number for an id", 200, `[{"id":7,"at":{"token":"canary-access"}}]`, "", "/7"},
		{"nowhere in the list", 200, `[` + other + `]`, "", ""},
		{"an empty list", 200, `[]`, "", ""},
		{"nowhere in a part of the list", 206, `[` + other + `]`, "cannot be used", ""},
		{"twice", 200, `[` + mine + `,` + mine + `]`, "cannot be used", ""},
		{"no token is shown", 200, `[{"id":"x","at":{}},{"id":"y"}]`, "cannot be used", ""},
		{"no list", 200, mine, "cannot be used", ""},
		{"a list in an object", 200, `{"data":[` + mine + `]}`, "cannot be used", ""},
		{"no JSON", 200, `<html>canary`, "cannot be used", ""},
		{"cut off", 200, `[` + mine, "cannot be used", ""},
		{"a beginning alone", 200, `[{"id":"x","at":{"token":"canary-acces"}}]`, "", ""},
		{"no id", 200, `[{"at":{"token":"canary-access"}}]`, "cannot be used", ""},
		{"an id that climbs", 200, `[{"id":"..","at":{"token":"canary-access"}}]`, "cannot be used", ""},
		{"a long id", 200, `[{"id":"` + strings.Repeat("x", subjectLength+1) + `","at":{"token":"canary-access"}}]`, "cannot be used", ""},
		{"a dead token", 401, ``, "", ""},
		{"not allowed to ask", 403, `{"id":"forbidden"}`, "none", ""},
		{"the list has moved", 404, `{"id":"not_found"}`, "HTTP 404", ""},
		{"in trouble", 503, ``, "HTTP 503", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newRevocationServer(t)
			s.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					raw(c.status, "application/json", c.list)(w, r)
				}
			}
			l := s.link("/{id}", Revocation{Method: "DELETE", Auth: "bearer", Lookup: Lookup{URL: "/list", Match: "at.token", ID: "id"}})
			err := Revoke(t.Context(), l, Registration{ClientID: "us"}, Token{Access: secret.New("canary-access"), Type: "Bearer"})
			switch {
			case c.want == "none" && !errors.Is(err, ErrNoRevocation), c.want == "" && err != nil,
				c.want != "" && c.want != "none" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v", err)
			}
			if err != nil {
				noCanary(t, err)
			}
			want := "GET /list [Bearer canary-access]"
			if c.ended != "" {
				want += "\nDELETE " + c.ended + " [Bearer canary-access]"
			}
			if got := s.asked(); got != want {
				t.Errorf("asked\n%s\nwant\n%s", got, want)
			}
		})
	}
}
