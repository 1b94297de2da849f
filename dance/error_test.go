package dance

import "testing"

func TestClean(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"plain", 10, "plain"},
		{"  two\r\n\twords  ", 20, "two words"},
		{"a\x00\x1b[31mb", 20, "a[31mb"},
		{"\u202eexe.txt\u2066\u200f\u061c", 20, "exe.txt"},
		{"bad \xff\xfe bytes\ufffd", 20, "bad bytes"},
		{"line\u2028end", 20, "line end"},
		{"exactly", 7, "exactly"},
		{"too long", 3, "too…"},
		{"a b c d", 3, "a b…"},
		{"", 3, ""},
	} {
		if got := clean(c.text, c.limit); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestErrorsAreForPeople(t *testing.T) {
	for want, err := range map[string]error{
		"the provider refused the token request: invalid_scope":           &Refused{Stage: "token", Code: "invalid_scope"},
		"the provider refused the token request: invalid_scope (no mail)": refused("token", "invalid_scope", "no\nmail", 400),
		"the provider refused the refresh request: unknown_error":         refused("refresh", "\x00", "", 400),
		"refresh: no connection to a.example":                             &Failed{Stage: "refresh", Text: "no connection to a.example"},
		"identity: it has expired":                                        &Invalid{Stage: "identity", Text: "it has expired"},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
