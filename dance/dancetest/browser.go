package dancetest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
)

// Approve does the user's part without a browser window: it follows rawURL (a
// start address or an authorization URL) to the login page, signs in as user
// ("mira" or "jo"), allows, and follows the redirect to the program's own
// listener. It returns the status and body of the last page. An err says that
// the provider stopped the sign-in or that nobody answered; whatever page the
// program itself shows is no error.
func (p *Provider) Approve(rawURL, user string) (status int, body string, err error) {
	return p.browse(rawURL, user, "allow")
}

// Deny is Approve by a user who says no on the consent page.
func (p *Provider) Deny(rawURL, user string) (status int, body string, err error) {
	return p.browse(rawURL, user, "deny")
}

func (p *Provider) browse(rawURL, login, decision string) (int, string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return 0, "", err
	}
	client := plainClient()
	client.Jar = jar
	at, err := open(client.Get(rawURL))
	if err != nil {
		return 0, "", err
	}
	for _, step := range []struct {
		path string
		form url.Values
	}{
		{loginPath, url.Values{"username": {login}, "password": {login}}},
		{consentPath, url.Values{"decision": {decision}}},
	} {
		if at.url.Host != p.addr {
			return at.status, at.body, nil
		}
		if at.url.Path != step.path || at.status != http.StatusOK {
			break
		}
		step.form.Set("request", at.url.Query().Get("request"))
		if at, err = open(client.PostForm(p.issuer+step.path, step.form)); err != nil {
			return 0, "", err
		}
	}
	if at.url.Host == p.addr {
		return at.status, at.body, fmt.Errorf("dancetest: the sign-in ended at the provider's %s with status %d", at.url.Path, at.status)
	}
	return at.status, at.body, nil
}

// visited is a page at the end of its redirects.
type visited struct {
	url    *url.URL
	status int
	body   string
}

func open(res *http.Response, err error) (visited, error) {
	if err != nil {
		// The address holds the code and the state: keep it out of the error.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return visited{}, fmt.Errorf("dancetest: the browser got no answer: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return visited{}, fmt.Errorf("dancetest: the page was cut short: %w", err)
	}
	return visited{res.Request.URL, res.StatusCode, string(body)}, nil
}
