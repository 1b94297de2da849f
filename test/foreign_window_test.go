package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var userCode = regexp.MustCompile(`^[A-Z]{4}-[A-Z]{4}$`)

// TestForeignDeviceInWindow begins in the gallery, and scans what the window
// shows as a phone would.
func TestForeignDeviceInWindow(t *testing.T) {
	f := newListedNode(t)
	ctx := t.Context()
	f.click("Connect")
	f.check(f.world.Type(ctx, "Dancecard", "Search services", "Foreign"))
	f.check(f.world.Menu(ctx, "Dancecard", "Foreign"))
	f.click("Use a code on another device")
	f.sees("QR code")
	f.sees(strings.TrimPrefix(f.origin, "http://") + "/device")
	code := f.code()
	picture := filepath.Join(f.world.Dir, "device.png")
	if keep := os.Getenv("DANCECARD_KEEP_SCREENS"); keep != "" {
		picture = filepath.Join(keep, "device.png")
	}
	f.check(f.world.WindowPicture(ctx, "Dancecard", picture))
	scanned, err := f.world.Output(ctx, "zbarimg", "--nodbus", "--quiet", "--raw", picture)
	f.check(err)
	if want := f.origin + "/device?user_code=" + code; scanned != want {
		t.Fatalf("the QR code holds %q, not %q", scanned, want)
	}
	page, err := f.world.Open(ctx, scanned)
	f.check(err)
	f.check(page.AwaitText(ctx, code))
	f.check(page.Click(ctx, "button[type=submit]"))
	f.check(consentAs(ctx, page, "zoe"))
	f.sees("This account came back")
	if _, err := f.control.Account(ctx, "foreign:zoe"); err == nil {
		t.Error("it was kept unasked")
	}
	f.click("Add to Home")
	f.stands("foreign:zoe", "ready")
	f.check(f.world.NothingOpened())
	saw(nodeName, "device authorization in the window (RFC 8628)", "code, address and QR code shown; the scanned address approved; kept in the window")
}

// code is the user code that the window shows.
func (f *foreign) code() (code string) {
	f.t.Helper()
	f.check(Await(f.t.Context(), "the code in the window", func() error {
		places, err := f.world.Places()
		for _, p := range places {
			if userCode.MatchString(p.Label) {
				code = p.Label
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("it shows %s", labels(places))
		}
		return err
	}))
	return code
}
