package accounts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"dancecard/dance"
	"dancecard/internal/secret"
)

// ownRig is a rig at whose provider the user registered a client by hand.
func ownRig(t *testing.T) (*rig, *authority) {
	r, as := worksRig(t, "")
	r.write("works", strings.Replace(as.file(""), "registration_methods = [\"dynamic\"]\n", "", 1))
	_, err := r.Connect(t.Context(), ConnectRequest{Provider: "works"})
	wantCode(t, err, CodeNeedsRegistration)
	r.register(as, "by-hand", "first-secret")
	return r, as
}

// register makes a client at the provider and enters it.
func (r *rig) register(as *authority, id, key string) {
	r.t.Helper()
	as.change(func() { as.clients[id] = &asClient{secret: key} })
	if err := r.SetRegistration(r.t.Context(), "works", "", id, secret.New(key), secret.String{}); err != nil {
		r.t.Fatal(err)
	}
}

func TestDeactivatedRegistrationIsOneNoticeAndANewSecretMendsAll(t *testing.T) {
	r, as := ownRig(t)
	mira, jo := r.keep(as, "mira", ConnectRequest{Provider: "works"}), r.keep(as, "jo", ConnectRequest{Provider: "works"})
	as.change(func() { clear(as.clients) })
	for _, a := range []Account{mira, jo, mira} {
		wantCode(t, r.Refresh(t.Context(), a.ID), CodeNeedsRegistration)
	}
	for _, a := range r.Snapshot().Accounts {
		if a.Status != NeedsRegistration || a.Why == "" {
			t.Fatalf("%+v", a)
		}
	}
	if n := len(r.heard(EventAccountNeedsRegistration)); n != 1 {
		t.Fatalf("%d notices", n)
	}
	r.restart()
	if s := r.account(jo.ID).Status; s != NeedsRegistration {
		t.Fatalf("after a restart: %s", s)
	}
	asked := as.count("GET /authorize")
	r.register(as, "by-hand", "second-secret")
	for _, a := range []Account{mira, jo} {
		if err := r.Refresh(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	if as.count("GET /authorize") != asked {
		t.Fatal("a renewed secret cost a sign-in")
	}
	r.restart()
	for _, a := range r.Snapshot().Accounts {
		if a.Status.NeedsUser() {
			t.Fatalf("%+v", a)
		}
	}
}

func TestDeadRegistrationThatIsReplacedCostsASignInAndNoAccount(t *testing.T) {
	r, as := ownRig(t)
	mira, jo := r.keep(as, "mira", ConnectRequest{Provider: "works"}), r.keep(as, "jo", ConnectRequest{Provider: "works"})
	as.change(func() { clear(as.clients) })
	wantCode(t, r.Refresh(t.Context(), mira.ID), CodeNeedsRegistration)
	r.register(as, "another", "another-secret")
	for range 2 {
		for _, a := range []Account{mira, jo} {
			if got := r.account(a.ID); got.Status != NeedsSignIn || got.Why == "" {
				t.Fatalf("%+v", got)
			}
		}
		r.restart()
	}
	r.dance("mira", ConnectRequest{Reconnect: mira.ID})
	if err := r.Refresh(t.Context(), mira.ID); err != nil {
		t.Fatal(err)
	}
	// The old client comes back to life: jo needs no sign-in after all.
	r.register(as, "by-hand", "first-secret")
	if err := r.Refresh(t.Context(), jo.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(r.Snapshot().Accounts); n != 2 {
		t.Fatalf("%d accounts", n)
	}
}

func TestRenewedSecretEndsWhatWaitsToBeRevoked(t *testing.T) {
	r, as := ownRig(t)
	mira := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	as.change(func() { as.clients["by-hand"].secret = "second-secret" })
	if err := r.Disconnect(t.Context(), mira.ID); err != nil || r.account(mira.ID).Status != Revoking {
		t.Fatalf("%v, %+v", err, r.Snapshot().Accounts)
	}
	r.register(as, "by-hand", "second-secret")
	r.await("the revocation", func(s Snapshot) bool { return len(s.Accounts) == 0 })
	as.change(func() {
		if len(as.refresh) != 0 {
			t.Error("the token lives on")
		}
	})
}

func TestClientThatTheUserReplacedBeforeItDied(t *testing.T) {
	r, as := ownRig(t)
	mira := r.keep(as, "mira", ConnectRequest{Provider: "works"})
	r.register(as, "another", "another-secret")
	if err := r.Refresh(t.Context(), mira.ID); err != nil {
		t.Fatalf("the old client still lives: %v", err)
	}
	as.change(func() { delete(as.clients, "by-hand") })
	wantCode(t, r.Refresh(t.Context(), mira.ID), CodeNeedsSignIn)
	r.dance("mira", ConnectRequest{Reconnect: mira.ID})
	if err := r.Refresh(t.Context(), mira.ID); err != nil {
		t.Fatal(err)
	}
}

func TestProviderFoundByAddressMayWantARegistration(t *testing.T) {
	r, as := worksRig(t, "")
	r.drop("works")
	as.change(func() { as.metadata["registration_endpoint"] = nil })
	id, err := r.Connect(t.Context(), ConnectRequest{Address: as.URL})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
	if d.Failure == nil || d.Failure.Code != CodeNeedsRegistration || d.Provider == "" {
		t.Fatalf("%+v %+v", d, d.Failure)
	}
	as.change(func() { as.clients["by-hand"] = &asClient{} })
	if err := r.SetRegistration(t.Context(), d.Provider, "", "by-hand", secret.String{}, secret.String{}); err != nil {
		t.Fatal(err)
	}
	if a := r.keep(as, "mira", ConnectRequest{Address: as.URL}); a.Provider != d.Provider {
		t.Fatalf("%+v", a)
	}
}

func TestProviderThatDoesNotOpenItsRegistrationIsAskedForOne(t *testing.T) {
	r, as := worksRig(t, "")
	as.change(func() { as.closed = true })
	id, err := r.Connect(t.Context(), ConnectRequest{Provider: "works"})
	if err != nil {
		t.Fatal(err)
	}
	d := r.awaitDance(id, func(d Dance) bool { return d.Stage.Over() })
	if d.Failure == nil || d.Failure.Code != CodeNeedsRegistration || !strings.Contains(d.Failure.Hint, "127.0.0.1") {
		t.Fatalf("%+v", d.Failure)
	}
	r.register(as, "by-hand", "secret")
	r.keep(as, "mira", ConnectRequest{Provider: "works"})
}

func TestPrivateKeyIsReadBeforeItIsKept(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) secret.String {
		return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
	}
	signer := dance.Provider{Name: "Jira", OAuth1: dance.OAuth1{Signature: "RSA-SHA1"}}
	for _, c := range []struct {
		name string
		row  dance.Provider
		key  secret.String
		ok   bool
	}{
		{"none is needed", dance.Provider{}, secret.String{}, true},
		{"none", signer, secret.String{}, false},
		{"PKCS 1", signer, text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), true},
		{"PKCS 8", signer, text("PRIVATE KEY", pkcs8), true},
		{"of another kind", signer, text("PRIVATE KEY", wrong), false},
		{"public", signer, text("PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)), false},
		{"no PEM", signer, secret.New("hunter2"), false},
	} {
		if err := checkPrivateKey(c.row, c.key); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		} else if err != nil && (CodeOf(err) != CodeBadRequest || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestReadClientFile(t *testing.T) {
	for _, c := range []struct{ file, id, secret, complaint string }{
		{`{"installed":{"client_id":"1.apps.example","project_id":"p","client_secret":"GOCSPX-x","redirect_uris":["http://localhost"]}}`, "1.apps.example", "GOCSPX-x", ""},
		{`{"web":{"client_id":"w","client_secret":"s"}}`, "w", "s", ""},
		{"\xef\xbb\xbf" + `{"client_id":" plain ","client_secret":""}`, "plain", "", ""},
		{`{"client_id":"public"}`, "public", "", ""},
		{`{"type":"service_account","client_id":"12"}`, "", "", "service account"},
		{`{"client_secret":"s"}`, "", "", "no client_id"},
		{`{"client_id":"two words"}`, "", "", "client_id"},
		{`{"client_id":"x","client_secret":"a\nb"}`, "", "", "client_secret"},
		{`{"client_id":7}`, "", "", "not the JSON"},
		{`client_id=x`, "", "", "not the JSON"},
		{``, "", "", "not the JSON"},
		{`{"client_id":"x"}` + strings.Repeat(" ", clientFileLimit), "", "", "too large"},
	} {
		id, key, err := ReadClientFile([]byte(c.file))
		if id != c.id || key.Reveal() != c.secret || (err == nil) != (c.complaint == "") || err != nil && !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%.60q: %q, %v", c.file, id, err)
		}
	}
}

func FuzzReadClientFile(f *testing.F) {
	f.Add([]byte(`{"installed":{"client_id":"a","client_secret":"b"}}`))
	f.Add([]byte(`{"client_id":"a"}`))
	f.Add([]byte(`{"web":null,"client_id":"\u0000"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		id, key, err := ReadClientFile(data)
		if err != nil {
			if id != "" || !key.IsZero() || CodeOf(err) != CodeBadRequest {
				t.Fatalf("%q, %v", id, err)
			}
			return
		}
		if id == "" || strings.ContainsFunc(id+key.Reveal(), notVisible) {
			t.Fatalf("accepted %q", id)
		}
	})
}
