package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func init() {
	// dance: dancectl connect demo --print-url in the background; sets $URL, $STATE and $REDIRECT
	scriptCommands["dance"] = dance
	// answer USER: signs in and allows, and keeps the callback as $CALLBACK instead of following it
	scriptCommands["answer"] = answer
	// visit URL STATUS [TEXT]: what a browser is answered; STATUS "none" if nobody listens
	scriptCommands["visit"] = visit
	// danced CODE [TEXT]: waits for the end of dance's dancectl
	scriptCommands["danced"] = danced
}

func dance(ctx context.Context, s *script, args []string) error {
	p, err := s.world.Start("dancectl", append([]string{"connect", "demo", "--print-url"}, args...)...)
	if err != nil {
		return err
	}
	s.dance = p
	var address *url.URL
	err = Await(ctx, "the authorization URL on the first line", func() (err error) {
		first, _, _ := strings.Cut(p.Log(), "\n")
		if address, err = url.Parse(first); err == nil && address.Query().Get("state") == "" {
			err = fmt.Errorf("it says:\n%s", p.Log())
		}
		return err
	})
	if err != nil {
		return err
	}
	s.ts.Setenv("URL", address.String())
	s.ts.Setenv("STATE", address.Query().Get("state"))
	s.ts.Setenv("REDIRECT", address.Query().Get("redirect_uri"))
	return nil
}

func danced(ctx context.Context, s *script, args []string) error {
	code, err := s.dance.Wait(ctx)
	if err == nil && strconv.Itoa(code) != args[0] {
		err = fmt.Errorf("exit code %d:\n%s", code, s.dance.Log())
	}
	if err == nil && len(args) > 1 {
		err = match(args[1], s.dance.Log())
	}
	return err
}

var requestField = regexp.MustCompile(`name="request" value="([^"]+)"`)

func answer(ctx context.Context, s *script, args []string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	redirect := s.ts.Getenv("REDIRECT")
	callback := ""
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page, err := body(c.Get(s.ts.Getenv("URL")))
	for _, form := range []url.Values{{"username": {args[0]}, "password": {args[0]}}, {"decision": {"allow"}}} {
		if err != nil {
			return err
		}
		request := requestField.FindStringSubmatch(page.text)
		if request == nil {
			return fmt.Errorf("no form on this page:\n%s", page.text)
		}
		form.Set("request", request[1])
		page, err = body(c.PostForm(page.action(form), form))
	}
	if err == nil && callback == "" {
		err = errors.New("the provider did not send the browser back")
	}
	s.ts.Setenv("CALLBACK", callback)
	return err
}

type browserPage struct {
	url  *url.URL
	text string
}

// action is where the page's form goes: the login page posts to /login, the
// consent page to /consent.
func (p browserPage) action(form url.Values) string {
	path := "/login"
	if form.Has("decision") {
		path = "/consent"
	}
	return p.url.ResolveReference(&url.URL{Path: path}).String()
}

func body(res *http.Response, err error) (browserPage, error) {
	if err != nil {
		return browserPage{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return browserPage{res.Request.URL, string(b)}, err
}

func visit(_ context.Context, _ *script, args []string) error {
	c := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(args[0])
	if args[1] == "none" {
		if err == nil {
			res.Body.Close()
			return fmt.Errorf("answered %s", res.Status)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if ok, _ := regexp.MatchString("^(?:"+args[1]+")$", strconv.Itoa(res.StatusCode)); !ok {
		return fmt.Errorf("answered %s: %s", res.Status, b)
	}
	if len(args) > 2 {
		return match(args[2], string(b))
	}
	return nil
}
