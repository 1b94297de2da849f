package test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestD9Twenty connects twenty accounts at once at a provider that none of us
// wrote, and wants no port left behind.
func TestD9Twenty(t *testing.T) {
	f := newListedNode(t)
	const many = 20
	dances := make([]*Process, many)
	for i := range dances {
		var err error
		dances[i], err = f.world.Start("dancectl", "connect", "foreign", "--print-url", "--yes")
		f.check(err)
	}
	callbacks := make([]*url.URL, many)
	errs := make([]error, many)
	var all sync.WaitGroup
	for i, dance := range dances {
		all.Go(func() {
			callbacks[i], errs[i] = f.walk(dance, fmt.Sprintf("user%02d", i))
		})
	}
	all.Wait()
	states, ports, codes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, dance := range dances {
		if errs[i] != nil {
			t.Fatalf("user%02d: %v\n%s", i, errs[i], dance.Log())
		}
		f.done(dance)
		query := callbacks[i].Query()
		states[query.Get("state")], codes[query.Get("code")], ports[callbacks[i].Host] = true, true, true
	}
	if len(states) != many || len(ports) != many || len(codes) != many {
		t.Errorf("%d states, %d ports and %d codes of %d dances", len(states), len(ports), len(codes), many)
	}
	accounts, err := f.control.Accounts(t.Context())
	f.check(err)
	subjects := map[string]bool{}
	for _, a := range accounts {
		subjects[a.Subject] = a.Status == "ready"
	}
	for i := range many {
		if who := fmt.Sprintf("user%02d", i); !subjects[who] {
			t.Errorf("%s is not linked, or not ready", who)
		}
	}
	if len(accounts) != many {
		t.Errorf("%d accounts", len(accounts))
	}
	for host := range ports {
		f.check(Await(t.Context(), "nobody at "+host, func() error { return unheard(host) }))
	}
	saw(nodeName, "twenty sign-ins at once", "twenty accounts, each with its own state and port; no port left open")
}

// unheard says so when somebody listens at an address.
func unheard(address string) error {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return nil
	}
	c.Close()
	return fmt.Errorf("somebody listens at %s", address)
}

var formAction = regexp.MustCompile(`action="([^"]+)"`)

// walk signs a user in and consents without a browser, follows the provider
// back to Dancecard, and returns the address at which it was answered.
func (f *foreign) walk(dance *Process, login string) (*url.URL, error) {
	var address string
	err := Await(f.t.Context(), "the address on the first line", func() error {
		first, _, whole := strings.Cut(dance.Log(), "\n")
		if address = first; !whole || !strings.HasPrefix(first, "http") {
			return fmt.Errorf("it says: %s", dance.Log())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	var back *url.URL
	c := &http.Client{Jar: jar, Timeout: Patience, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/callback" && r.URL.Query().Has("code") {
			back = r.URL
		}
		return nil
	}}
	page, err := body(c.Get(address))
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {login}, "password": {"any"}}, {"prompt": {"consent"}}} {
		if err != nil {
			return nil, err
		}
		action := formAction.FindStringSubmatch(page.text)
		if action == nil {
			return nil, fmt.Errorf("no form at %s:\n%s", page.url, page.text)
		}
		to, err2 := page.url.Parse(action[1])
		if err2 != nil {
			return nil, err2
		}
		page, err = body(c.PostForm(to.String(), form))
	}
	if err == nil && back == nil {
		err = fmt.Errorf("the provider sent the browser to %s:\n%s", page.url, page.text)
	}
	return back, err
}
