package accounts

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"dancecard/dance"
)

// Fetch performs a request at the API of the account that ref names, with its
// token added; the app never sees the token. The request's URL is absolute; with
// no scheme it is the one that the account's API speaks.
// The caller closes the answer's body.
//
// It asks the user as [Book.Token] does; a fetch-only grant is enough, one for
// reading for GET, HEAD and OPTIONS. After a 401 the token is refreshed once,
// and a GET or HEAD without a body is made again; a step-up challenge (RFC
// 9470) is noted at the account and goes to the app as it came. Errors: those
// of [Book.Token], and CodeBadRequest for a host that the account is not bound
// to.
func (b *Book) Fetch(ctx context.Context, app App, ref string, req *http.Request) (*http.Response, error) {
	if req.URL == nil || req.URL.Host == "" {
		return nil, &Error{Code: CodeBadRequest, Text: "The request names no address.", Hint: "Give the whole address, such as https://api.example.org/user."}
	}
	p, v, err := b.openProfile()
	if err != nil {
		b.noteWaiting(app)
		return nil, err
	}
	pass, err := b.permit(ctx, p, app, ref, Want{Fetch: true, Write: !onlyReads(req.Method)})
	if err != nil {
		return nil, err
	}
	t, err := b.goodToken(ctx, p, pass.account, 0, "")
	if err != nil {
		return nil, err
	}
	res, err := b.call(ctx, p, app, pass, t, req)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	if b.steppedUp(p, pass.account, res) || b.doubt(ctx, p, v, pass.account, tokenHash(t.Access)) != nil || !repeatable(req) {
		return res, nil
	}
	fresh, err := b.goodToken(ctx, p, pass.account, 0, "")
	if err != nil || fresh.Access == t.Access {
		return res, nil
	}
	again, err := b.call(ctx, p, app, pass, fresh, req)
	if err != nil {
		return res, nil
	}
	res.Body.Close()
	b.steppedUp(p, pass.account, again)
	return again, nil
}

// onlyReads reports the methods that a grant for reading covers.
func onlyReads(method string) bool {
	return slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodOptions}, method)
}

// repeatable reports requests that may be made twice.
func repeatable(req *http.Request) bool {
	return (req.Method == "" || req.Method == http.MethodGet || req.Method == http.MethodHead) && (req.Body == nil || req.Body == http.NoBody)
}

// call writes down that the request is made, and makes it.
func (b *Book) call(ctx context.Context, p *profile, app App, pass permission, t tokenRecord, req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	a := p.accounts[pass.account]
	if a == nil || a.leaving {
		defer b.mu.Unlock()
		return nil, p.goneLocked(pass.ref)
	}
	if err := p.permitsLocked(pass, app, a); err != nil {
		b.mu.Unlock()
		return nil, err
	}
	now := time.Now()
	client := p.registrations[a.Registration]
	link, label, name := a.linkFor(client), a.Label, a.Link.Provider.Name
	a.LastUsed, a.usedSince, b.lastToken = now, true, now
	p.useGrantLocked(app.Key, a.ID, now)
	b.mu.Unlock()
	b.announce(Event{Type: EventGrantUsed, Profile: p.id, Account: pass.account, App: app.Key,
		Data: map[string]string{"app": app.Name, "path": app.Path, "type": "fetch", "label": label, "request": requestWords(req)}})
	if req.URL.Scheme == "" {
		target := *req.URL
		target.Scheme = link.Scheme(target.Host)
		req = req.WithContext(ctx)
		req.URL = &target
	}
	res, err := dance.Call(ctx, link, client.registration(), t.token(), req)
	if err == nil {
		return res, nil
	}
	if invalid, ok := errors.AsType[*dance.Invalid](err); ok {
		return nil, &Error{Code: CodeBadRequest, Text: sentence(invalid.Text), Hint: "The account goes to these hosts: " + strings.Join(link.Provider.API.Hosts, ", ") + "."}
	}
	if failed, ok := errors.AsType[*dance.Failed](err); ok {
		e := &Error{Code: CodeProviderError, Text: name + "'s API gave no answer: " + failed.Text + ".", Hint: "Try again.", RetryAfter: failed.RetryAfter}
		if failed.Offline {
			e.Code = CodeOffline
		}
		return nil, e
	}
	return nil, err
}

// requestWords is what the activity says of a request: no path and no query,
// which may hold what is nobody's business.
func requestWords(req *http.Request) string {
	method, host := req.Method, req.URL.Host
	if method == "" {
		method = http.MethodGet
	}
	if len(method) > 20 {
		method = "?"
	}
	if len(host) > 260 || strings.ContainsFunc(host, notVisible) {
		host = "?"
	}
	return method + " " + host
}

// steppedUp notes an API's wish for a stronger or fresher sign-in. The next
// Reconnect asks the provider for it.
func (b *Book) steppedUp(p *profile, id string, res *http.Response) bool {
	if res.StatusCode != http.StatusUnauthorized {
		return false
	}
	wish, ok := dance.StepUpOf(res)
	if !ok {
		return false
	}
	b.mu.Lock()
	a := p.accounts[id]
	known := a == nil || a.StepUp != nil && slices.Equal(a.StepUp.ACRValues, wish.ACRValues) && sameAge(a.StepUp.MaxAge, wish.MaxAge)
	data := map[string]string{}
	if a != nil {
		data = map[string]string{"provider": a.Provider, "label": a.Label, "why": "Its API asks for a stronger or fresher sign-in."}
	}
	b.mu.Unlock()
	if known {
		return true
	}
	now := &StepUp{ACRValues: wish.ACRValues, MaxAge: wish.MaxAge, Since: time.Now()}
	if err := b.changeAccountOf(p, id, func(r *accountRecord) { r.StepUp = now }); err == nil {
		b.announce(Event{Type: EventAccountStepUp, Profile: p.id, Account: id, Data: data})
	}
	return true
}

func sameAge(x, y *int) bool {
	return x == nil && y == nil || x != nil && y != nil && *x == *y
}
