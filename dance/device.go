package dance

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

	userCodeLength = 64      // runes
	pageLength     = 2 << 10 // bytes of an address that is shown

	codeLifetime = 30 * time.Minute // the longest that a code is waited for
	pollDefault  = 5 * time.Second  // RFC 8628 section 3.2
	pollLongest  = time.Minute      // whatever the provider says at first
	slowDown     = 5 * time.Second  // RFC 8628 section 3.5
)

// A Code is what the user types on another device (RFC 8628 section 3.2).
type Code struct {
	UserCode string // "WDJB-MJHT", fit for a screen
	URI      string // where to type it
	Complete string // the address with the code in it, for a QR code; may be empty
	Until    time.Time
}

// runDevice is the device authorization flow (RFC 8628): the user approves on
// any device, and this one asks now and then whether it is done. Nothing comes
// back through a browser here, so there is no state, no nonce and no PKCE.
func runDevice(ctx context.Context, p Provider, prompt Prompt, req Request) (Result, error) {
	d, err := begin(ctx, p, req)
	if err != nil {
		return Result{}, err
	}
	w, err := d.askForCode(ctx)
	if err != nil {
		return Result{}, ended(ctx, err)
	}
	got, err := w.wait(ctx, prompt)
	if err != nil && got.token.Access.IsZero() && got.token.Refresh.IsZero() {
		return Result{}, err
	}
	return d.conclude(ctx, func(context.Context) (receipt, error) { return got, err })
}

// deviceWait is a code that is waited for.
type deviceWait struct {
	dance    *dance
	code     Code
	device   string // the device code: a secret
	interval time.Duration
}

// askForCode is the device authorization request (RFC 8628 section 3.1).
func (d *dance) askForCode(ctx context.Context) (*deviceWait, error) {
	const stage = "authorization"
	p := d.link.Provider
	if p.Endpoints.DeviceAuthorization == "" {
		return nil, &Invalid{Stage: stage, Text: "this provider is not known to sign in with a code on another device; use the browser"}
	}
	form := url.Values{}
	if len(d.request.Scopes) > 0 {
		form.Set(cmp.Or(p.Device.ScopeParam, "scope"), joinScopes(p, d.request.Scopes))
	}
	if d.link.Resource != "" {
		form.Set("resource", d.link.Resource)
	}
	credentials := d.link.authenticate(d.registration, form)
	form.Set(p.clientIDParam(), d.registration.ClientID) // REQUIRED in section 3.1, whatever the authentication
	req, err := formRequest(p.Endpoints.DeviceAuthorization, form, p.Quirks.bodyKind(), credentials)
	if err != nil {
		return nil, &Invalid{Stage: stage, Text: "the device authorization address cannot be used"}
	}
	a, err := newClient(p).send(ctx, stage, req)
	if err != nil {
		return nil, err
	}
	doc, err := document(a, p.Quirks.FormAnswer)
	if err := judge(stage, a, doc, p.Quirks, []string{d.registration.ClientSecret.Reveal()}); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, odd(stage, a, err)
	}
	w, err := d.link.readCode(doc, a.sent)
	if err != nil {
		return nil, err
	}
	w.dance = d
	return w, nil
}

// readCode is the device authorization answer (RFC 8628 section 3.2). What the
// user is told to open or to type comes from outside, and is held to what any
// address and any word on a screen is held to.
func (l Link) readCode(doc map[string]any, sent time.Time) (*deviceWait, error) {
	wrong := func(text string) error {
		return &Invalid{Stage: "authorization", Text: "the provider's answer cannot be used: " + text}
	}
	w := &deviceWait{device: stringAt(doc, "device_code"), interval: pollDefault}
	w.code = Code{
		UserCode: strings.TrimSpace(text(doc, "user_code")),
		URI:      cmp.Or(stringAt(doc, "verification_uri"), stringAt(doc, "verification_url")),
		Complete: cmp.Or(stringAt(doc, "verification_uri_complete"), stringAt(doc, "verification_url_complete")),
	}
	lifetime, named := number(doc["expires_in"])
	switch {
	case w.device == "" || !tokenText(w.device):
		return nil, wrong("it holds no usable device code")
	case w.code.UserCode == "" || clean(w.code.UserCode, userCodeLength) != w.code.UserCode:
		return nil, wrong("its user code is not fit to be shown")
	case l.checkPage(w.code.URI) != nil:
		return nil, wrong("the page where the code is to be typed is not a safe address")
	case named && lifetime < 1:
		return nil, wrong("its code has expired already")
	}
	if l.checkPage(w.code.Complete) != nil {
		w.code.Complete = ""
	}
	w.code.Until = sent.Add(TimeLimit)
	if named {
		w.code.Until = sent.Add(seconds(lifetime, codeLifetime))
	}
	if every, ok := number(doc["interval"]); ok && every >= 1 {
		w.interval = seconds(every, pollLongest)
	}
	return w, nil
}

