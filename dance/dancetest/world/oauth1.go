package world

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Key checks RSA-SHA1 signatures of the registration; nil for other rows.
func (s *Sim) Key(public *rsa.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.public = public
}

// signature is what an Authorization header of RFC 5849 section 3.5.1 says.
func signature(r *request) map[string]string {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok {
		return nil
	}
	says := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value, err := url.PathUnescape(strings.Trim(value, `"`))
		if err != nil {
			return nil
		}
		says[name] = value
	}
	return says
}

// verified judges the signature of a request made with a token's secret.
func (s *Sim) verified(w http.ResponseWriter, r *request, secret string) map[string]string {
	says := signature(r)
	method := s.row.OAuth1.Signature
	if method == "" {
		method = "HMAC-SHA1"
	}
	c, known := s.clients[says["oauth_consumer_key"]]
	switch {
	case says == nil || !known:
		s.complain(w, 401, "the request is not signed by a client that is known")
	case says["oauth_signature_method"] != method:
		s.complain(w, 401, "signed with %s, and the row says %s", says["oauth_signature_method"], method)
	case says["realm"] != "":
		s.complain(w, 401, "the realm is %q", says["realm"])
	case says["oauth_nonce"] == "" || s.proofs["nonce "+says["oauth_nonce"]]:
		s.complain(w, 401, "the nonce was used before")
	case !s.signedBy(method, baseString(r, says), c.secret, secret, says["oauth_signature"]):
		s.complain(w, 401, "the signature is wrong")
	default:
		s.proofs["nonce "+says["oauth_nonce"]] = true
		return says
	}
	return nil
}

func (s *Sim) signedBy(method, base, consumer, token, signature string) bool {
	key := escape(consumer) + "&" + escape(token)
	switch method {
	case "PLAINTEXT":
		return signature == key
	case "HMAC-SHA1":
		mac := hmac.New(sha1.New, []byte(key))
		mac.Write([]byte(base))
		return signature == base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	sum := sha1.Sum([]byte(base))
	return err == nil && s.public != nil && rsa.VerifyPKCS1v15(s.public, crypto.SHA1, sum[:], raw) == nil
}

// baseString is RFC 5849 section 3.4.1.
func baseString(r *request, says map[string]string) string {
	var pairs []string
	add := func(name, value string) { pairs = append(pairs, escape(name)+"="+escape(value)) }
	for name, v := range says {
		if name != "oauth_signature" && name != "realm" {
			add(name, v)
		}
	}
	for _, values := range []url.Values{r.query, r.form} {
		for name, list := range values {
			for _, v := range list {
				add(name, v)
			}
		}
	}
	slices.Sort(pairs)
	return r.Method + "&" + escape("https://"+strings.ToLower(r.Host)+r.URL.EscapedPath()) + "&" + escape(strings.Join(pairs, "&"))
}

// escape is RFC 5849 section 3.6.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func writeForm(w http.ResponseWriter, form url.Values) {
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
	fmt.Fprint(w, form.Encode())
}

func (s *Sim) requestToken(w http.ResponseWriter, r *request, _ []string) {
	says := s.verified(w, r, "")
	if says == nil {
		return
	}
	callback := says["oauth_callback"]
	want := s.row.Redirect.URI
	if want == "" || strings.HasPrefix(want, "urn:") {
		want = "oob"
	}
	if paste := s.row.Redirect.Mode == "paste"; paste && callback != want || !paste && s.redirects(callback, true) != nil {
		s.complain(w, 400, "the callback %q is not the row's", callback)
		return
	}
	token := s.next("temporary")
	s.temporary[token] = &grant{client: says["oauth_consumer_key"], redirect: callback, secret: s.next("hush"), dead: map[string]bool{}}
	writeForm(w, url.Values{
		"oauth_token": {token}, "oauth_token_secret": {s.temporary[token].secret}, "oauth_callback_confirmed": {"true"},
	})
}

func (s *Sim) authorize1(w http.ResponseWriter, r *request, _ []string) {
	token := r.query.Get("oauth_token")
	g := s.temporary[token]
	if g == nil {
		s.complain(w, 400, "the request token %q is not known", token)
		return
	}
	for name, want := range s.row.OAuth1.Params {
		if r.query.Get(name) != want {
			s.complain(w, 400, "authorization: %s is %q, not %q", name, r.query.Get(name), want)
			return
		}
	}
	g.verifier = s.next("verifier")
	if !strings.HasPrefix(g.redirect, "http") {
		fmt.Fprintf(w, "<p>Copy this code: <code>%s</code>", g.verifier)
		return
	}
	joint := "?"
	if strings.Contains(g.redirect, "?") {
		joint = "&"
	}
	w.Header().Set("Location", g.redirect+joint+url.Values{"oauth_token": {token}, "oauth_verifier": {g.verifier}}.Encode())
	w.WriteHeader(http.StatusFound)
}

func (s *Sim) accessToken(w http.ResponseWriter, r *request, _ []string) {
	token := signature(r)["oauth_token"]
	g := s.temporary[token]
	if g == nil {
		s.complain(w, 401, "the request token %q is not known", token)
		return
	}
	says := s.verified(w, r, g.secret)
	if says == nil {
		return
	}
	if g.verifier == "" || says["oauth_verifier"] != g.verifier {
		s.complain(w, 401, "the verifier does not fit")
		return
	}
	delete(s.temporary, token)
	g.access, g.secret = s.next("at"), s.next("hush")
	s.grants = append(s.grants, g)
	doc := map[string]any{}
	s.besides(doc, true)
	form := url.Values{"oauth_token": {g.access}, "oauth_token_secret": {g.secret}}
	for name, v := range doc {
		form.Set(name, fmt.Sprint(v))
	}
	writeForm(w, form)
}

// signed finds the grant of a signed API request.
func (s *Sim) signed(w http.ResponseWriter, r *request) *grant {
	g := s.holder(signature(r)["oauth_token"])
	if g == nil {
		s.unauthorized(w)
		return nil
	}
	if s.verified(w, r, g.secret) == nil {
		return nil
	}
	return g
}
