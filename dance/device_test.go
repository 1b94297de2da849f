package dance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dancecard/internal/secret"
)

// devicePlay is a provider's side of the device flow: what it says first and
// to each poll.
type devicePlay struct {
	mu      sync.Mutex // guards the fields that follow
	code    string
	answers []http.HandlerFunc // one a poll; the last is repeated
	polls   []url.Values
	asked   url.Values
}

func (p *devicePlay) polled() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polls
}

func (p *devicePlay) request() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

const goodToken = `{"access_token":"at","refresh_token":"rt","token_type":"bearer","expires_in":60}`

func pollError(code string) http.HandlerFunc {
	return raw(400, "application/json", `{"error":"`+code+`"}`)
}

// deviceRow is a row whose device flow goes as the play says. The server
// stands outside of a synctest bubble, whose clock it would hold up.
func deviceRow(t *testing.T, play *devicePlay) Provider {
	t.Helper()
	s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		play.mu.Lock()
		defer play.mu.Unlock()
		if r.Header.Get("Content-Type") == "application/json" {
			var object map[string]string
			json.NewDecoder(r.Body).Decode(&object)
			r.PostForm = url.Values{}
			for name, v := range object {
				r.PostForm.Set(name, v)
			}
		} else {
			r.ParseForm()
		}
		switch r.URL.Path {
		case "/device":
			play.asked = r.PostForm
			raw(200, "application/json", strings.ReplaceAll(play.code, "SELF", "http://"+r.Host))(w, r)
		case "/token":
			play.polls = append(play.polls, r.PostForm)
			answer := play.answers[min(len(play.polls), len(play.answers))-1]
			answer(w, r)
		case "/user":
			writeJSON(w, map[string]any{"id": "s1"})
		}
	})
	return Provider{Name: "Odd", Protocol: "oauth2", ClientID: "us", Scopes: []string{"a", "b"},
		Identity:  Identify{URL: s.URL + "/user", Subject: "id"},
		Endpoints: Endpoints{Token: s.URL + "/token", DeviceAuthorization: s.URL + "/device"}}
}

const goodCode = `{"device_code":"canary-device-code","user_code":"WDJB-MJHT","verification_uri":"SELF/enter","verification_uri_complete":"SELF/enter?code=WDJB-MJHT","expires_in":900,"interval":5}`

func TestD53DeviceFlow(t *testing.T) {
	play := &devicePlay{code: goodCode, answers: []http.HandlerFunc{
		pollError("authorization_pending"), pollError("slow_down"), pollError("authorization_pending"), pollError("slow_down"),
		raw(200, "application/json", goodToken)}}
	row := deviceRow(t, play)
	row.AuthStyle = AuthPost
	synctest.Test(t, func(t *testing.T) {
		var shown []Code
		began, exchanging := time.Now(), 0
		res, err := Run(t.Context(), row, Prompt{ShowCode: func(c Code) { shown = append(shown, c) }, Exchanging: func() { exchanging++ }},
			Request{Device: true, Registration: Registration{ClientID: "us", ClientSecret: secret.New("canary-secret")}})
		if err != nil {
			t.Fatal(err)
		}
		// 5 + 5, then 10 + 10, then 15: slow_down adds and is kept.
		if took := time.Since(began); took != 45*time.Second {
			t.Errorf("took %v", took)
		}
		if len(shown) != 1 || shown[0].UserCode != "WDJB-MJHT" || !strings.HasSuffix(shown[0].URI, "/enter") ||
			!strings.HasSuffix(shown[0].Complete, "?code=WDJB-MJHT") || shown[0].Until.Sub(began) != 15*time.Minute || exchanging != 1 {
			t.Errorf("shown %+v, exchanging %d", shown, exchanging)
		}
		if res.Token.Refresh.Reveal() != "rt" || res.Identity.Subject != "s1" || strings.Join(res.Token.Granted, " ") != "a b" {
			t.Errorf("got %+v", res)
		}
	})
	if play.request().Get("client_id") != "us" || play.request().Get("scope") != "a b" || play.request().Get("client_secret") != "canary-secret" {
		t.Errorf("asked %v", play.request())
	}
	poll := play.polled()[0]
	if poll.Get("grant_type") != deviceGrant || poll.Get("device_code") != "canary-device-code" || poll.Get("client_id") != "us" ||
		poll.Has("code_verifier") || poll.Has("redirect_uri") {
		t.Errorf("polled %v", poll)
	}
}

