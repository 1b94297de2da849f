package catalog

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle    = 100 * time.Millisecond // quiet for this long, then read
	settleMax = time.Second            // read at the latest, however busy the folder is
)

// watch notices changes of a folder that may not be there yet. It watches the
// folder, and its parent or the nearest one above that exists, so that the
// folder's coming and going is noticed too. Whatever happens, everything is
// read again: no single notice matters, and none that is lost can leave an old
// state behind for longer than the next.
type watch struct {
	fs     *fsnotify.Watcher
	folder string
}

func newWatch(folder string) (*watch, error) {
	if folder == "" {
		return nil, nil
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watch{fs, folder}
	if err := w.aim(); err != nil {
		fs.Close()
		return nil, err
	}
	return w, nil
}

// aim watches what there is now. A folder may come into being between the look
// and the watch, so it looks again until nothing changes.
func (w *watch) aim() error {
	for range 20 {
		target := w.deepest()
		if err := w.fs.Add(target); err != nil {
			if os.IsNotExist(err) {
				continue
			}
			return err
		}
		if target == w.folder {
			w.fs.Add(filepath.Dir(w.folder)) // tells when the folder is moved away and a new one put in its place
		}
		if w.deepest() == target {
			w.drop(target)
			return nil
		}
	}
	return nil
}

// drop ends the watches that served while target was not there.
func (w *watch) drop(target string) {
	for _, at := range w.fs.WatchList() {
		if at != target && !(target == w.folder && at == filepath.Dir(target)) {
			w.fs.Remove(at)
		}
	}
}

// deepest is the folder, or the nearest one above it that exists.
func (w *watch) deepest() string {
	for at := w.folder; ; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil && info.IsDir() || at == filepath.Dir(at) {
			return at
		}
	}
}

// run calls reload after each burst of changes, until ctx ends.
func (w *watch) run(ctx context.Context, reload func()) {
	defer w.fs.Close()
	// Files may have changed between Open's reading and now.
	timer := time.NewTimer(settle)
	defer timer.Stop()
	first := time.Now()
	waiting := true
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if !w.matters(e) {
				continue
			}
		case _, ok := <-w.fs.Errors: // an overflow: something was missed
			if !ok {
				return
			}
		case <-timer.C:
			waiting = false
			w.aim()
			reload()
			continue
		}
		if !waiting {
			first, waiting = time.Now(), true
		}
		timer.Reset(min(settle, time.Until(first.Add(settleMax))))
	}
}

// matters passes over what happens beside the folder, its own parents aside.
func (w *watch) matters(e fsnotify.Event) bool {
	if filepath.Dir(e.Name) == w.folder || e.Name == w.folder {
		return true
	}
	for at := w.folder; at != filepath.Dir(at); at = filepath.Dir(at) {
		if e.Name == at {
			return true
		}
	}
	return false
}
