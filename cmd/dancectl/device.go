package main

import (
	"fmt"
	"strings"
	"time"

	"dancecard/ipc"

	"github.com/boombuler/barcode/qr"
)

// tellCode says what to do on the other device (RFC 8628 section 3.3).
func (t *tool) tellCode(c ipc.DeviceCode) {
	if c.Complete != "" && isTerminal(t.err) {
		fmt.Fprint(t.err, qrCode(c.Complete))
	}
	t.note("On any device, open %s", c.URI)
	t.note("and type the code %s before %s.", c.UserCode, clock(c.Until, time.Now()))
}

// quiet is the margin of a QR code in modules (ISO/IEC 18004 asks for four; a
// terminal's own ground does for the rest).
const quiet = 2

// qrCode draws text as a QR code, two modules a character, dark on light in
// every terminal; "" if it is too long for one.
func qrCode(text string) string {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return ""
	}
	n := code.Bounds().Dx()
	dark := func(x, y int) bool {
		if x < 0 || y < 0 || x >= n || y >= n {
			return false
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}
	var b strings.Builder
	for y := -quiet; y < n+quiet; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -quiet; x < n+quiet; x++ {
			switch up, down := dark(x, y), dark(x, y+1); {
			case up && down:
				b.WriteRune('█')
			case up:
				b.WriteRune('▀')
			case down:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}
