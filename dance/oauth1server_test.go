package dance

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"crypto"

	"dancecard/internal/secret"
)

// oauth1Server speaks RFC 5849 and checks every signature for itself.
type oauth1Server struct {
	*httptest.Server
	t         *testing.T
	method    string
	temporary http.HandlerFunc // instead of temporary credentials
	access    http.HandlerFunc // instead of the token
	back      func(url.Values) // changes the answer at the callback

	mu       sync.Mutex // guards the fields that follow
	callback string
	asked    url.Values // of the authorization page
	nonces   map[string]bool
	requests map[string]int
}

func (o *oauth1Server) count(path string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.requests[path]
}

func newOAuth1(t *testing.T, method string) *oauth1Server {
	o := &oauth1Server{t: t, method: method, nonces: map[string]bool{}, requests: map[string]int{}}
	o.Server = apiServer(t, o.serve)
	return o
}

func (o *oauth1Server) row() Provider {
	p := Provider{ID: "old", Name: "Old", Protocol: "oauth1", OAuth1: OAuth1{Signature: o.method, Params: map[string]string{"name": "Dancecard"}},
		Identity:  Identify{Subject: "user_id", Login: "screen_name"},
		Endpoints: Endpoints{RequestToken: o.URL + "/temporary", Authorization: o.URL + "/approve?own=1", Token: o.URL + "/access"},
		API:       API{Hosts: []string{strings.TrimPrefix(o.URL, "http://")}}}
	return p
}

func (o *oauth1Server) registration() Registration {
	r := Registration{ClientID: "key", ClientSecret: secret.New(consumerSecret)}
	if o.method == "RSA-SHA1" {
		r.ClientSecret = secret.String{}
		r.PrivateKey = secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(testRSA())})))
	}
	return r
}

func (o *oauth1Server) serve(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests[r.URL.Path]++
	switch r.URL.Path {
	case "/temporary":
		params := o.check(r, "")
		o.callback = params["oauth_callback"]
		reply(w, r, o.temporary, temporary)
	case "/approve":
		o.asked = r.URL.Query()
		back, err := url.Parse(o.callback)
		if err != nil {
			o.t.Error(err)
		}
		q := back.Query()
		q.Set("oauth_token", "temp")
		q.Set("oauth_verifier", "canary-verifier")
		if o.back != nil {
			o.back(q)
		}
		back.RawQuery = q.Encode()
		http.Redirect(w, r, back.String(), http.StatusFound)
	case "/access":
		if params := o.check(r, "canary-temp-secret"); params["oauth_verifier"] != "canary-verifier" || params["oauth_token"] != "temp" {
			o.t.Errorf("verifier %v", params)
		}
		reply(w, r, o.access, final)
	default:
		if params := o.check(r, "canary-own-secret"); params["oauth_token"] != "access" {
			o.t.Errorf("token %v", params)
		}
		writeJSON(w, map[string]any{"id": 7, "login": "sam"})
	}
}

func reply(w http.ResponseWriter, r *http.Request, own http.HandlerFunc, body string) {
	if own == nil {
		own = raw(200, "text/html", body)
	}
	own(w, r)
}

// check verifies a signature after RFC 5849 section 3.4, written once more
// from the text.
func (o *oauth1Server) check(r *http.Request, tokenSecret string) map[string]string {
	header, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok {
		o.t.Errorf("%s: no signature", r.URL)
	}
	params, pairs := map[string]string{}, []string{}
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value, err := url.PathUnescape(strings.Trim(value, `"`))
		if err != nil {
			o.t.Error(err)
		}
		params[name] = value
		if name != "oauth_signature" && name != "realm" {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	lists := []url.Values{r.URL.Query()}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		lists = append(lists, form)
	}
	for _, list := range lists {
		for name, values := range list {
			for _, v := range values {
				pairs = append(pairs, escape(name)+"="+escape(v))
			}
		}
	}
	slices.Sort(pairs)
	path, _, _ := strings.Cut(r.RequestURI, "?")
	base := r.Method + "&" + escape("http://"+r.Host+path) + "&" + escape(strings.Join(pairs, "&"))
	if params["oauth_signature_method"] != cmpMethod(o.method) || o.nonces[params["oauth_nonce"]] || !o.signed(base, params["oauth_signature"], tokenSecret) {
		o.t.Errorf("%s: bad signature %v", r.URL, params)
	}
	o.nonces[params["oauth_nonce"]] = true
	return params
}

func cmpMethod(m string) string {
	if m == "" {
		return "HMAC-SHA1"
	}
	return m
}

func (o *oauth1Server) signed(base, signature, tokenSecret string) bool {
	key := escape(consumerSecret) + "&" + escape(tokenSecret)
	switch o.method {
	case "PLAINTEXT":
		return signature == key
	case "RSA-SHA1":
		sum := sha1.Sum([]byte(base))
		raw, err := base64.StdEncoding.DecodeString(signature)
		return err == nil && rsa.VerifyPKCS1v15(&testRSA().PublicKey, crypto.SHA1, sum[:], raw) == nil
	}
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(base))
	return signature == base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escape is RFC 5849 section 3.6.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
