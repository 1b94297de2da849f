//go:build linux

package server

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"dancecard/accounts"
	"dancecard/ipc"
)

// A script asks with curl, the user says always, and the token works.
func TestCurlGetsAToken(t *testing.T) {
	r := newOpenRig(t)
	r.link()
	cmd := r.curl("-X", "POST", "http://dancecard/v1/accounts/demo/token")
	out := make(chan string, 1)
	go func() { out <- run(t, cmd) }()
	q := r.answer(accounts.Answer{Allow: true, For: accounts.Always})
	if q.App.Name != "curl" || !strings.HasSuffix(q.App.Path, "/curl") || q.App.Caller != "server.test" || q.App.OnceOnly || q.App.Weak {
		t.Errorf("the question names %+v", q.App)
	}
	var token ipc.Token
	if err := json.Unmarshal([]byte(<-out), &token); err != nil {
		t.Fatal(err)
	}
	if active, err := r.provider.Introspect(token.AccessToken.Reveal()); err != nil || !active {
		t.Errorf("the provider does not know the token: %v %v", active, err)
	}
	if token.TokenType != "Bearer" || token.ExpiresAt.IsZero() || token.Account.Login == "" && token.Account.Email == "" {
		t.Errorf("the answer lacks something: %+v", token)
	}
	bare := run(t, r.curl("-X", "POST", "-H", "Accept: text/plain", "http://localhost/v1/accounts/demo/token"))
	if bare != token.AccessToken.Reveal() {
		t.Error("the bare token is another, or not bare")
	}
}

func TestTokenSource(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	first := r.allow(c, a.ID)
	source := c.TokenSource("demo")
	token, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken != first.AccessToken.Reveal() || !token.Valid() {
		t.Errorf("the source gives another token")
	}
	resp, err := oauth2.NewClient(t.Context(), source).Get(r.provider.Issuer() + r.provider.UserInfoPath())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("userinfo: %s", resp.Status)
	}
	_, err = c.TokenSource("nobody").Token()
	wantCode(t, err, ipc.CodeNoSuchAccount)
}

func TestTokenID(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	token, err := c.Token(t.Context(), a.ID, ipc.TokenRequest{Type: ipc.IDToken})
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken != "" || strings.Count(token.IDToken.Reveal(), ".") != 2 || token.Bare() != token.IDToken {
		t.Error("that is not an ID token alone")
	}
}

// The question is withdrawn when the app that asked goes away.
func TestAskerGoesAway(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	cmd := r.curl("-X", "POST", "http://dancecard/v1/accounts/"+a.ID+"/token")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	q := r.question()
	cmd.Process.Kill()
	cmd.Wait()
	r.await("no question", func(s accounts.Snapshot) bool { return len(s.Questions) == 0 })
	if err := r.book.Answer(q.ID, accounts.Answer{Allow: true}); err == nil {
		t.Error("a withdrawn question took an answer")
	}
}

func TestI18WhatIsShownIsGranted(t *testing.T) {
	r := newOpenRig(t)
	mira := r.link()
	jo := r.link()
	c := r.client()
	done := make(chan error, 1)
	var token ipc.Token
	go func() {
		var err error
		token, err = c.Token(t.Context(), "demo", ipc.TokenRequest{})
		done <- err
	}()
	q := r.question()
	if len(q.Choices) != 2 {
		t.Fatalf("the user has the choice of %v", q.Choices)
	}
	r.answer(accounts.Answer{Allow: true, For: accounts.Always, Account: jo.ID})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if token.Account.ID != jo.ID {
		t.Errorf("jo was chosen, %s was handed out", token.Account.Label)
	}
	grants := r.book.Snapshot().Grants
	if len(grants) != 1 || grants[0].Account != jo.ID || grants[0].App.Key != q.App.Key {
		t.Errorf("granted: %+v", grants)
	}
	_ = mira
}

