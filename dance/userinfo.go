package dance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dancecard/internal/secret"
)

// whoIs finds out who the tokens speak for, and that it is who the row expects.
func (l Link) whoIs(ctx context.Context, r Registration, got receipt, e expected) (Identity, error) {
	var who Identity
	var err error
	if l.Provider.oidc() {
		who, err = l.identify(ctx, r, got.token, e)
	} else {
		who, err = l.identifyPlain(ctx, r, got, e)
	}
	if err != nil {
		return Identity{}, err
	}
	return l.pinned(who)
}

// identify is whoIs for OpenID Connect.
func (l Link) identify(ctx context.Context, r Registration, t Token, e expected) (Identity, error) {
	p := l.Provider
	if t.ID.IsZero() {
		return Identity{}, &Invalid{Stage: "identity", Text: "the provider sent no ID token; the scope openid must be among the ones asked for"}
	}
	e.raw, e.access = t.ID.Reveal(), t.Access.Reveal()
	claims, err := l.verify(ctx, e)
	if err != nil {
		return Identity{}, err
	}
	who := l.fromClaims(claims)
	if who.Login != "" && who.Name != "" && who.Email != "" || l.userInfo() == "" {
		return who, nil
	}
	more, err := l.fetchUser(ctx, r, t)
	switch {
	case err == nil && l.userInfo() == p.Endpoints.UserInfo && stringAt(more, "sub") != who.Subject:
		return Identity{}, &Invalid{Stage: "identity", Text: "the provider's userinfo speaks of another account than its ID token"}
	case isInvalid(err):
		return Identity{}, err
	case err != nil:
		return who, nil // what the ID token says is enough
	}
	return who.or(l.fromDocument(more)), nil
}

// pinned refuses anybody but the one whom the row expects.
func (l Link) pinned(who Identity) (Identity, error) {
	pin := l.Provider.Identity.Pinned
	if pin.Subject != "" && who.Subject != pin.Subject {
		return Identity{}, &Invalid{Stage: "identity", Text: fmt.Sprintf("another account came back than %q; sign in at the provider as that one", pin.Login)}
	}
	return who.or(Identity{Login: pin.Login}), nil
}

// identifyPlain is whoIs without OpenID: the row's identity address, or the
// values beside the token. Where the provider says nothing at all, or nothing
// to this token, the account gets a subject of its own making if the row allows.
func (l Link) identifyPlain(ctx context.Context, r Registration, got receipt, e expected) (Identity, error) {
	doc := got.values
	if l.userInfo() != "" {
		said, err := l.fetchUser(ctx, r, got.token)
		_, refused := errors.AsType[*Refused](err)
		switch {
		case err == nil:
			doc = said
		case !refused || !l.Provider.Identity.Unknown:
			return Identity{}, err
		}
	}
	who := l.fromDocument(doc)
	if who.Subject == "" {
		who.Subject = got.token.Extra[l.Provider.Identity.Subject]
	}
	switch {
	case who.Subject != "":
		return who, nil
	case !l.Provider.Identity.Unknown:
		return Identity{}, &Invalid{Stage: "identity", Text: "the provider does not say whose token it is"}
	}
	who.Unnamed, who.Subject = true, e.madeUp
	if who.Subject == "" {
		who.Subject = random()
	}
	return who, nil
}

// userInfo is the address that says who a token speaks for. OpenID's own
// speaks of the ID token's subject, so it comes first where there is one.
func (l Link) userInfo() string {
	own, openid := l.Provider.Identity.URL, l.Provider.Endpoints.UserInfo
	if own == "" || openid != "" && l.Provider.oidc() {
		return openid
	}
	return own
}

// fromClaims reads an ID token's claims by their standard names.
func (l Link) fromClaims(claims map[string]any) Identity {
	who := Identity{
		Issuer:  stringAt(claims, "iss"),
		Subject: stringAt(claims, "sub"),
		Login:   stringAt(claims, "preferred_username"),
		Name:    stringAt(claims, "name"),
		Email:   stringAt(claims, "email"),
		Avatar:  stringAt(claims, "picture"),
	}
	if who.Login == "" {
		who.Login = stringAt(claims, "nickname")
	}
	return who.clean()
}

// fromDocument reads a userinfo document by the row's paths, or by the
// standard names where the row has none.
func (l Link) fromDocument(doc any) Identity {
	i := l.Provider.Identity
	read := func(path, standard string) string {
		if path == "" {
			path = standard
		}
		return text(doc, path)
	}
	who := Identity{
		Issuer:  l.issuer(),
		Subject: read(i.Subject, "sub"),
		Login:   read(i.Login, "preferred_username"),
		Name:    read(i.Name, "name"),
		Email:   read(i.Email, "email"),
		Avatar:  read(i.Avatar, "picture"),
	}
	if len(who.Subject) > subjectLength || clean(who.Subject, subjectLength) != who.Subject {
		who.Subject = ""
	}
	return who.clean()
}

