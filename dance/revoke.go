package dance

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dancecard/internal/secret"
)

const revocationStage = "revocation"

// CanRevoke reports whether [Revoke] would ask the provider anything. Where it
// would not, there is nothing to keep and to try again: the user is sent to
// the provider's own page. A row of style "unknown" knows an address at best,
// and not what to say there.
func CanRevoke(l Link) bool {
	if l.Provider.Endpoints.Revocation == "" {
		return false
	}
	return slices.Contains([]string{"", "rfc7009", "request"}, l.Provider.Revocation.Style)
}

// Revoke ends the token at the provider: by RFC 7009, the refresh token if
// there is one, then the access token, which not every provider ends with it;
// or as the row says (see [Revocation]). ErrNoRevocation if the link knows no
// way, or none for this token; *Failed is worth another try; a token that the
// provider does not know any more counts as revoked.
func Revoke(ctx context.Context, l Link, r Registration, t Token) error {
	if t.Access.IsZero() && t.Refresh.IsZero() {
		return nil
	}
	if !CanRevoke(l) {
		return ErrNoRevocation
	}
	r = l.registration(r)
	if l.Provider.Revocation.Style == "request" {
		return l.revokeAsSaid(ctx, r, t)
	}
	if t.Refresh.IsZero() {
		return l.revoke(ctx, r, t.Access, "access_token")
	}
	err := l.revoke(ctx, r, t.Refresh, "refresh_token")
	if t.Access.IsZero() || err != nil && !unsupported(err) {
		return err
	}
	if accessErr := l.revoke(ctx, r, t.Access, "access_token"); err == nil && !unsupported(accessErr) {
		return accessErr
	}
	return err
}

func unsupported(err error) bool {
	no, ok := err.(*Refused)
	return ok && no.Code == "unsupported_token_type"
}

// tokenGone reports a refusal that says: there is no such token (any more).
func tokenGone(err error) bool {
	no, ok := err.(*Refused)
	return ok && (no.GrantEnded() || slices.Contains([]string{"invalid_token", "token_expired", "invalid_auth", "account_inactive"}, no.Code))
}

// revoke is the request of RFC 7009 section 2.1.
func (l Link) revoke(ctx context.Context, r Registration, token secret.String, hint string) error {
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {hint}}
	credentials := l.authenticate(r, form)
	req, err := formRequest(l.Provider.Endpoints.Revocation, form, formKind, credentials)
	if err != nil {
		return &Failed{Stage: revocationStage, Text: "the revocation address cannot be used"}
	}
	a, err := newClient(l.Provider).send(ctx, revocationStage, req)
	if a.status/100 == 2 {
		return nil // the body says nothing (RFC 7009 section 2.2), whether or not it could be read
	}
	if err != nil {
		return err
	}
	doc, _ := document(a, l.Provider.Quirks.FormAnswer)
	err = judge(revocationStage, a, doc, l.Provider.Quirks, []string{token.Reveal(), r.ClientSecret.Reveal()})
	if tokenGone(err) {
		return nil
	}
	return err
}

// authenticate is how the client proves itself beside params (RFC 6749 section
// 2.3.1): by values among them, or by the Authorization header returned.
func (l Link) authenticate(r Registration, params url.Values) string {
	q := l.Provider.Quirks
	if l.AuthStyle == AuthBasic {
		return basic(url.QueryEscape(r.ClientID), url.QueryEscape(r.ClientSecret.Reveal()))
	}
	params.Set(cmp.Or(q.ClientIDParam, "client_id"), r.ClientID)
	if l.AuthStyle == AuthPost {
		params.Set(cmp.Or(q.SecretParam, "client_secret"), r.ClientSecret.Reveal())
	}
	return ""
}

func basic(user, password string) string {
	var req http.Request
	req.Header = http.Header{}
	req.SetBasicAuth(user, password)
	return req.Header.Get("Authorization")
}

// revokeAsSaid is a revocation in the row's own shape. One that takes an access
// token which has expired, while the refresh token would go on making new
// ones, is made with a new one.
func (l Link) revokeAsSaid(ctx context.Context, r Registration, t Token) error {
	shape := l.shape(r, t)
	err := shape.send(ctx)
	if !tokenGone(err) {
		return err
	}
	if t.Refresh.IsZero() || !shape.needsAccess() {
		return nil
	}
	fresh, err := Refresh(ctx, l, r, t, nil, Identity{})
	if no, ok := err.(*Refused); ok && no.GrantEnded() {
		return nil
	}
	if err != nil {
		return err
	}
	t.Access, t.Refresh = fresh.Access, cmp.Or(fresh.Refresh, t.Refresh)
	if err := l.shape(r, t).send(ctx); !tokenGone(err) {
		return err
	}
	return nil
}

// shape is one revocation as the row says, with the values that it speaks of.
type shape struct {
	link         Link
	registration Registration
	token        Token
	values       map[string]string // by placeholder
}

func (l Link) shape(r Registration, t Token) *shape {
	s := &shape{link: l, registration: r, token: t, values: map[string]string{
		"{access_token}": t.Access.Reveal(), "{refresh_token}": t.Refresh.Reveal(),
		"{client_id}": r.ClientID, "{client_secret}": r.ClientSecret.Reveal(),
	}}
	for name, v := range t.Extra {
		s.values["{extra."+name+"}"] = v
	}
	return s
}

