package accounts

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// fetched asks the API as testApp and reads the answer.
func (r *rig) fetched(a Account, method, address, body string) (status int, text string, err error) {
	r.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, address, content)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := r.Fetch(r.t.Context(), testApp, a.ID, req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(raw), nil
}

// let starts a request and answers the question that it raises.
func (r *rig) let(a Account, method, address string, word Answer) (err error) {
	r.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, _, err := r.fetched(a, method, address, "")
		done <- err
	}()
	s := r.await("a question", func(s Snapshot) bool { return len(s.Questions) > 0 })
	if q := s.Questions[0]; !q.Want.Fetch || q.Want.Write != !onlyReads(method) {
		r.t.Fatalf("the question says %+v", q.Want)
	}
	if err := r.Answer(s.Questions[0].ID, word); err != nil {
		r.t.Fatal(err)
	}
	return <-done
}

func TestFetchKeepsTheTokenHere(t *testing.T) {
	r, as := worksRig(t, "")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	if err := r.let(a, "GET", as.api.URL+"/user", Answer{Allow: true, For: Always}); err != nil {
		t.Fatal(err)
	}
	status, text, err := r.fetched(a, "GET", as.api.URL+"/a%2Fb?q=%20", "")
	if err != nil || status != 200 || text != "hello mira at /a%2Fb?q=%20" {
		t.Fatalf("%d %q, %v", status, text, err)
	}
	// A word about requests is none about the token, nor about writing.
	_, err = r.token(a.ID, Want{})
	wantCode(t, err, CodeFetchOnly)
	if g := r.Snapshot().Grants; len(g) != 1 || !g[0].FetchOnly || g[0].Write {
		t.Fatalf("%+v", g)
	}
	wantCode(t, r.let(a, "DELETE", as.api.URL+"/repo", Answer{}), CodeConsentDenied)
	if n := as.count("api DELETE"); n != 0 {
		t.Fatal("the request went out")
	}
	if err := r.let(a, "POST", as.api.URL+"/repo", Answer{Allow: true, For: Always}); err != nil {
		t.Fatal(err)
	}
	if status, _, err := r.fetched(a, "DELETE", as.api.URL+"/repo", ""); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if _, _, err := r.fetched(a, "GET", as.api.URL+"/user", ""); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.fetched(a, "GET", as.URL+"/user", "")
	wantCode(t, err, CodeBadRequest)
	_, _, err = r.fetched(a, "GET", "/user", "")
	wantCode(t, err, CodeBadRequest)
	lines, err := r.Activity(100)
	if err != nil {
		t.Fatal(err)
	}
	host, found := strings.TrimPrefix(as.api.URL, "http://"), 0
	for _, l := range lines {
		if strings.ContainsAny(l.Note, "/?") && strings.Contains(l.Note, host) {
			t.Errorf("the activity says too much: %q", l.Note)
		}
		if l.Type == EventGrantUsed && l.App == testApp.Name && l.Account == a.ID && l.Note == "GET "+host {
			found++
		}
	}
	if found != 3 {
		t.Fatalf("%d of 3 reads are written down: %+v", found, lines)
	}
}

func TestTokenGrantIsEnoughForFetch(t *testing.T) {
	r, as := worksRig(t, "")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	r.allow(a.ID)
	if status, _, err := r.fetched(a, "PUT", as.api.URL+"/x", "body"); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if err := r.Lock("", LockUser); err != nil {
		t.Fatal(err)
	}
	_, _, err := r.fetched(a, "GET", as.api.URL+"/x", "")
	wantCode(t, err, CodeProfileLocked)
}

func TestFetchAfterA401RefreshesOnceAndRepeatsReadsOnly(t *testing.T) {
	for _, c := range []struct {
		method, body string
		calls        int
		status       int
	}{
		{"GET", "", 2, 200}, {"HEAD", "", 2, 200}, {"POST", "", 1, 401}, {"GET", "body", 1, 401}, {"OPTIONS", "", 1, 401},
	} {
		t.Run(c.method+c.body, func(t *testing.T) {
			r, as := worksRig(t, "")
			a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
			r.allow(a.ID)
			as.change(func() { clear(as.access) })
			status, _, err := r.fetched(a, c.method, as.api.URL+"/x", c.body)
			if err != nil || status != c.status || as.count("api "+c.method) != c.calls {
				t.Fatalf("%d after %d requests, %v", status, as.count("api "+c.method), err)
			}
			if n := as.count("POST /token"); n != 2 {
				t.Fatalf("%d token requests", n)
			}
			// An API that says no to everything gets no storm of refreshes.
			as.change(func() { clear(as.access) })
			for range 5 {
				if status, _, err := r.fetched(a, c.method, as.api.URL+"/x", c.body); err != nil || status != 401 {
					t.Fatalf("%d, %v", status, err)
				}
			}
			if n := as.count("POST /token"); n > 3 {
				t.Fatalf("%d token requests", n)
			}
		})
	}
}

