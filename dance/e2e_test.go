package dance_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"dancecard/dance"
	"dancecard/dance/dancetest"
)

func start(t *testing.T) (*dancetest.Provider, dance.Provider) {
	t.Helper()
	op, err := dancetest.Start(dancetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { op.Close() })
	return op, dance.Provider{ID: "demo", Name: "Demo", Issuer: op.Issuer(), ClientID: op.ClientID()}
}

// approving is the prompt of a user who says yes.
func approving(t *testing.T, op *dancetest.Provider, user string) dance.Prompt {
	return dance.Prompt{OpenURL: func(_ context.Context, start string) error {
		status, body, err := op.Approve(start, user)
		if err != nil || status != 200 || !strings.Contains(body, "Demo said yes") {
			t.Errorf("the browser ended at %d, %v: %s", status, err, body)
		}
		return err
	}}
}

func TestRunAgainstProvider(t *testing.T) {
	op, row := start(t)
	res, err := dance.Run(t.Context(), row, approving(t, op, "mira"), dance.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Identity.Issuer != op.Issuer() || res.Identity.Subject == "" || res.Identity.Name != "Mira Okafor" || res.Identity.Email != "mira@example.test" {
		t.Errorf("identity %+v", res.Identity)
	}
	if res.Token.Refresh.IsZero() || res.Token.ID.IsZero() || res.Token.Expiry.IsZero() {
		t.Errorf("token %+v", res.Token)
	}
	if !res.Link.IssParam || !res.Link.ChallengeKnown {
		t.Errorf("link %+v", res.Link)
	}

	who, err := dance.Probe(t.Context(), res.Link, dance.Registration{}, res.Token)
	if err != nil || who.Subject != res.Identity.Subject {
		t.Errorf("probe: %+v, %v", who, err)
	}
	fresh, err := dance.Refresh(t.Context(), res.Link, dance.Registration{}, dance.Token{Refresh: res.Token.Refresh}, nil, res.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Refresh.IsZero() || fresh.Refresh.Equal(res.Token.Refresh) || fresh.Access.Equal(res.Token.Access) {
		t.Error("nothing new came of the refresh")
	}
	if err := dance.Revoke(t.Context(), res.Link, dance.Registration{}, fresh); err != nil {
		t.Fatal(err)
	}
	if active, err := op.Introspect(fresh.Access.Reveal()); err != nil || active {
		t.Errorf("after revocation: active %v, %v", active, err)
	}
	_, err = dance.Refresh(t.Context(), res.Link, dance.Registration{}, dance.Token{Refresh: fresh.Refresh}, nil, res.Identity)
	if no, ok := errors.AsType[*dance.Refused](err); !ok || !no.GrantEnded() {
		t.Errorf("refresh after revocation: %v", err)
	}
	_, err = dance.Probe(t.Context(), res.Link, dance.Registration{}, fresh)
	if no, ok := errors.AsType[*dance.Refused](err); !ok || no.Code != "invalid_token" {
		t.Errorf("probe after revocation: %v", err)
	}
	if u := dance.EndSessionURL(res.Link, fresh.ID); !strings.HasPrefix(u, op.Issuer()) {
		t.Errorf("end session at %q", u)
	}
}

func TestRunDenied(t *testing.T) {
	op, row := start(t)
	_, err := dance.Run(t.Context(), row, dance.Prompt{OpenURL: func(_ context.Context, start string) error {
		status, body, err := op.Deny(start, "jo")
		if err != nil || status != 200 || !strings.Contains(body, "Demo said no") || !strings.Contains(body, "access_denied") {
			t.Errorf("the browser ended at %d, %v: %s", status, err, body)
		}
		return err
	}}, dance.Request{})
	if no, ok := errors.AsType[*dance.Refused](err); !ok || no.Code != "access_denied" || no.Stage != "authorization" {
		t.Errorf("got %v", err)
	}
}

// connected is a link of a user who has just said yes.
func connected(t *testing.T) (*dancetest.Provider, dance.Result) {
	t.Helper()
	op, row := start(t)
	res, err := dance.Run(t.Context(), row, approving(t, op, "jo"), dance.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return op, res
}

func refresh(t *testing.T, res dance.Result) (dance.Token, error) {
	return dance.Refresh(t.Context(), res.Link, dance.Registration{}, dance.Token{Refresh: res.Token.Refresh}, nil, res.Identity)
}

func TestProviderTroubleCostsNoSignIn(t *testing.T) {
	op, res := connected(t)
	op.Fault(op.TokenPath(), 1, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) })
	_, err := refresh(t, res)
	if f, ok := errors.AsType[*dance.Failed](err); !ok || !f.Answered || f.Status != 503 {
		t.Errorf("503: %v", err)
	}
	if err := op.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err = refresh(t, res)
	if f, ok := errors.AsType[*dance.Failed](err); !ok || f.Answered || !f.Offline {
		t.Errorf("stopped: %v", err)
	}
	err = dance.Revoke(t.Context(), res.Link, dance.Registration{}, res.Token)
	if _, ok := errors.AsType[*dance.Failed](err); !ok {
		t.Errorf("revocation while stopped: %v", err)
	}
	if err := op.Restart(); err != nil {
		t.Fatal(err)
	}
	if tok, err := refresh(t, res); err != nil || tok.Refresh.IsZero() {
		t.Errorf("afterwards: %v", err)
	}
}

func TestR9GrantEndedAtTheProvider(t *testing.T) {
	op, res := connected(t)
	if _, err := op.EndGrants("jo"); err != nil {
		t.Fatal(err)
	}
	_, err := refresh(t, res)
	if no, ok := errors.AsType[*dance.Refused](err); !ok || !no.GrantEnded() || no.RegistrationDead() {
		t.Errorf("got %v", err)
	}
}

func TestO24KeyRotation(t *testing.T) {
	op, res := connected(t)
	if err := op.RotateKey(); err != nil {
		t.Fatal(err)
	}
	if tok, err := refresh(t, res); err != nil || tok.ID.IsZero() {
		t.Errorf("after a rotation: %v, ID token %v", err, tok.ID)
	}
}

func TestO40ReconnectAsAnother(t *testing.T) {
	op, res := connected(t)
	again, err := dance.Run(t.Context(), res.Link.Provider, approving(t, op, "mira"), dance.Request{Registration: dance.Registration{ClientID: res.Link.ClientID}})
	if err != nil || again.Identity.Subject == res.Identity.Subject {
		t.Errorf("%+v, %v", again.Identity, err)
	}
}

// A link is stored as JSON and must come back whole.
func TestLinkSurvivesStorage(t *testing.T) {
	_, res := connected(t)
	data, err := json.Marshal(res.Link)
	if err != nil {
		t.Fatal(err)
	}
	var back dance.Link
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, res.Link) {
		t.Errorf("stored %s", data)
	}
	res.Link = back
	if _, err := refresh(t, res); err != nil {
		t.Error(err)
	}
}
