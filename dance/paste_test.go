package dance

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestPasteWrongTexts(t *testing.T) {
	l := testLink()
	l.IssParam = true
	l.Provider.ID = "odd"
	lb := listening(t, l)
	start := lb.start()
	for name, text := range map[string]string{
		"nothing":              " \n",
		"a word":               "hello",
		"D1 wrong state":       lb.redirect + "?code=c&state=wrong&iss=" + url.QueryEscape(testIssuer),
		"D2 no state":          lb.redirect + "?code=c",
		"D30 two states":       lb.redirect + rightQuery + "&state=right-state",
		"D30 two codes":        lb.redirect + rightQuery + "&code=other",
		"no code":              lb.redirect + "?state=right-state",
		"another path":         strings.Replace(lb.redirect, "/dancecard/odd", "/dancecard/other", 1) + rightQuery,
		"path by another name": strings.Replace(lb.redirect, "/dancecard/odd", "/dancecard/%6fdd", 1) + rightQuery,
		"path with slash":      lb.redirect + "/" + rightQuery,
		"D15 another port":     "http://127.0.0.1:1/dancecard/odd" + rightQuery,
		"another host":         strings.Replace(lb.redirect, "127.0.0.1", "evil.example", 1) + rightQuery,
		"user name":            strings.Replace(lb.redirect, "127.0.0.1", "us@127.0.0.1", 1) + rightQuery,
		"https":                strings.Replace(lb.redirect, "http:", "https:", 1) + rightQuery,
		"in the fragment":      lb.redirect + "#" + rightQuery[1:],
		"bare code":            "the-code",
		"bare query":           rightQuery,
		"D10 wrong iss":        lb.redirect + "?code=c&state=right-state&iss=https%3A%2F%2Fevil.example",
		"D11 no iss":           lb.redirect + "?code=c&state=right-state",
		"start address":        start,
		"provider's address":   lb.leads(),
		"bad escapes":          lb.redirect + "?code=%zz&state=right-state",
		"D31 long":             lb.redirect + "?state=right-state&code=" + strings.Repeat("a", 1<<20),
		"not text":             lb.redirect + "?\xff",
		"script":               "javascript://127.0.0.1/%0aalert(1)",
	} {
		err := lb.paste(text)
		if !isInvalid(err) || strings.Contains(err.Error(), "right-state") || len(err.Error()) > 200 {
			t.Errorf("%s: %v", name, err)
		}
		if len(lb.answers) != 0 {
			t.Fatalf("%s: taken", name)
		}
	}
	lb.lead("https://issuer.example/authorize?client_id=us&state=right-state")
	for _, text := range []string{start, lb.leads()} {
		if err := lb.paste(text); err == nil || !strings.Contains(err.Error(), "where the sign-in begins") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := lb.paste("  " + lb.redirect + rightQuery + "\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-lb.answers; got.code != "the-code" {
		t.Errorf("took %+v", got)
	}
	select {
	case <-lb.shown:
	default:
		t.Error("it waits for a browser that nobody sent")
	}
	if err := lb.paste(lb.redirect + rightQuery); err == nil {
		t.Error("taken twice")
	}
	if res, _ := ask(t, lb, "GET", lb.path+rightQuery, nil); res.StatusCode != http.StatusGone {
		t.Errorf("the listener answered %d", res.StatusCode)
	}
}

func TestPastedRefusal(t *testing.T) {
	lb := listening(t, testLink())
	if err := lb.paste(lb.redirect + "?error=access_denied&state=right-state"); err != nil {
		t.Fatal(err)
	}
	if got := <-lb.answers; got.err == nil || !strings.Contains(got.err.Error(), "access_denied") {
		t.Errorf("took %+v", got)
	}
}

func pasteRow(op *oddOP, uri string) Provider {
	row := op.row()
	row.Redirect = Redirect{Mode: "paste", URI: uri}
	return row
}

func TestPasteMode(t *testing.T) {
	for _, c := range []struct {
		name, uri, text string // {state} stands for the dance's
		fine            bool
	}{
		{"out of band", "urn:ietf:wg:oauth:2.0:oob", " the-code\n", true},
		{"page, code", "https://app.example/code", "the-code", true},
		{"page, address", "https://app.example/code", "https://app.example/code?code=the-code&state={state}&iss={iss}", true},
		{"page, address of another dance", "https://app.example/code", "https://app.example/code?code=the-code&state=other&iss={iss}", false},
		{"another page", "https://app.example/code", "https://evil.example/code?code=the-code&state={state}&iss={iss}", false},
		{"none sent", "", "the-code", true},
		{"none sent, address", "", "http://127.0.0.1/?code=the-code&state={state}&iss={iss}", false},
		{"two words", "", "the code", false},
		{"control character", "", "the\x00code", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOP(t)
			row := pasteRow(op, c.uri)
			if RedirectURI(row) != c.uri {
				t.Errorf("to register %q", RedirectURI(row))
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			text := make(chan string, 1)
			var refusal error
			res, err := Run(ctx, row, Prompt{
				Paste: text,
				OpenURL: func(_ context.Context, start string) error {
					address := visit(t, start)
					q := mustQuery(t, address)
					if q.Get("redirect_uri") != c.uri || c.uri == "" && q.Has("redirect_uri") {
						t.Errorf("asked with %v", q)
					}
					op.mu.Lock()
					op.pending = q
					op.mu.Unlock()
					text <- strings.NewReplacer("{state}", q.Get("state"), "{iss}", url.QueryEscape(op.URL)).Replace(c.text)
					return nil
				},
				Pasted: func(err error) {
					if refusal = err; err != nil {
						cancel()
					}
				},
			}, Request{})
			if (err == nil) != c.fine || (refusal == nil) != c.fine {
				t.Fatalf("%v, pasted %v", err, refusal)
			}
			if form := op.lastForm(); c.fine && (form.Get("code") != "the-code" || form.Get("redirect_uri") != c.uri || res.Link.RedirectURI != c.uri) {
				t.Errorf("exchanged with %v", form)
			}
			if !c.fine && op.count("/token") != 0 {
				t.Error("something was exchanged")
			}
		})
	}
}

// visit fetches the start address and says where it leads.
func visit(t *testing.T, start string) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	req, err := http.NewRequest(http.MethodGet, start, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	res.Body.Close()
	return res.Header.Get("Location")
}

// The listener and the user's hand race for the same dance: one exchange.
func TestD7PasteAndListenerRace(t *testing.T) {
	op := newOP(t)
	text := make(chan string)
	var pasted sync.WaitGroup
	_, err := Run(t.Context(), op.row(), Prompt{
		Paste: text,
		OpenURL: func(ctx context.Context, start string) error {
			q := mustQuery(t, visit(t, start))
			op.mu.Lock()
			op.pending = q
			op.mu.Unlock()
			back := q.Get("redirect_uri") + "?code=the-code&state=" + q.Get("state") + "&iss=" + url.QueryEscape(op.URL)
			for range 10 {
				pasted.Go(func() {
					select {
					case text <- back:
					case <-ctx.Done():
					}
				})
				pasted.Go(func() { browse(ctx, back) })
			}
			return nil
		},
	}, Request{})
	pasted.Wait()
	if err != nil || op.count("/token") != 1 {
		t.Errorf("%v after %d token requests", err, op.count("/token"))
	}
}

func FuzzPaste(f *testing.F) {
	f.Add("http://127.0.0.1:7/p?code=the-code&state=right-state", true)
	f.Add("the-code", true)
	f.Add("http://127.0.0.1:7/p?state=right-state&error=access_denied#x", false)
	f.Add("http://[::1]:7/p?%zz", false)
	f.Fuzz(func(t *testing.T, text string, byHand bool) {
		l := Link{Provider: Provider{Name: "Odd"}}
		lb := &loopback{link: l, state: "right-state", path: "/p", host: "127.0.0.1:7", redirect: "http://127.0.0.1:7/p",
			answers: make(chan callback, 1), taken: make(chan struct{}), shown: make(chan struct{})}
		if byHand {
			lb.link.Provider.Redirect = Redirect{Mode: "paste"}
		}
		err := lb.paste(text)
		if err != nil {
			if len(lb.answers) != 0 || !isInvalid(err) {
				t.Fatalf("%q changed something beside %v", text, err)
			}
			return
		}
		got := <-lb.answers
		bare := !strings.Contains(text, "://")
		switch {
		case bare && (!byHand || got.code != strings.TrimSpace(text)):
			t.Fatalf("took the bare %q as %+v", text, got)
		case !bare && (!strings.HasPrefix(strings.TrimSpace(text), lb.redirect+"?") || got.err == nil && got.values.Get("state") != "right-state"):
			t.Fatalf("took %q as %+v", text, got)
		case got.err == nil && (got.code == "" || !tokenText(got.code)):
			t.Fatalf("took %q as %+v", text, got)
		}
	})
}
