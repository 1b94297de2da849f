package dance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dancecard/internal/secret"
)

func TestJSONBody(t *testing.T) {
	op := newOP(t)
	var sent map[string]any
	var user, kind string
	op.token = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = nil
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Error(err)
		}
		user, _, _ = r.BasicAuth()
		kind = r.Header.Get("Content-Type")
		raw(200, "application/json", okAnswer)(w, r)
	}
	op.back = func(q url.Values) { q.Del("iss") }
	row := op.plainRow()
	row.Quirks.JSONBody = true
	row.TokenParams = map[string]string{"audience": "api", "code": "evil"}
	r := Registration{ClientID: "us", ClientSecret: secret.New("the-secret"), AuthStyle: AuthBasic}
	res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{Registration: r})
	if err != nil {
		t.Fatal(err)
	}
	if kind != "application/json" || user != "us" || sent["grant_type"] != "authorization_code" || sent["code"] != "the-code" || sent["audience"] != "api" || sent["code_verifier"] == nil || sent["client_secret"] != nil {
		t.Errorf("sent %v as %s by %q", sent, kind, user)
	}
	res.Link.AuthStyle = AuthPost
	if _, err := Refresh(t.Context(), res.Link, r, res.Token, nil, res.Identity); err != nil || sent["refresh_token"] != "new-refresh" || sent["client_secret"] != "the-secret" {
		t.Errorf("%v, sent %v", err, sent)
	}
}

func TestParametersByOtherNames(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", okAnswer)
	op.back = func(q url.Values) { q.Del("iss") }
	row := op.plainRow()
	row.Endpoints.PAR = op.URL + "/par"
	row.Quirks = Quirks{ClientIDParam: "client_key", SecretParam: "secret"}
	var link string
	_, err := Run(t.Context(), row, Prompt{OpenURL: browse, Waiting: func(a string, _ error) { link = a }},
		Request{Registration: Registration{ClientID: "us", ClientSecret: secret.New("the-secret"), AuthStyle: AuthPost}})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []url.Values{op.lastForm(), op.pushes[0].PostForm, mustQuery(t, link)} {
		if form.Get("client_key") != "us" || form.Has("client_id") || form.Has("client_secret") {
			t.Errorf("sent %v", form)
		}
	}
	if op.lastForm().Get("secret") != "the-secret" {
		t.Errorf("sent %v", op.lastForm())
	}
}

func TestRefreshRepeatsTheGrantedScopes(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", okAnswer)
	l := op.link()
	l.Resource = "https://mcp.example/"
	old := Token{Refresh: secret.New("old-refresh"), Granted: []string{"a", "b"}}
	for _, c := range []struct {
		quirk bool
		asked []string
		want  string
	}{{false, nil, ""}, {true, nil, "a b"}, {true, []string{"a"}, "a"}} {
		l.Provider.Quirks.RefreshScope = c.quirk
		if _, err := Refresh(t.Context(), l, Registration{}, old, c.asked, Identity{}); err != nil || op.lastForm().Get("scope") != c.want || op.lastForm().Get("resource") != l.Resource {
			t.Errorf("%+v: %v, sent %v", c, err, op.lastForm())
		}
	}
}

// TestASecondAudienceIsRefused: a token that others may use too proves nothing
// about this sign-in, unless it says for whom it was issued.
func TestASecondAudienceIsRefused(t *testing.T) {
	for _, aud := range [][]string{{"us", "them"}, {"them"}, {"us", ""}, {"us", "us", "them"}} {
		op := newOP(t)
		op.claims = func(m map[string]any) { m["aud"] = aud }
		if _, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{}); err == nil {
			t.Errorf("%q is accepted", aud)
		}
	}
}

