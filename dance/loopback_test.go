package dance

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const testIssuer = "https://issuer.example"

func testLink() Link {
	return Link{Provider: Provider{Name: "Odd", Issuer: testIssuer}}
}

func listening(t *testing.T, l Link) *loopback {
	t.Helper()
	lb, err := listen(l, "right-state")
	if err != nil {
		t.Fatal(err)
	}
	lb.serve("https://issuer.example/authorize?x=1")
	t.Cleanup(func() {
		lb.mu.Lock()
		if !lb.seen { // no browser waits for a page
			lb.seen = true
			close(lb.shown)
		}
		lb.mu.Unlock()
		lb.close()
	})
	return lb
}

// ask sends one request and follows nothing.
func ask(t *testing.T, lb *loopback, method, target string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+lb.host+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = target
	if change != nil {
		change(req)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// raw sends bytes and returns the status line's number.
func rawStatus(t *testing.T, lb *loopback, request string) int {
	t.Helper()
	conn, err := net.Dial("tcp", lb.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	go io.WriteString(conn, request)
	line, _ := bufio.NewReader(conn).ReadString('\n')
	words := strings.Fields(line)
	if len(words) < 2 {
		t.Fatalf("answered %q", line)
	}
	status, _ := strconv.Atoi(words[1])
	return status
}

const rightQuery = "?code=the-code&state=right-state&iss=https%3A%2F%2Fissuer.example"

// stillTakes fails unless the dance lives and takes the right answer.
func stillTakes(t *testing.T, lb *loopback) {
	t.Helper()
	select {
	case got := <-lb.answers:
		t.Fatalf("the dance took %+v", got)
	default:
	}
	res, _ := ask(t, lb, "GET", lb.path+rightQuery, nil)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != lb.cleanPath {
		t.Fatalf("the right answer got %d", res.StatusCode)
	}
	if got := <-lb.answers; got.code != "the-code" || got.err != nil {
		t.Fatalf("the dance took %+v", got)
	}
	res, body := ask(t, lb, "GET", lb.cleanPath, nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(body, "Odd said yes") {
		t.Fatalf("the clean page is %d: %s", res.StatusCode, body)
	}
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// withHost names another host; PORT is the right port.
func withHost(h string) func(*loopback, *http.Request) {
	return func(lb *loopback, r *http.Request) {
		_, port, _ := net.SplitHostPort(lb.host)
		r.Host = strings.ReplaceAll(h, "PORT", port)
	}
}

var wrongRequests = []struct {
	name   string
	query  string
	path   string // instead of the right one
	method string
	change func(*http.Request)
	host   func(*loopback, *http.Request)
	want   int
}{
	{name: "D1 wrong state", query: "?code=c&state=wrong", want: 400},
	{name: "D1 state with more", query: "?code=c&state=right-state1", want: 400},
	{name: "D2 no state", query: "?code=c", want: 400},
	{name: "D2 empty state", query: "?code=c&state=", want: 400},
	{name: "D2 nothing", query: "", want: 400},
	{name: "D3 error without state", query: "?error=access_denied", want: 400},
	{name: "D3 error with wrong state", query: "?error=access_denied&state=wrong", want: 400},
	{name: "neither code nor error", query: "?state=right-state", want: 400},
	{name: "code and error", query: "?state=right-state&code=c&error=e", want: 400},
	{name: "D15 another path", path: "/another", query: rightQuery, want: 404},
	{name: "D15 path with a slash more", path: "PATH/", query: rightQuery, want: 404},
	{name: "D15 path in another spelling", path: "/%64ancecard", query: rightQuery, want: 404},
	{name: "clean page before an answer", path: "CLEAN", want: 404},
	{name: "favicon", path: "/favicon.ico", want: 404},
	{name: "D26 foreign host", query: rightQuery, host: withHost("evil:PORT"), want: 400},
	{name: "D26 rebound host", query: rightQuery, host: withHost("127.0.0.1.evil:PORT"), want: 400},
	{name: "D26 localhost with dot", query: rightQuery, host: withHost("localhost.:PORT"), want: 400},
	{name: "D26 localhost", query: rightQuery, host: withHost("localhost:PORT"), want: 400},
	{name: "D26 no port", query: rightQuery, host: withHost("127.0.0.1"), want: 400},
	{name: "D27 image", query: rightQuery, change: withHeader("Sec-Fetch-Dest", "image"), want: 400},
	{name: "D27 frame", query: rightQuery, change: withHeader("Sec-Fetch-Dest", "iframe"), want: 400},
	{name: "D27 fetch", query: rightQuery, change: withHeader("Sec-Fetch-Mode", "cors"), want: 400},
	{name: "D28 POST", query: rightQuery, method: "POST", want: 405},
	{name: "D28 OPTIONS", query: rightQuery, method: "OPTIONS", want: 405},
	{name: "D28 made-up method", query: rightQuery, method: "GETT", want: 405},
	{name: "D29 HEAD", query: rightQuery, method: "HEAD", want: 405},
	{name: "D29 prefetch", query: rightQuery, change: withHeader("Sec-Purpose", "prefetch"), want: 503},
	{name: "D29 prerender", query: rightQuery, change: withHeader("Sec-Purpose", "prefetch;prerender"), want: 503},
	{name: "D29 Safari preview", query: rightQuery, change: withHeader("X-Purpose", "preview"), want: 503},
	{name: "D29 old Firefox prefetch", query: rightQuery, change: withHeader("X-Moz", "prefetch"), want: 503},
	{name: "D30 two codes", query: rightQuery + "&code=d", want: 400},
	{name: "D30 two states", query: rightQuery + "&state=right-state", want: 400},
	{name: "D30 two iss", query: rightQuery + "&iss=x", want: 400},
	{name: "D30 two errors", query: "?state=right-state&error=a&error=b", want: 400},
	{name: "D31 long query", query: "?state=right-state&code=" + strings.Repeat("x", 1<<20), want: 431},
	{name: "D31 many values", query: rightQuery + strings.Repeat("&a=b", queryCount), want: 400},
	{name: "D31 bad escape", query: rightQuery + "&x=%zz", want: 400},
	{name: "D31 semicolon", query: rightQuery + ";x=1", want: 400},
	{name: "D31 NUL in the code", query: "?state=right-state&code=a%00b", want: 400},
	{name: "D31 newline in the code", query: "?state=right-state&code=a%0d%0ab", want: 400},
	{name: "D31 long header", query: rightQuery, change: withHeader("X-Long", strings.Repeat("y", 64<<10)), want: 431},
}

func TestWrongRequestsChangeNothing(t *testing.T) {
	for _, c := range wrongRequests {
		t.Run(c.name, func(t *testing.T) {
			l := testLink()
			l.Provider.Redirect.Path = "/dancecard"
			lb := listening(t, l)
			path := strings.NewReplacer("PATH", lb.path, "CLEAN", lb.cleanPath).Replace(c.path)
			if path == "" {
				path = lb.path
			}
			method := c.method
			if method == "" {
				method = "GET"
			}
			res, body := ask(t, lb, method, path+c.query, func(r *http.Request) {
				if c.change != nil {
					c.change(r)
				}
				if c.host != nil {
					c.host(lb, r)
				}
			})
			if res.StatusCode != c.want {
				t.Errorf("answered %d, want %d: %s", res.StatusCode, c.want, body)
			}
			if strings.Contains(body, "the-code") || res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("the answer tells too much: %s", body)
			}
			stillTakes(t, lb)
		})
	}
}

func TestD27NavigationPasses(t *testing.T) {
	lb := listening(t, testLink())
	res, _ := ask(t, lb, "GET", lb.path+rightQuery, func(r *http.Request) {
		for name, v := range map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"} {
			r.Header.Set(name, v)
		}
	})
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("answered %d", res.StatusCode)
	}
}

func TestD26RawHosts(t *testing.T) {
	lb := listening(t, testLink())
	target := lb.path + rightQuery
	for name, request := range map[string]string{
		"missing":          "GET " + target + " HTTP/1.1\r\n\r\n",
		"missing in 1.0":   "GET " + target + " HTTP/1.0\r\n\r\n",
		"duplicated":       "GET " + target + " HTTP/1.1\r\nHost: " + lb.host + "\r\nHost: " + lb.host + "\r\n\r\n",
		"OPTIONS *":        "OPTIONS * HTTP/1.1\r\nHost: evil\r\n\r\n",
		"NUL in target":    "GET /\x00" + target + " HTTP/1.1\r\nHost: " + lb.host + "\r\n\r\n",
		"not HTTP":         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
		"body left unread": "POST " + target + " HTTP/1.1\r\nHost: " + lb.host + "\r\nContent-Length: 99999999\r\n\r\nx",
	} {
		if status := rawStatus(t, lb, request); status < 400 || status > 499 {
			t.Errorf("%s: answered %d", name, status)
		}
	}
	if status := rawStatus(t, lb, "GET http://"+lb.host+target+" HTTP/1.1\r\nHost: "+lb.host+"\r\n\r\n"); status != 404 {
		t.Errorf("absolute target: answered %d", status)
	}
	stillTakes(t, lb)
}

func TestD4RightStateWithError(t *testing.T) {
	lb := listening(t, testLink())
	desc := "No <b>way</b>\x1b[31m \u202egnp.exe\u2066 " + strings.Repeat("é ", 6_000)
	q := url.Values{"state": {"right-state"}, "error": {"access_denied"}, "error_description": {desc}}
	res, _ := ask(t, lb, "GET", lb.path+"?"+q.Encode(), nil)
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("answered %d", res.StatusCode)
	}
	no, ok := errors.AsType[*Refused]((<-lb.answers).err)
	if !ok || no.Code != "access_denied" || strings.ContainsAny(no.Description, "\x1b\u202e\u2066") || len([]rune(no.Description)) > descriptionLength+1 {
		t.Fatalf("refused as %+v", no)
	}
	res, body := ask(t, lb, "GET", lb.cleanPath, nil)
	if res.StatusCode != 200 || !strings.Contains(body, "Odd said no") || !strings.Contains(body, "No &lt;b&gt;way&lt;/b&gt;") {
		t.Errorf("the page is %d: %s", res.StatusCode, body)
	}
}

func TestD6SecondCallbackIsTooLate(t *testing.T) {
	lb := listening(t, testLink())
	stillTakes(t, lb)
	res, body := ask(t, lb, "GET", lb.path+rightQuery, nil)
	if res.StatusCode != http.StatusGone || !strings.Contains(body, "This attempt is over") {
		t.Errorf("answered %d: %s", res.StatusCode, body)
	}
	select {
	case got := <-lb.answers:
		t.Errorf("the dance took %+v again", got)
	default:
	}
}

func TestD7ThousandCallbacksOneAnswer(t *testing.T) {
	lb := listening(t, testLink())
	statuses := make([]int, 1000)
	var wg sync.WaitGroup
	gate := make(chan struct{}, 100)
	for i := range statuses {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			res, _ := ask(t, lb, "GET", lb.path+rightQuery, nil)
			statuses[i] = res.StatusCode
		})
	}
	wg.Wait()
	won := 0
	for _, s := range statuses {
		switch s {
		case http.StatusSeeOther:
			won++
		case http.StatusGone:
		default:
			t.Errorf("answered %d", s)
		}
	}
	if won != 1 || len(lb.answers) != 1 {
		t.Errorf("%d won, %d answers", won, len(lb.answers))
	}
}

