package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// A memory holds the values of an open vault, sealed under a key that lives as
// long as the vault is open. It is not safe for concurrent use.
type memory struct {
	aead   cipher.AEAD       // AES-256-GCM
	sealed uint64            // values so far; each gives its number to its nonce
	values map[string][]byte // number and sealed value, bound to the key
	size   int               // bytes of all keys and values
}

const numberSize = 8 // bytes

func newMemory() *memory {
	key := make([]byte, keySize)
	defer clear(key)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a wrong key size
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for another block size
	}
	return &memory{aead: aead, values: map[string][]byte{}}
}

// apply takes the changes over; their values stay the caller's.
func (m *memory) apply(changes []Change) {
	for _, c := range changes {
		if old, ok := m.values[c.Key]; ok {
			m.size -= len(c.Key) + len(old)
			clear(old)
			delete(m.values, c.Key)
		}
		if c.Value != nil {
			m.sealed++
			sealed := make([]byte, 0, numberSize+len(c.Value)+m.aead.Overhead())
			sealed = binary.BigEndian.AppendUint64(sealed, m.sealed)
			sealed = m.aead.Seal(sealed, m.nonce(sealed), c.Value, []byte(c.Key))
			m.values[c.Key] = sealed
			m.size += len(c.Key) + len(sealed)
		}
	}
}

func (m *memory) nonce(number []byte) []byte {
	nonce := make([]byte, m.aead.NonceSize())
	copy(nonce, number)
	return nonce
}

// get opens one value; the slice is the caller's, never nil if there is one.
func (m *memory) get(key string) ([]byte, bool, error) {
	return m.getInto(nil, key)
}

// getInto is get into the room that dst has, if it has enough.
func (m *memory) getInto(dst []byte, key string) ([]byte, bool, error) {
	sealed, ok := m.values[key]
	if !ok {
		return nil, false, nil
	}
	number, sealed := sealed[:numberSize], sealed[numberSize:]
	if cap(dst) < len(sealed) {
		dst = make([]byte, 0, len(sealed))
	}
	var plain []byte
	var err error
	forgetting(func() {
		plain, err = m.aead.Open(dst[:0], m.nonce(number), sealed, []byte(key))
	})
	return plain, true, err
}

// keys are the keys that begin with prefix, sorted.
func (m *memory) keys(prefix string) []string {
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(m.values)), func(key string) bool {
		return !strings.HasPrefix(key, prefix)
	})
	slices.Sort(keys)
	return keys
}

// wipe clears the sealed values and forgets their key.
func (m *memory) wipe() {
	for _, sealed := range m.values {
		clear(sealed)
	}
	m.values, m.aead, m.size = nil, nil, 0
}
