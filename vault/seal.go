package vault

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	format = 1 // of everything in the folder

	headSize  = 64
	checkSize = 8
	frameHead = 8 + 4 + checkSize + chacha20poly1305.NonceSizeX // sequence, length, check, nonce

	maxFrame = 16 << 20  // bytes of one frame's plain text
	maxFile  = 256 << 20 // bytes of a snapshot, journal or activity file
)

// The kinds of files that are made of frames.
const (
	kindSnapshot = "SNAP"
	kindJournal  = "JRNL"
	kindActivity = "ACTV"
)

// A strip is a file made of a head and sealed frames: it seals and opens them.
type strip struct {
	head []byte
	aead cipher.AEAD
	mac  []byte
}

// newStrip makes the head of a file: "DCV1", kind, vault id, key id, generation
// and a MAC over them.
func (k *keys) newStrip(kind string, generation uint64) *strip {
	head := make([]byte, 0, headSize)
	head = append(head, "DCV1"...)
	head = append(head, kind...)
	head = append(head, k.vault[:]...)
	head = append(head, k.id[:]...)
	head = binary.BigEndian.AppendUint64(head, generation)
	head = append(head, mac(k.heads, []byte("head"), head)[:headSize-len(head)]...)
	s := &strip{head: head, aead: k.state, mac: k.heads}
	if kind == kindActivity {
		s.aead = k.log
	}
	return s
}

// The ways in which a file's head can be wrong.
var (
	errHeadShort  = errors.New("its head is cut short")
	errHeadFormat = errors.New("its head is not one of ours")
	errHeadVault  = errors.New("it belongs to another profile")
	errHeadKey    = errors.New("it was sealed with another key")
	errHeadMAC    = errors.New("its head was changed")
)

// openStrip checks the head of a file of kind and returns its generation.
func (k *keys) openStrip(kind string, file []byte) (*strip, uint64, error) {
	if len(file) < headSize {
		return nil, 0, errHeadShort
	}
	head := file[:headSize]
	generation := binary.BigEndian.Uint64(head[40:])
	switch want := k.newStrip(kind, generation); {
	case string(head[:8]) != "DCV1"+kind:
		if string(head[:3]) == "DCV" && head[3] > '1' && head[3] <= '9' {
			return nil, 0, ErrFuture
		}
		return nil, 0, errHeadFormat
	case string(head[8:24]) != string(k.vault[:]):
		return nil, 0, errHeadVault
	case string(head[24:40]) != string(k.id[:]):
		return nil, 0, errHeadKey
	case !hmac.Equal(head, want.head):
		return nil, 0, errHeadMAC
	default:
		return want, generation, nil
	}
}

// seal makes the frame with number sequence: sequence (8 bytes), length of what
// follows the nonce (4), check over both (8), nonce (24), sealed bytes. The
// file's head, the sequence and the length are the additional data.
func (s *strip) seal(sequence uint64, plain []byte) []byte {
	n := len(plain) + s.aead.Overhead()
	frame := make([]byte, 0, frameHead+n)
	frame = binary.BigEndian.AppendUint64(frame, sequence)
	frame = binary.BigEndian.AppendUint32(frame, uint32(n))
	place := frame[:12]
	frame = append(frame, s.check(place)...)
	nonce := frame[len(frame) : len(frame)+chacha20poly1305.NonceSizeX]
	rand.Read(nonce)
	frame = frame[:frameHead]
	return s.aead.Seal(frame, nonce, plain, s.place(place))
}

func (s *strip) check(place []byte) []byte {
	return mac(s.mac, []byte("frame"), s.head, place)[:checkSize]
}

func (s *strip) place(place []byte) []byte {
	return append(append(make([]byte, 0, headSize+len(place)), s.head...), place...)
}

// The ways in which a frame can be wrong.
var (
	errFrameShort = errors.New("a frame is cut short")
	errFrameHead  = errors.New("the head of a frame was changed")
	errFrameOrder = errors.New("a frame is out of order: one was removed, repeated or swapped")
	errFrameBody  = errors.New("a frame was changed")
)

// frameAt reads the head of the frame at the start of b.
func (s *strip) frameAt(b []byte) (sequence uint64, size int, err error) {
	if len(b) < frameHead {
		return 0, 0, errFrameShort
	}
	sequence = binary.BigEndian.Uint64(b)
	n := binary.BigEndian.Uint32(b[8:])
	if n > maxFrame+uint32(s.aead.Overhead()) || int(n) < s.aead.Overhead() {
		return 0, 0, errFrameHead
	}
	if !hmac.Equal(b[12:12+checkSize], s.check(b[:12])) {
		return 0, 0, errFrameHead
	}
	return sequence, frameHead + int(n), nil
}

// open opens the frame with number sequence at the start of b and says how
// many bytes it takes. The plain text is the caller's to wipe.
func (s *strip) open(b []byte, sequence uint64) (plain []byte, size int, err error) {
	return s.openInto(nil, b, sequence)
}

// openInto is open into the room that dst has, if it has enough.
func (s *strip) openInto(dst, b []byte, sequence uint64) (plain []byte, size int, err error) {
	got, size, err := s.frameAt(b)
	switch {
	case err != nil:
		return nil, 0, err
	case got != sequence:
		return nil, 0, errFrameOrder
	case len(b) < size:
		return nil, 0, errFrameShort
	}
	nonce := b[12+checkSize : frameHead]
	plain, err = s.aead.Open(dst[:0], nonce, b[frameHead:size], s.place(b[:12]))
	if err != nil {
		return nil, 0, errFrameBody
	}
	return plain, size, nil
}

// follows reports whether a true head of a frame after sequence lies anywhere
// in b: then what is wrong before it is no torn end.
func (s *strip) follows(b []byte, sequence uint64) bool {
	for i := 0; i+frameHead <= len(b); i++ {
		n := binary.BigEndian.Uint64(b[i:])
		if n <= sequence || n-sequence > maxFile/frameHead {
			continue
		}
		if _, _, err := s.frameAt(b[i:]); err == nil {
			return true
		}
	}
	return false
}
