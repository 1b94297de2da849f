//go:build unix

package vault

import (
	"bytes"
	"testing"
)

// TestTornAtEachPlaceInASector: an append may begin and end anywhere in a
// sector, and any sectors of it may never have been written, also when only a
// few bytes of it lie there.
func TestTornAtEachPlaceInASector(t *testing.T) {
	k := deriveKeys([idSize]byte{1}, bytes.Repeat([]byte{2}, keySize))
	s := k.newStrip(kindJournal, 7)
	for begin := range sector {
		before := s.seal(1, appendChange(nil, set("k", string(make([]byte, 512+begin)))))
		start := headSize + len(before)
		for _, size := range []int{700, 700 + begin} {
			file := append(append(bytes.Clone(s.head), before...), s.seal(2, appendChange(nil, set("k", string(bytes.Repeat([]byte("x"), size)))))...)
			for at := start; at < len(file); at = (at/sector + 1) * sector {
				torn := bytes.Clone(file)
				clear(torn[at:min(len(file), (at/sector+1)*sector)])
				batches := 0
				_, last, tail, err := readJournal(torn, s, 7, func([]Change) { batches++ })
				if same := bytes.Equal(torn, file); err != nil || !same && (batches != 1 || last != 1 || tail == nil) || same && batches != 2 {
					t.Fatalf("an append from %d to %d without the sector at %d: %d batches, %v", start, len(file), at, batches, err)
				}
			}
		}
	}
}
