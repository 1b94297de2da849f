package dance

import (
	"context"
	"encoding/json"
	"errors"
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
	row.AuthStyle, row.Resource = AuthPost, "https://api.example/"
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
	if play.request().Get("client_id") != "us" || play.request().Get("scope") != "a b" || play.request().Get("client_secret") != "canary-secret" ||
		play.request().Get("resource") != "https://api.example/" {
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

func TestDeviceWithOpenID(t *testing.T) {
	for _, other := range []bool{false, true} {
		op := newOP(t)
		op.document = func(doc map[string]any) { doc["device_authorization_endpoint"] = op.URL + "/device" }
		op.device = raw(200, "application/json", strings.ReplaceAll(goodCode, "SELF", op.URL))
		synctest.Test(t, func(t *testing.T) {
			now := time.Now().Unix() // the bubble's
			op.claims = func(c map[string]any) {
				delete(c, "nonce")
				c["iat"], c["exp"] = now, now+600
				if other {
					c["aud"] = "another"
				}
			}
			res, err := Run(t.Context(), op.row(), Prompt{}, Request{Device: true})
			if other != isInvalid(err) || !other && (err != nil || res.Identity.Subject != "s1" || res.Identity.Issuer != op.URL) {
				t.Errorf("another audience %v: %v, %+v", other, err, res.Identity)
			}
		})
		if f := op.lastForm(); f.Get("device_code") != "canary-device-code" {
			t.Errorf("polled %v", f)
		}
	}
}
