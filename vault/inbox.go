package vault

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"filippo.io/age"
)

const (
	inboxFolder = "inbox"
	inboxKey    = "\x00inbox"
	inboxSuffix = ".age"
	maxItem     = 8 << 20 // bytes
)

// Inbox takes what arrives while the vault is closed (and while it is open). It
// knows how to seal and not how to open, and stays good until Folder.Close.
// Safe for concurrent use.
type Inbox struct {
	folder *Folder

	mu    sync.Mutex // guards the fields that follow
	vault [idSize]byte
	to    *age.X25519Recipient
	next  uint64 // number of the next item
	gone  bool   // the folder was closed
}

// An inboxRecord lies sealed in the vault.
type inboxRecord struct {
	Identities []string `json:"identities"` // the current one first; older ones while items may need them
	Merged     uint64   `json:"merged"`     // items up to this number were cleared
}

func newInboxRecord() ([]byte, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	return json.Marshal(inboxRecord{Identities: []string{key.String()}})
}

// Put seals item to the vault and makes it durable. An item has at most 8 MiB.
func (i *Inbox) Put(item []byte) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.gone:
		return ErrClosed
	case i.to == nil:
		return errors.New("vault: the inbox is known once the vault has been open")
	case len(item) > maxItem:
		return fmt.Errorf("vault: an item of %d bytes is too large for the inbox; the most is %d", len(item), maxItem)
	}
	number := i.next
	plain := binary.BigEndian.AppendUint64(append([]byte{}, i.vault[:]...), number)
	plain = append(plain, item...)
	defer clear(plain)
	sealed, err := ageSeal(plain, i.to)
	if err != nil {
		return err
	}
	box, err := i.folder.disk.makeSub(inboxFolder)
	if err != nil {
		return err
	}
	defer box.close()
	i.next++ // also after an error: the name may be taken
	return box.replace(itemName(number), sealed)
}

func itemName(number uint64) string { return fmt.Sprintf("%016x%s", number, inboxSuffix) }

func itemNumber(name string) (uint64, bool) {
	number, err := strconv.ParseUint(strings.TrimSuffix(name, inboxSuffix), 16, 64)
	return number, err == nil && itemName(number) == name
}

// use makes key's recipient the one that Put seals to.
func (i *Inbox) use(key *age.X25519Identity) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.to = key.Recipient()
}

// Inbox takes what arrives while the vault is closed; it is good until the
// Folder is closed.
func (v *Vault) Inbox() *Inbox { return v.folder.inbox }

func (v *Vault) inboxRecord() (r inboxRecord, keys []*age.X25519Identity, err error) {
	text, ok, err := v.memory.get(inboxKey)
	if err != nil {
		return r, nil, err
	}
	defer clear(text)
	if !ok || json.Unmarshal(text, &r) != nil || len(r.Identities) == 0 {
		return r, nil, damaged(snapshotFile, "it holds no key for the inbox")
	}
	for _, text := range r.Identities {
		key, err := age.ParseX25519Identity(text)
		if err != nil {
			return r, nil, damaged(snapshotFile, "it holds no good key for the inbox")
		}
		keys = append(keys, key)
	}
	return r, keys, nil
}

// nextInbox makes a new key for the inbox; the older ones stay while there may
// be items that need them.
func (v *Vault) nextInbox() (key *age.X25519Identity, record []byte, err error) {
	r, _, err := v.inboxRecord()
	if err != nil {
		return nil, nil, err
	}
	if key, err = age.GenerateX25519Identity(); err != nil {
		return nil, nil, err
	}
	r.Identities = append([]string{key.String()}, r.Identities...)
	record, err = json.Marshal(r)
	return key, record, err
}

// openInbox arms the Inbox and looks after items that a crash left half put.
func (v *Vault) openInbox() error {
	r, keys, err := v.inboxRecord()
	if err != nil {
		return err
	}
	box := v.folder.inbox
	box.mu.Lock()
	defer box.mu.Unlock()
	last := r.Merged
	names, d, err := v.items()
	if err != nil {
		return err
	}
	if d != nil {
		defer d.close()
	}
	for _, name := range names {
		if leftover(name) {
			if err := v.halfPut(d, name, keys); err != nil {
				return err
			}
		}
		if number, ok := itemNumber(strings.TrimSuffix(name, newSuffix)); ok {
			last = max(last, number)
		}
	}
	box.vault, box.to, box.next = v.keys.vault, keys[0].Recipient(), last+1
	return nil
}