func TestD53DeviceEndings(t *testing.T) {
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name   string
		code   string
		answer []http.HandlerFunc
		want   string        // part of the error's text
		took   time.Duration // 0: not looked at
		polls  int           // 0: not looked at
	}{
		{"denied", goodCode, []http.HandlerFunc{pollError("access_denied")}, "access_denied", 5 * time.Second, 1},
		{"declined, in another word", goodCode, []http.HandlerFunc{pollError("authorization_declined")}, "access_denied", 5 * time.Second, 1},
		{"expired", goodCode, []http.HandlerFunc{pollError("expired_token")}, ErrExpired.Error(), 5 * time.Second, 1},
		{"never answered", strings.ReplaceAll(goodCode, "900", "12"), []http.HandlerFunc{pollError("authorization_pending")}, ErrExpired.Error(), 12 * time.Second, 2},
		{"in a message", goodCode, []http.HandlerFunc{raw(400, "application/json", `{"status":400,"message":"authorization_pending"}`), pollError("access_denied")}, "access_denied", 10 * time.Second, 2},
		{"in a 200", goodCode, []http.HandlerFunc{raw(200, "application/json", `{"error":"authorization_pending"}`), pollError("access_denied")}, "access_denied", 10 * time.Second, 2},
		{"invalid_client", goodCode, []http.HandlerFunc{raw(401, "application/json", `{"error":"invalid_client"}`)}, "invalid_client", 5 * time.Second, 1},
		// Connections that fail: 5, then 10, 20, 40, 60, 60 apart.
		{"no answers", strings.ReplaceAll(goodCode, "900", "199"), []http.HandlerFunc{hangUp}, ErrExpired.Error(), 199 * time.Second, 6},
		{"503", strings.ReplaceAll(goodCode, "900", "36"), []http.HandlerFunc{raw(503, "text/html", "down")}, ErrExpired.Error(), 36 * time.Second, 3},
		{"429", strings.ReplaceAll(goodCode, "900", "36"), []http.HandlerFunc{raw(429, "text/html", "canary")}, ErrExpired.Error(), 36 * time.Second, 3},
		{"a page", goodCode, []http.HandlerFunc{raw(404, "text/html", "canary")}, "HTTP 404", 5 * time.Second, 1},
		{"D44: a redirect", goodCode, []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/canary", 307) }}, "redirect", 5 * time.Second, 1},
		{"a spent code", goodCode, []http.HandlerFunc{raw(200, "application/json", `{"access_token":`)}, "cannot be used", 5 * time.Second, 1},
		{"interval 0", strings.ReplaceAll(goodCode, `"interval":5`, `"interval":0`), []http.HandlerFunc{pollError("access_denied")}, "access_denied", 5 * time.Second, 1},
		{"interval -1", strings.ReplaceAll(goodCode, `"interval":5`, `"interval":-1`), []http.HandlerFunc{pollError("access_denied")}, "access_denied", 5 * time.Second, 1},
		{"interval 86400", strings.ReplaceAll(goodCode, `"interval":5`, `"interval":86400`), []http.HandlerFunc{pollError("access_denied")}, "access_denied", time.Minute, 1},
		{"interval 1e300", strings.ReplaceAll(goodCode, `"interval":5`, `"interval":1e300`), []http.HandlerFunc{pollError("access_denied")}, "access_denied", time.Minute, 1},
		{"interval 2", strings.ReplaceAll(goodCode, `"interval":5`, `"interval":2`), []http.HandlerFunc{pollError("access_denied")}, "access_denied", 2 * time.Second, 1},
		{"interval as text", strings.ReplaceAll(goodCode, `"interval":5`, `"interval":"7"`), []http.HandlerFunc{pollError("access_denied")}, "access_denied", 7 * time.Second, 1},
		{"no interval", strings.ReplaceAll(goodCode, `,"interval":5`, ``), []http.HandlerFunc{pollError("access_denied")}, "access_denied", 5 * time.Second, 1},
		{"for ever", strings.ReplaceAll(goodCode, "900", "1e18"), []http.HandlerFunc{pollError("authorization_pending")}, ErrExpired.Error(), codeLifetime, 0},
		{"no lifetime", strings.ReplaceAll(goodCode, `"expires_in":900,`, ``), []http.HandlerFunc{pollError("authorization_pending")}, ErrExpired.Error(), TimeLimit, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			play := &devicePlay{code: c.code, answers: c.answer}
			row := deviceRow(t, play)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := Run(t.Context(), row, Prompt{}, Request{Device: true})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("got %v", err)
				}
				noCanary(t, err)
				if took := time.Since(began); c.took != 0 && took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
			if c.polls != 0 && len(play.polled()) != c.polls {
				t.Errorf("%d polls, want %d", len(play.polled()), c.polls)
			}
		})
	}
}

