package dance

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dancecard/internal/secret"
)

// plainRow is the odd provider without OpenID.
func (o *oddOP) plainRow() Provider {
	return Provider{ID: "odd", Name: "Odd", Protocol: "oauth2", ClientID: "us",
		Endpoints: Endpoints{Authorization: o.URL + "/authorize", Token: o.URL + "/token", Revocation: o.URL + "/revoke"},
		Identity:  Identify{URL: o.URL + "/userinfo", Subject: "sub", Login: "preferred_username"}}
}

func host(o *oddOP) string { return strings.TrimPrefix(o.URL, "http://") }

func TestHostOfTheAnswer(t *testing.T) {
	here, there, evil := newOP(t), newOP(t), newOP(t)
	for _, c := range []struct {
		name, said string // what the answer says
		asked      *oddOP // who gets the code; nil: nobody
	}{
		{"silent", "", here},
		{"its own", host(here), here},
		{"a listed host", host(there), there},
		{"a listed address", there.URL, there},
		{"a listed address with slash", there.URL + "/", there},
		{"an unlisted host", host(evil), nil},
		{"an unlisted address", evil.URL, nil},
		{"user name before the unlisted", host(there) + "@" + host(evil), nil},
		{"path before the unlisted", evil.URL + "/" + host(there), nil},
		{"listed host with path", there.URL + "/../x", nil},
		{"a listed name in other letters", "LOCALHOST:" + there.URL[strings.LastIndex(there.URL, ":")+1:], nil},
		{"plain http elsewhere", "http://accounts.example", nil},
		{"script", "javascript:alert(1)", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, op := range []*oddOP{here, there, evil} {
				op.requests = map[string]int{}
				op.token = raw(200, "application/json", okAnswer)
			}
			here.back = func(q url.Values) {
				q.Del("iss")
				q.Set("realmId", "4711")
				q.Set("other", "x")
				if c.said != "" {
					q.Set("accounts-server", c.said)
				}
			}
			row := here.plainRow()
			row.API = API{BaseURL: here.URL + "/api", Hosts: append(make([]string, 0, 4), host(here))}
			row.Redirect = Redirect{Keep: []string{"realmId"}, HostParam: "accounts-server", Hosts: []string{host(there), "accounts.example"}}
			res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{})
			if c.asked == nil {
				if !isInvalid(err) || here.count("/token")+there.count("/token") != 0 || len(evil.requests) != 0 {
					t.Errorf("%v, %v requests at the unlisted host", err, evil.requests)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			e, at := res.Link.Provider.Endpoints, c.asked.URL
			if c.asked.count("/token") != 1 || c.asked.count("/userinfo") != 1 || e.Token != at+"/token" || e.Revocation != at+"/revoke" ||
				e.Authorization != here.URL+"/authorize" || res.Link.Provider.API.BaseURL != at+"/api" || !slices.Contains(res.Link.Provider.API.Hosts, host(c.asked)) {
				t.Errorf("linked with %+v, %+v", e, res.Link.Provider.API)
			}
			if res.Token.Extra["realmId"] != "4711" || res.Token.Extra["other"] != "" {
				t.Errorf("kept %v", res.Token.Extra)
			}
			if _, err := Refresh(t.Context(), res.Link, Registration{}, res.Token, nil, res.Identity); err != nil || c.asked.count("/token") != 2 {
				t.Errorf("refresh: %v", err)
			}
			if err := Revoke(t.Context(), res.Link, Registration{}, res.Token); err != nil || c.asked.count("/revoke") == 0 {
				t.Errorf("revocation: %v", err)
			}
			if row.API.Hosts[:2][1] != "" {
				t.Error("the row was changed")
			}
		})
	}
}

// Two values where one is read are no answer at all.
func TestHostOfTheAnswerTwice(t *testing.T) {
	l := testLink()
	l.Provider.Redirect = Redirect{HostParam: "host", Hosts: []string{"a.example", "b.example"}, Keep: []string{"realm"}}
	lb := listening(t, l)
	for _, more := range []string{"&host=a.example&host=b.example", "&realm=1&realm=2"} {
		if res, _ := ask(t, lb, "GET", lb.path+rightQuery+more, nil); res.StatusCode != 400 || len(lb.answers) != 0 {
			t.Errorf("%s: answered %d", more, res.StatusCode)
		}
	}
	stillTakes(t, lb)
}

