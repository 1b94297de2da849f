package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dancecard/ipc"
)

func TestConnectByAddress(t *testing.T) {
	for arg, want := range map[string]string{
		"https://issuer.example":         `{"no_browser":true,"address":"https://issuer.example"}`,
		"http://127.0.0.1:9000/mcp":      `{"no_browser":true,"address":"http://127.0.0.1:9000/mcp"}`,
		"mira.example":                   `{"no_browser":true,"address":"mira.example"}`,
		"did:plc:ewvi7nxzyoun6zhxrhs64o": `{"no_browser":true,"address":"did:plc:ewvi7nxzyoun6zhxrhs64o"}`,
		"23andme":                        `{"provider":"23andme","no_browser":true}`,
	} {
		t.Run(strings.ReplaceAll(arg, "/", "|"), func(t *testing.T) {
			d := newDancer(t)
			d.follow(t, waiting, cameBack())
			if r := dancectl(t, "connect", arg, "--print-url", "--yes"); r.code != 0 {
				t.Fatal(r.err)
			}
			if got := d.requests("POST /v1/dances {"); len(got) != 1 || got[0] != "POST /v1/dances "+want {
				t.Errorf("asked %q, want %s", got, want)
			}
		})
	}
}

func TestConnectPassesChoicesOn(t *testing.T) {
	d := newDancer(t)
	d.follow(t, waiting, cameBack())
	r := dancectl(t, "connect", "--reconnect", "demo:mira", "--yes", "--add-scopes", "repo,gist", "--browser", "firefox/work",
		"--option", "hosted_domain=example.org,offline=off", "--dpop")
	if r.code != 0 {
		t.Fatal(r.err)
	}
	want := `POST /v1/dances {"reconnect":"demo:mira","add_scopes":["repo","gist"],` +
		`"options":{"hosted_domain":"example.org","offline":"off"},"browser":"firefox/work","dpop":true}`
	if got := d.requests("POST /v1/dances {"); len(got) != 1 || got[0] != want {
		t.Errorf("asked %q, want %s", got, want)
	}
}

func TestConnectShowsTheDeviceCode(t *testing.T) {
	d := newDancer(t)
	until := time.Date(2001, 2, 3, 4, 5, 0, 0, time.UTC)
	d.follow(t, func(x *ipc.Dance) {
		x.Stage = ipc.DanceWaiting
		x.Code = &ipc.DeviceCode{UserCode: "WDJB-\x1b[31mMJHT", URI: "https://issuer.example/device", Until: until}
	}, cameBack())
	dancectl(t, "connect", "demo", "--device", "--yes").wants(t, 0, connected,
		"On any device, open https://issuer.example/device\nand type the code WDJB-MJHT before "+clock(until, time.Now())+".\n"+introduced)
	if r := dancectl(t, "connect", "demo", "--device", "--browser", "firefox"); r.code != exitUsage {
		t.Errorf("a browser for another device: exit %d", r.code)
	}
}

// The code is found by what readers of QR codes look for: dark corners, a light
// margin, and as many dark modules as the encoder made.
func TestQRCode(t *testing.T) {
	drawn := qrCode("https://issuer.example/device?user_code=WDJB-MJHT")
	lines := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
	bare := func(l string) []rune {
		return []rune(strings.TrimSuffix(strings.TrimPrefix(l, "\x1b[30;107m"), "\x1b[0m"))
	}
	width := len(bare(lines[0]))
	for i, l := range lines {
		cells := bare(l)
		if len(cells) != width || cells[0] != ' ' || cells[1] != ' ' || cells[width-1] != ' ' {
			t.Fatalf("line %d: %q", i, l)
		}
	}
	if first := string(bare(lines[1])[2:9]); first != "█▀▀▀▀▀█" {
		t.Errorf("the corner is drawn as %q:\n%s", first, drawn)
	}
	if qrCode(strings.Repeat("x", 5000)) != "" {
		t.Error("a text too long for a QR code is drawn")
	}
}

