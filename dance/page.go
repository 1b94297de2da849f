package dance

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is what the browser shows, without scripts: at the end, or before a
// warning of its own.
type page struct {
	Kind        string // "done", "over", "refused", "stale", "warning"
	Provider    string
	Code        string // refused: the provider's word
	Description string
	Next        string // warning: where the user goes on to
	Address     string // warning: the host that the browser will warn of
}

var overPage = page{Kind: "over"}

// policy allows the page its own style, by hash, and nothing else.
var policy = func() string {
	rendered := overPage.render()
	_, style, _ := bytes.Cut(rendered, []byte("<style>"))
	style, _, _ = bytes.Cut(style, []byte("</style>"))
	sum := sha256.Sum256(style)
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

func (p page) render() []byte {
	p.Provider = clean(p.Provider, 60)
	if p.Provider == "" {
		p.Provider = "The provider"
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return []byte("Go back to Dancecard.")
	}
	return b.Bytes()
}

// write answers a request, whose answer is guarded, with the page.
func (p page) write(w http.ResponseWriter, status int) {
	body := p.render()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// guard sets the headers that every answer has: nothing is kept, framed,
// sniffed or passed on.
func guard(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