func TestD8CodesSwapped(t *testing.T) {
	l := testLink()
	l.Provider.Redirect.RandomPath = true
	one, two := listening(t, l), listening(t, l)
	two.state = "other-state"
	if res, _ := ask(t, two, "GET", two.path+rightQuery, nil); res.StatusCode != 400 {
		t.Errorf("answered %d", res.StatusCode)
	}
	if res, _ := ask(t, two, "GET", one.path+rightQuery, nil); res.StatusCode != 404 {
		t.Errorf("D15: the other dance's path answered %d", res.StatusCode)
	}
	stillTakes(t, one)
}

func TestD39LateCallback(t *testing.T) {
	lb := listening(t, testLink())
	lb.expire()
	res, body := ask(t, lb, "GET", lb.path+rightQuery, nil)
	if res.StatusCode != http.StatusGone || !strings.Contains(body, "This attempt is over") || len(lb.answers) != 0 {
		t.Errorf("answered %d: %s", res.StatusCode, body)
	}
}

func FuzzCallbackQuery(f *testing.F) {
	f.Add("code=the-code&state=right-state&iss=https%3A%2F%2Fissuer.example")
	f.Add("state=right-state&error=access_denied&error_description=no")
	f.Add("state=right-state&state=right-state&code=x")
	f.Add("&;%zz=\x00")
	f.Add("code=the-code&state=right-state&iss=https%3A%2F%2Fissuer.example&host=https://eu.example/&realm=7")
	l := testLink()
	l.Provider.Endpoints.Token = "https://us.example/token"
	l.Provider.Redirect = Redirect{HostParam: "host", Hosts: []string{"eu.example"}, Keep: []string{"realm"}}
	lb := &loopback{link: l, state: "right-state", path: "/p"}
	f.Fuzz(func(t *testing.T, query string) {
		got, outcome, ok := lb.read(query)
		if !ok {
			if got.code != "" || got.err != nil {
				t.Fatalf("not ok with %+v", got)
			}
			return
		}
		v, err := url.ParseQuery(query)
		if err != nil || len(v["state"]) != 1 || v.Get("state") != "right-state" {
			t.Fatalf("took %q", query)
		}
		if (got.code == "") == (got.err == nil) || got.code != "" && (got.code != v.Get("code") || !tokenText(got.code)) {
			t.Fatalf("took %+v of %q", got, query)
		}
		moved := l
		if err := moved.move(got.values); err != nil && got.err == nil {
			t.Fatalf("took %q and then would not: %v", query, err)
		}
		if at := moved.Provider.Endpoints.Token; at != "https://us.example/token" && at != "https://eu.example/token" {
			t.Fatalf("%q moved the tokens to %q", query, at)
		}
		page := outcome.render()
		if got.err != nil && (strings.ContainsFunc(got.err.Error(), func(r rune) bool { return r < ' ' || r == '\u202e' })) {
			t.Fatalf("error %q", got.err)
		}
		if bytes.Contains(bytes.ToLower(page), []byte("<script")) {
			t.Fatalf("page %s", page)
		}
	})
}
