package accounts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"dancecard/dance/dancetest"
	"dancecard/internal/secret"
)

func TestOAuth1AccountsSignAndHandOutNothing(t *testing.T) {
	r := newRig(t, dancetest.Options{})
	var leaked atomic.Bool
	var callback atomic.Value
	parameter := regexp.MustCompile(`oauth_callback="([^"]*)"`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		signed := q.Header.Get("Authorization")
		if strings.Contains(signed+q.URL.String(), "consumer-secret") || strings.Contains(signed+q.URL.String(), "token-secret") {
			leaked.Store(true)
		}
		switch q.URL.Path {
		case "/request":
			if found := parameter.FindStringSubmatch(signed); found != nil {
				address, _ := url.QueryUnescape(found[1])
				callback.Store(address)
			}
			fmt.Fprint(w, "oauth_token=temporary&oauth_token_secret=temporary-secret&oauth_callback_confirmed=true")
		case "/authorize":
			http.Redirect(w, q, fmt.Sprint(callback.Load())+"&oauth_token=temporary&oauth_verifier=v1", http.StatusFound)
		case "/access":
			fmt.Fprint(w, "oauth_token=the-token&oauth_token_secret=token-secret&user_id=17&screen_name=mira")
		default:
			if !strings.Contains(signed, `oauth_token="the-token"`) || !strings.Contains(signed, "oauth_signature=") {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}
	}))
	t.Cleanup(server.Close)
	r.write("old", "name = \"Old\"\nprotocol = \"oauth1\"\n[endpoints]\nrequest_token = \""+server.URL+"/request\"\nauthorization = \""+server.URL+"/authorize\"\ntoken = \""+server.URL+
		"/access\"\n[identity]\nsubject = \"user_id\"\nlogin = \"screen_name\"\n[api]\nbase_url = \""+server.URL+"\"\nhosts = [\""+strings.TrimPrefix(server.URL, "http://")+"\"]\n")
	if err := r.SetRegistration(t.Context(), "old", "", "consumer", secret.New("consumer-secret"), secret.String{}); err != nil {
		t.Fatal(err)
	}
	account, err := r.Keep(t.Context(), r.dance("mira", ConnectRequest{Provider: "old"}), "", false)
	if err != nil {
		t.Fatal(err)
	}
	a := r.account(account)
	if a.Login != "mira" || a.Subject != "17" || !a.FetchOnly || a.Refreshes {
		t.Fatalf("%+v", a)
	}
	r.restart()
	_, err = r.token(a.ID, Want{})
	wantCode(t, err, CodeFetchOnly)
	if err := r.let(a, "GET", server.URL+"/1.1/me.json?a=b", Answer{Allow: true, For: Always}); err != nil {
		t.Fatal(err)
	}
	if status, _, err := r.fetched(a, "GET", server.URL+"/1.1/me.json", ""); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if leaked.Load() {
		t.Fatal("a secret went over the wire")
	}
}