func TestACR(t *testing.T) {
	for _, c := range []struct {
		asked []string
		acr   any
		fine  bool
	}{
		{nil, "bronze", true},
		{[]string{"gold", "silver"}, "silver", true},
		{[]string{"gold", "silver"}, "bronze", false},
		{[]string{"gold"}, "Gold", false},
		{[]string{"gold"}, 1, false},
		{[]string{"gold"}, nil, true}, // a voluntary claim (OpenID Connect Core 1.0 section 3.1.2.1)
	} {
		op := newOP(t)
		op.claims = func(m map[string]any) { m["acr"] = c.acr }
		_, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{ACRValues: c.asked})
		if (err == nil) != c.fine || err != nil && !isInvalid(err) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestTokenTypesOfRows(t *testing.T) {
	for _, c := range []struct {
		kind   string
		quirks Quirks
		fine   bool
	}{
		{"User Access Token", Quirks{TokenType: "User Access Token"}, true},
		{"Application Access Token", Quirks{TokenType: "User Access Token"}, false},
		{"User Access Token", Quirks{}, false},
		{"Bearer", Quirks{TokenType: "User Access Token"}, true},
		{"DPoP", Quirks{TokenTypeMissing: true}, false},
		{"mac", Quirks{TokenTypeMissing: true}, false},
	} {
		op := newOP(t)
		op.token = raw(200, "application/json", strings.Replace(okAnswer, "bearer", c.kind, 1))
		l := op.link()
		l.Provider.Quirks = c.quirks
		tok, err := Refresh(t.Context(), l, Registration{}, Token{Refresh: secret.New("old-refresh")}, nil, Identity{})
		if (err == nil) != c.fine || c.fine && tok.Type != "Bearer" || tok.Refresh.Reveal() != "new-refresh" {
			t.Errorf("%+v: %v, type %q", c, err, tok.Type)
		}
	}
}

func TestErrorsInOtherShapes(t *testing.T) {
	withings := Quirks{StatusZero: true, Nested: "body"}
	for _, c := range []struct {
		name   string
		status int
		body   string
		quirks Quirks
		code   string // of a *Refused; "": *Failed
		ended  bool
		dead   bool
	}{
		{"Twitch, refresh token", 400, `{"status":400,"message":"Invalid refresh token"}`, Quirks{}, "invalid_refresh_token", true, false},
		{"Twitch, secret", 403, `{"status":403,"message":"invalid client secret"}`, Quirks{}, "invalid_client_secret", false, true},
		{"Twitch, client", 400, `{"status":400,"message":"invalid client"}`, Quirks{}, "invalid_client", false, true},
		{"Twitch, with error", 401, `{"error":"Unauthorized","status":401,"message":"Invalid OAuth token"}`, Quirks{}, "Unauthorized", false, false},
		{"Twitch, its trouble", 500, `{"status":500,"message":"Invalid refresh token"}`, Quirks{}, "", false, false},
		{"Twitch, a token in the message", 400, `{"status":400,"message":"Bad old-refresh"}`, Quirks{}, "unknown_error", false, false},
		{"a page's words", 400, `{"status":"bad","message":"Invalid refresh token"}`, Quirks{}, "", false, false},
		{"Facebook", 400, `{"error":{"message":"Error validating client secret.","type":"OAuthException","code":1}}`, Quirks{}, "OAuthException", false, false},
		{"Facebook, ended", 400, `{"error":{"message":"The session was invalidated","type":"OAuthException","code":190}}`, Quirks{}, "invalid_grant", true, false},
		{"Facebook, limit", 400, `{"error":{"message":"Too many calls","type":"OAuthException","code":4}}`, Quirks{}, "", false, false},
		{"Facebook, may pass", 400, `{"error":{"message":"Try later","type":"OAuthException","code":2,"is_transient":true}}`, Quirks{}, "", false, false},
		{"object with a code", 400, `{"error":{"code":"invalid_grant","message":"gone"}}`, Quirks{}, "invalid_grant", true, false},
		{"object with nothing", 400, `{"error":{}}`, Quirks{}, "unknown_error", false, false},
		{"object in 200", 200, `{"error":{"message":"no","type":"OAuthException","code":100}}`, Quirks{}, "OAuthException", false, false},
		{"Withings, ended", 200, `{"status":503,"body":{},"error":"Invalid Params: invalid refresh_token"}`, withings, "invalid_grant", true, false},
		{"Withings, too many", 200, `{"status":601,"body":{}}`, withings, "", false, false},
		{"Withings, other", 200, `{"status":293,"body":{}}`, withings, "status_293", false, false},
		{"Withings, other beside a token", 200, `{"status":293,"access_token":"a","token_type":"bearer","body":{}}`, withings, "status_293", false, false},
		{"Withings without the quirk", 200, `{"status":293,"body":{}}`, Quirks{}, "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			op.token = raw(c.status, "application/json", c.body)
			l := op.link()
			l.Provider.Quirks = c.quirks
			_, err := Refresh(t.Context(), l, Registration{}, Token{Refresh: secret.New("old-refresh")}, nil, Identity{})
			no, ok := errors.AsType[*Refused](err)
			if ok != (c.code != "") || ok && (no.Code != c.code || no.GrantEnded() != c.ended || no.RegistrationDead() != c.dead) {
				t.Errorf("got %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "old-refresh") {
				t.Errorf("D51: %v", err)
			}
		})
	}
}

func TestCodeOfAMessage(t *testing.T) {
	for message, want := range map[string]string{
		"Invalid refresh token":       "invalid_refresh_token",
		"Bad Secretword":              "unknown_error", // the request's own
		"no such token 4711":          "unknown_error",
		"one two three four five six": "unknown_error",
		strings.Repeat("a", 21):       "unknown_error",
		"":                            "unknown_error",
	} {
		if got := codeOf(message, []string{"", "secretword"}); got != want {
			t.Errorf("%q gave %q", message, got)
		}
	}
}

func TestWithingsAnswer(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", `{"status":0,"body":{"userid":"363","access_token":"at","refresh_token":"new","scope":"user.info,user.metrics","expires_in":10800,"token_type":"Bearer"}}`)
	op.back = func(q url.Values) { q.Del("iss") }
	row := op.plainRow()
	row.Quirks = Quirks{StatusZero: true, Nested: "body"}
	row.ScopeSeparator = ","
	row.Identity = Identify{Subject: "body.userid"}
	res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{})
	if err != nil {
		t.Fatal(err)
	}
	tok := res.Token
	if res.Identity.Subject != "363" || tok.Access.Reveal() != "at" || tok.Refresh.Reveal() != "new" || tok.Extra["userid"] != "363" ||
		!slices.Equal(tok.Granted, []string{"user.info", "user.metrics"}) || time.Until(tok.Expiry) < 2*time.Hour {
		t.Errorf("%+v, token %+v", res.Identity, tok)
	}
}

// The end of a refresh token has three names; none of them is hidden.
func TestRefreshExpiryIsKept(t *testing.T) {
	for _, name := range []string{"refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in", "refresh_token_expires_at"} {
		op := newOP(t)
		op.token = raw(200, "application/json", strings.Replace(okAnswer, "{", `{"`+name+`":8726400,`, 1))
		tok, err := op.refresh(t)
		if err != nil || tok.Extra[name] != "8726400" {
			t.Errorf("%s: %v, kept %v", name, err, tok.Extra)
		}
	}
}
