package dance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	jose "github.com/go-jose/go-jose/v4"

	"dancecard/internal/secret"
)

// dpopAPI takes only proofs with its own current nonce.
type dpopAPI struct {
	*httptest.Server
	mu     sync.Mutex
	nonce  string
	asked  int
	bodies []string
	proofs []map[string]any
	keys   []any
}

func newDPoPAPI(t *testing.T) *dpopAPI {
	d := &dpopAPI{nonce: "n-one"}
	d.Server = apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked++
		body, _ := io.ReadAll(r.Body)
		jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Error(err)
			return
		}
		payload, err := jws.Verify(jws.Signatures[0].Header.JSONWebKey)
		if err != nil {
			t.Error(err)
		}
		var claims map[string]any
		json.Unmarshal(payload, &claims)
		d.proofs = append(d.proofs, claims)
		d.keys = append(d.keys, jws.Signatures[0].Header.JSONWebKey.Key)
		w.Header().Set("DPoP-Nonce", d.nonce)
		if claims["nonce"] != d.nonce {
			w.Header().Set("WWW-Authenticate", `Bearer, DPoP error="use_dpop_nonce", algs="ES256"`)
			w.WriteHeader(401)
			return
		}
		d.bodies = append(d.bodies, string(body))
	})
	return d
}

func TestD56CallWithNonces(t *testing.T) {
	api := newDPoPAPI(t)
	key, err := newDPoPKey()
	if err != nil {
		t.Fatal(err)
	}
	token := Token{Access: secret.New("bound-token"), Type: dpopType, Key: key}
	call := func(body io.Reader) *http.Response {
		t.Helper()
		res, err := Call(t.Context(), apiLink(api.Server), Registration{}, token, newRequest(t, "POST", api.URL+"/a%2Fb?q=1", body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.Header.Get("DPoP-Nonce") != "" {
			t.Error("the nonce reached the app")
		}
		return res
	}
	if res := call(strings.NewReader("first")); res.StatusCode != 200 || api.asked != 2 {
		t.Errorf("without a nonce: %d after %d", res.StatusCode, api.asked)
	}
	if res := call(strings.NewReader("second")); res.StatusCode != 200 || api.asked != 3 {
		t.Errorf("with the nonce remembered: %d after %d", res.StatusCode, api.asked)
	}
	api.nonce = "n-two"
	once := io.MultiReader(strings.NewReader("once"))
	if res := call(once); res.StatusCode != 401 || api.asked != 4 {
		t.Errorf("a body that can be sent once: %d after %d", res.StatusCode, api.asked)
	}
	if res := call(io.MultiReader(strings.NewReader("again"))); res.StatusCode != 200 || api.asked != 5 {
		t.Errorf("afterwards: %d after %d", res.StatusCode, api.asked)
	}
	if got := strings.Join(api.bodies, " "); got != "first second again" {
		t.Errorf("bodies %q", got)
	}
	last := api.proofs[len(api.proofs)-1]
	if last["htm"] != "POST" || last["htu"] != api.URL+"/a%2Fb" || last["ath"] == nil || last["jti"] == api.proofs[0]["jti"] {
		t.Errorf("proof %v", last)
	}
	if strings.Contains(fmt.Sprint(api.keys...), "D:") {
		t.Error("the private key left")
	}
}

func TestD56EndlessNoncesOfAnAPI(t *testing.T) {
	asked := 0
	s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("DPoP-Nonce", fmt.Sprint("n", asked))
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		w.WriteHeader(401)
	})
	key, _ := newDPoPKey()
	res, err := Call(t.Context(), apiLink(s), Registration{}, Token{Access: secret.New("at"), Type: dpopType, Key: key}, newRequest(t, "GET", s.URL+"/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 || asked != 2 {
		t.Errorf("%d after %d requests", res.StatusCode, asked)
	}
}

// Two requests that meet the same new nonce both need it: the second one does
// not learn it from its own answer first.
func TestD56CallsAtOnceWithANewNonce(t *testing.T) {
	const callers = 4
	var arrived sync.WaitGroup
	arrived.Add(callers)
	s := apiServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("DPoP-Nonce", "shared")
		jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Error(err)
			return
		}
		if strings.Contains(string(jws.UnsafePayloadWithoutVerification()), `"nonce":"shared"`) {
			return
		}
		arrived.Done()
		arrived.Wait() // all are under way before any is answered
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		w.WriteHeader(401)
	})
	key, err := newDPoPKey()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			res, err := Call(t.Context(), apiLink(s), Registration{}, Token{Access: secret.New("at"), Type: dpopType, Key: key}, newRequest(t, "GET", s.URL+"/x", nil))
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("answered %d", res.StatusCode)
			}
		})
	}
	all.Wait()
}