func TestI19NothingElse(t *testing.T) {
	r := newOpenRig(t)
	mira := r.link()
	jo := r.link()
	c := r.client()
	r.allow(c, mira.ID)
	list, err := c.Accounts(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != mira.ID {
		t.Errorf("the app sees %+v, %v", list, err)
	}
	_, err = c.Account(t.Context(), jo.ID)
	wantCode(t, err, ipc.CodeNoSuchAccount)
	_, err = c.Token(t.Context(), mira.ID, ipc.TokenRequest{Scopes: []string{"admin"}})
	wantCode(t, err, ipc.CodeScopeMissing)
	err = c.Rejected(t.Context(), jo.ID, "whatever")
	wantCode(t, err, ipc.CodeNoSuchAccount)
	for _, path := range []string{"/v1/status", "/v1/accounts", "/v1/accounts/" + mira.ID} {
		if _, _, body := r.do(ipc.AppSocket, "GET", path, ""); strings.Contains(body, "refresh_token") || strings.Contains(body, jo.ID) {
			t.Errorf("%s tells %s", path, body)
		}
	}
	_, _, body := r.do(ipc.AppSocket, "POST", "/v1/accounts/"+mira.ID+"/token", "{}")
	for _, q := range r.provider.Requests() {
		for name, v := range q.Form {
			if name == "refresh_token" && strings.Contains(body, v) {
				t.Error("a refresh token is in the answer")
			}
		}
	}
	if strings.Contains(body, "refresh") {
		t.Errorf("the answer speaks of refreshing")
	}
}

func TestI20TakenBackDuringARequest(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	hold, waiting := make(chan struct{}), make(chan struct{})
	r.provider.Fault(r.provider.TokenPath(), 1, func(w http.ResponseWriter, _ *http.Request) {
		close(waiting)
		<-hold
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	done := make(chan error, 1)
	go func() {
		_, err := c.Token(t.Context(), a.ID, ipc.TokenRequest{MinValid: 3600})
		done <- err
	}()
	<-waiting
	for _, g := range r.book.Snapshot().Grants {
		if err := r.book.TakeBack(g.ID); err != nil {
			t.Fatal(err)
		}
	}
	close(hold)
	if err := <-done; err == nil {
		t.Error("a token was handed out after the grant was taken back")
	}
}

func TestI37UnknownAndDeniedLookAlike(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	done := make(chan error, 1)
	go func() {
		_, err := c.Token(t.Context(), a.ID, ipc.TokenRequest{})
		done <- err
	}()
	r.answer(accounts.Answer{Allow: false, For: accounts.Never})
	wantCode(t, <-done, ipc.CodeConsentDenied)
	for _, route := range []string{"token", "rejected", ""} {
		answers := map[string]bool{}
		for _, ref := range []string{a.ID, "a_0000000000000000"} {
			method, path, body := "POST", "/v1/accounts/"+ref+"/"+route, "{}"
			switch route {
			case "":
				method, path, body = "GET", "/v1/accounts/"+ref, ""
			case "rejected":
				body = `{"hash":"` + ipc.HashToken("x") + `"}`
			}
			status, h, text := r.do(ipc.AppSocket, method, path, body)
			e := problemIn(t, status, h, text)
			if e.Code != ipc.CodeNoSuchAccount {
				t.Errorf("%s %s: %s", route, ref, text)
			}
			answers[strings.ReplaceAll(text, ref, "REF")] = true
		}
		if len(answers) != 1 {
			t.Errorf("%q tells a denied account from an unknown one: %v", route, answers)
		}
	}
}

func TestI38EachReleaseIsWrittenDown(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	for range 3 {
		if _, err := c.Token(t.Context(), a.ID, ipc.TokenRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := r.admin().Activity(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range lines {
		if l.Type == "grant.used" {
			n++
			if l.App != "server.test" || l.Path == "" || l.Account != a.ID {
				t.Errorf("the line %+v does not say who and what", l)
			}
		}
	}
	if n != 4 {
		t.Errorf("%d lines for 4 releases", n)
	}
}

func TestLockedProfile(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	if err := r.book.Lock("", accounts.LockUser); err != nil {
		t.Fatal(err)
	}
	_, err := c.Token(t.Context(), a.ID, ipc.TokenRequest{})
	wantCode(t, err, ipc.CodeProfileLocked)
	_, err = c.Accounts(t.Context())
	wantCode(t, err, ipc.CodeProfileLocked)
	status, err := c.Status(t.Context())
	if err != nil || status.Profile != ipc.ProfileLocked || status.Version != "test" || status.App.Name != "server.test" {
		t.Errorf("%+v %v", status, err)
	}
	out := run(t, r.curl("-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", "http://dancecard/v1/accounts/demo/token"))
	if out != "423" {
		t.Errorf("curl sees %s", out)
	}
}

func TestRejectedTokenIsReplaced(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	c := r.client()
	old := r.allow(c, a.ID)
	if err := c.Rejected(t.Context(), a.ID, old.AccessToken); err != nil {
		t.Fatal(err)
	}
	now, err := c.Token(t.Context(), a.ID, ipc.TokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if now.AccessToken == old.AccessToken {
		t.Error("the rejected token came again")
	}
}

func TestCurlIsHere(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("these tests need curl: ", err)
	}
}

// nc and socat close their sending side once the request is out.
func TestI42HalfClosedGetsItsToken(t *testing.T) {
	r := newOpenRig(t)
	a := r.link()
	r.allow(r.client(), a.ID)
	for range 20 {
		got := r.raw("POST /v1/accounts/" + a.ID + "/token HTTP/1.1\r\nHost: dancecard\r\nAccept: text/plain\r\nContent-Length: 2\r\n\r\n{}")
		if !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("%.200q", got)
		}
	}
}
