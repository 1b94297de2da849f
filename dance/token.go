package dance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

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
	proofs      *prover    // nil: the token is not bound to a key

	answer   answer // as it came
	token    Token
	values   any           // the whole answer
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
	q := c.provider.Quirks
	req, err := formRequest(given.URL.String(), form, q.bodyKind(), given.Header.Get("Authorization"))
	if err != nil {
		return nil, &Failed{Stage: c.stage, Text: "the token address cannot be used", Offline: true}
	}
	a, err := c.proofs.send(given.Context(), c.client, c.stage, req, secret.String{})
	c.answer = a
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
	for _, name := range []string{"client_secret", "code", "code_verifier", "refresh_token", "token", "device_code"} {
		secrets = append(secrets, form.Get(name))
	}
	rename(form, "client_id", c.provider.clientIDParam())
	rename(form, "client_secret", c.provider.secretParam())
	if _, password, ok := given.BasicAuth(); ok {
		secrets = append(secrets, password)
	}
	return form, secrets, nil
}

// bodyKind is the content type of token requests.
func (q Quirks) bodyKind() string {
	if q.JSONBody {
		return jsonKind
	}
	return formKind
}

func rename(form url.Values, from, to string) {
	if v, ok := form[from]; ok && from != to {
		delete(form, from)
		form[to] = v
	}
}

const (
	formKind = "application/x-www-form-urlencoded"
	jsonKind = "application/json"
)

// formRequest posts a form, or the same values as JSON, with the client's
// Authorization header if it has one.
func formRequest(address string, form url.Values, kind, credentials string) (*http.Request, error) {
	body := form.Encode()
	if kind == jsonKind {
		body = jsonBody(form)
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", jsonKind)
	if credentials != "" {
		req.Header.Set("Authorization", credentials)
	}
	return req, nil
}

// jsonBody is a form as an object of strings.
func jsonBody(form url.Values) string {
	object := map[string]string{}
	for name := range form {
		object[name] = form.Get(name)
	}
	body, err := json.Marshal(object)
	if err != nil {
		return "{}"
	}
	return string(body)
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
	if err == nil {
		err = c.bound(&t)
	}
	if err != nil {
		return Token{}, odd(c.stage, a, err)
	}
	if !c.provider.oidc() {
		t.ID = secret.String{} // nobody could check it
	}
	c.values = doc
	return t, nil
}

// bound compares the token's type with what was asked for. A provider that
// answers a proof with a bearer token may still have bound the refresh token
// to the key (RFC 9449 section 5), so the key is kept.
func (c *tokenCall) bound(t *Token) error {
	switch {
	case c.proofs == nil && t.Type == dpopType:
		return errors.New("its token is bound to a key, which was not asked for")
	case c.proofs == nil:
		return nil
	case t.Type != dpopType && c.provider.DPoP == "required":
		return errors.New("its token is not bound to our key (DPoP)")
	}
	t.Key = c.proofs.key
	return nil
}

func odd(stage string, a answer, err error) *Failed {
	return &Failed{Stage: stage, Status: a.status, Answered: true,
		Text: "the provider's answer cannot be used: " + err.Error()}
}

// exchange turns the code into tokens (RFC 6749 section 4.1.3), at the host
// that the answer named if the row believes it.
func (d *dance) exchange(ctx context.Context, answer callback) (receipt, error) {
	if err := d.link.move(answer.values); err != nil {
		return receipt{}, &Invalid{Stage: "authorization", Text: err.Error()}
	}
	p := d.link.Provider
	call := &tokenCall{client: newClient(p), stage: "token", provider: p, params: tokenParams(p), proofs: d.proofs}
	if d.link.Resource != "" {
		call.params.Set("resource", d.link.Resource)
	}
	var opts []oauth2.AuthCodeOption
	if p.PKCE != "off" {
		opts = append(opts, oauth2.VerifierOption(d.verifier))
	}
	_, err := config(d.link, d.registration, p.Endpoints.Token).Exchange(call.over(ctx), answer.code, opts...)
	t, err := call.result(err)
	t.keep(p.Redirect.Keep, answer.values)
	return receipt{token: t, values: call.values}, err
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
