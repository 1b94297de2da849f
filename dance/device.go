package dance

import "time"

// A Code is what the user types on another device (RFC 8628 section 3.2).
type Code struct {
	UserCode string // "WDJB-MJHT", fit for a screen
	URI      string // where to type it
	Complete string // the address with the code in it, for a QR code; may be empty
	Until    time.Time
}
