package world

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var shownCode = regexp.MustCompile(`<code>([^<]+)</code>`)

var goOn = regexp.MustCompile(`<a rel="noreferrer" href="([^"]+)">`)

// Visit is the user with a browser who says yes: it opens an address of the
// provider or the dance's start address, clicks where a page asks for it, and
// follows to the end. It returns what the user could copy there: the code that
// a page shows, or the address of the last page. The error says where it went
// wrong.
func (s *Sim) Visit(ctx context.Context, address string) (copied string, err error) {
	tr := s.world.transport()
	defer tr.CloseIdleConnections()
	var last *url.URL
	client := &http.Client{Transport: tr, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 10 {
			return fmt.Errorf("redirected without end")
		}
		return nil
	}}
	for range 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return "", err
		}
		res, err := client.Do(req)
		if err != nil {
			return "", err
		}
		page, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		res.Body.Close()
		if err != nil {
			return "", err
		}
		last = res.Request.URL
		if res.StatusCode != http.StatusOK {
			return "", fmt.Errorf("the browser ended at %s%s: HTTP %d %s", last.Host, last.Path, res.StatusCode, strings.TrimSpace(string(page)))
		}
		if found := shownCode.FindStringSubmatch(string(page)); found != nil && s.row.Redirect.Mode == "paste" {
			return found[1], nil
		}
		link := goOn.FindStringSubmatch(string(page))
		if link == nil {
			break
		}
		address = html.UnescapeString(link[1])
	}
	return last.String(), nil
}
