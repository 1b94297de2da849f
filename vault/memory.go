package vault

import (
	"crypto/cipher"
	"crypto/rand"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// A memory holds the values of an open vault, sealed under a key that lives as
// long as the vault is open. It is not safe for concurrent use.
type memory struct {
	aead   cipher.AEAD
	values map[string][]byte // nonce and sealed value, bound to the key
	size   int               // bytes of all keys and values
}

func newMemory() *memory {
	key := make([]byte, chacha20poly1305.KeySize)
	defer clear(key)
	rand.Read(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err) // only for a wrong key size
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
			sealed := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(c.Value)+m.aead.Overhead())
			rand.Read(sealed)
			sealed = m.aead.Seal(sealed, sealed, c.Value, []byte(c.Key))
			m.values[c.Key] = sealed
			m.size += len(c.Key) + len(sealed)
		}
	}
}

// get opens one value; the slice is the caller's, never nil if there is one.
func (m *memory) get(key string) ([]byte, bool, error) {
	sealed, ok := m.values[key]
	if !ok {
		return nil, false, nil
	}
	nonce, sealed := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	var plain []byte
	var err error
	forgetting(func() {
		plain, err = m.aead.Open(make([]byte, 0, len(sealed)), nonce, sealed, []byte(key))
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