func TestD53HostileDeviceAnswers(t *testing.T) {
	with := func(name, value string) string {
		var doc map[string]any
		json.Unmarshal([]byte(goodCode), &doc)
		doc[name] = value
		data, _ := json.Marshal(doc)
		return string(data)
	}
	for _, c := range []struct{ name, code string }{
		{"javascript", with("verification_uri", "javascript:alert(1)")},
		{"file", with("verification_uri", "file:///etc/passwd")},
		{"plain http", with("verification_uri", "http://evil.example/")},
		{"an option", with("verification_uri", "--help")},
		{"a quote", with("verification_uri", `https://x.example/"&calc`)},
		{"a user name", with("verification_uri", "https://github.com@evil.example/")},
		{"a fragment", with("verification_uri", "https://x.example/#x")},
		{"long", with("verification_uri", "https://x.example/"+strings.Repeat("a", 3000))},
		{"no page", with("verification_uri", "")},
		{"bidi in the code", with("user_code", "ABCD\u202eDCBA")},
		{"escape in the code", with("user_code", "\x1b[2J")},
		{"newline in the code", with("user_code", "AB\nCD")},
		{"long code", with("user_code", strings.Repeat("A", 65))},
		{"no code", with("user_code", "  ")},
		{"no device code", with("device_code", "")},
		{"odd device code", with("device_code", "a\r\nb")},
		{"expired already", with("expires_in", "0")},
		{"twice", `{"user_code":"A","user_code":"B"}`},
		{"not JSON", "user_code=A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			play := &devicePlay{code: c.code}
			row := deviceRow(t, play)
			shown := 0
			_, err := Run(t.Context(), row, Prompt{ShowCode: func(Code) { shown++ }}, Request{Device: true})
			if err == nil || shown != 0 || len(play.polled()) != 0 {
				t.Fatalf("got %v, shown %d, polls %d", err, shown, len(play.polled()))
			}
			noCanary(t, err)
		})
	}
}

// TestD53PublicProviderNamesAnInnerPage: the user is not sent to a router.
func TestD53PublicProviderNamesAnInnerPage(t *testing.T) {
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://id.example/token"}}}
	doc := func(page, complete string) map[string]any {
		return map[string]any{"device_code": "d", "user_code": "A", "verification_uri": page, "verification_uri_complete": complete}
	}
	for _, inner := range []string{"http://localhost/", "http://127.0.0.1:631/", "https://192.168.1.1/", "https://[::1]/"} {
		if _, err := l.readCode(doc(inner, ""), time.Now()); err == nil {
			t.Errorf("%s was taken", inner)
		}
		if w, err := l.readCode(doc("https://id.example/d", inner), time.Now()); err != nil || w.code.Complete != "" {
			t.Errorf("%s was taken as the address with the code: %v", inner, err)
		}
	}
}

