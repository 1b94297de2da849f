package dance

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// Run performs the authorization code flow with PKCE (RFC 6749, 7636, 8252).
//
// If it fails after tokens were received, they are revoked where the row does
// not say that this ends more than the token; where it does, they are in the
// Result beside the error and the caller decides.
func Run(ctx context.Context, p Provider, prompt Prompt, req Request) (Result, error) {
	r := req.Registration
	if r.ClientID == "" {
		r = Registration{ClientID: p.ClientID, ClientSecret: p.ClientSecret, AuthStyle: r.AuthStyle}
	}
	if r.ClientID == "" {
		return Result{}, ErrNoRegistration
	}
	link, meta, err := resolve(ctx, p, r)
	if err != nil {
		return Result{}, ended(ctx, err)
	}
	req.Scopes = scopes(p, req.Scopes, meta.scopes)
	d := &dance{link: link, registration: r, request: req, state: random(), nonce: random(), verifier: oauth2.GenerateVerifier()}
	back, err := d.wait(ctx, prompt)
	if err != nil {
		return Result{}, err
	}
	defer back.close()
	if prompt.Exchanging != nil {
		prompt.Exchanging()
	}
	return d.finish(ctx, back.answer.code)
}

// dance is one run: what was made up for it and what it asks for.
type dance struct {
	link         Link
	registration Registration
	request      Request
	state        string
	nonce        string
	verifier     string
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

// arrival is the answer that the listener took, with the listener, which
// still stands for the browser's sake.
type arrival struct {
	answer callback
	close  func()
}

// wait opens the browser and waits for the one right answer. Unless it fails,
// the listener stands until the arrival is closed.
func (d *dance) wait(ctx context.Context, prompt Prompt) (arrival, error) {
	timed, stop := context.WithTimeout(ctx, TimeLimit)
	lb, err := listen(d.link, d.state)
	if err != nil {
		stop()
		return arrival{}, err
	}
	d.link.RedirectURI = lb.redirect
	authorization := d.authorization()
	lb.serve(authorization)
	var opener sync.WaitGroup
	end := func() {
		lb.close()
		stop()
		opener.Wait()
	}
	open := func() {
		opened := make(chan error, 1)
		start := lb.start()
		opener.Go(func() {
			if prompt.OpenURL != nil {
				opened <- prompt.OpenURL(timed, start)
			}
		})
		announce(timed, prompt, authorization, opened, lb.taken)
	}
	for open(); ; {
		select {
		case <-prompt.Again:
			open()
			continue
		case answer := <-lb.answers:
			if answer.err == nil {
				return arrival{answer: answer, close: end}, nil
			}
			err = answer.err
		case <-timed.Done():
			lb.expire()
			err = ended(timed, nil)
		}
		end()
		return arrival{}, err
	}
}

// announce calls Waiting as soon as it is known whether the browser opened.
func announce(ctx context.Context, prompt Prompt, authorization string, opened <-chan error, taken <-chan struct{}) {
	grace := time.NewTimer(openerGrace)
	defer grace.Stop()
	var failure error
	if prompt.OpenURL != nil {
		select {
		case failure = <-opened:
		case <-grace.C:
		case <-taken:
		case <-ctx.Done():
		}
	}
	if prompt.Waiting != nil {
		prompt.Waiting(authorization, failure)
	}
}

// authorization is the provider's address with everything that the dance asks
// for (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
func (d *dance) authorization() string {
	p := d.link.Provider
	var opts []oauth2.AuthCodeOption
	set := func(name, value string) {
		if value != "" {
			opts = append(opts, oauth2.SetAuthURLParam(name, value))
		}
	}
	own := []string{"client_id", "redirect_uri", "response_type", "state", "nonce", "code_challenge", "code_challenge_method", "scope"}
	for name, value := range p.AuthorizeParams {
		if !slices.Contains(own, name) {
			set(name, value)
		}
	}
	set(scopeParam(p), joinScopes(p, d.request.Scopes))
	set("login_hint", d.request.LoginHint)
	set("prompt", d.prompt())
	if d.request.MaxAge != nil {
		set("max_age", strconv.Itoa(*d.request.MaxAge))
	}
	if p.oidc() {
		set("nonce", d.nonce)
	}
	switch p.PKCE {
	case "off":
	case "plain":
		set("code_challenge", d.verifier)
		set("code_challenge_method", "plain")
	default:
		opts = append(opts, oauth2.S256ChallengeOption(d.verifier))
	}
	return config(d.link, d.registration, p.Endpoints.Token).AuthCodeURL(d.state, opts...)
}

// prompt asks for consent where offline_access depends on it (OpenID Connect
// Core 1.0 section 11) and the row has no word of its own.
func (d *dance) prompt() string {
	asked := d.request.PromptParam
	_, row := d.link.Provider.AuthorizeParams["prompt"]
	if row || !d.link.Provider.oidc() || !slices.Contains(d.request.Scopes, "offline_access") || asked == "none" {
		return asked
	}
	if slices.Contains(strings.Fields(asked), "consent") {
		return asked
	}
	return strings.TrimSpace(asked + " consent")
}

// finish gets the tokens and who they speak for. A request on its way is not
// torn off when the caller gives up: its tokens are received and revoked.
func (d *dance) finish(caller context.Context, code string) (Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), exchangeLimit)
	defer cancel()
	defer context.AfterFunc(caller, func() {
		timer := time.AfterFunc(cancelGrace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})()
	t, err := d.link.exchange(ctx, d.registration, code, d.verifier)
	if t.Granted == nil {
		t.Granted = d.request.Scopes
	}
	res := Result{Token: t, Link: d.link, Asked: d.request.Scopes}
	if err == nil {
		res.Identity, err = d.link.identify(ctx, t, expected{nonce: d.nonce, maxAge: d.request.MaxAge})
	}
	if err == nil {
		res.Identity, err = d.link.pinned(res.Identity)
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
