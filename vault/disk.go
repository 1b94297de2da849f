package vault

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A disk is one folder of the vault, held open: every name is resolved below
// that very folder, and no link is followed. Steps that write go through step,
// so that tests can let each of them fail.
type disk struct {
	dir   string // for messages
	root  *os.File
	below string // below the vault's folder: "slots/"; empty for the folder itself

	// testOnlyFault is asked before each writing step; it is nil but in tests.
	testOnlyFault func(op, name string) error
}

// shortWrite is what testOnlyFault returns to let n bytes through.
type shortWrite struct {
	n   int
	err error
}

func (s *shortWrite) Error() string { return s.err.Error() }
func (s *shortWrite) Unwrap() error { return s.err }

const newSuffix = ".new" // a file that is not in place yet

func (d *disk) step(op, name string) error {
	if d.testOnlyFault == nil {
		return nil
	}
	return d.testOnlyFault(op, d.below+name)
}

// path is name for messages.
func (d *disk) path(name string) string { return filepath.Join(d.dir, name) }

// read returns a whole file of at most limit bytes; a missing one gives
// fs.ErrNotExist.
func (d *disk) read(name string, limit int64) ([]byte, error) {
	f, size, err := d.openToRead(name, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, err
}

// openToRead opens a file of at most limit bytes.
func (d *disk) openToRead(name string, limit int64) (f *os.File, size int64, err error) {
	if f, err = d.open(name, os.O_RDONLY); err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > limit {
		err = damaged(name, "it has %d bytes; no vault's has more than %d", info.Size(), limit)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// has reports whether name is there, whatever it is.
func (d *disk) has(name string) bool {
	_, err := d.lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// create makes name anew, open for writing; what lay there is unlinked.
func (d *disk) create(name string) (*os.File, error) {
	if err := d.remove(name); err != nil {
		return nil, err
	}
	if err := d.step("create", name); err != nil {
		return nil, err
	}
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// write creates name with data and makes its bytes durable (not its name).
func (d *disk) write(name string, data []byte) error {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.writeAt(f, name, data, 0); err != nil {
		return err
	}
	return d.fsync(f, name)
}

// replace puts data in the place of name, durably and all or nothing.
func (d *disk) replace(name string, data []byte) error {
	if err := d.write(name+newSuffix, data); err != nil {
		d.remove(name + newSuffix)
		return err
	}
	if err := d.rename(name+newSuffix, name); err != nil {
		d.remove(name + newSuffix)
		return err
	}
	return d.sync()
}

func (d *disk) writeAt(f *os.File, name string, data []byte, off int64) error {
	if err := d.step("write", name); err != nil {
		var short *shortWrite
		if errors.As(err, &short) {
			f.WriteAt(data[:min(short.n, len(data))], off)
		}
		return err
	}
	_, err := f.WriteAt(data, off)
	return err
}

func (d *disk) fsync(f *os.File, name string) error {
	if err := d.step("fsync", name); err != nil {
		return err
	}
	return f.Sync()
}

// fdatasync makes f's bytes and size durable.
func (d *disk) fdatasync(f *os.File, name string) error {
	if err := d.step("fdatasync", name); err != nil {
		return err
	}
	return fdatasync(f)
}

func (d *disk) truncate(f *os.File, name string, size int64) error {
	if err := d.step("truncate", name); err != nil {
		return err
	}
	return f.Truncate(size)
}

// sync makes the folder's names durable.
func (d *disk) sync() error {
	if err := d.step("syncdir", "."); err != nil {
		return err
	}
	return d.root.Sync()
}

func (d *disk) close() { d.root.Close() }

// setAside keeps bytes that may be all that is left of something under a name
// of their own, durably. The same bytes are kept once.
func (d *disk) setAside(name string, data []byte) error {
	if kept, err := d.read(name, maxFile); err == nil && string(kept) == string(data) {
		return nil
	}
	return d.replace(name, data)
}

// leftover reports whether name was written by an interrupted change.
func leftover(name string) bool { return strings.HasSuffix(name, newSuffix) }
