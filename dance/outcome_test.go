package dance

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestIssInTheAnswer(t *testing.T) {
	for _, c := range []struct {
		name     string
		promised bool
		iss      string // "-": not sent
		want     bool
	}{
		{"right", true, testIssuer, true},
		{"D10 wrong", true, "https://evil.example", false},
		{"D11 missing though promised", true, "-", false},
		{"missing, not promised", false, "-", true},
		{"D12 slash", true, testIssuer + "/", false},
		{"D12 case", true, "https://Issuer.example", false},
		{"D12 default port", true, testIssuer + ":443", false},
		{"D13 not promised, wrong", false, "https://evil.example", false},
		{"D13 not promised, right", false, testIssuer, true},
		{"empty", true, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := testLink()
			l.IssParam = c.promised
			lb := listening(t, l)
			q := url.Values{"code": {"the-code"}, "state": {"right-state"}, "iss": {c.iss}}
			if c.iss == "-" {
				q.Del("iss")
			}
			ask(t, lb, "GET", lb.path+"?"+q.Encode(), nil)
			got := <-lb.answers
			if _, bad := errors.AsType[*Invalid](got.err); bad == c.want || (got.code == "the-code") != c.want {
				t.Errorf("took %+v", got)
			}
		})
	}
}

func TestD20StartURLFetchedTwice(t *testing.T) {
	lb := listening(t, testLink())
	start := strings.TrimPrefix(lb.start(), "http://"+lb.host)
	ask(t, lb, "HEAD", start, nil)
	ask(t, lb, "GET", start, func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch") })
	res, body := ask(t, lb, "GET", start, nil)
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "https://issuer.example/authorize?x=1" || body != "" {
		t.Fatalf("answered %d to %q: %s", res.StatusCode, res.Header.Get("Location"), body)
	}
	if res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", res.Header)
	}
	res, body = ask(t, lb, "GET", start, nil)
	if res.StatusCode != http.StatusGone || !strings.Contains(body, "This attempt is over") {
		t.Errorf("the second time answered %d: %s", res.StatusCode, body)
	}
	if got := <-lb.answers; !isInvalid(got.err) || !strings.Contains(got.err.Error(), "twice") {
		t.Errorf("took %+v", got)
	}
}

func TestStartURLAfterTheAnswer(t *testing.T) {
	lb := listening(t, testLink())
	stillTakes(t, lb)
	if res, _ := ask(t, lb, "GET", strings.TrimPrefix(lb.start(), "http://"+lb.host), nil); res.StatusCode != http.StatusGone {
		t.Errorf("answered %d", res.StatusCode)
	}
}

func TestD61HeadersOfEveryAnswer(t *testing.T) {
	lb := listening(t, testLink())
	for _, target := range []string{"/nowhere", lb.path + "?state=wrong", lb.path + rightQuery, lb.path + rightQuery, lb.cleanPath} {
		res, body := ask(t, lb, "GET", target, nil)
		h := res.Header
		if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
			t.Errorf("%s: headers %v", target, h)
		}
		if strings.Contains(body, "right-state") || strings.Contains(body, "the-code") || strings.Contains(h.Get("Location"), "code") {
			t.Errorf("%s: the answer holds the query", target)
		}
	}
}

func TestLingersOnlyForThePage(t *testing.T) {
	lb, err := listen(testLink(), "right-state")
	if err != nil {
		t.Fatal(err)
	}
	lb.serve("")
	ask(t, lb, "GET", lb.path+rightQuery, nil)
	done := make(chan struct{})
	go func() { lb.close(); close(done) }()
	res, _ := ask(t, lb, "GET", lb.cleanPath, nil)
	if res.StatusCode != 200 {
		t.Errorf("answered %d", res.StatusCode)
	}
	<-done
	if _, err := net.Dial("tcp", lb.listeners[0].Addr().String()); err == nil {
		t.Error("it still listens")
	}
}
