package dance

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"dancecard/internal/secret"
)

// oauthType is Token.Type of OAuth 1.0a.
const oauthType = "OAuth"

// runOAuth1 is the three-legged flow of OAuth 1.0a (RFC 5849 section 2). The
// token has no expiry and nothing refreshes it.
func runOAuth1(ctx context.Context, p Provider, prompt Prompt, req Request) (Result, error) {
	d, err := begin(ctx, p, req)
	if err != nil {
		return Result{}, err
	}
	if _, err := d.link.consumer(d.registration); err != nil {
		return Result{}, err
	}
	d.state = random()
	legs := &oauth1Legs{dance: d}
	back, err := trip{link: d.link, state: d.state, address: legs.address, judge: legs.judge}.run(ctx, prompt)
	if err != nil {
		return Result{}, err
	}
	d.link.RedirectURI = back.redirect
	defer back.close()
	if prompt.Exchanging != nil {
		prompt.Exchanging()
	}
	return d.conclude(ctx, func(ctx context.Context) (receipt, error) { return legs.exchange(ctx, back.answer) })
}

// oauth1Legs is one dance with OAuth 1.0a.
type oauth1Legs struct {
	dance *dance

	mu      sync.Mutex               // guards the fields that follow
	token   string                   // of the temporary credentials; a newer one replaces it
	secrets map[string]secret.String // of all of them, by token: an answer may have come before the newer one
}

