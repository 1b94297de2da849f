package accounts

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dancecard/dance"
	"dancecard/dance/dancetest"
)

// thief listens where secrets have no business and counts what it gets.
type thief struct {
	url   string
	bytes atomic.Int64
}

func newThief(t *testing.T) *thief {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	th := &thief{url: "http://" + l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(time.Second))
				buffer := make([]byte, 4096)
				for {
					n, err := c.Read(buffer)
					th.bytes.Add(int64(n))
					if err != nil {
						return
					}
					io.WriteString(c, "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				}
			}()
		}
	}()
	return th
}

// everything sends each of an account's secrets once: refresh, fetch, probe, revocation.
func (r *rig) everything(as *authority, a Account) {
	r.t.Helper()
	refreshes, userinfo, calls, revocations := as.count("POST /token"), as.count("GET /userinfo"), as.count("api GET"), as.count("POST /revoke")
	if err := r.Refresh(r.t.Context(), a.ID); err != nil {
		r.t.Fatal(err)
	}
	if status, _, err := r.fetched(a, "GET", as.api.URL+"/x", ""); err != nil || status != 200 {
		r.t.Fatalf("%d, %v", status, err)
	}
	p, v, err := r.openProfile()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.probe(r.t.Context(), p, v, a.ID); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Disconnect(r.t.Context(), a.ID); err != nil {
		r.t.Fatal(err)
	}
	if as.count("POST /token") == refreshes || as.count("GET /userinfo") == userinfo || as.count("api GET") == calls || as.count("POST /revoke") == revocations {
		r.t.Fatalf("not all went to the sealed places: %v", as.hits)
	}
}