// seconds is n of them, and at most limit: n may be beyond any duration.
func seconds(n float64, limit time.Duration) time.Duration {
	return time.Duration(min(n, limit.Seconds()) * float64(time.Second))
}

// checkPage is for addresses that the user is told to open.
func (l Link) checkPage(address string) error {
	if len(address) > pageLength {
		return errors.New("the address is too long")
	}
	if err := checkBrowserURL(address); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err == nil && innerName(u.Hostname()) && !innerName(l.home()) {
		return errInner
	}
	return err
}

// wait asks until there is an answer (RFC 8628 section 3.4). The receipt may
// hold a token beside an error: the caller sees to it.
func (w *deviceWait) wait(ctx context.Context, prompt Prompt) (receipt, error) {
	show := func() {
		if prompt.ShowCode != nil {
			prompt.ShowCode(w.code)
		}
	}
	show()
	timed, stop := context.WithDeadline(ctx, w.code.Until)
	defer stop()
	pause := time.NewTimer(w.interval)
	defer pause.Stop()
	for {
		select {
		case <-timed.Done():
			return receipt{}, ended(timed, nil)
		case <-prompt.Again:
			show()
			continue
		case <-pause.C:
		}
		got, again, err := w.poll(timed)
		if !again {
			if err == nil && prompt.Exchanging != nil {
				prompt.Exchanging()
			}
			return got, err
		}
		pause.Reset(w.interval)
	}
}

// poll asks once. A request on its way is not torn off when the caller gives
// up: it may bring a token, which has to be ended. again: not yet.
func (w *deviceWait) poll(caller context.Context) (got receipt, again bool, err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(caller))
	defer cancel()
	defer context.AfterFunc(caller, func() {
		timer := time.AfterFunc(cancelGrace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})()
	d := w.dance
	p := d.link.Provider
	form := url.Values{"grant_type": {deviceGrant}, "device_code": {w.device}}
	credentials := d.link.authenticate(d.registration, form)
	form.Set(p.clientIDParam(), d.registration.ClientID)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cmp.Or(p.Endpoints.DeviceToken, p.Endpoints.Token), strings.NewReader(form.Encode()))
	if err != nil {
		return receipt{}, false, &Invalid{Stage: "token", Text: "the token address cannot be used"}
	}
	if credentials != "" {
		req.Header.Set("Authorization", credentials)
	}
	call := &tokenCall{client: newClient(p), stage: "token", provider: p, params: tokenParams(p), proofs: d.proofs}
	if d.link.Resource != "" {
		call.params.Set("resource", d.link.Resource)
	}
	if _, call.err = call.exchange(req); call.err == nil {
		return receipt{token: call.token, values: call.values}, false, nil
	}
	again, err = w.verdict(call.answer, call.err)
	return receipt{token: Token{Refresh: call.salvaged}}, again, err
}

// verdict says what a poll that brought no token means (RFC 8628 section 3.5).
func (w *deviceWait) verdict(a answer, err error) (again bool, _ error) {
	p := w.dance.link.Provider
	switch deviceError(a, p) {
	case "authorization_pending":
		return true, nil
	case "slow_down":
		w.interval += slowDown
		return true, nil
	case "expired_token":
		return false, ErrExpired
	case "access_denied", "authorization_declined":
		return false, &Refused{Stage: "authorization", Code: "access_denied", Status: a.status}
	case "invalid_grant":
		return false, &Refused{Stage: "token", Code: "invalid_grant", Status: a.status}
	}
	failed, ok := err.(*Failed)
	if !ok || !passes(failed.Status) {
		return false, err
	}
	w.interval = min(2*w.interval, max(pollLongest, w.interval))
	w.interval = max(w.interval, min(failed.RetryAfter, pollLongest))
	return true, nil
}

// passes reports trouble that is over some time: no answer, or one of a server
// that has too much to do. A 200 that cannot be read has spent the code, and
// what else is answered is answered again.
func passes(status int) bool {
	return status == 0 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// deviceErrors are the words of RFC 8628 section 3.5, and Microsoft's.
var deviceErrors = []string{"authorization_pending", "slow_down", "expired_token", "access_denied", "authorization_declined"}

// deviceError is the error of an answer in the RFC's words, or "".
func deviceError(a answer, p Provider) string {
	if p.Device.StatusCodes {
		return map[int]string{
			http.StatusBadRequest: "authorization_pending", http.StatusNotFound: "invalid_grant", http.StatusConflict: "invalid_grant",
			http.StatusGone: "expired_token", http.StatusTeapot: "access_denied", http.StatusTooManyRequests: "slow_down",
		}[a.status]
	}
	doc, _ := document(a, p.Quirks.FormAnswer)
	for _, name := range []string{"error", "message"} { // Twitch has the second alone
		if said := stringAt(doc, name); slices.Contains(deviceErrors, said) && doc["access_token"] == nil {
			return said
		}
	}
	return ""
}
