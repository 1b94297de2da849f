package dance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"dancecard/internal/secret"
)

// tokenCall is one request to the token endpoint and, as an http.RoundTripper,
// the transport that golang.org/x/oauth2 makes it on. x/oauth2 is handed one
// canonical JSON answer; what the caller gets is token and err.
type tokenCall struct {
	client      *client
	stage       string
	provider    Provider
	params      url.Values // added to the request's form
	refreshable bool       // there is a refresh token already

	token    Token
	salvaged secret.String // refresh token of an answer that was not accepted
	err      error
}

// config is x/oauth2's view of a link.
func config(l Link, r Registration, tokenURL string) *oauth2.Config {
	c := &oauth2.Config{
		ClientID:    r.ClientID,
		RedirectURL: l.RedirectURI,
		Endpoint: oauth2.Endpoint{
			AuthURL:   l.Provider.Endpoints.Authorization,
			TokenURL:  tokenURL,
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
	switch l.AuthStyle {
	case AuthBasic:
		c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		c.ClientSecret = r.ClientSecret.Reveal()
	case AuthPost:
		c.ClientSecret = r.ClientSecret.Reveal()
	}
	return c
}

// over puts the call under x/oauth2.
func (c *tokenCall) over(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: c})
}

// result is the call's outcome. Where it failed, the token holds the refresh
// token that could be saved and nothing else.
func (c *tokenCall) result(err error) (Token, error) {
	switch {
	case c.err != nil:
		return Token{Refresh: c.salvaged}, c.err
	case err != nil: // x/oauth2 made no request, or did not take the answer we made
		return Token{Refresh: c.token.Refresh}, &Failed{Stage: c.stage, Text: "the request could not be made"}
	}
	return c.token, nil
}

// RoundTrip implements http.RoundTripper.
func (c *tokenCall) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := c.exchange(req)
	if err != nil {
		c.err = err
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(bytes.NewReader(body)),
	}, nil
}

func (c *tokenCall) exchange(given *http.Request) ([]byte, error) {
	form, secrets, err := c.form(given)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, given.URL.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, &Failed{Stage: c.stage, Text: "the token address cannot be used", Offline: true}
	}
	req.Header = given.Header.Clone()
	req.Header.Set("Accept", "application/json")
	q := c.provider.Quirks
	a, err := c.client.send(given.Context(), c.stage, req)
	if err == nil {
		c.token, err = c.read(a, secrets)
	}
	if err != nil {
		if a.status/100 == 2 {
			c.salvaged = salvage(a.body, q.FormAnswer, q.Nested)
		}
		return nil, err
	}
	return json.Marshal(map[string]any{
		"access_token": c.token.Access.Reveal(), "token_type": "Bearer", "expires_in": 3600,
	})
}

// form is what x/oauth2 wrote, with the call's own parameters, and the secret
// values in it.
func (c *tokenCall) form(given *http.Request) (url.Values, []string, error) {
	defer given.Body.Close()
	body, err := io.ReadAll(given.Body)
	if err != nil {
		return nil, nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, nil, err
	}
	for name, v := range c.params {
		if !form.Has(name) {
			form[name] = v
		}
	}
	var secrets []string
	for _, name := range []string{"client_secret", "code", "code_verifier", "refresh_token", "token"} {
		secrets = append(secrets, form.Get(name))
	}
	if _, password, ok := given.BasicAuth(); ok {
		secrets = append(secrets, password)
	}
	return form, secrets, nil
}

func (c *tokenCall) read(a answer, secrets []string) (Token, error) {
	q := c.provider.Quirks
	doc, err := document(a, q.FormAnswer)
	if err := judge(c.stage, a, doc, q, secrets); err != nil {
		return Token{}, err
	}
	if err != nil {
		return Token{}, odd(c.stage, a, err)
	}
	t, err := readToken(doc, q, a.sent, c.provider.ScopeSeparator, c.refreshable)
	if err != nil {
		return Token{}, odd(c.stage, a, err)
	}
	return t, nil
}

func odd(stage string, a answer, err error) *Failed {
	return &Failed{Stage: stage, Status: a.status, Answered: true,
		Text: "the provider's answer cannot be used: " + err.Error()}
}

// judge finds the error in an answer. 5xx, 429 and answers that are not the
// provider's own words (a captive portal) may pass; only a code in a 4xx, or
// in a 200 without a token, is a refusal. doc is nil if it could not be read.
func judge(stage string, a answer, doc map[string]any, q Quirks, secrets []string) error {
	failed := &Failed{Stage: stage, Status: a.status, Answered: true, RetryAfter: retryAfter(a.header, time.Now())}
	code := stringAt(doc, "error")
	denied, _ := doc["ok"].(bool)
	_, says := doc["ok"].(bool)
	switch {
	case a.status >= 300 && a.status <= 399:
		failed.Text = "the provider answered with a redirect, which is not followed"
	case a.status == http.StatusTooManyRequests || code == "slow_down":
		failed.Text = "the provider asks for fewer requests"
	case a.status >= 500 || code == "server_error" || code == "temporarily_unavailable":
		failed.Text = fmt.Sprintf("the provider is in trouble (HTTP %d)", max(a.status, 200))
	case a.status >= 400 && code == "":
		failed.Text = fmt.Sprintf("the provider answered HTTP %d without saying why", a.status)
	case a.status >= 400,
		code != "" && doc["access_token"] == nil,
		q.ErrorsIn200 && (code != "" || says && !denied):
		return refused(stage, code, stringAt(doc, "error_description"), a.status, secrets...)
	case a.status < 200 || a.status > 299:
		failed.Text = fmt.Sprintf("the provider answered HTTP %d", a.status)
	case code != "":
		failed.Text = "the provider's answer holds an error and a token"
	default:
		return nil
	}
	return failed
}

// exchange turns the code into tokens (RFC 6749 section 4.1.3).
func (l Link) exchange(ctx context.Context, r Registration, code, verifier string) (Token, error) {
	call := &tokenCall{client: newClient(l.Provider), stage: "token", provider: l.Provider, params: tokenParams(l.Provider)}
	var opts []oauth2.AuthCodeOption
	if l.Provider.PKCE != "off" {
		opts = append(opts, oauth2.VerifierOption(verifier))
	}
	_, err := config(l, r, l.Provider.Endpoints.Token).Exchange(call.over(ctx), code, opts...)
	return call.result(err)
}

func tokenParams(p Provider) url.Values {
	v := url.Values{}
	for name, value := range p.TokenParams {
		v.Set(name, value)
	}
	return v
}

// isInvalid reports an error that makes a received token unfit to keep.
func isInvalid(err error) bool {
	_, ok := errors.AsType[*Invalid](err)
	return ok
}
