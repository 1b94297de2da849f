package vault

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"time"
)

const (
	headerFile = "profile.json"
	maxHeader  = 1 << 20 // bytes
)

// A header is profile.json: which vault this is and which slots open it.
type header struct {
	Format int    `json:"format"`
	Vault  string `json:"vault"` // hex
	Ways   []slot `json:"ways"`
	MAC    string `json:"mac"` // base64 of HMAC-SHA-256 over the compact form with an empty mac
}

// A slot is one way in. Its files lie in slots/ and are named by what they hold.
type slot struct {
	ID       string    `json:"id"` // hex
	Kind     WayKind   `json:"kind"`
	Added    time.Time `json:"added"`              // UTC, whole seconds
	Root     string    `json:"root"`               // SHA-256, hex, of the file with the root key
	Identity string    `json:"identity,omitempty"` // and of the one with the passphrase's identity
}

func (s slot) info() WayInfo { return WayInfo{ID: s.ID, Kind: s.Kind, Added: s.Added} }

func (h *header) infos() []WayInfo {
	infos := make([]WayInfo, len(h.Ways))
	for i, s := range h.Ways {
		infos[i] = s.info()
	}
	return infos
}

// find returns the slot with id.
func (h *header) find(id string) (slot, bool) {
	for _, s := range h.Ways {
		if s.ID == id {
			return s, true
		}
	}
	return slot{}, false
}

func (h *header) id() (id [idSize]byte) {
	hex.Decode(id[:], []byte(h.Vault))
	return id
}

func (h *header) seal(k *keys) string {
	bare := *h
	bare.MAC = ""
	text, err := json.Marshal(bare)
	if err != nil {
		panic(err) // only for a year beyond 9999
	}
	return base64.StdEncoding.EncodeToString(mac(k.lists, text))
}

func (h *header) verify(k *keys) error {
	if !hmac.Equal([]byte(h.MAC), []byte(h.seal(k))) {
		return damaged(headerFile, "the list of ways in does not fit its seal")
	}
	return nil
}

// encode is the one form in which a header is written.
func (h *header) encode() []byte {
	text, err := json.MarshalIndent(h, "", "\t")
	if err != nil {
		panic(err) // only for a year beyond 9999
	}
	return append(text, '\n')
}

// parseHeader accepts what encode writes, to the byte. Who wrote it is known
// only after verify.
func parseHeader(text []byte) (*header, error) {
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, damaged(headerFile, "it is not JSON")
	}
	if version.Format > format {
		return nil, ErrFuture
	}
	h := new(header)
	if err := json.Unmarshal(text, h); err != nil || h.Format != format || !bytes.Equal(text, h.encode()) {
		return nil, damaged(headerFile, "it is not in the form that this program writes")
	}
	if !isHex(h.Vault, idSize) || len(h.Ways) == 0 {
		return nil, damaged(headerFile, "it names no vault or no way in")
	}
	seen := map[string]bool{}
	for _, s := range h.Ways {
		if !isHex(s.ID, idSize) || !isHex(s.Root, 32) || s.Identity != "" && !isHex(s.Identity, 32) || seen[s.ID] {
			return nil, damaged(headerFile, "a way in is not well formed")
		}
		seen[s.ID] = true
	}
	return h, nil
}

func isHex(s string, size int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == size && s == strings.ToLower(s)
}

// readHeader tells a missing vault from one that lost its header.
func (d *disk) readHeader() (*header, error) {
	text, err := d.read(headerFile, maxHeader)
	if errors.Is(err, fs.ErrNotExist) {
		if d.has(snapshotFile) || d.has(journalFile) {
			return nil, damaged(headerFile, "it is missing, but a snapshot or journal is there")
		}
		return nil, ErrNoVault
	}
	if err != nil {
		return nil, err
	}
	return parseHeader(text)
}