func TestConnectTakesAPastedAddress(t *testing.T) {
	d := newDancer(t)
	d.mux.HandleFunc("POST /v1/dances/d1/paste", func(w http.ResponseWriter, r *http.Request) {
		var p ipc.Paste
		json.NewDecoder(r.Body).Decode(&p)
		if p.Text != "right" {
			reply(w, problemOf(400, ipc.CodeBadRequest, "That is another dance's answer.", "Copy the address again."))
			return
		}
		w.WriteHeader(http.StatusNoContent)
		d.move(cameBack())
	})
	d.follow(t, func(x *ipc.Dance) { waiting(x); x.Paste = true })
	var out, errs strings.Builder
	ctl := &tool{in: strings.NewReader("\nwrong\nright\n"), out: &out, err: &errs, tty: noTerminal}
	code := ctl.run(t.Context(), []string{"connect", "demo", "--yes"})
	ctl.app.Close()
	ctl.control.Close()
	if code != 0 || !strings.Contains(errs.String(), "That is another dance's answer. Copy the address again.") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	if got := d.requests("POST /v1/dances/d1/paste"); len(got) != 2 {
		t.Errorf("pasted %q", got)
	}
}

func TestBrowsers(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/browsers", ipc.Browsers{Browsers: []ipc.Browser{
		{Name: "The system's own"}, {ID: "firefox/work", Name: "Firefox", Profile: "work"},
		{ID: "firefox/private", Name: "Firefox", Private: true},
	}})
	dancectl(t, "browsers").wants(t, 0, "BROWSER          NAME              PROFILE\n"+
		"system           The system's own\nfirefox/work     Firefox           work\nfirefox/private  Firefox           private window\n", "")
	d.answer("PUT /v1/accounts/demo:mira/browser", mira())
	if r := dancectl(t, "browsers", "--account", "demo:mira", "--use", "system"); r.code != 0 || r.out != "mira is signed in again with system\n" {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
	if got := d.requests("PUT"); len(got) != 1 || got[0] != `PUT /v1/accounts/demo:mira/browser {"browser":""}` {
		t.Errorf("asked %q", got)
	}
}

func TestProvidersLint(t *testing.T) {
	d := start(t)
	d.mux.HandleFunc("POST /v1/providers/-/lint", func(w http.ResponseWriter, r *http.Request) {
		var l ipc.Lint
		json.NewDecoder(r.Body).Decode(&l)
		if l.Text == "good" {
			reply(w, ipc.Linted{Problems: []ipc.ProviderProblem{}, Provider: &ipc.Provider{Name: "Work"}})
			return
		}
		reply(w, ipc.Linted{Problems: []ipc.ProviderProblem{{File: l.Name, Line: 3, Reason: `there is no key "tokn"`, Fix: "write token"}}})
	})
	path := filepath.Join(t.TempDir(), "work.toml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bad")
	dancectl(t, "providers", "lint", path).wants(t, 1, path+`:3: there is no key "tokn"; write token`+"\n",
		"dancectl: "+path+" cannot be used as it is (1 to mend)\nhint: mend what is listed, then lint again\n")
	write("good")
	dancectl(t, "providers", "lint", path).wants(t, 0, path+" is in order: Work\n", "")
	write("\xff")
	if r := dancectl(t, "providers", "lint", path); r.code != exitUsage {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

func TestFetch(t *testing.T) {
	d := start(t)
	account := mira(func(a *ipc.AccountDetail) { a.APIBase = "https://api.example.org/v2/" })
	d.answer("GET /v1/accounts/demo:mira", account)
	d.mux.HandleFunc("/v1/accounts/demo:mira/fetch/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/missing"):
			w.WriteHeader(http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "/ours"):
			reply(w, problemOf(403, ipc.CodeConsentDenied, "You said no.", "Ask again."))
			return
		}
		w.Header().Set("X-Seen", r.Header.Get("X-Sent")+r.Header.Get("Content-Type"))
		w.Write([]byte("body\x1b[31m"))
	})
	dancectl(t, "fetch", "demo:mira", "/user?q=1").wants(t, 0, "body\x1b[31m", "")
	dancectl(t, "fetch", "demo:mira", "https://api.example.org//a%2Fb/../c", "-X", "PUT", "-H", "X-Sent: yes", "-d", "k=v")
	dancectl(t, "fetch", "demo:mira", "/missing").wants(t, 7, "body\x1b[31m", "dancectl: the API answered 404 Not Found\n")
	dancectl(t, "fetch", "demo:mira", "/ours").wants(t, 5, "", "dancectl: You said no.\nhint: Ask again.\n")
	want := []string{
		"GET /v1/accounts/demo:mira/fetch/api.example.org/v2/user?q=1",
		"PUT /v1/accounts/demo:mira/fetch/api.example.org//a%2Fb/../c k=v",
	}
	got := append(d.requests("GET /v1/accounts/demo:mira/fetch/api.example.org/v2/user"), d.requests("PUT")...)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r := dancectl(t, "fetch", "demo:mira", "/user", "-H", "nonsense"); r.code != exitUsage {
		t.Errorf("a header without a colon: exit %d", r.code)
	}
}

