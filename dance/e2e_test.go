package dance_test

import (
	"context"
	"errors"
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

	who, err := dance.Probe(t.Context(), res.Link, res.Token.Access)
	if err != nil || who.Subject != res.Identity.Subject {
		t.Errorf("probe: %+v, %v", who, err)
	}
	fresh, err := dance.Refresh(t.Context(), res.Link, dance.Registration{}, res.Token.Refresh, nil, res.Identity)
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
	_, err = dance.Refresh(t.Context(), res.Link, dance.Registration{}, fresh.Refresh, nil, res.Identity)
	if no, ok := errors.AsType[*dance.Refused](err); !ok || !no.GrantEnded() {
		t.Errorf("refresh after revocation: %v", err)
	}
	_, err = dance.Probe(t.Context(), res.Link, fresh.Access)
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
