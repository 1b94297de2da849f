package world

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

var shownCode = regexp.MustCompile(`<code>([^<]+)</code>`)

// Visit is the user with a browser who says yes: it opens an address of the
// provider or the dance's start address and follows it to its end. It returns
// what the user could copy there: the code that a page shows, or the address
// of the last page. The error says where it went wrong.
func (s *Sim) Visit(ctx context.Context, address string) (copied string, err error) {
	tr := s.world.transport()
	defer tr.CloseIdleConnections()
	last := address
	client := &http.Client{Transport: tr, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		last = r.URL.String()
		if len(via) > 10 {
			return fmt.Errorf("redirected without end")
		}
		return nil
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		u, _ := url.Parse(last)
		return "", fmt.Errorf("the browser ended at %s%s: HTTP %d %s", u.Host, u.Path, res.StatusCode, strings.TrimSpace(string(page)))
	}
	if found := shownCode.FindStringSubmatch(string(page)); found != nil && s.row.Redirect.Mode == "paste" {
		return found[1], nil
	}
	return last, nil
}
