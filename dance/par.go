package dance

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"dancecard/internal/secret"
)

const pushStage = "pushed authorization"

// pushes reports a request that goes to the provider before the browser does.
func (d *dance) pushes() bool { return d.link.Provider.Endpoints.PAR != "" }

// push hands the whole request to the provider (RFC 9126) and returns an
// address that says no more than that it did.
func (d *dance) push(ctx context.Context) (string, error) {
	p := d.link.Provider
	full, err := url.Parse(d.authorization())
	if err != nil {
		return "", &Failed{Stage: pushStage, Text: "the authorization address cannot be used"}
	}
	browser, err := url.Parse(p.Endpoints.Authorization)
	if err != nil {
		return "", &Failed{Stage: pushStage, Text: "the authorization address cannot be used"}
	}
	form := full.Query()
	for name := range browser.Query() {
		form.Del(name) // the address's own
	}
	credentials := d.link.authenticate(d.registration, form)
	req, err := formRequest(p.Endpoints.PAR, form, formKind, credentials)
	if err != nil {
		return "", &Failed{Stage: pushStage, Text: "the address for pushed requests cannot be used"}
	}
	a, err := d.proofs.send(ctx, newClient(p), pushStage, req, secret.String{})
	if err != nil {
		return "", err
	}
	uri, err := readPushed(a, p.Quirks, []string{d.registration.ClientSecret.Reveal(), d.state, d.nonce})
	if err != nil {
		return "", err
	}
	q := browser.Query()
	q.Set(p.clientIDParam(), d.registration.ClientID)
	q.Set("request_uri", uri)
	browser.RawQuery = q.Encode()
	return browser.String(), nil
}

const requestURILength = 2 << 10

func readPushed(a answer, q Quirks, secrets []string) (string, error) {
	doc, err := document(a, false)
	if err := judge(pushStage, a, doc, q, secrets); err != nil {
		return "", err
	}
	if err != nil {
		return "", odd(pushStage, a, err)
	}
	uri := stringAt(doc, "request_uri")
	if uri == "" || len(uri) > requestURILength || !tokenText(uri) {
		return "", odd(pushStage, a, errors.New("it holds no usable request_uri"))
	}
	return uri, nil
}

// plainInstead reports that the provider announces pushed requests and takes
// none of this client, though it does not insist on them (RFC 9126 section 5).
func (d *dance) plainInstead(err error) bool {
	if d.link.PARRequired {
		return false
	}
	if no, ok := errors.AsType[*Refused](err); ok {
		return no.Code == "unauthorized_client"
	}
	f, ok := errors.AsType[*Failed](err)
	return ok && (f.Status == http.StatusNotFound || f.Status == http.StatusMethodNotAllowed || f.Status == http.StatusNotImplemented)
}

// forgotten reports that the provider does not know the pushed request any
// more, or never took it.
func (d *dance) forgotten(err error) bool {
	no, ok := errors.AsType[*Refused](err)
	return ok && d.pushes() && (forgottenRequest(no) || no.Stage == pushStage && no.Code == "invalid_request")
}

// forgottenRequest: RFC 9126 section 2.3 leaves the words for it to the server.
func forgottenRequest(no *Refused) bool {
	return no.Code == "invalid_request_uri" || no.Code == "invalid_request" && strings.Contains(no.Description, "request_uri")
}
