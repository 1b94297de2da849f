package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/fsnotify/fsnotify"
)

// Watch waits until another program replaces, changes or removes the folder or
// one of the files in it that the vault is made of, and says so (ErrDamaged or
// ErrUnsafe): close the vault then, and open what lies there now. It ends with
// ErrClosed when the vault is closed, and with ctx. A journal that was changed
// in place without growing, or a snapshot behind its head, is noticed by the
// next Open alone.
func (v *Vault) Watch(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("the profile's folder cannot be watched: %w", err)
	}
	defer w.Close()
	if err := w.Add(v.disk.dir); err != nil {
		if meddled := v.untouched(); meddled != nil {
			return meddled
		}
		return fmt.Errorf("the profile's folder cannot be watched: %w", err)
	}
	for {
		if err := v.untouched(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-v.done:
			return ErrClosed
		case <-w.Events: // our own too: the check takes microseconds
		case <-w.Errors: // some were lost; look
		}
	}
}

// untouched is intact for all files.
func (v *Vault) untouched() error {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return ErrClosed
	}
	if v.broken { // names are on their way
		return nil
	}
	if err := v.intact(); err != nil {
		return err
	}
	want := map[string][]byte{
		headerFile:   v.header.encode(),
		snapshotFile: v.keys.newStrip(kindSnapshot, v.generation).head,
	}
	for name, begins := range want {
		if err := v.disk.begins(name, begins); err != nil {
			return err
		}
	}
	return nil
}

// begins reports a file that is missing or does not begin so.
func (d *disk) begins(name string, want []byte) error {
	f, _, err := d.openToRead(name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(name, "another program removed it while the profile was open")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(f, got); err != nil || !bytes.Equal(got, want) {
		return damaged(name, "another program replaced or changed it while the profile was open")
	}
	return nil
}
