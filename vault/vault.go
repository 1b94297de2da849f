// Package vault keeps a profile's sealed records on disk: a small map from keys
// to values in a folder of its own. It knows no OAuth.
//
// The calls that you need:
//
//	f, err := vault.Claim(dir)                   // the folder is ours, or ErrInUse
//	v, err := f.Create(ctx, recovery, keyring)   // first start
//	v, err := f.Open(ctx, keyring)               // every other start
//	err = v.Commit(vault.Change{Key: "token/ab12", Value: token})
//	token, ok, err := v.Get("token/ab12")
//	v.Close()                                    // lock: keys are wiped
//
// # Promises
//
// A Commit is all or nothing and durable when it returns; after an error the
// vault is as it was. (If the disk fails twice, so that a file's end can neither
// be synced nor cut off nor left behind, a process that opens the folder
// later may find the change that was reported as failed.) A crash or a full disk
// at any moment leaves the state before or after the call under way. What
// changes the files from outside is noticed when they are opened, at each Commit
// and by Watch; then the vault refuses, says what and where, and writes nothing.
// The one loss that cannot be seen is that of the journal's last whole frames.
// Bytes of a cut-short last frame are set aside in a torn- file, reported as a
// Finding, and never deleted.
//
// After Compact, RemoveWay and Rekey no file of ours holds an erased value; what
// the disk's own blocks, copies and torn- files hold is not promised. Close
// wipes keys and values as far as Go lets it. Between Commit and Close values
// lie sealed in memory.
//
// It will never make a vault over the remains of one, store a value in plain,
// delete what it cannot read, take a keyring that is hung, locked or dismissed
// for an empty one, or open a vault that somebody else put into the folder.
//
// A thief of the folder learns when ways in were added and of which kinds, how
// many changes were made since the last snapshot and how large they were, and
// how many items wait in the inbox. A weak passphrase can be guessed (scrypt,
// 2^18).
//
// # The folder
//
// docs/vault-format.md says all that a second program needs; this is the summary.
//
// The folder has mode 0700, files 0600; links, hard links and FIFOs are refused.
// Numbers are big endian. Files whose name ends in ".new" are not in place yet;
// Open finishes or removes them.
//
//	profile.json   the public header, in exactly the form that encoding/json
//	               gives with tabs and a final newline:
//	               format (1), vault (id, 32 hex digits), ways, mac.
//	               A way has id, kind, added (RFC 3339, UTC), root and, for a
//	               passphrase or plugin, identity: SHA-256 in hex of files in slots/.
//	               mac is base64 of HMAC-SHA-256 over the compact form with
//	               an empty mac. Renaming this file into place commits a change of
//	               ways or keys.
//	slots/H.age    age files (age-encryption.org/v1), H the SHA-256 of their bytes:
//	               the root key (32 bytes) encrypted to a way's X25519 recipient, and
//	               for a passphrase that recipient's identity encrypted with scrypt
//	               (for an age plugin, to the plugin's recipient).
//	               The recipients lie sealed in the vault.
//	snapshot       head, frames of records, last frame: byte 0, number of records
//	journal        head, frames of records since the snapshot of that generation
//	inbox/N.age    age files to a recipient whose identity lies sealed in the vault:
//	               vault id (16 bytes), number N (8 bytes; 16 hex digits in the name), item
//	activity       head, frames with one entry each; activity.1 is the one before
//	torn-…         set aside: the journal's head and what followed the last whole
//	               frame, or an inbox item that cannot be read
//	lock           flock; the number of the process that holds it
//
// A head has 64 bytes: "DCV1"; "SNAP", "JRNL" or "ACTV"; vault id (16); key id
// (16); generation (8; in activity the number of the file); the first 16 bytes
// of HMAC-SHA-256 with key "file heads" over "head" and the 48 bytes before.
//
// A frame has: sequence (8), from 1 in each file; length of the sealed text (4);
// check (8), the start of HMAC-SHA-256 with key "file heads" over "frame", the
// file's head, sequence and length; nonce (24); the text sealed with
// XChaCha20-Poly1305, its 16 byte tag last. The additional data is head,
// sequence and length. So a frame is bound to format, vault, key, generation
// and place.
//
// A frame's records: byte 1 (set) or 2 (remove); key; for set, the value. Key
// and value are preceded by their length as an unsigned varint in its shortest
// form. Keys that begin with a zero byte are the vault's own: "way/"+id (a
// recipient), "inbox" (JSON), "machine" (hash of vault id and machine-id(5)),
// "imported" (which vault an import came from).
//
// Keys come from the root key by HKDF-SHA-256 (RFC 5869), salted with the vault
// id, info "dancecard vault 1 " and the purpose: "key id", "list of ways", "file
// heads", "state" (snapshot and journal), "activity".
//
// A new generation is committed by renaming the snapshot into place: journal.new
// and snapshot.new are written and synced, the snapshot is renamed, the folder
// synced, the journal renamed. For a new root key profile.json is renamed first,
// and snapshot, journal and activity after it.
//
// The keyring holds one item, "dancecard vault " and the id: JSON with wrap (age
// identity), root (SHA-256 of the root key in hex) and generation.
//
// Without this program: age -d slots/IDENTITY.age gives a passphrase's identity,
// "AGE-SECRET-KEY-1" and the recovery key's letters are one, and age -d -i
// IDENTITY slots/ROOT.age gives the root key.
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
	done     chan struct{} // closed by Close

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
	FindingMoved     = "moved"      // the vault was last used on another machine, or made by Import
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
	close(v.done)
	v.activity.close()
	v.wipe()
	v.journal.strip = nil
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