// items lists the inbox; there may be none yet.
func (v *Vault) items() ([]string, *disk, error) {
	d, err := v.disk.sub(inboxFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	names, err := d.list()
	if err != nil {
		d.close()
		return nil, nil, err
	}
	return names, d, nil
}

// halfPut finishes an item whose bytes are all there, and sets others aside.
func (v *Vault) halfPut(d *disk, name string, keys []*age.X25519Identity) error {
	whole := strings.TrimSuffix(name, newSuffix)
	if number, ok := itemNumber(whole); ok {
		item, err := v.readItem(d, name, number, keys)
		clear(item)
		if err == nil {
			if err := d.rename(name, whole); err != nil {
				return err
			}
			return d.sync()
		}
	}
	return v.bury(d, name)
}

// bury moves an item that cannot be read to a torn- file.
func (v *Vault) bury(d *disk, name string) error {
	data, err := d.read(name, maxItem*2)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return d.remove(name)
	}
	to := "torn-inbox-" + strings.TrimSuffix(name, newSuffix)
	if err := v.disk.setAside(to, data); err != nil {
		return err
	}
	v.mu.Lock()
	v.findings = append(v.findings, Finding{Kind: FindingTornTail, File: to, Text: fmt.Sprintf(
		"something that arrived while the profile was locked cannot be read; its %d bytes are kept in %s", len(data), to)})
	v.mu.Unlock()
	return d.remove(name)
}

// readItem opens one item and checks that it is the one its name says.
func (v *Vault) readItem(d *disk, name string, number uint64, keys []*age.X25519Identity) ([]byte, error) {
	sealed, err := d.read(name, maxItem*2)
	if err != nil {
		return nil, err
	}
	identities := make([]age.Identity, len(keys))
	for i, k := range keys {
		identities[i] = k
	}
	plain, err := ageOpen(sealed, identities...)
	if err != nil {
		return nil, damaged(inboxFolder+"/"+name, "it cannot be opened: it was changed, or is not ours")
	}
	const start = idSize + 8
	if len(plain) < start || string(plain[:idSize]) != string(v.keys.vault[:]) || binary.BigEndian.Uint64(plain[idSize:]) != number {
		return nil, damaged(inboxFolder+"/"+name, "it was renamed, or belongs to another profile (%s expected)", hex.EncodeToString(v.keys.vault[:4]))
	}
	return plain[start:], nil
}

// Received gives the inbox's items, oldest first. Items that cannot be read are
// reported in the error (ErrDamaged) beside those that can; ClearReceived sets
// them aside.
func (v *Vault) Received() ([][]byte, error) {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return nil, ErrClosed
	}
	r, keys, err := v.inboxRecord()
	if err != nil {
		return nil, err
	}
	v.folder.inbox.mu.Lock() // no item is half put
	defer v.folder.inbox.mu.Unlock()
	names, d, err := v.items()
	if err != nil || d == nil {
		return nil, err
	}
	defer d.close()
	v.received = received{upTo: r.Merged, bad: map[string]bool{}}
	var items [][]byte
	var bad []error
	for _, name := range names {
		number, ok := itemNumber(name)
		if !ok {
			continue // not an item
		}
		v.received.names = append(v.received.names, name)
		if number <= r.Merged {
			continue // cleared before, or put back by somebody
		}
		v.received.upTo = number
		item, err := v.readItem(d, name, number, keys)
		if err != nil {
			v.received.bad[name] = true
			bad = append(bad, err)
			continue
		}
		items = append(items, item)
	}
	return items, errors.Join(bad...)
}

// received is what the last Received saw.
type received struct {
	names []string
	bad   map[string]bool
	upTo  uint64
}

// ClearReceived removes the items that the last Received gave, after the caller
// committed what they say. What was put since then stays.
func (v *Vault) ClearReceived() error {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return ErrClosed
	}
	seen := v.received
	if len(seen.names) == 0 {
		return nil
	}
	r, _, err := v.inboxRecord()
	if err != nil {
		return err
	}
	names, d, err := v.items()
	if err != nil || d == nil {
		return err
	}
	defer d.close()
	if r.Merged = max(r.Merged, seen.upTo); len(names) == len(seen.names) {
		r.Identities = r.Identities[:1]
	}
	record, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := v.commitLocked([]Change{{inboxKey, record}}); err != nil {
		return err
	}
	v.received = received{}
	for _, name := range seen.names {
		if seen.bad[name] {
			err = v.bury(d, name)
		} else {
			err = d.remove(name)
		}
		if err != nil {
			return err
		}
	}
	return d.sync()
}