// issuer is the row's, or the origin of the token endpoint.
func (l Link) issuer() string {
	if l.Provider.Issuer != "" {
		return l.Provider.Issuer
	}
	u, err := url.Parse(l.Provider.Endpoints.Token)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// clean makes the words fit for a screen; an avatar that is not https is left out.
func (i Identity) clean() Identity {
	i.Login, i.Name, i.Email = clean(i.Login, 100), clean(i.Name, 100), clean(i.Email, 254)
	if u, err := checkURL(i.Avatar); err != nil || len(i.Avatar) > 2<<10 || u.Scheme != "https" {
		i.Avatar = ""
	}
	return i
}

// or fills what is empty from other.
func (i Identity) or(other Identity) Identity {
	for _, pair := range [][2]*string{
		{&i.Login, &other.Login}, {&i.Name, &other.Name}, {&i.Email, &other.Email}, {&i.Avatar, &other.Avatar},
	} {
		if *pair[0] == "" {
			*pair[0] = *pair[1]
		}
	}
	return i
}

// authorize adds a token to an API request as the row says, and what the row
// has sent with each. A DPoP token needs its own scheme and a proof besides.
func authorize(req *http.Request, p Provider, clientID string, access secret.String) {
	for name, v := range p.API.Headers {
		req.Header.Set(name, strings.ReplaceAll(v, "{client_id}", clientID))
	}
	if p.API.Header != "" {
		req.Header.Set(p.API.Header, access.Reveal())
		return
	}
	scheme := p.API.Scheme
	if scheme == "" {
		scheme = "Bearer"
	}
	req.Header.Set("Authorization", scheme+" "+access.Reveal())
}

// accessToken stands for the token in an identity address.
const accessToken = "{access_token}"

// userRequest asks who a token speaks for.
func (l Link) userRequest(t Token) (*http.Request, error) {
	i := l.Provider.Identity
	method, address, body := http.MethodGet, l.userInfo(), ""
	if i.URL != "" && address == i.URL {
		method, body = cmp.Or(i.Method, method), i.Body
	}
	address = strings.ReplaceAll(address, accessToken, url.QueryEscape(t.Access.Reveal()))
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, address, content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	authorize(req, l.Provider, l.ClientID, t.Access)
	for name, v := range i.Headers {
		req.Header.Set(name, v)
	}
	return req, nil
}

// askUser sends the request as the token's type has it.
func (l Link) askUser(ctx context.Context, stage string, r Registration, t Token) (answer, error) {
	unusable := &Failed{Stage: stage, Text: "the address cannot be used", Offline: true}
	req, err := l.userRequest(t)
	if err != nil {
		return answer{}, unusable
	}
	c := newClient(l.Provider)
	switch t.Type {
	case oauthType:
		if req, err = l.sign1(l.registration(r), t, req); err != nil {
			return answer{}, unusable
		}
	case dpopType:
		proofs, err := newProver(t.Key)
		if err != nil || proofs == nil {
			return answer{}, &Failed{Stage: stage, Text: "the key that the token is bound to is missing", Offline: true}
		}
		req.Header.Set("Authorization", dpopType+" "+t.Access.Reveal())
		return proofs.send(ctx, c, stage, req, t.Access)
	}
	return c.send(ctx, stage, req)
}

// fetchUser asks who the token speaks for.
func (l Link) fetchUser(ctx context.Context, r Registration, t Token) (any, error) {
	const stage = "userinfo"
	a, err := l.askUser(ctx, stage, r, t)
	if err != nil {
		return nil, err
	}
	switch a.status {
	case http.StatusUnauthorized:
		if doubtsSignature(a) {
			return nil, odd(stage, a, errors.New("it does not take the signature of our request; check the clock"))
		}
		return nil, &Refused{Stage: stage, Code: "invalid_token", Status: a.status}
	case http.StatusForbidden:
		for _, c := range challenges(a.header) {
			if code := c.params["error"]; code != "" {
				return nil, refused(stage, code, "", a.status, t.Access.Reveal())
			}
		}
	}
	if a.status != http.StatusOK {
		return nil, &Failed{Stage: stage, Status: a.status, Answered: true, RetryAfter: retryAfter(a.header, time.Now()),
			Text: fmt.Sprintf("the provider answered HTTP %d", a.status)}
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if kind == "application/jwt" {
		return l.signedUser(ctx, a)
	}
	doc, err := parseJSON(a.body, false)
	if err != nil {
		return nil, odd(stage, a, err)
	}
	if says, ok := at(doc, "ok").(bool); l.Provider.Quirks.ErrorsIn200 && ok && !says {
		return nil, refused(stage, stringAt(doc, "error"), "", a.status, t.Access.Reveal())
	}
	return doc, nil
}

// signedUser reads a signed userinfo answer (OpenID Connect Core 1.0 section 5.3.2).
func (l Link) signedUser(ctx context.Context, a answer) (any, error) {
	keys := &keySet{client: newClient(l.Provider), address: l.Provider.Endpoints.JWKS}
	if len(a.body) > idTokenLength {
		return nil, odd("userinfo", a, errors.New("it is too long"))
	}
	payload, err := keys.VerifySignature(ctx, string(a.body))
	if keys.failed != nil {
		return nil, keys.failed
	}
	wrong := &Invalid{Stage: "userinfo", Text: "the provider's signed userinfo cannot be trusted"}
	if err != nil {
		return nil, wrong
	}
	doc, err := parseObject(payload, false)
	if err != nil || stringAt(doc, "iss") != l.Provider.Issuer {
		return nil, wrong
	}
	for _, aud := range append(stringsAt(doc, "aud"), stringAt(doc, "aud")) {
		if aud == l.ClientID {
			return doc, nil
		}
	}
	return nil, wrong
}

// Probe asks the provider's own userinfo (or identity URL) whether the access
// token still works and who it speaks for: *Refused with Code "invalid_token"
// if not, ErrNoProbe if the link has no such address.
func Probe(ctx context.Context, l Link, r Registration, t Token) (Identity, error) {
	if l.userInfo() == "" {
		return Identity{}, ErrNoProbe
	}
	doc, err := l.fetchUser(ctx, r, t)
	if err != nil {
		return Identity{}, err
	}
	who := l.fromDocument(doc)
	if who.Subject == "" {
		return Identity{}, &Failed{Stage: "userinfo", Status: http.StatusOK, Answered: true, Text: "the provider does not say whose token it is"}
	}
	return who, nil
}
