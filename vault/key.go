package vault

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	keySize = 32
	idSize  = 16
)

// keys are a root key and what is derived from it for one vault.
type keys struct {
	vault [idSize]byte
	root  []byte
	id    [idSize]byte // names the root key in files; says nothing about it
	lists []byte       // MAC over the header's list of ways
	heads []byte       // MAC over file heads and frame lengths
	state cipher.AEAD  // snapshot and journal
	log   cipher.AEAD  // activity
}

func newRoot() []byte {
	root := make([]byte, keySize)
	rand.Read(root)
	return root
}

func newID() (id [idSize]byte) {
	rand.Read(id[:])
	return id
}

// deriveKeys keeps root; wipe clears it.
func deriveKeys(vault [idSize]byte, root []byte) *keys {
	k := &keys{vault: vault, root: root}
	forgetting(func() {
		copy(k.id[:], k.derive("key id", idSize))
		k.lists = k.derive("list of ways", keySize)
		k.heads = k.derive("file heads", keySize)
		k.state = k.aead("state")
		k.log = k.aead("activity")
	})
	return k
}

// derive is HKDF-SHA-256 (RFC 5869) of the root key, salted with the vault's id.
func (k *keys) derive(purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, k.root, k.vault[:], "dancecard vault 1 "+purpose, size)
	if err != nil {
		panic(err) // only for a size beyond HKDF's
	}
	return key
}

func (k *keys) aead(purpose string) cipher.AEAD {
	key := k.derive(purpose, chacha20poly1305.KeySize)
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err) // only for a wrong key size
	}
	return aead
}

// rootHash tells root keys apart in the keyring's item.
func (k *keys) rootHash() string {
	sum := sha256.Sum256(k.root)
	return hex.EncodeToString(sum[:])
}

// wipe clears what can be cleared; the ciphers' own copies go with k itself.
func (k *keys) wipe() {
	clear(k.root)
	clear(k.lists)
	clear(k.heads)
	k.state, k.log = nil, nil
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
