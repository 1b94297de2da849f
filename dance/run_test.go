package dance

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestD9TwentyDancesAtOnce(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", `{"access_token":"at","token_type":"bearer","expires_in":60}`)
	row := Provider{Name: "Odd", Protocol: "oauth2", ClientID: "us", Identity: Identify{URL: op.URL + "/userinfo"}, Redirect: Redirect{RandomPath: true},
		Endpoints: Endpoints{Authorization: op.URL + "/authorize", Token: op.URL + "/token"}}
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			var authorization string
			res, err := Run(t.Context(), row, Prompt{
				Waiting: func(address string, _ error) { authorization = address },
				OpenURL: func(ctx context.Context, start string) error { return follow(start) },
			}, Request{Scopes: []string{"a", "b"}})
			if err != nil {
				t.Error(err)
				return
			}
			u, _ := url.Parse(authorization)
			q := u.Query()
			mu.Lock()
			defer mu.Unlock()
			for _, v := range []string{q.Get("state"), q.Get("code_challenge"), res.Link.RedirectURI} {
				if len(v) < 40 {
					t.Errorf("%q is short", v)
				}
				seen[v]++
			}
			if q.Get("code_challenge_method") != "S256" || q.Get("scope") != "a b" || res.Token.Granted[1] != "b" {
				t.Errorf("asked %v", q)
			}
		})
	}
	wg.Wait()
	for v, n := range seen {
		if n != 1 {
			t.Errorf("%q was used %d times", v, n)
		}
	}
	if len(seen) != 60 || op.count("/token") != 20 {
		t.Errorf("%d values, %d token requests", len(seen), op.count("/token"))
	}
}

// follow plays browser and provider: it takes the authorization request's own
// state and redirect URI to the listener, and then the clean page.
func follow(start string) error {
	transport := &http.Transport{DisableKeepAlives: true}
	one := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := one.Get(start)
	if err != nil {
		return err
	}
	res.Body.Close()
	to, err := res.Location()
	if err != nil {
		return err
	}
	q := to.Query()
	return browse(context.Background(), q.Get("redirect_uri")+"?code=the-code&state="+q.Get("state"))
}

func TestRunHandsOutWhatItShould(t *testing.T) {
	op := newOP(t)
	age := 100
	op.claims = func(c map[string]any) { c["auth_time"] = time.Now().Unix() }
	var order []string
	var link string
	res, err := Run(t.Context(), op.row(), Prompt{
		OpenURL: func(ctx context.Context, start string) error {
			u, err := url.Parse(start)
			if err != nil || u.RawQuery != "" || u.Hostname() != "127.0.0.1" || strings.Contains(start, "authorize") {
				t.Errorf("D21: %q shows in the process list", start)
			}
			return browse(ctx, start)
		},
		Waiting:    func(a string, _ error) { order = append(order, "waiting"); link = a },
		Exchanging: func() { order = append(order, "exchanging") },
	}, Request{Scopes: []string{"openid", "offline_access"}, LoginHint: "sam@example.test", MaxAge: &age})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(order, " ") != "waiting exchanging" {
		t.Errorf("order %v", order)
	}
	q := mustQuery(t, link)
	for name, want := range map[string]string{"response_type": "code", "client_id": "us", "scope": "openid offline_access",
		"login_hint": "sam@example.test", "max_age": "100", "prompt": "consent", "redirect_uri": res.Link.RedirectURI} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	form := op.lastForm()
	if form.Get("code") != "the-code" || len(form.Get("code_verifier")) < 43 || form.Get("redirect_uri") != res.Link.RedirectURI || form.Get("client_id") != "us" || form.Has("client_secret") {
		t.Errorf("token request %v", form)
	}
	want := Identity{Issuer: op.URL, Subject: "s1", Login: "sam", Name: "Sam", Email: "sam@example.test"}
	if res.Identity != want {
		t.Errorf("identity %+v", res.Identity)
	}
	if res.Token.Access.Reveal() != "at" || res.Token.Refresh.Reveal() != "rt" || res.Token.Type != "Bearer" || len(res.Asked) != 2 {
		t.Errorf("token %+v asked %v", res.Token, res.Asked)
	}
}

func mustQuery(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestRunWithThePortHeld(t *testing.T) {
	held, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	op := newOP(t)
	row := op.row()
	row.Redirect = Redirect{Mode: "fixed_port", Port: held.Addr().(*net.TCPAddr).Port}
	_, err = Run(t.Context(), row, Prompt{OpenURL: func(context.Context, string) error { t.Error("the browser was opened"); return nil }}, Request{})
	if f, ok := errors.AsType[*Failed](err); !ok || !strings.Contains(f.Text, "held by another program") {
		t.Errorf("got %v", err)
	}
}

func TestD62FixedPortTakesOneDance(t *testing.T) {
	op := newOP(t)
	row := op.row()
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	row.Redirect = Redirect{Mode: "fixed_port", Port: free.Addr().(*net.TCPAddr).Port}
	free.Close()
	_, err = Run(t.Context(), row, Prompt{OpenURL: func(ctx context.Context, start string) error {
		if _, err := Run(ctx, row, Prompt{}, Request{}); err == nil || !strings.Contains(err.Error(), "held by another program") {
			t.Errorf("the second dance: %v", err)
		}
		return browse(ctx, start)
	}}, Request{})
	if err != nil {
		t.Error(err)
	}
}

func TestRunWithoutRegistration(t *testing.T) {
	if _, err := Run(t.Context(), Provider{Issuer: testIssuer}, Prompt{}, Request{}); !errors.Is(err, ErrNoRegistration) {
		t.Errorf("got %v", err)
	}
}

func TestD10WrongIssMakesNoTokenCall(t *testing.T) {
	op := newOP(t)
	op.back = func(q url.Values) { q.Set("iss", "https://evil.example") }
	_, err := Run(t.Context(), op.row(), Prompt{OpenURL: browse}, Request{})
	if !isInvalid(err) || op.count("/token") != 0 {
		t.Errorf("%v after %d token requests", err, op.count("/token"))
	}
}

func TestD1WrongStateThenNothing(t *testing.T) {
	op := newOP(t)
	op.back = func(q url.Values) { q.Set("state", "wrong") }
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, op.row(), Prompt{OpenURL: func(ctx context.Context, start string) error {
		defer cancel()
		return browse(ctx, start)
	}}, Request{})
	if !errors.Is(err, ErrCancelled) || op.count("/token") != 0 {
		t.Errorf("%v after %d token requests", err, op.count("/token"))
	}
}

