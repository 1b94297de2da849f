package dance

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestD5MarkupIsText(t *testing.T) {
	p := page{Kind: "refused", Provider: `<script>x</script>"'` + "\u202e\x00", Code: "<img src=x>", Description: "</code><b>"}
	got := string(p.render())
	for _, bad := range []string{"<script", "<img", "<b>", "\u202e", "\x00"} {
		if strings.Contains(got, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(got, "&lt;img src=x&gt;") {
		t.Error("the code is not shown")
	}
}

func TestPagesAreSelfContained(t *testing.T) {
	for _, kind := range []string{"done", "over", "refused"} {
		w := httptest.NewRecorder()
		guard(w)
		page{Kind: kind, Provider: "GitHub", Code: "access_denied"}.write(w, 200)
		body := w.Body.String()
		for _, bad := range []string{"<script", "src=", "href=", "@import", "url("} {
			if strings.Contains(body, bad) {
				t.Errorf("%s: holds %q", kind, bad)
			}
		}
		_, style, _ := strings.Cut(body, "<style>")
		style, _, _ = strings.Cut(style, "</style>")
		sum := sha256.Sum256([]byte(style))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(w.Header().Get("Content-Security-Policy"), want) {
			t.Errorf("%s: the policy does not allow the page's own style", kind)
		}
	}
	if got := string(page{Kind: "done", Provider: "GitHub"}.render()); !strings.Contains(got, "<title>GitHub said yes · Dancecard</title>") {
		t.Error(got)
	}
	if got := string(page{Kind: "done"}.render()); !strings.Contains(got, "The provider said yes") {
		t.Error(got)
	}
}
