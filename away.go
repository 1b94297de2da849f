package main

import (
	"context"
	"log/slog"
	"time"

	"dancecard/accounts"
	"dancecard/internal/seat"
)

var lockReasons = map[seat.Reason]accounts.LockReason{
	seat.Screen: accounts.LockScreen,
	seat.Sleep:  accounts.LockSleep,
	seat.User:   accounts.LockUserSwitch,
}

// lockWhenAway locks profiles while nobody should be in front of them, and has
// the keyring open them again when the last reason is over.
func lockWhenAway(ctx context.Context, book *accounts.Book) {
	away := map[seat.Reason]bool{}
	seat.Watch(ctx, seat.Handlers{
		Away: func(why seat.Reason) {
			away[why] = true
			if err := book.Away(lockReasons[why]); err != nil {
				slog.Error("a profile did not close in good order", "err", err)
			}
		},
		Back: func(why seat.Reason) {
			delete(away, why)
			if len(away) == 0 {
				book.Back(ctx, accounts.LockScreen, accounts.LockSleep, accounts.LockUserSwitch)
			}
		},
	}, func(err error) { slog.Info("profiles lock by themselves in part only", "why", err) })
}

// idleLook is how often the desktop is asked for how long nobody was there.
const idleLook = 30 * time.Second

// lockWhenIdle locks profiles when nobody has touched anything for long.
func lockWhenIdle(ctx context.Context, book *accounts.Book) {
	look := time.NewTicker(idleLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if !book.LocksWhenIdle() {
			continue
		}
		call, cancel := context.WithTimeout(ctx, idleLook)
		since, err := seat.Idle(call)
		cancel()
		if err == nil {
			err = book.Idle(since)
		}
		if err != nil {
			slog.Debug("no profile was locked for being idle", "why", err)
		}
	}
}
