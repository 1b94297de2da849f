package dance

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// TimeLimit is how long Run waits for the browser's answer.
const TimeLimit = 10 * time.Minute

const (
	openerGrace   = time.Second     // an opener that fails does so within it
	cancelGrace   = 5 * time.Second // what a cancelled caller waits for a request on its way
	exchangeLimit = time.Minute     // tokens and identity together
)

// Run performs the flow that the row and the request name: authorization code
// with PKCE (RFC 6749, 7636, 8252), device authorization (RFC 8628) or
// OAuth 1.0a (RFC 5849).
//
// If it fails after tokens were received, they are revoked where the row does
// not say that this ends more than the token; where it does, they are in the
// Result beside the error and the caller decides.
func Run(ctx context.Context, p Provider, prompt Prompt, req Request) (Result, error) {
	switch {
	case p.Protocol == "oauth1":
		return runOAuth1(ctx, p, prompt, req)
	case req.Device:
		return runDevice(ctx, p, prompt, req)
	}
	return runCode(ctx, p, prompt, req)
}

func runCode(ctx context.Context, p Provider, prompt Prompt, req Request) (Result, error) {
	d, err := begin(ctx, p, req)
	if err != nil {
		return Result{}, err
	}
	back, err := d.travel(ctx, prompt)
	if err != nil {
		return Result{}, err
	}
	defer back.close()
	if prompt.Exchanging != nil {
		prompt.Exchanging()
	}
	return d.conclude(ctx, func(ctx context.Context) (receipt, error) { return d.exchange(ctx, back.answer) })
}

// dance is one run: what was made up for it and what it asks for.
type dance struct {
	link         Link
	registration Registration
	request      Request
	options      map[string]string // parameters that the user's options set
	proofs       *prover           // nil: the tokens are not bound to a key

	state    string
	nonce    string
	verifier string
}

// begin settles what every flow needs before it speaks to the user: the
// registration, the addresses, what is asked for.
func begin(ctx context.Context, p Provider, req Request) (*dance, error) {
	r := req.Registration
	if r.ClientID == "" {
		r = Registration{ClientID: p.ClientID, ClientSecret: p.ClientSecret, AuthStyle: r.AuthStyle}
	}
	if r.ClientID == "" {
		return nil, ErrNoRegistration
	}
	options, err := p.chosen(req.Options)
	if err != nil {
		return nil, err
	}
	link, meta, err := resolve(ctx, p, r)
	if err != nil {
		return nil, ended(ctx, err)
	}
	link.Resource = req.Resource
	if link.Resource == "" {
		link.Resource = p.Resource
	}
	req.Scopes = scopes(p, req.Scopes, meta.scopes)
	d := &dance{link: link, registration: r, request: req, options: options}
	d.proofs, err = link.bind(req.DPoP)
	return d, err
}

// random is 256 bits as text for a URL.
func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// scopes are the asked ones, the row's, or for OpenID what makes an account:
// who it is, and a refresh token where the provider has offline_access.
func scopes(p Provider, asked, offered []string) []string {
	switch {
	case asked != nil:
		return asked
	case len(p.Scopes) > 0 || !p.oidc():
		return p.Scopes
	}
	standard := []string{"openid", "profile", "email"}
	if slices.Contains(offered, "offline_access") {
		standard = append(standard, "offline_access")
	}
	return standard
}

// travel sends the browser to the provider. A provider that has forgotten a
// pushed request gets a new one, once, with nothing of the first in it.
func (d *dance) travel(ctx context.Context, prompt Prompt) (arrival, error) {
	if d.link.Provider.Endpoints.Authorization == "" {
		return arrival{}, &Invalid{Stage: "authorization", Text: "the provider has no authorization address; sign in with a code on another device"}
	}
	back, err := d.trip(true).run(ctx, prompt)
	if d.forgotten(err) {
		back, err = d.trip(false).run(ctx, prompt)
	}
	if err == nil {
		d.link.RedirectURI = back.redirect
	}
	return back, err
}

// trip makes up what one trip needs.
func (d *dance) trip(renewable bool) trip {
	d.state, d.nonce, d.verifier = random(), random(), oauth2.GenerateVerifier()
	return trip{
		link: d.link, state: d.state, renewable: renewable && d.pushes(),
		address: func(ctx context.Context, redirect string) (string, error) {
			d.link.RedirectURI = redirect
			if !d.pushes() {
				return d.authorization(), nil
			}
			address, err := d.push(ctx)
			if d.plainInstead(err) {
				return d.authorization(), nil
			}
			return address, err
		},
	}
}

// A receipt is what a provider's answer brought: the token, and all values
// beside it, for those rows that say there whose token it is.
type receipt struct {
	token  Token
	values any
}

// conclude gets the tokens and who they speak for. A request on its way is not
// torn off when the caller gives up: its tokens are received and revoked.
func (d *dance) conclude(caller context.Context, get func(context.Context) (receipt, error)) (Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), exchangeLimit)
	defer cancel()
	defer context.AfterFunc(caller, func() {
		timer := time.AfterFunc(cancelGrace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})()
	got, err := get(ctx)
	t := got.token
	if t.Granted == nil {
		t.Granted = d.request.Scopes
	}
	res := Result{Token: t, Link: d.link, Asked: d.request.Scopes}
	if err == nil {
		res.Link.base(got)
		res.Link.Homes = res.Link.homes(ctx)
		res.Identity, err = res.Link.whoIs(ctx, d.registration, got, d.expected())
	}
	if res.Identity.Unnamed { // what did not name its owner now says nothing of the token later
		res.Link.Provider.Endpoints.UserInfo, res.Link.Provider.Identity.URL = "", ""
	}
	if caller.Err() != nil {
		err = ended(caller, nil)
	}
	if err == nil {
		return res, nil
	}
	if t.Access.IsZero() && t.Refresh.IsZero() {
		return Result{}, err
	}
	if d.link.Provider.Revocation.Revokes == "grant" {
		return res, err
	}
	undo, cancelUndo := context.WithTimeout(context.WithoutCancel(caller), cancelGrace)
	defer cancelUndo()
	if Revoke(undo, d.link, d.registration, t) != nil {
		return res, err
	}
	return Result{}, err
}

// expected is what the identity must agree with.
func (d *dance) expected() expected {
	return expected{nonce: d.nonce, maxAge: d.request.MaxAge, acr: d.request.ACRValues, madeUp: d.request.Subject}
}

// ended says how a context ended; err if it has not.
func ended(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ErrExpired
	case ctx.Err() != nil:
		return ErrCancelled
	}
	return err
}
