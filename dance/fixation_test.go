package dance_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"dancecard/dance"
)

// catcher stands where the redirect of a changed request ends, and keeps the
// query.
func catcher(t *testing.T) (*httptest.Server, chan url.Values) {
	caught := make(chan url.Values, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { caught <- r.URL.Query() }))
	t.Cleanup(srv.Close)
	return srv, caught
}

// D36: who listens where the code arrives has a code, and nothing to do with it.
func TestD36SquattersCodeIsUseless(t *testing.T) {
	op, row := start(t)
	squatter, caught := catcher(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := dance.Run(ctx, row, dance.Prompt{Waiting: func(link string, _ error) {
		defer cancel()
		u, err := url.Parse(link)
		if err != nil {
			t.Error(err)
			return
		}
		q := u.Query()
		q.Set("redirect_uri", squatter.URL+"/dancecard/demo")
		u.RawQuery = q.Encode()
		if _, _, err := op.Approve(u.String(), "mira"); err != nil {
			t.Error(err)
			return
		}
		code := (<-caught).Get("code")
		for _, verifier := range []string{"", q.Get("code_challenge"), strings.Repeat("a", 43)} {
			form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {op.ClientID()}, "redirect_uri": {q.Get("redirect_uri")}}
			if verifier != "" {
				form.Set("code_verifier", verifier)
			}
			res, err := http.PostForm(op.Issuer()+op.TokenPath(), form)
			if err != nil {
				t.Error(err)
				return
			}
			var answer struct{ Access_Token, Error string }
			json.NewDecoder(res.Body).Decode(&answer)
			res.Body.Close()
			if answer.Access_Token != "" || answer.Error == "" {
				t.Errorf("the squatter has a token (verifier %q): HTTP %d", verifier, res.StatusCode)
			}
		}
	}}, dance.Request{})
	if !errors.Is(err, dance.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

// D19: the attacker copies the whole request, state included, and finishes it
// as somebody else. The dance says who came back and keeps nothing; that
// account cannot take the place of the one that is linked.
func TestD19AttackersCodeWithOurState(t *testing.T) {
	op, row := start(t)
	mine, err := dance.Run(t.Context(), row, approving(t, op, "mira"), dance.Request{})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := dance.Run(t.Context(), row, dance.Prompt{Waiting: func(link string, _ error) {
		if _, _, err := op.Approve(link, "jo"); err != nil {
			t.Error(err)
		}
	}}, dance.Request{LoginHint: "mira"})
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Identity.Subject == mine.Identity.Subject || theirs.Identity.Name != "Jo Lindqvist" {
		t.Errorf("the dance says that %+v came back", theirs.Identity)
	}
	_, err = dance.Refresh(t.Context(), mine.Link, dance.Registration{}, theirs.Token, nil, mine.Identity)
	if _, ok := errors.AsType[*dance.Invalid](err); !ok {
		t.Errorf("their token refreshed as mine: %v", err)
	}
}

// D19: a code made for a request with our challenge and nonce, but elsewhere,
// is bound to that place.
func TestD19CodeOfACopiedRequest(t *testing.T) {
	op, row := start(t)
	elsewhere, caught := catcher(t)
	_, err := dance.Run(t.Context(), row, dance.Prompt{Waiting: func(link string, _ error) {
		u, err := url.Parse(link)
		if err != nil {
			t.Error(err)
			return
		}
		q := u.Query()
		ours, state := q.Get("redirect_uri"), q.Get("state")
		q.Set("redirect_uri", elsewhere.URL+"/dancecard/demo")
		q.Set("state", "attackers")
		u.RawQuery = q.Encode()
		if _, _, err := op.Approve(u.String(), "jo"); err != nil {
			t.Error(err)
			return
		}
		back := url.Values{"code": {(<-caught).Get("code")}, "state": {state}, "iss": {op.Issuer()}}
		res, err := http.Get(ours + "?" + back.Encode())
		if err != nil {
			t.Error(err)
			return
		}
		res.Body.Close()
	}}, dance.Request{})
	if no, ok := errors.AsType[*dance.Refused](err); !ok || no.Stage != "token" {
		t.Errorf("got %v", err)
	}
}

// D60: another person finishes the link in a browser of their own. Who came
// back is in the result, and nothing of it is anywhere else until the caller
// keeps it.
func TestD60FinishedBySomebodyElse(t *testing.T) {
	op, row := start(t)
	res, err := dance.Run(t.Context(), row, dance.Prompt{
		OpenURL: func(context.Context, string) error { return nil }, // the user's own browser, where nothing happens
		Waiting: func(link string, _ error) {
			if _, body, err := op.Approve(link, "jo"); err != nil || !strings.Contains(body, "waits for your word before it keeps anything") {
				t.Errorf("%v: %s", err, body)
			}
		},
	}, dance.Request{LoginHint: "mira"})
	if err != nil || res.Identity.Name != "Jo Lindqvist" || res.Identity.Unnamed {
		t.Errorf("%+v, %v", res.Identity, err)
	}
	if err := dance.Revoke(t.Context(), res.Link, dance.Registration{}, res.Token); err != nil {
		t.Fatal(err)
	}
	if active, err := op.Introspect(res.Token.Access.Reveal()); err != nil || active {
		t.Errorf("refused by the user, the token lives on: %v, %v", active, err)
	}
}
