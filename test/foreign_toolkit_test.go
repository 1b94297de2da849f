package test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

const toolkitRow = `name = "Toolkit"
issuer = "%[1]s/o"
client_id = "dancecard"
scopes = ["openid", "read"]

[endpoints]
revocation = "%[1]s/o/revoke_token/"

[redirect]
path = "/callback"

[api]
hosts = ["%[2]s"]
`

// TestForeignToolkit connects at Debian's django-oauth-toolkit: another
// language, another library, another reading of the papers.
func TestForeignToolkit(t *testing.T) {
	f := newForeign(t, "^ready$", func(w *World, port string) (string, []string) {
		return "/usr/bin/python3", []string{filepath.Join(Root(), "test/testdata/foreign/toolkit.py"), port, w.Dir}
	})
	f.row("toolkit", fmt.Sprintf(toolkitRow, f.origin, strings.TrimPrefix(f.origin, "http://")))
	f.connect(func(ctx context.Context, page *Page) error {
		if err := page.Fill(ctx, "input[name=username]", "zoe"); err != nil {
			return err
		}
		if err := page.Fill(ctx, "input[name=password]", "any"); err != nil {
			return err
		}
		if err := page.Click(ctx, "button[type=submit]"); err != nil {
			return err
		}
		if err := page.Click(ctx, "input[name=allow]"); err != nil {
			return err
		}
		return page.AwaitText(ctx, "Dancecard")
	}, "toolkit", "--label", "Zoe")
	account, err := f.control.Account(t.Context(), "toolkit")
	f.check(err)
	if account.Issuer != f.origin+"/o" || account.Subject == "" || !account.Refreshes {
		t.Errorf("linked as %+v", account)
	}
	before := f.token("toolkit")
	_, err = f.control.Refresh(t.Context(), "toolkit")
	f.check(err)
	after := f.token("toolkit")
	if before == after {
		t.Error("the same token after a refresh")
	}
	if s := bearer(t, f.origin+"/o/userinfo/", after); s != http.StatusOK {
		t.Errorf("userinfo answered %d", s)
	}
	f.disconnect("toolkit", f.origin+"/o/userinfo/", after)
	saw("django-oauth-toolkit (Debian)", "code with PKCE, OpenID", "linked, refreshed with rotation, revoked")
}