func TestD39BrowserNeverReturns(t *testing.T) {
	op := newOP(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(100*time.Millisecond))
	defer cancel()
	_, err := Run(ctx, op.row(), Prompt{}, Request{})
	if !errors.Is(err, ErrExpired) || op.count("/token") != 0 {
		t.Errorf("got %v", err)
	}
}

func TestD41OpenerFailsOrHangs(t *testing.T) {
	op := newOP(t)
	t.Run("fails", func(t *testing.T) {
		broken := errors.New("no browser")
		link := make(chan string, 1)
		go func() { browse(t.Context(), <-link) }()
		_, err := Run(t.Context(), op.row(), Prompt{
			OpenURL: func(context.Context, string) error { return broken },
			Waiting: func(a string, opened error) {
				if opened != broken {
					t.Errorf("opened: %v", opened)
				}
				link <- a
			},
		}, Request{})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("hangs", func(t *testing.T) {
		link := make(chan string, 1)
		go func() { browse(t.Context(), <-link) }()
		_, err := Run(t.Context(), op.row(), Prompt{
			OpenURL: func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() },
			Waiting: func(a string, _ error) { link <- a },
		}, Request{})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestD40CancelDuringExchange(t *testing.T) {
	op := newOP(t)
	ctx, cancel := context.WithCancel(t.Context())
	op.token = func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		op.serveToken(w, op.pending.Get("nonce"))
	}
	res, err := Run(ctx, op.row(), Prompt{OpenURL: browse}, Request{})
	if !errors.Is(err, ErrCancelled) || !res.Token.Access.IsZero() {
		t.Errorf("got %v with %+v", err, res.Token)
	}
	if got := strings.Join(op.revocations(), " "); got != "rt at" {
		t.Errorf("revoked %q", got)
	}
}

func TestRefusedIdentityIsRevoked(t *testing.T) {
	for _, revokes := range []string{"", "grant"} {
		op := newOP(t)
		op.claims = func(c map[string]any) { c["nonce"] = "another" }
		row := op.row()
		row.Revocation.Revokes = revokes
		res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{})
		if !isInvalid(err) {
			t.Fatalf("got %v", err)
		}
		if kept := !res.Token.Refresh.IsZero(); kept != (revokes == "grant") || kept != (len(op.revocations()) == 0) {
			t.Errorf("revokes %q: kept %v, revoked %v", revokes, kept, op.revocations())
		}
	}
}

func TestD38NothingIsLeftBehind(t *testing.T) {
	op := newOP(t)
	row := Provider{Name: "Odd", Protocol: "oauth2", ClientID: "us", Identity: Identify{URL: op.URL + "/userinfo"},
		Endpoints: Endpoints{Authorization: op.URL + "/authorize", Token: op.URL + "/token"}}
	run := func(n int) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range n / 8 {
					if _, err := Run(t.Context(), row, Prompt{OpenURL: func(_ context.Context, s string) error { return follow(s) }}, Request{}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	files := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	run(40)
	settled := func(limitFiles, limitRoutines int) bool {
		return files() <= limitFiles && runtime.NumGoroutine() <= limitRoutines
	}
	baseFiles, baseRoutines := files(), runtime.NumGoroutine()
	run(960)
	deadline := time.Now().Add(time.Second)
	for !settled(baseFiles+2, baseRoutines+2) {
		if time.Now().After(deadline) {
			t.Fatalf("%d files (were %d), %d goroutines (were %d)", files(), baseFiles, runtime.NumGoroutine(), baseRoutines)
		}
		runtime.Gosched()
	}
}

func TestAgainOpensAtANewStartAddress(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", `{"access_token":"at","token_type":"bearer","expires_in":60}`)
	row := Provider{Name: "Odd", Protocol: "oauth2", ClientID: "us", Identity: Identify{URL: op.URL + "/userinfo"},
		Endpoints: Endpoints{Authorization: op.URL + "/authorize", Token: op.URL + "/token"}}
	again := make(chan struct{}, 1)
	var starts []string
	waited := 0
	_, err := Run(t.Context(), row, Prompt{
		Again:   again,
		Waiting: func(string, error) { waited++ },
		OpenURL: func(_ context.Context, start string) error {
			starts = append(starts, start)
			if len(starts) == 1 {
				again <- struct{}{} // the user closed the tab
				return nil
			}
			if res, err := http.Get(starts[0]); err != nil || res.StatusCode != http.StatusNotFound {
				t.Errorf("the first start address: %v, %v", res, err)
			}
			return follow(start)
		},
	}, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if len(starts) != 2 || starts[0] == starts[1] || waited != 2 {
		t.Errorf("opened %q, waited %d times", starts, waited)
	}
}