// needsAccess reports shapes that work with a live access token only.
func (s *shape) needsAccess() bool {
	v := s.link.Provider.Revocation
	named := strings.Contains(s.link.Provider.Endpoints.Revocation, "{access_token}")
	for _, value := range v.Params {
		named = named || strings.Contains(value, "{access_token}")
	}
	return named || v.Auth == "bearer" || v.Lookup.URL != ""
}

var errNoValue = errors.New("a value is missing")

var placeholder = regexp.MustCompile(`\{[A-Za-z0-9_.]+\}`)

// fill replaces the placeholders of text, once. A value that is missing makes
// the request impossible; it is not made with a hole in it.
func (s *shape) fill(text string, escape func(string) string) (string, error) {
	missing := false
	filled := placeholder.ReplaceAllStringFunc(text, func(name string) string {
		missing = missing || s.values[name] == ""
		return escape(s.values[name])
	})
	if missing {
		return "", errNoValue
	}
	return filled, nil
}

// address fills the path and the query of the row's address.
func (s *shape) address(of string) (*url.URL, error) {
	path, query, _ := strings.Cut(of, "?")
	path, err := s.fill(path, url.PathEscape)
	if err == nil {
		query, err = s.fill(query, url.QueryEscape)
	}
	if err != nil {
		return nil, err
	}
	u, err := checkURL(path)
	if err != nil {
		return nil, &Failed{Stage: revocationStage, Text: err.Error()}
	}
	u.RawQuery = query
	return u, nil
}

// send makes the request. ErrNoRevocation where a value of it is not known.
func (s *shape) send(ctx context.Context) error {
	if s.link.Provider.Revocation.Lookup.URL != "" {
		if err := s.lookup(ctx); err != nil {
			return err
		}
	}
	req, err := s.request()
	if errors.Is(err, errNoValue) {
		return ErrNoRevocation
	}
	if err != nil {
		return err
	}
	a, err := newClient(s.link.Provider).send(ctx, revocationStage, req)
	if err != nil {
		if q := s.link.Provider.Quirks; a.status/100 == 2 && !q.ErrorsIn200 && !q.StatusZero {
			return nil
		}
		return err
	}
	return s.verdict(a, req.Method == http.MethodDelete)
}

func (s *shape) request() (*http.Request, error) {
	v := s.link.Provider.Revocation
	u, err := s.address(s.link.Provider.Endpoints.Revocation)
	if err != nil {
		return nil, err
	}
	params := url.Values{}
	for name, value := range v.Params {
		if value, err = s.fill(value, func(v string) string { return v }); err != nil {
			return nil, err
		}
		params.Set(name, value)
	}
	credentials, password := "", s.registration.ClientSecret
	if password.IsZero() && (v.Auth == "basic" || v.Auth == "secret") {
		return nil, errNoValue
	}
	switch v.Auth {
	case "", "client":
		credentials = s.link.authenticate(s.registration, params)
	case "basic":
		credentials = basic(url.QueryEscape(s.registration.ClientID), url.QueryEscape(password.Reveal()))
	case "secret":
		credentials = basic(password.Reveal(), "")
	}
	body, kind := s.body(u, params)
	req, err := http.NewRequest(cmp.Or(v.Method, http.MethodPost), u.String(), body)
	if err != nil {
		return nil, &Failed{Stage: revocationStage, Text: "the revocation address cannot be used"}
	}
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if credentials != "" {
		req.Header.Set("Authorization", credentials)
	}
	if v.Auth == "bearer" {
		return s.link.attach(s.registration, s.token, req, "")
	}
	return req, nil
}

// body puts params where the row sends them.
func (s *shape) body(u *url.URL, params url.Values) (io.Reader, string) {
	if len(params) == 0 {
		return nil, ""
	}
	switch s.link.Provider.Revocation.Send {
	case "query":
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+params.Encode(), "&")
		return nil, ""
	case "json":
		return strings.NewReader(jsonBody(params)), jsonKind
	}
	return strings.NewReader(params.Encode()), formKind
}

// verdict reads an answer to a request that speaks of the token: bearer calls
// answer 401 for a dead one, and addresses that are the token's own 404.
func (s *shape) verdict(a answer, own bool) error {
	p := s.link.Provider
	doc, err := document(a, p.Quirks.FormAnswer)
	if a.status/100 == 2 && (p.Quirks.ErrorsIn200 || p.Quirks.StatusZero) && err != nil && len(a.body) > 0 {
		return odd(revocationStage, a, err)
	}
	gone := own && (a.status == http.StatusNotFound || a.status == http.StatusGone)
	client := p.Revocation.Auth != "bearer" && p.Revocation.Auth != "none"
	err = judge(revocationStage, a, doc, p.Quirks, []string{
		s.token.Access.Reveal(), s.token.Refresh.Reveal(), s.registration.ClientSecret.Reveal(), s.values["{id}"]})
	no, said := err.(*Refused)
	switch {
	case a.status/100 == 4 && !client && doubtsSignature(a):
		return odd(revocationStage, a, errors.New("it does not take the signature of our request; check the clock"))
	case gone, a.status == http.StatusUnauthorized && !client:
		return &Refused{Stage: revocationStage, Code: "invalid_token", Status: a.status}
	case a.status == http.StatusUnauthorized && (!said || no.Code == "unknown_error"):
		return &Refused{Stage: revocationStage, Code: "invalid_client", Status: a.status}
	}
	return err
}
