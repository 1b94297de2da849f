package world

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"dancecard/dance"
	"dancecard/internal/secret"
)

// TestBaseString is the example of RFC 5849 section 3.4.1.1, over https.
func TestBaseString(t *testing.T) {
	hr := httptest.NewRequest("POST", "https://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", strings.NewReader("c2&a3=2+q"))
	hr.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	hr.Header.Set("Authorization", `OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7",`+
		` oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="djosJKDKJSD8743243%2Fjdk33klY%3D"`)
	r, err := read(hr)
	if err != nil {
		t.Fatal(err)
	}
	want := "POST&https%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
		"oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26" +
		"oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if got := baseString(r, signature(r)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPut(t *testing.T) {
	doc := put(nil, "data.1.id", "x")
	want := map[string]any{"data": []any{nil, map[string]any{"id": "x"}}}
	if !reflect.DeepEqual(doc, want) {
		t.Errorf("%v", doc)
	}
}

func started(t *testing.T, row dance.Provider) (*World, *Sim) {
	t.Helper()
	w, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	s, leave, err := w.Play(t.Context(), row, dance.Registration{ClientID: "me", ClientSecret: secret.New("hush")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(leave)
	return w, s
}

// TestNobodyElseIsOnStage: a name that no row has goes nowhere.
func TestNobodyElseIsOnStage(t *testing.T) {
	w, s := started(t, dance.Provider{ID: "x", Issuer: "https://id.example"})
	if _, err := s.Visit(t.Context(), "https://other.example/"); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("another host: %v", err)
	}
	if _, err := s.Visit(t.Context(), "https://id.example/.well-known/openid-configuration"); err != nil {
		t.Error(err)
	}
	proxy, _ := url.Parse(w.Proxy())
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
	if res, err := client.Get("https://id.example/"); err == nil {
		res.Body.Close()
		t.Error("the world's certificate is trusted without its root")
	}
}

// TestComplaints: what the row forbids is refused and noted.
func TestComplaints(t *testing.T) {
	row := dance.Provider{
		ID: "x", AuthStyle: dance.AuthBasic, Scopes: []string{"a", "b"}, ScopeSeparator: ",",
		Endpoints: dance.Endpoints{Authorization: "https://a.example/authorize", Token: "https://a.example/token"},
	}
	good := url.Values{
		"client_id": {"me"}, "response_type": {"code"}, "state": {strings.Repeat("s", 43)}, "scope": {"a,b"},
		"redirect_uri": {"http://127.0.0.1:1/dancecard/x"}, "code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"},
	}
	for name, wrong := range map[string]string{
		"client_id": "you", "state": "short", "scope": "a b", "redirect_uri": "http://localhost:1/dancecard/x",
		"code_challenge_method": "plain", "response_type": "token", "resource": "https://a.example",
	} {
		t.Run(name, func(t *testing.T) {
			_, s := started(t, row)
			q := url.Values{}
			for k := range good {
				q.Set(k, good.Get(k))
			}
			q.Set(name, wrong)
			if _, err := s.Visit(t.Context(), row.Endpoints.Authorization+"?"+q.Encode()); err == nil || len(s.Complaints()) != 1 {
				t.Errorf("%v, complaints %q", err, s.Complaints())
			}
			select {
			case <-s.Complained():
			default:
				t.Error("nobody is told")
			}
		})
	}
}
