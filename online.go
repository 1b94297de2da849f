package main

import (
	"context"
	"log/slog"

	"dancecard/accounts"
	"dancecard/internal/network"
)

// retryWithNetwork has the book try again as soon as the network is back.
func retryWithNetwork(ctx context.Context, book *accounts.Book) {
	if err := network.Watch(ctx, book.NetworkChanged); err != nil {
		slog.Info("what failed for want of a network is tried again by the clock only", "why", err)
	}
}
