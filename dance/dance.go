// Package dance performs OAuth 2.0 and OpenID Connect client flows: the
// protocol and nothing else. It stores nothing and shows nothing.
//
// [Run] takes a [Provider] (a row of the catalogue), a [Prompt] (what the
// dance borrows from its caller: a browser, a place to show the link) and a
// [Request], and returns tokens, who they speak for, and the [Link]: all that
// [Refresh], [Revoke], [Probe] and [EndSessionURL] need later. A link is meant
// to be sealed into the account, so that a row or a discovery document that
// changes never sends a secret to a new place.
//
// It promises: authorization code with PKCE S256 unless the row says
// otherwise, state and nonce of 256 bits, the iss check of RFC 9207; a
// listener on loopback alone that takes one answer and is gone, with every
// goroutine, when Run returns; no redirect followed with a secret, no request
// repeated, answers bounded and strictly read; a refresh token in an answer
// that is otherwise odd is saved.
//
// It never puts a body or a secret of an answer into an error, a log or a
// command line, never speaks http but to this machine, and never tries a
// second way to authenticate.
//
// Errors are [*Refused] (the provider said no), [*Failed] (may pass),
// [*Invalid] (must not be trusted), or one of the Err variables. Their text is
// for people.
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

	"dancecard/internal/secret"
)

// TimeLimit is how long Run waits for the browser's answer.
const TimeLimit = 10 * time.Minute

const (
	openerGrace   = time.Second     // an opener that fails does so within it
	cancelGrace   = 5 * time.Second // what a cancelled caller waits for a request on its way
	exchangeLimit = time.Minute     // tokens and identity together
)

// A Registration identifies Dancecard to one provider.
type Registration struct {
	ClientID     string
	ClientSecret secret.String
	AuthStyle    AuthStyle // empty: the row's, else by what discovery offers
}

// A Request is what is asked of the provider in one dance.
type Request struct {
	Registration Registration // zero: the row's own client
	Scopes       []string     // nil: the provider's Scopes
	LoginHint    string
	PromptParam  string // OpenID "prompt": "select_account", "login", "consent"
	MaxAge       *int   // seconds
}

// Prompt holds the abilities a dance borrows from its caller. Each may be nil.
type Prompt struct {
	// OpenURL opens the one-time start address on the loopback listener in a
	// browser. An error does not end the dance: the link is on screen. It runs
	// beside the dance and must return when ctx ends.
	OpenURL func(ctx context.Context, start string) error
	// Waiting is called once, when the listener stands: the provider's own
	// URL (for Copy and --print-url), and OpenURL's error if it failed within
	// a second.
	Waiting func(authorization string, opened error)
	// Exchanging is called when the right answer came and tokens are asked for.
	Exchanging func()
}

// Token is what the provider gave.
type Token struct {
	Access  secret.String
	Refresh secret.String
	ID      secret.String
	Type    string            // "Bearer"
	Expiry  time.Time         // zero: the provider named none (see Quirks.NoExpiry)
	Granted []string          // scopes as granted; the asked ones if the answer is silent (RFC 6749 section 5.1)
	Extra   map[string]string // other values of the answer (instance_url, api_domain)
}

// Identity is who came back.
type Identity struct {
	Issuer  string // the issuer, or the origin of the token endpoint
	Subject string // never empty
	Login   string
	Name    string
	Email   string
	Avatar  string // https URL
}

// A Link is everything that an account was linked with; it is sealed into the
// account, and refresh, revocation and identity run on it alone.
type Link struct {
	Provider       Provider  `json:"provider"` // endpoints resolved, discovery merged in
	ClientID       string    `json:"client_id"`
	AuthStyle      AuthStyle `json:"auth_style"`
	RedirectURI    string    `json:"redirect_uri"`
	IssParam       bool      `json:"iss_param"`       // the provider promised iss in its answers (RFC 9207)
	ChallengeKnown bool      `json:"challenge_known"` // the provider says that it checks PKCE S256 (RFC 8414)
	SigningAlgs    []string  `json:"signing_algs"`
}

// registration falls back on the row's own client.
func (l Link) registration(r Registration) Registration {
	if r.ClientID == "" {
		return Registration{ClientID: l.ClientID, ClientSecret: l.Provider.ClientSecret}
	}
	return r
}

// Result is a finished dance. Nothing of it is stored by this package.
type Result struct {
	Token    Token
	Identity Identity
	Link     Link
	Asked    []string
}

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
	opened := make(chan error, 1)
	opener.Go(func() {
		if prompt.OpenURL != nil {
			opened <- prompt.OpenURL(timed, lb.start)
		}
	})
	announce(timed, prompt, authorization, opened, lb.taken)
	select {
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