func TestConnectTakesAClientFile(t *testing.T) {
	d := newDancer(t)
	d.answer("GET /v1/providers/demo", ipc.Provider{ID: "demo", Name: "Demo"})
	d.answer("PUT /v1/providers/demo/registration", struct{}{})
	d.follow(t, waiting, cameBack())
	content := `{"installed":{"client_id":"id-1"}}`
	if r := dancectl(t, "connect", "demo", "--print-url", "--yes", "--client-file", file(t, content)); r.code != 0 {
		t.Fatal(r.err)
	}
	sent, _ := json.Marshal(ipc.Registration{ClientFile: ipc.Secret(content)})
	if got := d.requests("PUT"); len(got) != 1 || got[0] != "PUT /v1/providers/demo/registration "+string(sent) {
		t.Errorf("asked %q", got)
	}
}

func TestClientDocument(t *testing.T) {
	d := start(t)
	d.answer("POST /v1/providers/-/client-document", map[string]string{"client_id": "https://me.example/d.json"})
	dancectl(t, "providers", "client-document", "https://me.example/d.json", "github").wants(t, 0,
		`{"client_id":"https://me.example/d.json"}`+"\n", "")
	if got := d.requests("POST"); len(got) != 1 || !strings.HasSuffix(got[0], `{"address":"https://me.example/d.json","providers":["github"]}`) {
		t.Errorf("asked %q", got)
	}
}

func TestConnectAPublicClientOfYourOwn(t *testing.T) {
	d := newDancer(t)
	d.answer("GET /v1/providers/demo", ipc.Provider{ID: "demo", Name: "Demo"})
	d.answer("PUT /v1/providers/demo/registration", struct{}{})
	d.follow(t, waiting, cameBack())
	if r := dancectl(t, "connect", "demo", "--print-url", "--yes", "--client-id", "id-1", "--public"); r.code != 0 {
		t.Fatal(r.err)
	}
	if got := d.requests("PUT"); len(got) != 1 || got[0] != `PUT /v1/providers/demo/registration {"client_id":"id-1"}` {
		t.Errorf("asked %q", got)
	}
}

func TestConnectSaysThatTheProfileWasLocked(t *testing.T) {
	d := newDancer(t)
	locked := home
	locked.State = ipc.ProfileLocked
	d.answer("GET /v1/profiles", ipc.Profiles{Profiles: []ipc.Profile{locked}})
	d.follow(t, waiting, func(x *ipc.Dance) { x.Stage = ipc.DanceCancelled })
	dancectl(t, "connect", "demo", "--print-url").wants(t, exitLocked, address+"\n",
		"dancectl: Home was locked, so the dance was cancelled\nhint: dancectl unlock\n")
}
