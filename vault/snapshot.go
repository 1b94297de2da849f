package vault

import (
	"encoding/binary"
	"io"
	"os"
	"slices"
	"sync"
)

const (
	snapshotFile  = "snapshot"
	snapshotChunk = 256 << 10 // bytes after which a frame of records is closed
)

// writeSnapshot writes m with changes laid over it as name and makes its bytes
// durable; the name is not.
func (d *disk) writeSnapshot(name string, s *strip, m *memory, changes []Change) (err error) {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := &snapshotWriter{disk: d, file: f, name: name, strip: s}
	if err := w.put(s.head); err != nil {
		return err
	}
	over := map[string]Change{}
	for _, c := range changes {
		over[c.Key] = c
	}
	var value []byte
	for _, key := range m.keys("") {
		if _, ok := over[key]; ok {
			continue
		}
		value, _, err = m.getInto(value, key)
		if err != nil {
			return err
		}
		err = w.add(Change{Key: key, Value: value})
		clear(value)
		if err != nil {
			return err
		}
	}
	for _, c := range over {
		if c.Value == nil {
			continue
		}
		if err := w.add(c); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	return d.fsync(f, name)
}

type snapshotWriter struct {
	disk  *disk
	file  *os.File
	name  string
	strip *strip

	size    int64
	last    uint64
	records uint64
	plain   []byte
}

func (w *snapshotWriter) put(b []byte) error {
	err := w.disk.writeAt(w.file, w.name, b, w.size)
	w.size += int64(len(b))
	return err
}

func (w *snapshotWriter) add(c Change) error {
	w.plain = appendChange(w.plain, c)
	w.records++
	if len(w.plain) < snapshotChunk {
		return nil
	}
	return w.flush()
}

func (w *snapshotWriter) flush() error {
	if len(w.plain) == 0 {
		return nil
	}
	w.last++
	frame := w.strip.seal(w.last, w.plain)
	clear(w.plain)
	w.plain = w.plain[:0]
	return w.put(frame)
}

// end closes the snapshot with a frame that counts the records.
func (w *snapshotWriter) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	w.plain = binary.AppendUvarint([]byte{opEnd}, w.records)
	return w.flush()
}

// readSnapshot calls take for each frame's records; file, of size bytes, is
// after its head. A snapshot has no torn end: it was durable before it got its
// name. While one frame is opened, the one before is taken; no more are in memory.
func readSnapshot(file io.Reader, size int64, s *strip, take func([]Change)) error {
	at, records := int64(headSize), uint64(0)
	fail := func(what string) error {
		return &DamagedError{File: snapshotFile, Offset: at, What: what}
	}
	type batch struct {
		plain   []byte
		changes []Change
	}
	opened, free := make(chan batch), make(chan []byte, 2)
	free <- nil
	free <- nil
	var taker sync.WaitGroup
	defer taker.Wait()
	defer close(opened)
	taker.Go(func() {
		for b := range opened {
			take(b.changes)
			clear(b.plain)
			free <- b.plain
		}
	})
	var frame []byte
	for sequence := uint64(1); ; sequence++ {
		var err error
		if frame, err = readFrame(frame, file, size-at, s); err != nil {
			return err
		}
		plain, n, err := s.openInto(<-free, frame, sequence)
		if err != nil {
			return fail(err.Error())
		}
		if len(plain) > 0 && plain[0] == opEnd {
			want := binary.AppendUvarint([]byte{opEnd}, records)
			if string(plain) != string(want) || at+int64(n) != size {
				return fail("its last frame does not fit")
			}
			return nil
		}
		changes, err := parseChanges(plain)
		if err != nil {
			return fail(err.Error())
		}
		records += uint64(len(changes))
		opened <- batch{plain, changes}
		at += int64(n)
	}
}

// readFrame reads the next frame into the room that b has, or as much of it as
// is left of the file.
func readFrame(b []byte, file io.Reader, left int64, s *strip) ([]byte, error) {
	b = slices.Grow(b[:0], frameHead)[:min(frameHead, left)]
	if _, err := io.ReadFull(file, b); err != nil {
		return nil, err
	}
	_, size, err := s.frameAt(b)
	if err != nil {
		return b, nil // open says what is wrong with it
	}
	b = slices.Grow(b, size-frameHead)[:min(int64(size), left)]
	_, err = io.ReadFull(file, b[frameHead:])
	return b, err
}
