package dance

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/dghubble/oauth1"

	"dancecard/internal/secret"
)

// consumer is the library's view of a link and its registration.
func (l Link) consumer(r Registration) (*oauth1.Config, error) {
	p := l.Provider
	c := &oauth1.Config{
		ConsumerKey: r.ClientID, ConsumerSecret: r.ClientSecret.Reveal(),
		Endpoint: oauth1.Endpoint{RequestTokenURL: p.Endpoints.RequestToken, AuthorizeURL: p.Endpoints.Authorization, AccessTokenURL: p.Endpoints.Token},
	}
	switch p.OAuth1.Signature {
	case "", "HMAC-SHA1":
	case "PLAINTEXT":
		c.Signer = plaintext(r.ClientSecret.Reveal())
	case "RSA-SHA1":
		key, err := readRSAKey(r.PrivateKey)
		if err != nil {
			return nil, &Invalid{Stage: "authorization", Text: err.Error()}
		}
		c.Signer = &oauth1.RSASigner{PrivateKey: key}
	default:
		return nil, &Invalid{Stage: "authorization", Text: fmt.Sprintf("the signature method %q is not known", clean(p.OAuth1.Signature, 40))}
	}
	return c, nil
}

// plaintext signs with the secrets themselves (RFC 5849 section 3.4.4), which
// is why it goes over https alone. It implements oauth1.Signer.
type plaintext string

// Name implements oauth1.Signer.
func (plaintext) Name() string { return "PLAINTEXT" }

// Sign implements oauth1.Signer.
func (consumer plaintext) Sign(token, _ string) (string, error) {
	return oauth1.PercentEncode(string(consumer)) + "&" + oauth1.PercentEncode(token), nil
}

func readRSAKey(text secret.String) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text.Reveal()))
	if block == nil {
		return nil, errors.New("this provider needs an RSA key to sign with; paste it in PEM form, with its first and last line")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if own, ok := key.(*rsa.PrivateKey); ok && err == nil {
		return own, nil
	}
	return nil, errors.New("the key to sign with is no RSA key without a passphrase; make one with openssl genrsa")
}

const signedForm = 1 << 20 // bytes of a form, which is part of what is signed

// sign1 signs a request (RFC 5849 section 3). Values of a form are part of the
// signature, other bodies are not (section 3.4.1.3.1) and stream.
func (l Link) sign1(r Registration, t Token, req *http.Request) (*http.Request, error) {
	wrong := func(text string) error { return &Invalid{Stage: callStage, Text: text} }
	config, err := l.consumer(r)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	kind, rest, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	form := strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
	lists := []string{req.URL.RawQuery}
	if form && req.Body != nil && req.Body != http.NoBody {
		data, err := io.ReadAll(io.LimitReader(req.Body, signedForm+1))
		req.Body.Close()
		switch {
		case err != nil:
			return nil, &Failed{Stage: callStage, Text: "the body of the request broke off", Offline: true}
		case len(data) > signedForm:
			return nil, wrong("the form is too long to be signed; send it in another form")
		}
		lists = append(lists, string(data))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		req.Body, _ = req.GetBody()
		req.ContentLength = int64(len(data))
	}
	if err := signable(lists); err != nil {
		return nil, wrong(err.Error())
	}
	var signed *http.Request
	took := errors.New("taken")
	take := roundTrip(func(given *http.Request) (*http.Response, error) {
		signed = given
		return nil, took
	})
	base := context.WithValue(context.Background(), oauth1.HTTPClient, &http.Client{Transport: take})
	if form {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded") // the library knows no other spelling
	}
	_, err = config.Client(base, oauth1.NewToken(t.Access.Reveal(), t.Secret.Reveal())).Transport.RoundTrip(req)
	if !errors.Is(err, took) {
		return nil, wrong("the request cannot be signed")
	}
	if form && rest != "" {
		signed.Header.Set("Content-Type", kind+";"+rest)
	}
	for name, v := range l.Provider.API.Headers {
		signed.Header.Set(name, strings.ReplaceAll(v, "{client_id}", r.ClientID))
	}
	return signed, nil
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// signable refuses what would be signed otherwise than it is sent: values that
// cannot be read, names that stand there twice, and those of the signature.
func signable(lists []string) error {
	seen := map[string]bool{}
	for _, list := range lists {
		values, err := url.ParseQuery(list)
		if err != nil {
			return errors.New("the values of the request cannot be read, so they cannot be signed")
		}
		for name, v := range values {
			switch {
			case len(v) > 1 || seen[name]:
				return fmt.Errorf("the value %q stands there twice, which this signature cannot carry", clean(name, 40))
			case strings.HasPrefix(name, "oauth_"):
				return fmt.Errorf("the value %q belongs to the signature", clean(name, 40))
			}
			seen[name] = true
		}
	}
	return nil
}
