// Package network tells when this machine's network changed: a cable, a Wi-Fi,
// a VPN came or went, an address or a route is another one.
//
//	err := network.Watch(ctx, func() { tryAgain() })
//
// Changes come in bursts: changed is called once a burst, when it is over. It
// says that a try is worth making now, never that it will work: nothing is sent
// to find out. Where the system cannot be asked, Watch returns an error at once
// and its caller goes on by the clock.
package network

import (
	"context"
	"time"
)

// settle is how long a burst must be over.
const settle = time.Second

// bursts calls changed when news came and then none for a while.
func bursts(ctx context.Context, news <-chan struct{}, changed func()) {
	quiet := time.NewTimer(settle)
	quiet.Stop()
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-news:
			quiet.Reset(settle)
		case <-quiet.C:
			changed()
		}
	}
}