func TestSealedPlacesGetTheSecretsWhateverTheRowSays(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *rig, as *authority, th *thief)
	}{
		{"the row's addresses change", func(r *rig, as *authority, th *thief) {
			r.write("works", strings.ReplaceAll(as.file(""), as.URL+"/", th.url+"/"))
		}},
		{"the row's issuer changes too", func(r *rig, as *authority, th *thief) {
			r.write("works", strings.ReplaceAll(as.file(""), as.URL, th.url))
		}},
		{"the row is gone, and another has its issuer and token endpoint", func(r *rig, as *authority, th *thief) {
			r.drop("works")
			evil := strings.ReplaceAll(as.file(""), as.URL+"/revoke", th.url+"/revoke")
			r.write("evil", strings.ReplaceAll(evil, as.URL+"/userinfo", th.url+"/userinfo"))
		}},
		{"the API's hosts change", func(r *rig, as *authority, th *thief) {
			r.write("works", strings.ReplaceAll(as.file(""), strings.TrimPrefix(as.api.URL, "http://"), strings.TrimPrefix(th.url, "http://")))
		}},
		{"the discovery document changes", func(r *rig, as *authority, th *thief) {
			as.change(func() {
				for _, name := range []string{"token_endpoint", "revocation_endpoint", "userinfo_endpoint", "authorization_endpoint"} {
					as.metadata[name] = th.url + "/"
				}
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, as := worksRig(t, "")
			a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
			r.allow(a.ID)
			th := newThief(t)
			c.change(r, as, th)
			r.restart()
			r.everything(as, a)
			if _, _, err := r.fetched(a, "GET", th.url+"/x", ""); err == nil {
				t.Error("a request went to the new host")
			}
			if n := th.bytes.Load(); n != 0 {
				t.Fatalf("the new place got %d bytes", n)
			}
		})
	}
}

func TestSealedAccountFoundByAddressStaysWhereItWas(t *testing.T) {
	r, as := worksRig(t, "")
	r.drop("works")
	a := r.keep(as, "mira", ConnectRequest{Address: as.URL})
	th := newThief(t)
	as.change(func() {
		for _, name := range []string{"token_endpoint", "revocation_endpoint", "userinfo_endpoint", "registration_endpoint"} {
			as.metadata[name] = th.url + "/"
		}
	})
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	r.dance("mira", ConnectRequest{Reconnect: a.ID})
	if err := r.Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if n := th.bytes.Load(); n != 0 {
		t.Fatalf("the new place got %d bytes", n)
	}
}

func TestFileThatSendsASignInElsewhereIsNotFollowed(t *testing.T) {
	r, as := worksRig(t, "")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	th := newThief(t)
	r.write("works", strings.ReplaceAll(as.file(""), as.URL+"/token", th.url+"/token"))
	asked := as.count("GET /authorize")
	_, err := r.Connect(t.Context(), ConnectRequest{Reconnect: a.ID})
	wantCode(t, err, CodeBadRequest)
	if !strings.Contains(err.Error(), th.url) {
		t.Fatalf("it does not say where to: %v", err)
	}
	// Nor is it what an address means, and it gets no client that was made for the issuer.
	row, known := r.rowOfIssuer(as.URL)
	if known {
		t.Fatalf("%+v", row)
	}
	entry, _ := r.catalog.Get("works")
	p, _, err := r.openProfile()
	if err != nil {
		t.Fatal(err)
	}
	if _, found, _ := r.registration(p, wish{row: entry.Provider, target: r.registrationTarget(entry.Provider)}); found {
		t.Fatal("it is given a client")
	}
	if as.count("GET /authorize") != asked || th.bytes.Load() != 0 {
		t.Fatal("something was sent")
	}
}

func TestHostileFileTakesNoIDAndNoOwnClient(t *testing.T) {
	r, as := ownRig(t)
	r.keep(as, "mira", ConnectRequest{Provider: "works"})
	th := newThief(t)
	r.write("evil", strings.Replace(strings.ReplaceAll(as.file(""), as.URL+"/revoke", th.url+"/revoke"), "registration_methods = [\"dynamic\"]\n", "", 1))
	_, err := r.Connect(t.Context(), ConnectRequest{Provider: "evil"})
	wantCode(t, err, CodeNeedsRegistration)
	// A client that the thief hands out is nobody else's.
	r.write("evil", strings.ReplaceAll(as.file(""), as.URL+"/register", th.url+"/register"))
	row, err := r.Book.provider("evil", "")
	if own, err2 := r.Book.provider("works", ""); err != nil || err2 != nil || row.Endpoints.Registration == "" || r.registrationTarget(row) == r.registrationTarget(own) {
		t.Fatalf("%+v, %v, %v", row.Endpoints, err, err2)
	}
	before, _ := r.catalog.Get("github")
	if err := writeFile(r, "github", as.file("")); err != nil {
		t.Fatal(err)
	}
	r.await("the complaint", func(s Snapshot) bool { return len(s.Broken) == 1 })
	if now, _ := r.catalog.Get("github"); !now.BuiltIn || now.Endpoints != before.Endpoints {
		t.Fatalf("%+v", now)
	}
}

// A document that moves the token endpoint is its issuer's word, and a
// sign-in again the user's; but it is shown before it is kept, and what was
// sealed does not go along.
func TestReconnectToAnotherPlaceIsShown(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	as := newAuthority(t)
	other := newAuthority(t)
	r.write("works", "name = \"Works\"\nprotocol = \"oauth2\"\nissuer = \""+as.URL+"\"\nregistration_methods = [\"dynamic\"]\n[identity]\nurl = \""+as.URL+"/userinfo\"\nsubject = \"sub\"\nlogin = \"sub\"\n[revocation]\nrevokes = \"token\"\n")
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	old := r.stored(a.ID)
	as.change(func() { as.metadata["token_endpoint"] = other.URL + "/token" })
	other.change(func() {
		other.onToken = func(w http.ResponseWriter, q *http.Request) {
			if strings.Contains(q.Form.Encode(), old.Refresh) || strings.Contains(q.Form.Encode(), old.Access) {
				t.Error("a sealed secret went to the new place")
			}
			as.change(func() { as.token(w, q) })
		}
	})
	as.change(func() { as.answer["refresh_token"] = nil })
	id := r.dance("mira", ConnectRequest{Reconnect: a.ID})
	d, _ := r.Snapshot().Dance(id)
	if d.Stage != DanceCameBack || d.Came.Known != a.ID || !strings.Contains(d.Came.Moved, other.URL) {
		t.Fatalf("%s %+v", d.Stage, d.Came)
	}
	if _, err := r.Keep(t.Context(), id, "", false); err != nil {
		t.Fatal(err)
	}
	if now := r.stored(a.ID); now.Refresh != "" {
		t.Fatal("the old refresh token is kept for the new place")
	}
	r.until("the old token to be revoked", func() bool { return as.count("POST /revoke") > 0 })
	if other.count("POST /revoke") != 0 {
		t.Fatal("the old token went to the new place")
	}
}

func TestMovedTo(t *testing.T) {
	was := dance.Provider{Issuer: "https://id.example", Endpoints: dance.Endpoints{Token: "https://id.example/token", Authorization: "https://id.example/auth"}, API: dance.API{Hosts: []string{"api.example"}}}
	for want, change := range map[string]func(*dance.Provider){
		"":                      func(p *dance.Provider) { p.Endpoints.PAR = "https://id.example/par" },
		"https://evil.example":  func(p *dance.Provider) { p.Endpoints.Token = "https://evil.example/token" },
		"http://id.example":     func(p *dance.Provider) { p.Endpoints.Token = "http://id.example/token" },
		"https://new.example":   func(p *dance.Provider) { p.Endpoints.Revocation = "https://new.example/revoke" },
		"https://api2.example":  func(p *dance.Provider) { p.API.Hosts = []string{"api.example", "api2.example"} },
		"https://id.example:8":  func(p *dance.Provider) { p.Endpoints.Authorization = "https://id.example:8/auth" },
		"https://evil2.example": func(p *dance.Provider) { p.Endpoints.PAR = "https://evil2.example/par" },
		"https://evil3.example": func(p *dance.Provider) { p.Revocation.Lookup.URL = "https://evil3.example/grants" },
		"https://evil4.example": func(p *dance.Provider) { p.Endpoints.EndSession = "https://evil4.example/out" },
		"https://evil5.example": func(p *dance.Provider) { p.Endpoints.Registration = "https://evil5.example/register" },
	} {
		now := was
		change(&now)
		if got := movedTo(was, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAnswerThatNamesAnotherHostMovesNothing(t *testing.T) {
	r, as := worksRig(t, "\n[redirect]\nhost_param = \"server\"\nhosts = [\"accounts.works.example\"]\n")
	th := newThief(t)
	for _, said := range []string{th.url, strings.TrimPrefix(th.url, "http://"), "accounts.works.example@" + strings.TrimPrefix(th.url, "http://")} {
		as.change(func() { as.back = url.Values{"server": {said}} })
		id, err := r.Connect(t.Context(), ConnectRequest{Provider: "works"})
		if err != nil {
			t.Fatal(err)
		}
		if d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() || d.Stage == DanceCameBack }); d.Stage != DanceFailed {
			t.Fatalf("%s: %s", said, d.Stage)
		}
	}
	if n := th.bytes.Load(); n != 0 {
		t.Fatalf("it got %d bytes", n)
	}
}

func TestBaseThatNobodyOwnsIsNotBelieved(t *testing.T) {
	r, as := worksRig(t, "")
	file := strings.Replace(as.file(""), "[api]\n", "[api]\nbase_from = \"instance_url\"\nbase_under = [\".works.example\"]\n", 1)
	r.write("works", file)
	th := newThief(t)
	as.change(func() { as.answer["instance_url"] = th.url })
	a := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	r.allow(a.ID)
	_, _, err := r.fetched(a, "GET", th.url+"/x", "")
	wantCode(t, err, CodeBadRequest)
	if slices.Contains(a.Hosts, strings.TrimPrefix(th.url, "http://")) || th.bytes.Load() != 0 {
		t.Fatalf("%q, %d bytes", a.Hosts, th.bytes.Load())
	}
	// Nor is it when a refresh says so.
	if err := r.Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.fetched(a, "GET", th.url+"/x", "")
	wantCode(t, err, CodeBadRequest)
}
