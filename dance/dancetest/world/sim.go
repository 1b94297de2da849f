package world

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"dancecard/dance"
)

// A Sim plays one row.
type Sim struct {
	world  *World
	row    dance.Provider
	hosts  []string
	places []place

	complained chan struct{}

	mu         sync.Mutex // guards the fields that follow
	clients    map[string]client
	grants     []*grant
	count      int // makes values that differ
	proofs     map[string]bool
	pushed     map[string]url.Values
	temporary  map[string]*grant // OAuth 1.0a request tokens
	public     *rsa.PublicKey    // of the client that signs with RSA-SHA1
	deny       bool
	last       url.Values
	complaints []string
}

// client is a registration that the provider knows.
type client struct {
	secret string
	style  dance.AuthStyle
}

// grant is one yes of the user's, with the tokens that came of it.
type grant struct {
	client            string
	redirect          string
	challenge, method string
	nonce             string
	scopes            []string
	code, verifier    string // verifier: OAuth 1.0a's
	device            string
	polls             int
	access, refresh   string
	secret            string // OAuth 1.0a
	key               string // thumbprint that the tokens are bound to
	dead              map[string]bool
	host              string // where the code is exchanged
}

// place is one address of the row and who answers there.
type place struct {
	host    string
	path    *regexp.Regexp
	query   url.Values
	methods []string
	answer  func(http.ResponseWriter, *request, []string)
	fits    func(*request) bool
}

func newSim(w *World, row dance.Provider, r dance.Registration) (*Sim, error) {
	s := &Sim{
		world: w, row: row, complained: make(chan struct{}), clients: map[string]client{}, proofs: map[string]bool{},
		pushed: map[string]url.Values{}, temporary: map[string]*grant{},
	}
	if r.ClientID != "" {
		style := row.AuthStyle
		if style == "" && r.ClientSecret.IsZero() {
			style = dance.AuthNone
		} else if style == "" {
			style = dance.AuthBasic
		}
		s.clients[r.ClientID] = client{r.ClientSecret.Reveal(), style}
	}
	s.complete()
	s.build()
	for _, p := range s.places {
		s.hosts = append(s.hosts, p.host)
	}
	s.hosts = append(append(s.hosts, s.row.API.Hosts...), s.row.Redirect.Hosts...)
	if base := s.base(); base != "" {
		u, err := url.Parse(base)
		if err != nil {
			return nil, err
		}
		s.hosts = append(s.hosts, u.Host)
	}
	slices.Sort(s.hosts)
	s.hosts = slices.DeleteFunc(slices.Compact(s.hosts), func(h string) bool { return h == "" })
	return s, nil
}

// complete gives an issuer the endpoints that its discovery document names.
func (s *Sim) complete() {
	if s.row.Issuer == "" {
		return
	}
	e, base := &s.row.Endpoints, strings.TrimSuffix(s.row.Issuer, "/")+"/world/"
	fill := func(at *string, path string) {
		if *at == "" {
			*at = base + path
		}
	}
	fill(&e.Authorization, "authorize")
	fill(&e.Token, "token")
	fill(&e.JWKS, "keys")
	if s.openid() && s.row.Identity.URL == "" {
		fill(&e.UserInfo, "userinfo")
	}
	if style := s.row.Revocation.Style; style == "" || style == "rfc7009" {
		fill(&e.Revocation, "revoke")
	}
	if slices.Contains(s.row.RegistrationMethods, "dynamic") {
		fill(&e.Registration, "register")
	}
	if s.row.DPoP != "" || slices.Contains(s.row.RegistrationMethods, "loopback") {
		fill(&e.PAR, "par")
	}
}

func (s *Sim) openid() bool {
	return s.row.Protocol == "oidc" || s.row.Protocol == "" && s.row.Issuer != ""
}

// Complaints are the requests that were not as the row says.
func (s *Sim) Complaints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.complaints)
}

// Complained is closed at the first complaint.
func (s *Sim) Complained() <-chan struct{} { return s.complained }

// note is a complaint that is answered in another way. s.mu is held.
func (s *Sim) note(text string) {
	if len(s.complaints) == 0 {
		close(s.complained)
	}
	s.complaints = append(s.complaints, text)
}

// complain notes what is wrong and refuses the request. s.mu is held.
func (s *Sim) complain(w http.ResponseWriter, status int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.note(text)
	http.Error(w, `{"world":`+quoted(text)+`}`, status)
}

