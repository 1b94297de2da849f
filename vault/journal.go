package vault

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
)

const journalFile = "journal"

// A journal takes frames at its end. Its owner serialises the calls.
type journal struct {
	disk  *disk
	strip *strip
	file  *os.File
	size  int64  // where the next frame goes
	last  uint64 // number of the last frame
}

// append makes one batch durable. After an error of the first kind nothing was
// added; after the second (uncertain) nobody knows, and the file must not be
// used again.
func (j *journal) append(plain []byte) (err error, uncertain bool) {
	frame := j.strip.seal(j.last+1, plain)
	if err := j.disk.writeAt(j.file, journalFile, frame, j.size); err != nil {
		return err, !j.cutBack()
	}
	if err := j.disk.fdatasync(j.file, journalFile); err != nil {
		j.cutBack() // for those who read it; after a failed sync no word on it counts
		return err, true
	}
	j.size += int64(len(frame))
	j.last++
	return nil, false
}

// cutBack removes what a failed append may have left.
func (j *journal) cutBack() bool {
	return j.disk.truncate(j.file, journalFile, j.size) == nil &&
		j.disk.fdatasync(j.file, journalFile) == nil
}

// A torn is the end of a journal that is no frame.
type torn struct {
	offset int64
	file   string // the name it is set aside under
	data   []byte // the journal's head and the bytes
}

// readJournal calls take for each batch, in order, and returns the size of what
// is good, the number of the last frame, and a torn end if there is one.
func readJournal(file []byte, s *strip, generation uint64, take func([]Change)) (size int64, last uint64, tail *torn, err error) {
	at := headSize
	for at < len(file) {
		plain, n, err := s.open(file[at:], last+1)
		if err != nil {
			if isTorn(file[at:], at, s, last+1, err) {
				return int64(at), last, newTorn(file, at, generation), nil
			}
			return 0, 0, nil, &DamagedError{File: journalFile, Offset: int64(at), What: err.Error()}
		}
		changes, err := parseChanges(plain)
		if err != nil {
			return 0, 0, nil, &DamagedError{File: journalFile, Offset: int64(at), What: err.Error()}
		}
		take(changes)
		clear(plain)
		at += n
		last++
	}
	return int64(at), last, nil, nil
}

// isTorn tells an append that a crash cut short from damage. Such an append is
// the last one, and either bytes are missing at its end, or a whole stretch of
// it up to a sector's edge was never written and reads as zero.
func isTorn(rest []byte, at int, s *strip, sequence uint64, err error) bool {
	switch err {
	case errFrameShort:
		return true
	case errFrameHead:
		return !s.follows(rest, sequence) && hasHole(rest, at, sequence)
	case errFrameBody:
		_, size, _ := s.frameAt(rest)
		return size == len(rest) && hasHole(rest, at, sequence)
	}
	return false
}

const sector = 512

// hasHole reports whether b, the end of a file from offset at on, where the
// frame with number sequence belongs, has a sector (or the part of one that lies
// in b) that is all zero and was not written so.
func hasHole(b []byte, at int, sequence uint64) bool {
	number := binary.BigEndian.AppendUint64(nil, sequence)
	for first := true; len(b) > 0; first = false {
		n := min(sector-at%sector, len(b))
		// A frame begins with zeros, as far as its number does.
		natural := first && n <= len(number) && allZero(number[:n])
		if allZero(b[:n]) && !natural {
			return true
		}
		b, at = b[n:], at+n
	}
	return false
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func newTorn(file []byte, at int, generation uint64) *torn {
	data := append(append([]byte{}, file[:headSize]...), file[at:]...)
	sum := sha256.Sum256(data)
	return &torn{
		offset: int64(at),
		file:   fmt.Sprintf("torn-journal-%d-%d-%x", generation, at, sum[:4]),
		data:   data,
	}
}

func (t *torn) finding() Finding {
	return Finding{Kind: FindingTornTail, File: t.file, Text: fmt.Sprintf(
		"the last change was cut short (a crash or a full disk); its %d bytes are kept in %s", len(t.data)-headSize, t.file)}
}