func TestBaseOfTheAnswer(t *testing.T) {
	for _, c := range []struct {
		said string
		want string // "": the row's own stays
	}{
		{"https://na1.my.salesforce.example", "https://na1.my.salesforce.example"},
		{"na1.my.salesforce.example", "https://na1.my.salesforce.example"},
		{"https://NA1.My.Salesforce.Example/data", "https://NA1.My.Salesforce.Example/data"},
		{"https://api.listed.example/v2", "https://api.listed.example/v2"},
		{"https://evil.example", ""},
		{"https://my.salesforce.example", ""},
		{"https://evilmy.salesforce.example", ""},
		{"https://.my.salesforce.example", ""},
		{"https://na1.my.salesforce.example.evil.example", ""},
		{"https://evil.example/.my.salesforce.example", ""},
		{"https://evil.example#.my.salesforce.example", ""},
		{"https://evil.example?.my.salesforce.example", ""},
		{"https://na1.my.salesforce.example@evil.example", ""},
		{"https://us@na1.my.salesforce.example", ""},
		{"http://na1.my.salesforce.example", ""},
		{"https://na1.my.salesforce.example:8443", ""},
		{"https://na1.my.salesforce.example?x=1", ""},
		{"https://127.0.0.1", ""},
		{"http://127.0.0.1:1", ""},
		{"https://10.0.0.1", ""},
		{"https://[::1]", ""},
		{"https://localhost", ""},
		{"https://x.listed.example", ""},
		{"//na1.my.salesforce.example", ""},
		{"file:///etc/passwd", ""},
		{"", ""},
	} {
		hosts := make([]string, 1, 8)
		hosts[0] = "api.listed.example"
		l := Link{Provider: Provider{API: API{BaseURL: "https://api.listed.example", Hosts: hosts,
			BaseFrom: "team.instance_url", BaseUnder: []string{".my.salesforce.example", "listed.example", ".0.0.1", ".localhost"}}}}
		l.base(receipt{values: map[string]any{"team": map[string]any{"instance_url": c.said}}})
		api := l.Provider.API
		if c.want == "" {
			if api.BaseURL != "https://api.listed.example" || len(api.Hosts) != 1 {
				t.Errorf("%q was believed: %+v", c.said, api)
			}
			continue
		}
		u, _ := url.Parse(c.want)
		if api.BaseURL != c.want || !slices.Contains(api.Hosts, u.Host) || len(hosts) != 1 || hosts[:2][1] != "" {
			t.Errorf("%q: %+v", c.said, api)
		}
	}
	// A value of the redirect will do as well.
	l := Link{Provider: Provider{API: API{BaseFrom: "domain", BaseUnder: []string{".example.com"}}}}
	l.base(receipt{token: Token{Extra: map[string]string{"domain": "eu.example.com"}}})
	if l.Provider.API.BaseURL != "https://eu.example.com" {
		t.Errorf("of the redirect: %+v", l.Provider.API)
	}
}

func TestBaseIsSealed(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", strings.Replace(okAnswer, "{", `{"instance_url":"https://na1.my.salesforce.example",`, 1))
	op.back = func(q url.Values) { q.Del("iss") }
	row := op.plainRow()
	row.API = API{BaseURL: "https://login.salesforce.example", BaseFrom: "instance_url", BaseUnder: []string{".my.salesforce.example"}}
	res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{})
	if err != nil || res.Link.Provider.API.BaseURL != "https://na1.my.salesforce.example" || len(res.Link.Provider.API.Hosts) != 1 || res.Token.Extra["instance_url"] == "" {
		t.Errorf("%v, %+v", err, res.Link.Provider.API)
	}
}