func TestDeviceCancelled(t *testing.T) {
	play := &devicePlay{code: goodCode, answers: []http.HandlerFunc{pollError("authorization_pending")}}
	row := deviceRow(t, play)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		time.AfterFunc(6*time.Second, cancel)
		if _, err := Run(ctx, row, Prompt{}, Request{Device: true}); !errors.Is(err, ErrCancelled) {
			t.Errorf("got %v", err)
		}
	})
	if len(play.polled()) != 1 {
		t.Errorf("%d polls", len(play.polled()))
	}
}

// TestD40CancelDuringPoll: a token that arrives after the user gave up is
// ended at the provider.
func TestD40CancelDuringPoll(t *testing.T) {
	op := newOP(t)
	ctx, cancel := context.WithCancel(t.Context())
	play := &devicePlay{code: strings.ReplaceAll(goodCode, `"interval":5`, `"interval":1`), answers: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
		cancel()
		raw(200, "application/json", goodToken)(w, r)
	}}}
	row := deviceRow(t, play)
	row.Endpoints.Revocation = op.URL + "/revoke"
	res, err := Run(ctx, row, Prompt{}, Request{Device: true})
	if !errors.Is(err, ErrCancelled) || !res.Token.Access.IsZero() {
		t.Errorf("got %v with %+v", err, res.Token)
	}
	if got := strings.Join(op.revocations(), " "); got != "rt at" {
		t.Errorf("revoked %q", got)
	}
}

func TestDeviceQuirks(t *testing.T) {
	status := func(n int) http.HandlerFunc { return raw(n, "text/html", "") }
	for _, c := range []struct {
		name    string
		answers []http.HandlerFunc
		want    string
		took    time.Duration
	}{
		{"pending, slow down, done", []http.HandlerFunc{status(400), status(429), raw(200, "application/json", goodToken)}, "", 20 * time.Second},
		{"not found", []http.HandlerFunc{status(404)}, "invalid_grant", 0},
		{"used", []http.HandlerFunc{status(409)}, "invalid_grant", 0},
		{"expired", []http.HandlerFunc{status(410)}, ErrExpired.Error(), 0},
		{"denied", []http.HandlerFunc{status(418)}, "access_denied", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			play := &devicePlay{code: goodCode, answers: c.answers}
			row := deviceRow(t, play)
			row.Device = Device{ScopeParam: "scopes", StatusCodes: true}
			row.Quirks = Quirks{JSONBody: true, ClientIDParam: "client_key"}
			row.Endpoints.DeviceToken, row.Endpoints.Token = row.Endpoints.Token, "http://127.0.0.1:1/never"
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := Run(t.Context(), row, Prompt{}, Request{Device: true})
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(began); c.took != 0 && took != c.took {
					t.Errorf("took %v", took)
				}
			})
			if play.request().Get("scopes") != "a b" || play.request().Get("client_key") != "us" || play.polled()[0].Get("client_key") != "us" || play.polled()[0].Has("client_id") {
				t.Errorf("asked %v, polled %v", play.request(), play.polled()[0])
			}
		})
	}
}