func TestFetchAnswersAsTokenDoes(t *testing.T) {
	r, as := worksRig(t, "")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	r.allow(a.ID)
	as.change(func() { clear(as.refresh); clear(as.access) })
	if status, _, err := r.fetched(a, "GET", as.api.URL+"/x", ""); err != nil || status != 401 {
		t.Fatalf("%d, %v", status, err)
	}
	if s := r.account(a.ID).Status; s != NeedsSignIn {
		t.Fatal(s)
	}
	_, _, err := r.fetched(a, "GET", as.api.URL+"/x", "")
	wantCode(t, err, CodeNeedsSignIn)
	as.api.Close()
	r.dance("mira", ConnectRequest{Reconnect: a.ID})
	_, _, err = r.fetched(a, "GET", as.api.URL+"/x", "")
	wantCode(t, err, CodeOffline)
}

func TestD57StepUpBecomesAnEventAndADanceThatAsksForIt(t *testing.T) {
	r, as := worksRig(t, "")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	r.allow(a.ID)
	as.change(func() {
		as.onAPI = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age="60"`)
			http.Error(w, "stronger, please", http.StatusUnauthorized)
			return true
		}
	})
	for range 3 {
		if status, text, err := r.fetched(a, "GET", as.api.URL+"/vault", ""); err != nil || status != 401 || text != "stronger, please\n" {
			t.Fatalf("%d %q, %v", status, text, err)
		}
	}
	if n := as.count("POST /token"); n != 1 {
		t.Fatalf("%d token requests: a refresh brings no stronger sign-in", n)
	}
	if n := len(r.heard(EventAccountStepUp)); n != 1 {
		t.Fatalf("%d events", n)
	}
	r.restart()
	got := r.account(a.ID).StepUp
	if got == nil || fmt.Sprint(got.ACRValues) != "[gold silver]" || got.MaxAge == nil || *got.MaxAge != 60 {
		t.Fatalf("%+v", got)
	}
	r.dance("mira", ConnectRequest{Reconnect: a.ID})
	as.change(func() {
		q := as.asked[len(as.asked)-1]
		if q.Get("acr_values") != "gold silver" || q.Get("max_age") != "60" {
			t.Errorf("asked %v", q)
		}
	})
	if got := r.account(a.ID).StepUp; got != nil {
		t.Fatalf("%+v", got)
	}
}

func TestTokensThatNeedASignatureAreNotHandedOut(t *testing.T) {
	r, as := worksRig(t, "dpop = \"required\"\n")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	if !a.FetchOnly {
		t.Fatalf("%+v", a)
	}
	_, err := r.token(a.ID, Want{Wait: time.Second})
	wantCode(t, err, CodeFetchOnly)
	if _, err := r.token("works", Want{}); CodeOf(err) != CodeFetchOnly || strings.Contains(err.Error(), a.Label) {
		t.Fatalf("an app that was granted nothing hears whose account it is: %v", err)
	}
	if n := len(r.Snapshot().Questions); n != 0 {
		t.Fatal("the user was asked about a token that nobody gets")
	}
	key := r.stored(a.ID).Key
	if key == "" {
		t.Fatal("no key is kept")
	}
	for range 2 {
		if err := r.Refresh(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		if after := r.stored(a.ID); after.Key != key || after.Type != "DPoP" {
			t.Fatal("the refresh lost the key")
		}
		r.restart()
	}
	if err := r.let(a, "GET", as.api.URL+"/user", Answer{Allow: true, For: Always}); err != nil {
		t.Fatal(err)
	}
	as.change(func() {
		if seen := as.seen[len(as.seen)-1]; !strings.HasPrefix(seen, "DPoP ") {
			t.Errorf("the API saw %q", strings.Fields(seen)[0])
		}
	})
}

func TestWordsOfARequestCommandNoTerminal(t *testing.T) {
	for host, want := range map[string]string{
		"api.example:8443":       "PUT api.example:8443",
		"a\u009b31m.example":     "PUT ?",
		"\u202eelpmaxe.live":     "PUT ?",
		strings.Repeat("a", 300): "PUT ?",
	} {
		if got := requestWords(&http.Request{Method: "PUT", URL: &url.URL{Host: host, Path: "/secret"}}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