// next is a value that was never given before. s.mu is held.
func (s *Sim) next(kind string) string {
	s.count++
	return fmt.Sprintf("%s-%s-%d", kind, s.row.ID, s.count)
}

// dice varies what a row leaves open, the same way in each run.
func (s *Sim) dice(sides int) int {
	sum := 0
	for _, c := range []byte(s.row.ID) {
		sum = sum*31 + int(c)
	}
	return (sum & 0xffff) % sides
}

var blank = regexp.MustCompile(`\\\{[A-Za-z_.\\]+\\\}`)

// add puts an address on stage. {words} in its path match one step each.
func (s *Sim) add(address string, methods []string, answer func(http.ResponseWriter, *request, []string), fits func(*request) bool) {
	if address == "" {
		return
	}
	_, rest, _ := strings.Cut(address, "://")
	rest, query, _ := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	values, _ := url.ParseQuery(query)
	for name := range values {
		if strings.Contains(values.Get(name), "{") { // who answers looks at it
			delete(values, name)
		}
	}
	s.places = append(s.places, place{
		host: host, query: values, methods: methods, answer: answer, fits: fits,
		path: regexp.MustCompile("^" + blank.ReplaceAllString(regexp.QuoteMeta("/"+path), `([^/]+)`) + "$"),
	})
}

func (s *Sim) build() {
	e, post, get := s.row.Endpoints, []string{"POST"}, []string{"GET"}
	if s.row.Protocol == "oauth1" {
		s.add(e.RequestToken, post, s.requestToken, func(r *request) bool { return signature(r)["oauth_token"] == "" })
		s.add(e.Authorization, get, s.authorize1, nil)
		s.add(e.Token, post, s.accessToken, nil)
	} else {
		grants := func(r *request) bool { return r.value("grant_type") != "" }
		s.add(e.Authorization, get, s.authorize, nil)
		s.exchangeAt(e.Token, post, s.token, grants)
		s.exchangeAt(e.Refresh, post, s.token, grants)
		s.add(e.DeviceToken, post, s.token, nil)
		s.add(e.DeviceAuthorization, post, s.deviceCode, nil)
		s.add(e.PAR, post, s.push, nil)
	}
	s.add(e.Registration, post, s.register, nil)
	s.add(e.JWKS, get, s.keys, nil)
	s.discovery()
	s.document()
	s.identityPlaces()
	s.revocationPlaces()
	if u := s.row.Redirect.URI; strings.HasPrefix(u, "https://") {
		s.add(u, get, func(w http.ResponseWriter, _ *request, _ []string) { fmt.Fprintln(w, "copy this address") }, nil)
	}
}

// exchangeAt puts an address on stage; one of the token endpoint's host also
// at each host that an answer may name.
func (s *Sim) exchangeAt(address string, methods []string, answer func(http.ResponseWriter, *request, []string), fits func(*request) bool) {
	s.add(address, methods, answer, fits)
	token, err := url.Parse(s.row.Endpoints.Token)
	if err != nil {
		return
	}
	rest, same := strings.CutPrefix(address, "https://"+token.Host+"/")
	for _, h := range s.row.Redirect.Hosts {
		if same && h != token.Host {
			s.add("https://"+h+"/"+rest, methods, answer, fits)
		}
	}
}

// serve finds the place; what is none is the API, on the hosts that have one.
func (s *Sim) serve(w http.ResponseWriter, hr *http.Request) {
	r, err := read(hr)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.complain(w, http.StatusBadRequest, "the request cannot be read: %v", err)
		return
	}
	for _, p := range s.places {
		words := p.path.FindStringSubmatch(hr.URL.EscapedPath())
		if p.host != hr.Host || words == nil || !slices.Contains(p.methods, hr.Method) || p.fits != nil && !p.fits(r) || !within(p.query, r.query) {
			continue
		}
		p.answer(w, r, words[1:])
		return
	}
	if s.isAPI(hr.Host) && strings.HasSuffix(hr.URL.Path, APIPath) {
		s.api(w, r)
		return
	}
	if strings.Contains(hr.URL.Path, "/.well-known/") {
		http.NotFound(w, hr)
		return
	}
	s.complain(w, http.StatusNotFound, "nothing of the row answers %s https://%s%s", hr.Method, hr.Host, hr.URL.Path)
}

// within reports whether all of some is in all.
func within(some, all url.Values) bool {
	for name, values := range some {
		for _, v := range values {
			if !slices.Contains(all[name], v) {
				return false
			}
		}
	}
	return true
}
