package test

import (
	"bytes"
	"context"
	"os"
	"time"
)

// Screenshot saves a picture of the whole screen.
func (w *World) Screenshot(ctx context.Context, file string) error {
	return w.capture(ctx, "root", file)
}

// WindowPicture saves a picture of one window, without its frame.
func (w *World) WindowPicture(ctx context.Context, title, file string) error {
	id, err := w.window(ctx, title)
	if err != nil {
		return err
	}
	return w.capture(ctx, id, file)
}

// paintTime is how long a picture that is the same as the last one is taken
// for one that the program has not painted yet.
const paintTime = 3 * time.Second

// capture saves a picture once it has changed since the last one and holds
// still: what a program says is on screen is painted a moment later. For a
// screen that does not change, or does not hold still, the last look counts.
func (w *World) capture(ctx context.Context, window, file string) error {
	painted := time.Now().Add(paintTime)
	for before := []byte(nil); ; {
		if _, err := w.run(ctx, "import", "-window", window, "-define", "png:exclude-chunks=date,time", file); err != nil {
			return err
		}
		now, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		still := bytes.Equal(now, before)
		before = now
		if still && !bytes.Equal(now, w.picture) || time.Now().After(painted) {
			w.picture = now
			return nil
		}
	}
}
