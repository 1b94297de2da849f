package dance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// signsIn makes the authorization server sign everybody in as sub.
func (n *network) signsIn(sub string) {
	var pushed url.Values
	a := n.authorization
	a.at["/par"] = func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		pushed = r.PostForm
		if r.Header.Get("DPoP") == "" {
			raw(400, "application/json", `{"error":"invalid_dpop_proof"}`)(w, r)
			return
		}
		raw(201, "application/json", `{"request_uri":"urn:x:1","expires_in":60}`)(w, r)
	}
	a.at["/authorize"] = func(w http.ResponseWriter, r *http.Request) {
		q := url.Values{"code": {"the-code"}, "state": {pushed.Get("state")}, "iss": {a.URL}}
		http.Redirect(w, r, pushed.Get("redirect_uri")+"?"+q.Encode(), http.StatusFound)
	}
	a.at["/token"] = raw(200, "application/json",
		fmt.Sprintf(`{"access_token":"at","refresh_token":"new-refresh","token_type":"DPoP","expires_in":600,"scope":"atproto","sub":%q}`, sub))
}

func TestAtprotoDance(t *testing.T) {
	for sub, ok := range map[string]bool{miraDID: true, otherDID: false, "": false} {
		n := newNetwork(t)
		n.signsIn(sub)
		p, err := n.find(t.Context(), "mira.test")
		if err != nil {
			t.Fatal(err)
		}
		c, err := Register(t.Context(), p, RegisterOptions{Name: "Dancecard"})
		if err != nil {
			t.Fatal(err)
		}
		res, err := Run(t.Context(), p, Prompt{OpenURL: browse}, Request{Registration: c.Registration})
		if !ok {
			if !isInvalid(err) {
				t.Errorf("%q: %+v, %v", sub, res.Identity, err)
			}
			continue
		}
		if err != nil || res.Identity.Subject != miraDID || res.Identity.Login != "mira.test" || res.Token.Type != "DPoP" || res.Token.Key.IsZero() {
			t.Fatalf("%+v, %v", res.Identity, err)
		}
		n.signsIn(otherDID)
		renewed, err := Refresh(t.Context(), res.Link, c.Registration, res.Token, nil, res.Identity)
		if !isInvalid(err) || !renewed.Access.IsZero() || renewed.Refresh.Reveal() != "new-refresh" {
			t.Errorf("a refresh brought another account: %+v, %v", renewed, err)
		}
	}
}

// A client registered by itself dances with what it was registered with.
func TestRegisteredClientDances(t *testing.T) {
	r := newRegistry(t)
	r.answer = registers(map[string]any{"client_id": "us", "client_secret": "s3cret-s3cret", "token_endpoint_auth_method": "client_secret_basic"})
	op := newOP(t)
	op.document = func(d map[string]any) { d["registration_endpoint"] = r.URL + "/register" }
	p, err := Find(t.Context(), op.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Register(t.Context(), p, RegisterOptions{Name: "Dancecard"})
	if err != nil || c.ClientSecret.Reveal() != "s3cret-s3cret" {
		t.Fatalf("%+v, %v", c, err)
	}
	res, err := Run(t.Context(), p, Prompt{OpenURL: browse}, Request{Registration: c.Registration})
	if err != nil || res.Link.AuthStyle != AuthBasic || !strings.HasPrefix(res.Link.RedirectURI, RedirectURI(p)) {
		t.Errorf("%+v, %v", res.Link, err)
	}
	if asked := r.asked["redirect_uris"].([]any); len(asked) != 1 || asked[0] != res.Link.RedirectURI {
		t.Errorf("registered %v, danced with %q", asked, res.Link.RedirectURI)
	}
}
