package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
)

const (
	activityFile = "activity"
	activityOld  = "activity.1"
	activitySize = 512 << 10 // bytes after which activity becomes activity.1
	maxEntry     = 64 << 10  // bytes
)

// An activity is the log: what happened, who asked for what. It is bounded and
// not synced; what a crash cuts off its end is lost.
type activity struct {
	disk *disk
	mu   sync.Mutex // guards the fields that follow
	keys *keys      // nil once closed
	activityFiles
}

// activityFiles is the file that takes entries.
type activityFiles struct {
	strip  *strip
	file   *os.File // nil until the first entry
	number uint64   // of this file; it stands where others have the generation
	size   int64
	last   uint64
}

func (a *activityFiles) close() {
	if a != nil && a.file != nil {
		a.file.Close()
		a.file = nil
	}
}

func (a *activity) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.activityFiles.close()
	a.keys, a.strip = nil, nil
}

// openActivity finds the end of the log. A log that cannot be read is no reason
// to refuse the vault: it is moved out of the way.
func (v *Vault) openActivity() {
	a := &activity{disk: v.disk, keys: v.keys}
	v.activity = a
	if _, _, err := a.entries(activityFile); errors.Is(err, errHeadKey) || errors.Is(err, fs.ErrNotExist) {
		if _, _, err := a.entries(activityFile + newSuffix); err == nil { // re-keying was interrupted
			a.disk.rename(activityFile+newSuffix, activityFile)
			a.disk.remove(activityOld)
		}
	}
	entries, files, err := a.entries(activityFile)
	wipeAll(entries)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			a.rotateLocked()
		}
		return
	}
	if files.file, err = a.disk.open(activityFile, os.O_RDWR); err == nil {
		a.activityFiles = files
	}
}

func wipeAll(entries [][]byte) {
	for _, e := range entries {
		clear(e)
	}
}

// entries reads a log file, oldest entry first. With an error the entries before
// the fault are given.
func (a *activity) entries(name string) ([][]byte, activityFiles, error) {
	data, err := a.disk.read(name, maxFile)
	if err != nil {
		return nil, activityFiles{}, err
	}
	s, number, err := a.keys.openStrip(kindActivity, data)
	if err != nil {
		return nil, activityFiles{}, err
	}
	files := activityFiles{strip: s, number: number, size: headSize}
	var entries [][]byte
	for files.size < int64(len(data)) {
		entry, n, err := s.open(data[files.size:], files.last+1)
		if err != nil {
			return entries, files, err
		}
		entries = append(entries, entry)
		files.size += int64(n)
		files.last++
	}
	return entries, files, nil
}

// Log appends an entry (at most 64 KiB) to the activity. It is not synced, and
// the oldest entries are dropped when there is about a megabyte of them.
func (v *Vault) Log(entry []byte) error {
	if len(entry) > maxEntry {
		return fmt.Errorf("vault: an entry of %d bytes is too large for the activity; the most is %d", len(entry), maxEntry)
	}
	a := v.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		return ErrClosed
	}
	if a.file != nil && a.size >= activitySize {
		a.rotateLocked()
	}
	if a.file == nil {
		if err := a.startLocked(); err != nil {
			return err
		}
	}
	return a.appendTo(activityFile, &a.activityFiles, entry)
}

// rotateLocked makes the log the old one.
func (a *activity) rotateLocked() {
	a.activityFiles.close()
	a.disk.rename(activityFile, activityOld)
}

func (a *activity) startLocked() error {
	number := a.number + 1
	files, err := a.start(activityFile, a.keys, number)
	if err != nil {
		return fmt.Errorf("the activity cannot be written: %w", err)
	}
	a.activityFiles = *files
	return nil
}

// start makes a log file without entries.
func (a *activity) start(name string, k *keys, number uint64) (*activityFiles, error) {
	f, err := a.disk.create(name)
	if err != nil {
		return nil, err
	}
	files := &activityFiles{strip: k.newStrip(kindActivity, number), file: f, number: number, size: headSize}
	if err := a.disk.writeAt(f, name, files.strip.head, 0); err != nil {
		f.Close()
		a.disk.remove(name)
		return nil, err
	}
	return files, nil
}

func (a *activity) appendTo(name string, files *activityFiles, entry []byte) error {
	frame := files.strip.seal(files.last+1, entry)
	if err := a.disk.writeAt(files.file, name, frame, files.size); err != nil {
		a.disk.truncate(files.file, name, files.size)
		return fmt.Errorf("the activity cannot be written: %w", err)
	}
	files.size += int64(len(frame))
	files.last++
	return nil
}

// Activity gives at most max entries, newest first.
func (v *Vault) Activity(max int) ([][]byte, error) {
	a := v.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		return nil, ErrClosed
	}
	return a.newestLocked(max), nil
}

// newestLocked reads both files; what cannot be read is left out.
func (a *activity) newestLocked(max int) [][]byte {
	var newest [][]byte
	for _, name := range []string{activityFile, activityOld} {
		entries, _, _ := a.entries(name)
		slices.Reverse(entries)
		for i, e := range entries {
			if len(newest) == max {
				wipeAll(entries[i:])
				break
			}
			newest = append(newest, e)
		}
	}
	return newest
}

// copyLocked writes the newest entries under new keys, not yet in place.
func (a *activity) copyLocked(k *keys) (*activityFiles, error) {
	entries := a.newestLocked(1 << 20)
	defer wipeAll(entries)
	size, n := 0, 0
	for n < len(entries) && size < activitySize {
		size += frameHead + len(entries[n])
		n++
	}
	const name = activityFile + newSuffix
	files, err := a.start(name, k, a.number+1)
	if err != nil {
		return nil, err
	}
	for _, entry := range slices.Backward(entries[:n]) {
		if err := a.appendTo(name, files, entry); err != nil {
			files.close()
			return nil, err
		}
	}
	return files, a.disk.fsync(files.file, name)
}
