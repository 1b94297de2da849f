package vault

import (
	"slices"
	"strings"
	"sync"
)

// Vault is open: keys are in memory. Safe for concurrent use.
type Vault struct {
	folder *Folder
	disk   *disk

	// write serialises what changes files; it is taken before mu, and mu is not
	// held over the disk.
	write    sync.Mutex
	activity *activity // has a lock of its own, taken after write
	broken   bool      // the journal's end is uncertain: move to a new generation first
	pending  []rename  // to be done before anything else
	received received

	ringMu sync.Mutex // guards the two fields that follow; taken before mu
	ring   bool       // the keyring answered and has an item of ours
	known  uint64     // the generation that the keyring's item has

	mu         sync.RWMutex // guards the fields that follow
	closed     bool
	header     *header
	keys       *keys
	memory     *memory
	journal    *journal
	generation uint64
	findings   []Finding
}

// Change sets Key to Value, or removes Key if Value is nil. A key is a path such
// as "token/ab12": 1 to 1024 bytes without control characters. A value has at
// most 8 MiB.
type Change struct {
	Key   string
	Value []byte
}

// The kinds of findings.
const (
	FindingTornTail  = "torn-tail"  // the last change was cut short; its bytes are in File
	FindingOlderCopy = "older-copy" // the folder is older than the keyring knows
	FindingMoved     = "moved"      // the vault was last used on another machine
)

// Finding is what Open noticed and the user should know. older-copy and moved
// come back at each Open until Settle.
type Finding struct {
	Kind string
	File string // below the vault's folder; torn-tail only
	Text string
}

// ownKey reports whether key is the vault's own: callers' keys have no control
// characters.
func ownKey(key string) bool { return strings.HasPrefix(key, "\x00") }

// ID is the vault's, 32 hex digits. No provider gave it.
func (v *Vault) ID() string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.header.Vault
}

// Findings are what Open noticed.
func (v *Vault) Findings() []Finding {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Clone(v.findings)
}

// Get opens one value. The slice is the caller's, who wipes it when done.
func (v *Vault) Get(key string) ([]byte, bool, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return nil, false, ErrClosed
	}
	if ownKey(key) {
		return nil, false, nil
	}
	return v.memory.get(key)
}

// Keys are the keys that begin with prefix, sorted; none after Close.
func (v *Vault) Keys(prefix string) []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return nil
	}
	return slices.DeleteFunc(v.memory.keys(prefix), ownKey)
}

// Ways lists the ways in.
func (v *Vault) Ways() []WayInfo {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.header.infos()
}

// Close wipes keys and sealed values. The Folder stays claimed and the Inbox
// stays good.
func (v *Vault) Close() error {
	v.folder.mu.Lock()
	if v.folder.vault == v {
		v.folder.vault = nil
	}
	v.folder.mu.Unlock()
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return nil
	}
	v.activity.close()
	v.wipe()
	return v.journal.file.Close()
}

// wipe forgets all that opens the vault. The caller holds write, or is alone.
func (v *Vault) wipe() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	v.keys.wipe()
	v.memory.wipe()
}
