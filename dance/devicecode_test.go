package dance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
