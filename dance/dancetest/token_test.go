package dancetest_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"dancecard/dance/dancetest"
)

func TestRefreshRotatesAndReplayEndsTheFamily(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	first := g.link("mira")
	other := g.link("mira")
	second := g.mustRefresh(first.RefreshToken)
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Fatal("nothing was rotated")
	}
	g.active(first.RefreshToken, false)
	g.active(second.RefreshToken, true)
	third := g.mustRefresh(second.RefreshToken)

	_, err := g.refresh(first.RefreshToken)
	refused(t, err, "invalid_grant")
	_, err = g.refresh(third.RefreshToken)
	refused(t, err, "invalid_grant")
	g.active(third.AccessToken, false)
	g.active(other.AccessToken, true) // another consent of the same user
	g.mustRefresh(other.RefreshToken)
}

func TestRefreshGrace(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{RefreshGrace: time.Hour}))
	tok := g.link("mira")
	lost := g.mustRefresh(tok.RefreshToken)
	again := g.mustRefresh(tok.RefreshToken)
	g.active(lost.AccessToken, true)
	g.mustRefresh(again.RefreshToken)
}

func TestRevocation(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	tok, other := g.link("mira"), g.link("mira")
	newer := g.mustRefresh(tok.RefreshToken)
	if s := g.revoke(newer.AccessToken); s != http.StatusOK {
		t.Fatal(s)
	}
	g.active(newer.AccessToken, false)
	g.active(newer.RefreshToken, true)
	if s := g.revoke(newer.RefreshToken); s != http.StatusOK {
		t.Fatal(s)
	}
	g.active(newer.RefreshToken, false)
	g.active(tok.AccessToken, false) // of the same grant
	g.active(other.AccessToken, true)
	if _, err := g.userinfo(tok.AccessToken); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("userinfo with a revoked token: %v", err)
	}
	if s := g.revoke("never-seen"); s != http.StatusOK {
		t.Errorf("an unknown token was answered %d (RFC 7009 section 2.2)", s)
	}
}

func TestIntrospectionNeedsItsClient(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	tok := g.link("jo")
	g.active(tok.AccessToken, true)
	g.active("never-seen", false)
	ask := func(id, secret string) int {
		r, _ := http.NewRequest("POST", g.p.Issuer()+g.p.IntrospectionPath(), strings.NewReader("token="+tok.AccessToken))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(id, secret)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	id, secret := g.p.IntrospectionClient()
	if s := ask(id, secret); s != http.StatusOK {
		t.Error(s)
	}
	if s := ask(id, "guess"); s != http.StatusUnauthorized {
		t.Error("a wrong secret may ask:", s)
	}
	if s := ask(g.p.ClientID(), ""); s != http.StatusUnauthorized {
		t.Error("the public client may ask:", s)
	}
}

func TestAccessTokensExpire(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{AccessTokenLifetime: time.Millisecond}))
	tok := g.link("jo")
	if tok.ExpiresIn != 1 {
		t.Errorf("expires_in is %d", tok.ExpiresIn)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if active, err := g.p.Introspect(tok.AccessToken); err != nil || time.Now().After(deadline) {
			t.Fatal("the token never expires", err)
		} else if !active {
			break
		}
	}
	g.active(tok.RefreshToken, true)

	long := newProgram(t, start(t, dancetest.Options{}))
	tok = long.link("jo")
	if err := long.p.ExpireAccessTokens(); err != nil {
		t.Fatal(err)
	}
	long.active(tok.AccessToken, false)
	long.active(long.mustRefresh(tok.RefreshToken).AccessToken, true)
}

func TestEndGrants(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	mira, jo := g.link("mira"), g.link("jo")
	if n, err := g.p.EndGrants("mira"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	_, err := g.refresh(mira.RefreshToken)
	refused(t, err, "invalid_grant")
	g.mustRefresh(jo.RefreshToken)
}

func TestNoOfflineAccessNoRefreshToken(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	g.config.Scopes = []string{"openid", "unknown.scope"}
	tok := g.link("mira")
	if tok.RefreshToken != "" || tok.Extra("scope") != "openid" {
		t.Errorf("refresh token %v, scope %v", tok.RefreshToken != "", tok.Extra("scope"))
	}
}

func TestFaults(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	tok := g.link("mira")
	path := g.p.TokenPath()

	g.p.Fault(path, 2, dancetest.Unavailable(3*time.Second))
	g.p.Fault(path, 1, dancetest.CaptivePortal())
	for range 2 {
		_, err := g.refresh(tok.RefreshToken)
		if e, ok := err.(*oauth2.RetrieveError); !ok || e.Response.StatusCode != 503 || e.Response.Header.Get("Retry-After") != "3" {
			t.Fatal(err)
		}
	}
	if _, err := g.refresh(tok.RefreshToken); err == nil {
		t.Fatal("a captive portal gave a token")
	}
	tok = g.mustRefresh(tok.RefreshToken)

	g.p.Fault(path, -1, dancetest.OAuthError("invalid_client"))
	for range 3 {
		_, err := g.refresh(tok.RefreshToken)
		refused(t, err, "invalid_client")
	}
	g.p.ClearFaults()
	tok = g.mustRefresh(tok.RefreshToken)

	g.p.Rewrite(path, 1, func(a *dancetest.Answer) {
		a.Body = []byte(strings.Replace(string(a.Body), `"expires_in":120`, `"expires_in":7`, 1))
	})
	if tok = g.mustRefresh(tok.RefreshToken); tok.ExpiresIn != 7 {
		t.Errorf("the rewritten expires_in is %d", tok.ExpiresIn)
	}

	g.p.FaultAfter(path, 1, dancetest.DropConnection())
	if _, err := g.refresh(tok.RefreshToken); err == nil {
		t.Fatal("a dropped connection gave a token")
	}
	g.active(tok.RefreshToken, false) // the provider did rotate
}

func TestLostAnswerWithinTheGrace(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{RefreshGrace: time.Hour}))
	tok := g.link("mira")
	g.p.FaultAfter(g.p.TokenPath(), 1, dancetest.DropConnection())
	if _, err := g.refresh(tok.RefreshToken); err == nil {
		t.Fatal("a dropped connection gave a token")
	}
	g.mustRefresh(tok.RefreshToken)
}