func TestIdentityShapes(t *testing.T) {
	var method, body, kind, authorization, client string
	op := newOP(t)
	op.userinfo = func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 1<<10)
		n, _ := r.Body.Read(b)
		method, body, kind = r.Method, string(b[:n]), r.Header.Get("Content-Type")
		authorization, client = r.Header.Get("Authorization")+r.Header.Get("X-Odd-Token"), r.Header.Get("Client-Id")
		writeJSON(w, map[string]any{"data": map[string]any{"viewer": map[string]any{"id": "s1"}}})
	}
	l := op.link()
	l.Provider = op.plainRow()
	l.Provider.Identity = Identify{URL: op.URL + "/userinfo", Method: "POST", Body: `{"query":"{viewer{id}}"}`, Subject: "data.viewer.id"}
	l.Provider.API = API{Header: "X-Odd-Token", Headers: map[string]string{"Client-Id": "{client_id}"}}
	who, err := l.whoIs(t.Context(), Registration{}, receipt{token: Token{Access: secret.New("at")}}, expected{})
	if err != nil || who.Subject != "s1" || method != "POST" || body != `{"query":"{viewer{id}}"}` || kind != "application/json" || authorization != "at" || client != "us" {
		t.Errorf("%+v, %v: %s %s %q %q %q", who, err, method, body, kind, authorization, client)
	}
	l.Provider.Identity = Identify{URL: op.URL + "/userinfo", Method: "POST", Subject: "data.viewer.id"}
	if _, err := l.whoIs(t.Context(), Registration{}, receipt{token: Token{Access: secret.New("at")}}, expected{}); err != nil || body != "" || kind != "" {
		t.Errorf("%v, empty body: %q %q", err, body, kind)
	}
}

// A token in an address is in no error and cannot leave its place.
func TestTokenInTheIdentityAddress(t *testing.T) {
	const canary = "CANARY/../x?y=1&z#"
	var path string
	status := 200
	srv := newOP(t)
	l := srv.link()
	l.Provider = srv.plainRow()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.RequestURI
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(`{"user_id":7}`))
	})
	srv.Config.Handler = handler
	l.Provider.Identity = Identify{URL: srv.URL + "/tokens/{access_token}", Subject: "user_id"}
	tok := Token{Access: secret.New(canary)}
	who, err := Probe(t.Context(), l, Registration{}, tok)
	if err != nil || who.Subject != "7" || path != "/tokens/"+url.QueryEscape(canary) {
		t.Errorf("%+v, %v at %q", who, err, path)
	}
	for _, status = range []int{301, 400, 401, 403, 404, 500} {
		if _, err := Probe(t.Context(), l, Registration{}, tok); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%d: %v", status, err)
		}
	}
	srv.Close()
	_, err = Probe(t.Context(), l, Registration{}, tok)
	if f := failed(t, err); strings.Contains(f.Error(), "CANARY") {
		t.Errorf("closed: %v", f)
	}
}

func TestIdentityOfTheTokenAnswer(t *testing.T) {
	for _, c := range []struct {
		path, body, want string
	}{
		{"athlete.id", `{"access_token":"at","token_type":"bearer","athlete":{"id":77}}`, "77"},
		{"authed_user.id", `{"access_token":"at","token_type":"bearer","authed_user":{"id":"U1"}}`, "U1"},
		{"users.0.id", `{"access_token":"at","token_type":"bearer","users":[{"id":"U1"}]}`, "U1"},
		{"realmId", `{"access_token":"at","token_type":"bearer"}`, "4711"},
		{"athlete.id", `{"access_token":"at","token_type":"bearer","athlete":7}`, ""},
	} {
		op := newOP(t)
		op.token = raw(200, "application/json", c.body)
		op.back = func(q url.Values) { q.Del("iss"); q.Set("realmId", "4711") }
		row := op.plainRow()
		row.Identity = Identify{Subject: c.path}
		row.Redirect.Keep = []string{"realmId"}
		res, err := Run(t.Context(), row, Prompt{OpenURL: browse}, Request{})
		if (err == nil) != (c.want != "") || res.Identity.Subject != c.want || res.Identity.Unnamed {
			t.Errorf("%s of %s: %+v, %v", c.path, c.body, res.Identity, err)
		}
		if len(res.Token.Extra) > 1 {
			t.Errorf("kept %v", res.Token.Extra)
		}
	}
}

func TestUnknownIdentity(t *testing.T) {
	op := newOP(t)
	op.token = raw(200, "application/json", okAnswer)
	op.back = func(q url.Values) { q.Del("iss") }
	row := op.plainRow()
	row.Identity = Identify{Unknown: true}
	run := func(req Request) Identity {
		res, err := Run(t.Context(), row, Prompt{OpenURL: func(ctx context.Context, start string) error { return browse(ctx, start) }}, req)
		if err != nil {
			t.Fatal(err)
		}
		return res.Identity
	}
	first, second := run(Request{}), run(Request{})
	if !first.Unnamed || len(first.Subject) < 20 || first.Subject == second.Subject {
		t.Errorf("made up %+v and %+v", first, second)
	}
	if again := run(Request{Subject: first.Subject}); again != first {
		t.Errorf("reconnected as %+v", again)
	}
}
