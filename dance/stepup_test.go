package dance

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestD57StepUpOf(t *testing.T) {
	for _, c := range []struct {
		status int
		fields []string
		want   string // acr values and max_age; "-": none
	}{
		{401, []string{`Bearer error="insufficient_user_authentication", acr_values="one two", max_age="5"`}, "[one two] 5"},
		{401, []string{`DPoP error="insufficient_user_authentication", max_age=0`}, "[] 0"},
		{401, []string{`Bearer error=insufficient_user_authentication`}, "[]"},
		{401, []string{`Basic realm="a, Bearer error=\"x\"", bEARER realm="x" , ERROR = "insufficient_user_authentication",acr_values="a\b"`}, "[ab]"},
		{401, []string{`Negotiate abc==`, `Bearer error="insufficient_user_authentication"`}, "[]"},
		{401, []string{`Negotiate abc==, Bearer error="insufficient_user_authentication"`}, "[]"},
		{401, []string{`Digest, Bearer error="insufficient_user_authentication", max_age="-1"`}, "[]"},
		{401, []string{`Bearer error="insufficient_user_authentication", max_age="99999999999999999999"`}, "[]"},
		{401, []string{`Bearer error="insufficient_user_authentication", acr_values="` + strings.Repeat("a ", 100) + `"`}, fmt.Sprint(strings.Fields(strings.Repeat("a ", 16)))},
		{401, []string{`Bearer error="invalid_token"`}, "-"},
		{401, []string{`Basic error="insufficient_user_authentication"`}, "-"},
		{401, []string{`Basic realm="Bearer error=insufficient_user_authentication"`}, "-"},
		{401, []string{`Bearer error="insufficient_user_authentication", error="invalid_token"`}, "-"},
		{401, []string{`Bearer error="insufficient_user_authentication`}, "-"},
		{401, nil, "-"},
		{403, []string{`Bearer error="insufficient_user_authentication"`}, "-"},
	} {
		got := "-"
		if s, ok := StepUpOf(&http.Response{StatusCode: c.status, Header: http.Header{"Www-Authenticate": c.fields}}); ok {
			got = fmt.Sprint(s.ACRValues)
			if s.MaxAge != nil {
				got += fmt.Sprint(" ", *s.MaxAge)
			}
		}
		if got != c.want {
			t.Errorf("%d %q: %s, want %s", c.status, c.fields, got, c.want)
		}
	}
}

// write puts challenges in the standard's plainest form.
func write(found []challenge) string {
	var parts []string
	for _, c := range found {
		var params []string
		for _, name := range slices.Sorted(maps.Keys(c.params)) {
			params = append(params, name+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.params[name])+`"`)
		}
		parts = append(parts, strings.TrimSpace(c.scheme+" "+strings.Join(params, ", ")))
	}
	return strings.Join(parts, ", ")
}

func FuzzWWWAuthenticate(f *testing.F) {
	for _, seed := range []string{
		`Bearer error="insufficient_user_authentication", acr_values="one two", max_age="5"`,
		`Basic realm="a, b\"c", Negotiate abc==, DPoP algs="ES256 RS256"`, `a b=c d e=f`, `Bearer ,,, a = b ,c`, "Bearer \"", `a=b`, `x y=,z`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		found := challenges(http.Header{"Www-Authenticate": {field}})
		if len(found) > challengeCount {
			t.Fatalf("%d challenges", len(found))
		}
		for _, c := range found {
			for name, v := range c.params {
				if name == "" || strings.ContainsAny(v, "\r\n\x00") {
					t.Fatalf("%q: %q", name, v)
				}
			}
		}
		again := challenges(http.Header{"Www-Authenticate": {write(found)}})
		if write(again) != write(found) {
			t.Fatalf("%q was read as %q, and that as %q", field, write(found), write(again))
		}
	})
}