func TestHoldAndRequests(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	tok := g.link("mira")
	path := g.p.TokenPath()
	release := g.p.Hold(path)
	done := make(chan error, 1)
	go func() {
		_, err := g.refresh(tok.RefreshToken)
		done <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !g.p.Await(ctx, path, 2) {
		t.Fatal("the request did not arrive")
	}
	last := g.p.Requests()[len(g.p.Requests())-1]
	if last.Status != 0 || last.Form["grant_type"] != "refresh_token" || last.Form["refresh_token"] != tok.RefreshToken {
		t.Errorf("held request: %+v", last)
	}
	g.active(tok.RefreshToken, true) // not spent yet
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, r := range g.p.Requests() {
		if _, ok := r.Form["password"]; ok {
			t.Error("a password was recorded")
		}
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if g.p.Await(ended, path, 99) {
		t.Error("Await says that 99 requests came")
	}
}

func TestRotateKey(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	old := g.link("mira").Extra("id_token").(string)
	if err := g.p.RotateKey(); err != nil {
		t.Fatal(err)
	}
	v := g.oidc.Verifier(&oidc.Config{ClientID: g.p.ClientID()})
	for _, raw := range []string{old, g.link("mira").Extra("id_token").(string)} {
		if _, err := v.Verify(t.Context(), raw); err != nil {
			t.Error(err)
		}
	}
}

func TestStopAndRestart(t *testing.T) {
	g := newProgram(t, start(t, dancetest.Options{}))
	tok := g.link("mira")
	if err := g.p.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(g.p.Issuer(), "http://")); err == nil {
		t.Fatal("somebody still listens")
	}
	if err := g.p.Restart(); err != nil {
		t.Fatal(err)
	}
	g.active(tok.AccessToken, true)
	g.mustRefresh(tok.RefreshToken)
}

func TestStateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	g := newProgram(t, start(t, dancetest.Options{StateFile: file}))
	tok, gone := g.link("mira"), g.link("jo")
	g.revoke(gone.RefreshToken)
	tok = g.mustRefresh(tok.RefreshToken)
	issuer := g.p.Issuer()
	_, secret := g.p.IntrospectionClient()
	g.p.Stop() // as if killed: nothing is written at the end

	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal("state file:", info.Mode(), err)
	}
	g.p = start(t, dancetest.Options{StateFile: file})
	if g.p.Issuer() != issuer {
		t.Fatalf("the issuer moved from %s to %s", issuer, g.p.Issuer())
	}
	if _, s := g.p.IntrospectionClient(); s != secret {
		t.Error("the introspection secret changed")
	}
	g.active(tok.AccessToken, true)
	g.active(gone.AccessToken, false)
	g.mustRefresh(tok.RefreshToken)
	if _, err := g.oidc.Verifier(&oidc.Config{ClientID: g.p.ClientID()}).Verify(t.Context(), tok.Extra("id_token").(string)); err != nil {
		t.Error("the signing key changed:", err)
	}

	os.WriteFile(file, []byte("{"), 0o600)
	if _, err := dancetest.Start(dancetest.Options{StateFile: file}); err == nil {
		t.Error("a broken state file was accepted")
	}
}

func TestLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "127.0.0.1"} {
		if _, err := dancetest.Start(dancetest.Options{Addr: addr}); err == nil {
			t.Errorf("%s was accepted", addr)
		}
	}
	p := start(t, dancetest.Options{})
	r, _ := http.NewRequest("GET", p.Issuer()+p.DiscoveryPath(), nil)
	r.Host = "example.test"
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusMisdirectedRequest {
		t.Error("another host name was answered", err)
	}
}
