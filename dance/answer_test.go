package dance

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dancecard/internal/secret"
)

const okAnswer = `{"access_token":"at","token_type":"bearer","expires_in":60,"refresh_token":"new-refresh"}`

func TestOddTokenAnswers(t *testing.T) {
	json := "application/json"
	for _, c := range []struct {
		name, kind, body string
		status           int
		salvaged         string
	}{
		{"R12 captive portal", "text/html", "<html>Log in to the hotel</html>", 200, ""},
		{"D45 empty", json, "", 200, ""},
		{"D45 text/plain", "text/plain", okAnswer, 200, "new-refresh"},
		{"D45 form without the quirk", "application/x-www-form-urlencoded", "access_token=at&token_type=bearer", 200, ""},
		{"D45 BOM", json, "\ufeff" + okAnswer, 200, "new-refresh"},
		{"D45 UTF-16", json, "\xff\xfe{\x00}\x00", 200, ""},
		{"D46 trailing bytes", json, okAnswer + "x", 200, "new-refresh"},
		{"D46 trailing object", json, okAnswer + okAnswer, 200, "new-refresh"},
		{"D46 NaN", json, `{"refresh_token":"new-refresh","expires_in":NaN}`, 200, "new-refresh"},
		{"D46 depth", json, `{"refresh_token":"new-refresh","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "}", 200, "new-refresh"},
		{"D46 duplicate name", json, `{"access_token":"a","access_token":"b","token_type":"bearer","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D46 two refresh tokens", json, `{"access_token":"a","token_type":"bearer","refresh_token":"one","refresh_token":"two"}`, 200, ""},
		{"D46 case variant", json, `{"access_token":"a","Access_Token":"b","token_type":"bearer","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D46 only a case variant", json, `{"Access_Token":"b","token_type":"bearer","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D46 list", json, `[` + okAnswer + `]`, 200, "new-refresh"},
		{"D46 refresh token elsewhere", json, `{"other":{"refresh_token":"not-ours"}}`, 200, ""},
		{"D47 no type", json, `{"access_token":"a","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D47 mac", json, `{"access_token":"a","token_type":"mac","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D47 DPoP", json, `{"access_token":"a","token_type":"DPoP","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D47 unknown", json, `{"access_token":"a","token_type":"best"}`, 200, ""},
		{"D50 newline in the token", json, `{"access_token":"a\r\nX: y","token_type":"bearer","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D50 NUL", json, `{"access_token":"a\u0000","token_type":"bearer"}`, 200, ""},
		{"D50 not ASCII", json, `{"access_token":"ä","token_type":"bearer"}`, 200, ""},
		{"D50 newline in the refresh token", json, `{"access_token":"a","token_type":"bearer","refresh_token":"r\nr"}`, 200, ""},
		{"D50 long token", json, `{"access_token":"` + strings.Repeat("a", 1<<19) + `","token_type":"bearer","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"D50 long answer", json, `{"refresh_token":"new-refresh","x":"` + strings.Repeat("a", 1<<20) + `"}`, 200, "new-refresh"},
		{"token is a number", json, `{"access_token":1,"token_type":"bearer"}`, 200, ""},
		{"no token", json, `{}`, 200, ""},
		{"error and token", json, `{"access_token":"a","token_type":"bearer","error":"odd","refresh_token":"new-refresh"}`, 200, "new-refresh"},
		{"5xx", json, `{"error":"invalid_grant"}`, 503, ""},
		{"4xx page", "text/html", "<h1>Blocked</h1>", 403, ""},
		{"server_error in 400", json, `{"error":"server_error"}`, 400, ""},
		{"204", json, "", 204, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			op.token = raw(c.status, c.kind, c.body)
			tok, err := op.refresh(t)
			f := failed(t, err)
			if f.Status != c.status || !f.Answered || f.Offline {
				t.Errorf("got %+v", f)
			}
			if tok.Refresh.Reveal() != c.salvaged || !tok.Access.IsZero() {
				t.Errorf("saved %q", tok.Refresh.Reveal())
			}
			if op.count("/token") != 1 {
				t.Errorf("%d requests", op.count("/token"))
			}
		})
	}
}

func TestD48Lifetimes(t *testing.T) {
	sent := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		value  string
		quirks Quirks
		none   time.Duration // what an answer without a refresh token gets; 0: no expiry
		with   time.Duration // and one with
	}{
		{`3600`, Quirks{}, time.Hour, time.Hour},
		{`"3600"`, Quirks{}, time.Hour, time.Hour},
		{`3600.0`, Quirks{}, time.Hour, time.Hour},
		{`3.6e3`, Quirks{}, time.Hour, time.Hour},
		{`90.5`, Quirks{}, 90500 * time.Millisecond, 90500 * time.Millisecond},
		{`"soon"`, Quirks{}, 0, assumedLifetime},
		{`true`, Quirks{}, 0, assumedLifetime},
		{`""`, Quirks{}, 0, assumedLifetime},
		{`9223372036854775808`, Quirks{}, 0, assumedLifetime},
		{`1e400`, Quirks{}, 0, assumedLifetime},
		{`"NaN"`, Quirks{}, 0, assumedLifetime},
		{`0`, Quirks{}, 0, assumedLifetime},
		{`null`, Quirks{}, 0, assumedLifetime},
		{`-2147483649`, Quirks{}, 0, assumedLifetime},
		{`null`, Quirks{NoExpiry: true}, 0, 0},
		{`60`, Quirks{NoExpiry: true}, time.Minute, time.Minute},
		{`"soon"`, Quirks{NoExpiry: true}, 0, assumedLifetime},
		{`60000`, Quirks{ExpiresIn: "ms"}, time.Minute, time.Minute},
	} {
		doc, err := parseObject([]byte(`{"access_token":"a","token_type":"bearer","expires_in":`+c.value+`}`), true)
		if err != nil {
			t.Fatal(err)
		}
		for _, refreshable := range []bool{false, true} {
			want := c.none
			if refreshable {
				want = c.with
			}
			tok, err := readToken(doc, c.quirks, sent, "", refreshable)
			if err != nil {
				t.Fatal(err)
			}
			if got := tok.Expiry; want == 0 && !got.IsZero() || want != 0 && !got.Equal(sent.Add(want)) {
				t.Errorf("%s %+v refreshable %v: %v", c.value, c.quirks, refreshable, got)
			}
		}
	}
	doc := map[string]any{"expires_at": fmt.Sprint(sent.Unix() + 90)}
	if got := expiry(doc, Quirks{ExpiresIn: "at"}, sent, true); !got.Equal(sent.Add(90 * time.Second)) {
		t.Errorf("expires_at: %v", got)
	}
}

func TestD49Scopes(t *testing.T) {
	for body, want := range map[string]string{
		`"a b"`: "a b", `"a,b"`: "a b", `["a","b",1]`: "a b", `""`: "", `null`: "", `7`: "", `"a \u0007"`: "a",
	} {
		doc, err := parseObject([]byte(`{"scope":`+body+`}`), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(granted(doc["scope"], ""), " "); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
}

func TestQuirks(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		quirks           Quirks
		refusedAs        string
	}{
		{"form", "application/x-www-form-urlencoded; charset=utf-8", "access_token=at&scope=repo%2Cgist&token_type=bearer&refresh_token=new", Quirks{FormAnswer: true}, ""},
		{"form as text", "text/plain", "access_token=at&token_type=bearer&refresh_token=new", Quirks{FormAnswer: true}, ""},
		{"JSON as text", "text/plain", `{"access_token":"at","token_type":"bearer","refresh_token":"new"}`, Quirks{FormAnswer: true}, ""},
		{"nested", "application/json", `{"ok":true,"access_token":"bot","authed_user":{"access_token":"at","token_type":"user","refresh_token":"new"}}`, Quirks{Nested: "authed_user", TokenTypeMissing: true}, ""},
		{"no type", "application/json", `{"access_token":"at","refresh_token":"new"}`, Quirks{TokenTypeMissing: true}, ""},
		{"GitHub's error", "application/json", `{"error":"bad_refresh_token"}`, Quirks{ErrorsIn200: true}, "bad_refresh_token"},
		{"Slack's error", "application/json", `{"ok":false,"error":"invalid_refresh_token"}`, Quirks{ErrorsIn200: true}, "invalid_refresh_token"},
		{"error as form", "application/x-www-form-urlencoded", "error=bad_refresh_token", Quirks{FormAnswer: true}, "bad_refresh_token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			op.token = raw(200, c.kind, c.body)
			l := op.link()
			l.Provider.Quirks = c.quirks
			tok, err := Refresh(t.Context(), l, Registration{}, Token{Refresh: secret.New("old-refresh")}, nil, Identity{})
			if c.refusedAs != "" {
				if no, ok := errors.AsType[*Refused](err); !ok || no.Code != c.refusedAs || !no.GrantEnded() {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || tok.Access.Reveal() != "at" || tok.Refresh.Reveal() != "new" || tok.Type != "Bearer" {
				t.Errorf("got %q %q, %v", tok.Access.Reveal(), tok.Refresh.Reveal(), err)
			}
		})
	}
}

func TestFormTwiceIsRefused(t *testing.T) {
	if _, err := parseForm("access_token=a&access_token=b"); err == nil {
		t.Error("taken")
	}
	if _, err := parseForm("a=%zz"); err == nil {
		t.Error("taken")
	}
}

func TestExtra(t *testing.T) {
	doc, err := parseObject([]byte(`{"instance_url":"https://na1.example","id":7,"access_token":"x","other_token":"x","client_secret":"x","team":{"id":"T"},"bad":"a\u0000b","expires_in":1,"refresh_token_expires_in":9}`), true)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(extra(doc)); got != "map[id:7 instance_url:https://na1.example refresh_token_expires_in:9]" {
		t.Errorf("kept %s", got)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status       int
		code         string
		ended, dead  bool
		refusedError bool
	}{
		{400, "invalid_grant", true, false, true},
		{401, "invalid_client", false, true, true},
		{400, "unauthorized_client", false, true, true},
		{400, "invalid_scope", false, false, true},
		{400, "interaction_required", true, false, true},
		{400, "temporarily_unavailable", false, false, false},
		{500, "invalid_grant", false, false, false},
	} {
		op := newOP(t)
		op.token = raw(c.status, "application/json", `{"error":"`+c.code+`"}`)
		_, err := op.refresh(t)
		no, ok := errors.AsType[*Refused](err)
		if ok != c.refusedError {
			t.Errorf("%s: %v", c.code, err)
			continue
		}
		if ok && (no.GrantEnded() != c.ended || no.RegistrationDead() != c.dead || no.Status != c.status || no.Stage != "refresh") {
			t.Errorf("%s: %+v", c.code, no)
		}
	}
}

func TestR11TooManyRequests(t *testing.T) {
	op := newOP(t)
	op.token = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "17")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	_, err := op.refresh(t)
	if f := failed(t, err); f.RetryAfter != 17*time.Second || f.Status != 429 {
		t.Errorf("got %+v", f)
	}
}

func TestD51BodiesStayOut(t *testing.T) {
	long := "CANARY" + strings.Repeat("x", 60)
	for _, body := range []string{
		`{"error":"invalid_grant","error_description":"token old-refresh and ` + long + ` are bad","access_token":"CANARY"}`,
		`{"error":"old-refresh"}`,
		`<html>CANARY</html>`,
		`{"access_token":"CANARY`,
	} {
		for _, status := range []int{200, 400, 500} {
			op := newOP(t)
			op.token = raw(status, "application/json", body)
			tok, err := op.refresh(t)
			if err == nil {
				t.Fatalf("%d %s: no error", status, body)
			}
			if out := fmt.Sprintf("%v %+v %#v %s", err, err, tok, tok); strings.Contains(out, "CANARY") || strings.Contains(out, "old-refresh") {
				t.Errorf("%d %s: %s", status, body, out)
			}
		}
	}
}

func TestR14NoRefreshTokenInTheAnswer(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", `{"access_token":"at","token_type":"bEARER","expires_in":60}`)
	tok, err := op.refresh(t)
	if err != nil || !tok.Refresh.IsZero() || tok.Access.Reveal() != "at" || tok.Granted != nil {
		t.Errorf("%+v, %v", tok, err)
	}
}

func TestRefreshParameters(t *testing.T) {
	op := newOP(t)
	l := op.link()
	l.Provider.TokenParams = map[string]string{"audience": "api", "grant_type": "evil"}
	l.Provider.Endpoints.Token = op.URL + "/nowhere"
	l.Provider.Endpoints.Refresh = op.URL + "/token"
	l.Provider.Quirks.RefreshRedirect = true
	l.RedirectURI = "http://127.0.0.1:1/x"
	l.Provider.ScopeSeparator, l.Provider.ScopeParam = ",", "user_scope"
	op.token = raw(200, "application/json", okAnswer)
	tok, err := Refresh(t.Context(), l, Registration{}, Token{Refresh: secret.New("old-refresh")}, []string{"a", "b"}, Identity{})
	if err != nil || strings.Join(tok.Granted, " ") != "a b" {
		t.Errorf("%+v, %v", tok, err)
	}
	f := op.lastForm()
	if f.Get("grant_type") != "refresh_token" || f.Get("refresh_token") != "old-refresh" || f.Get("user_scope") != "a,b" || f.Get("redirect_uri") != l.RedirectURI || f.Get("audience") != "api" || f.Get("client_id") != "us" {
		t.Errorf("sent %v", f)
	}
}

// quirksOf makes a row's deviations of bits.
func quirksOf(bits uint16) Quirks {
	on := func(n int) bool { return bits>>n&1 == 1 }
	q := Quirks{TokenTypeMissing: on(0), FormAnswer: on(1), ErrorsIn200: on(2), NoExpiry: on(3), StatusZero: on(4)}
	if on(5) {
		q.Nested = "body"
	}
	if on(6) {
		q.TokenType = "User Access Token"
	}
	q.ExpiresIn = []string{"", "ms", "at", ""}[bits>>7&3]
	return q
}

func FuzzTokenAnswer(f *testing.F) {
	f.Add([]byte(okAnswer), "application/json", 200, uint16(0))
	f.Add([]byte("access_token=a&token_type=bearer"), "text/plain", 200, uint16(1<<1))
	f.Add([]byte(`{"body":{"refresh_token":"x"},"refresh_token":"y"`), "application/json", 200, uint16(1<<5))
	f.Add([]byte(`{"status":0,"body":{"access_token":"a","token_type":"Bearer","expires_in":"10800"}}`), "application/json", 200, uint16(1<<4|1<<5))
	f.Add([]byte(`{"status":503,"error":"Invalid Params: invalid refresh_token"}`), "application/json", 200, uint16(1<<4))
	f.Add([]byte(`{"status":400,"message":"Invalid refresh token"}`), "application/json", 400, uint16(0))
	f.Add([]byte(`{"error":{"message":"the-secret-text","type":"OAuthException","code":190}}`), "application/json", 400, uint16(0))
	f.Add([]byte(`{"access_token":"a","token_type":"DPoP","expires_at":1e10}`), "application/json", 200, uint16(2<<7))
	f.Add([]byte(`}{"refresh_token"]`), "", 200, uint16(0))
	key, err := newDPoPKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, kind string, status int, bits uint16) {
		q := quirksOf(bits)
		call := &tokenCall{stage: "token", provider: Provider{Quirks: q}}
		if bits>>9&1 == 1 {
			call.proofs = &prover{key: key}
		}
		tok, err := call.read(answer{status: status, header: http.Header{"Content-Type": {kind}}, body: body, sent: time.Now()}, []string{"the-secret-text"})
		saved := salvage(body, q.FormAnswer, q.Nested)
		if !tokenText(saved.Reveal()) {
			t.Fatalf("saved %q", saved.Reveal())
		}
		if err != nil {
			if !tok.Access.IsZero() || !tok.Key.IsZero() {
				t.Fatal("a token beside an error")
			}
			if text := err.Error(); strings.Contains(text, "the-secret-text") || clean(text, len(text)) != text {
				t.Fatalf("error %q", text)
			}
			return
		}
		checkTaken(t, tok, call.proofs != nil)
		if !tok.Refresh.IsZero() && !saved.IsZero() && !saved.Equal(tok.Refresh) && q.Nested == "" {
			t.Fatal("would have saved another refresh token")
		}
	})
}

// checkTaken is what holds for every token that is taken.
func checkTaken(t *testing.T, tok Token, asked bool) {
	t.Helper()
	for _, s := range []secret.String{tok.Access, tok.Refresh, tok.ID} {
		if !tokenText(s.Reveal()) {
			t.Fatalf("took %q", s.Reveal())
		}
	}
	if tok.Access.IsZero() || tok.Expiry.After(time.Now().Add(11*365*24*time.Hour)) {
		t.Fatalf("took %+v", tok)
	}
	if tok.Type != bearerType && (tok.Type != dpopType || !asked) {
		t.Fatalf("took a token of type %q", tok.Type)
	}
	for name, v := range tok.Extra {
		if len(tok.Extra) > extraCount || len(v) > extraLength || clean(v, extraLength) != v || !keepable(name) {
			t.Fatalf("kept %q as %q", v, name)
		}
	}
}

// A row that does not speak OpenID has nothing to check an ID token with, so
// none is kept.
func TestNoIDTokenWithoutOpenID(t *testing.T) {
	for protocol, kept := range map[string]bool{"oidc": true, "oauth2": false} {
		call := &tokenCall{stage: "token", provider: Provider{Protocol: protocol, Issuer: "https://issuer.example"}}
		body := `{"access_token":"at","token_type":"Bearer","id_token":"a.b.c"}`
		a := answer{status: 200, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(body)}
		tok, err := call.read(a, nil)
		if err != nil || tok.ID.IsZero() == kept {
			t.Errorf("%s: kept %v, %v", protocol, !tok.ID.IsZero(), err)
		}
	}
}