func TestDeviceWithOpenID(t *testing.T) {
	for _, other := range []bool{false, true} {
		op := newOP(t)
		op.document = func(doc map[string]any) { doc["device_authorization_endpoint"] = op.URL + "/device" }
		op.claims = func(c map[string]any) {
			delete(c, "nonce")
			if other {
				c["aud"] = "another"
			}
		}
		op.device = raw(200, "application/json", strings.NewReplacer("SELF", op.URL, `"interval":5`, `"interval":1`).Replace(goodCode))
		res, err := Run(t.Context(), op.row(), Prompt{}, Request{Device: true})
		if other != isInvalid(err) || !other && (err != nil || res.Identity.Subject != "s1" || res.Identity.Issuer != op.URL) {
			t.Errorf("another audience %v: %v, %+v", other, err, res.Identity)
		}
		if f := op.lastForm(); f.Get("device_code") != "canary-device-code" {
			t.Errorf("polled %v", f)
		}
	}
}

func TestD47DeviceTokenTypes(t *testing.T) {
	for _, kind := range []string{`"mac"`, `"DPoP"`, `null`, `7`} {
		play := &devicePlay{code: strings.ReplaceAll(goodCode, `"interval":5`, `"interval":1`),
			answers: []http.HandlerFunc{raw(200, "application/json", strings.ReplaceAll(goodToken, `"bearer"`, kind))}}
		row := deviceRow(t, play)
		synctest.Test(t, func(t *testing.T) {
			res, err := Run(t.Context(), row, Prompt{}, Request{Device: true})
			if _, failed := errors.AsType[*Failed](err); !failed || !res.Token.Access.IsZero() {
				t.Errorf("%s: %v with %+v", kind, err, res.Token)
			}
		})
	}
}

func TestDeviceWithDPoP(t *testing.T) {
	var proofs []string
	play := &devicePlay{code: goodCode, answers: []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) {
			proofs = append(proofs, r.Header.Get("DPoP"))
			w.Header().Set("DPoP-Nonce", "n1")
			raw(400, "application/json", `{"error":"use_dpop_nonce"}`)(w, r)
		},
		func(w http.ResponseWriter, r *http.Request) {
			proofs = append(proofs, r.Header.Get("DPoP"))
			pollError("authorization_pending")(w, r)
		},
		func(w http.ResponseWriter, r *http.Request) {
			proofs = append(proofs, r.Header.Get("DPoP"))
			raw(200, "application/json", strings.ReplaceAll(goodToken, "bearer", "DPoP"))(w, r)
		}}}
	row := deviceRow(t, play)
	row.DPoP = "required"
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		res, err := Run(t.Context(), row, Prompt{}, Request{Device: true})
		if err != nil || res.Token.Type != dpopType || res.Token.Key.IsZero() || time.Since(began) != 10*time.Second {
			t.Errorf("%v, %+v after %v", err, res.Token, time.Since(began))
		}
	})
	if len(proofs) != 3 || proofs[0] == "" || proofs[1] == proofs[0] || proofs[2] == proofs[1] {
		t.Errorf("proofs %q", proofs)
	}
}

func FuzzDeviceAnswer(f *testing.F) {
	for _, seed := range []string{goodCode, strings.ReplaceAll(goodCode, "SELF", "https://id.example"), `{"user_code":1,"expires_in":"x","interval":1e999}`, `{}`} {
		f.Add(seed)
	}
	l := Link{Provider: Provider{Endpoints: Endpoints{Token: "https://id.example/token"}}}
	f.Fuzz(func(t *testing.T, body string) {
		doc, err := parseObject([]byte(body), true)
		if err != nil {
			return
		}
		now := time.Now()
		w, err := l.readCode(doc, now)
		if err != nil {
			if w != nil {
				t.Fatal("a code beside an error")
			}
			return
		}
		life := w.code.Until.Sub(now)
		u, parseErr := url.Parse(w.code.URI)
		if life <= 0 || life > codeLifetime || w.interval < time.Second || w.interval > pollLongest || w.device == "" ||
			w.code.UserCode == "" || clean(w.code.UserCode, userCodeLength) != w.code.UserCode || parseErr != nil || u.Scheme != "https" {
			t.Fatalf("taken: %s", fmt.Sprintf("%+v", w.code))
		}
	})
}