// address asks for temporary credentials (RFC 5849 section 2.1) and says where
// the user approves them (section 2.2).
func (o *oauth1Legs) address(ctx context.Context, redirect string) (string, error) {
	d := o.dance
	config, err := d.link.consumer(d.registration)
	if err != nil {
		return "", err
	}
	config.CallbackURL = callbackURL(redirect, d.state)
	call := &oauth1Call{ctx: ctx, client: newClient(d.link.Provider), stage: "authorization", confirmed: true,
		secrets: []string{d.registration.ClientSecret.Reveal()}}
	config.HTTPClient = &http.Client{Transport: call}
	token, shared, err := config.RequestToken()
	if err := call.outcome(err); err != nil {
		return "", err
	}
	o.mu.Lock()
	o.token = token
	if o.secrets == nil {
		o.secrets = map[string]secret.String{}
	}
	o.secrets[token] = secret.New(shared)
	o.mu.Unlock()
	u, err := config.AuthorizationURL(token)
	if err != nil {
		return "", &Invalid{Stage: "authorization", Text: "the authorization address cannot be used"}
	}
	q := u.Query()
	if p := d.link.Provider; len(d.request.Scopes) > 0 {
		q.Set(scopeParam(p), joinScopes(p, d.request.Scopes))
	}
	for _, params := range []map[string]string{d.options, d.link.Provider.OAuth1.Params} {
		for name, v := range params {
			if !q.Has(name) {
				q.Set(name, v)
			}
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// callbackURL carries the state, which OAuth 1.0a has no place for. Without an
// address the provider shows the verifier on a page ("oob").
func callbackURL(redirect, state string) string {
	u, err := url.Parse(redirect)
	switch {
	case redirect == "":
		return "oob"
	case err != nil || u.Host == "":
		return redirect
	}
	q := u.Query()
	q.Set("state", state)
	u.RawQuery = q.Encode()
	return u.String()
}

// judge reads an answer whose state is right: it must speak of our temporary
// credentials. A "no" comes as denied, as oauth_problem, or as a verifier of
// that word.
func (o *oauth1Legs) judge(values url.Values) (callback, page, bool) {
	o.mu.Lock()
	token := o.token
	o.mu.Unlock()
	name := o.dance.link.Provider.Name
	verifier, problem := values.Get("oauth_verifier"), clean(values.Get("oauth_problem"), codeLength)
	given := values.Get("oauth_token")
	switch denied := values.Get("denied"); {
	case verifier == "denied":
		problem = "user_refused"
	case denied != "":
		problem, given = "user_refused", denied
	}
	if token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return callback{}, page{}, false
	}
	if problem != "" {
		no := refused("authorization", problemCode(problem, "access_denied"), "", 0)
		return callback{err: no}, page{Kind: "refused", Provider: name, Code: no.Code}, true
	}
	if verifier == "" || !tokenText(verifier) {
		return callback{}, page{}, false
	}
	return callback{code: verifier, values: values}, page{Kind: "done", Provider: name}, true
}

// exchange gets the token for the verifier (RFC 5849 section 2.3), with the
// credentials that the answer speaks of; a pasted verifier names none.
func (o *oauth1Legs) exchange(ctx context.Context, answer callback) (receipt, error) {
	d := o.dance
	config, err := d.link.consumer(d.registration)
	if err != nil {
		return receipt{}, err
	}
	verifier := answer.code
	o.mu.Lock()
	token := cmp.Or(answer.values.Get("oauth_token"), o.token)
	shared := o.secrets[token]
	o.mu.Unlock()
	call := &oauth1Call{ctx: ctx, client: newClient(d.link.Provider), stage: "token",
		secrets: []string{d.registration.ClientSecret.Reveal(), token, shared.Reveal(), verifier}}
	config.HTTPClient = &http.Client{Transport: call}
	access, own, err := config.AccessToken(token, shared.Reveal(), verifier)
	if err := call.outcome(err); err != nil {
		return receipt{}, err
	}
	rest := map[string]any{}
	for name, v := range call.doc {
		if !strings.HasPrefix(name, "oauth_") {
			rest[name] = v
		}
	}
	return receipt{values: rest, token: Token{
		Access: secret.New(access), Secret: secret.New(own), Type: oauthType, Extra: extra(rest)}}, nil
}

// oauth1Call is one request for credentials: the transport under the library,
// which is handed one canonical form. It implements http.RoundTripper.
type oauth1Call struct {
	ctx       context.Context
	client    *client
	stage     string
	confirmed bool // the answer must confirm the callback
	secrets   []string

	doc map[string]any
	err error
}

// RoundTrip implements http.RoundTripper.
func (c *oauth1Call) RoundTrip(req *http.Request) (*http.Response, error) {
	a, err := c.client.send(c.ctx, c.stage, req)
	if err == nil {
		c.doc, err = c.read(a)
	}
	if err != nil {
		c.err = err
		return nil, err
	}
	form := url.Values{"oauth_callback_confirmed": {"true"}}
	for _, name := range []string{"oauth_token", "oauth_token_secret"} {
		form.Set(name, stringAt(c.doc, name))
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: req, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(form.Encode())),
	}, nil
}

// outcome is what went wrong, in our words: the library's quote bodies.
func (c *oauth1Call) outcome(err error) error {
	if c.err != nil {
		return c.err
	}
	if err != nil {
		return &Failed{Stage: c.stage, Text: "the request could not be made"}
	}
	return nil
}

// read takes a form, whatever its content type says: providers of this age
// call it text/html.
func (c *oauth1Call) read(a answer) (map[string]any, error) {
	doc, err := parseForm(string(a.body))
	if a.status/100 != 2 {
		return nil, judge1(c.stage, a, doc, c.secrets)
	}
	if err != nil {
		return nil, odd(c.stage, a, err)
	}
	for _, name := range []string{"oauth_token", "oauth_token_secret"} {
		if v := stringAt(doc, name); v == "" || !tokenText(v) {
			return nil, odd(c.stage, a, errors.New("it holds no usable "+name))
		}
	}
	if c.confirmed && stringAt(doc, "oauth_callback_confirmed") != "true" {
		return nil, &Invalid{Stage: c.stage, Text: "the provider does not confirm where it sends its answer, so somebody else could get it; it speaks OAuth 1.0 without the correction of 1.0a"}
	}
	return doc, nil
}

// problem1 is what the extension "OAuth Problem Reporting" has few providers
// say, in the body or the challenge; or "".
func problem1(h http.Header, doc map[string]any) string {
	problem := stringAt(doc, "oauth_problem")
	for _, c := range challenges(h) {
		if problem == "" && c.scheme == "oauth" {
			problem = c.params["oauth_problem"]
		}
	}
	return problem
}

// judge1 finds the error in an answer.
func judge1(stage string, a answer, doc map[string]any, secrets []string) error {
	problem := problem1(a.header, doc)
	failed := &Failed{Stage: stage, Status: a.status, Answered: true, RetryAfter: retryAfter(a.header, time.Now()),
		Text: fmt.Sprintf("the provider answered HTTP %d", a.status)}
	general := "invalid_client" // before there is a token, the registration is all that can be wrong
	if stage != "authorization" {
		general = "invalid_grant"
	}
	switch {
	case a.status >= 300 && a.status <= 399:
		failed.Text = "the provider answered with a redirect, which is not followed"
	case a.status >= 400 && a.status < 500 && problem != "":
		return refused(stage, problemCode(problem, problem), "", a.status, secrets...)
	case a.status == http.StatusUnauthorized:
		return &Refused{Stage: stage, Code: general, Status: a.status,
			Description: "it may also be this machine's clock, which must be right to sign"}
	}
	return failed
}

// problemCode puts the extension's words into OAuth 2.0's.
func problemCode(problem, otherwise string) string {
	switch problem {
	case "consumer_key_unknown", "consumer_key_rejected", "consumer_key_refused", "signature_invalid", "signature_method_rejected":
		return "invalid_client"
	case "user_refused", "permission_denied":
		return "access_denied"
	case "token_rejected", "token_revoked", "token_expired", "token_used", "verifier_invalid", "permission_unknown":
		return "invalid_grant"
	}
	return otherwise
}
