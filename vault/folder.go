package vault

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Folder is a profile's folder, claimed by this process until Close. Safe for
// concurrent use.
type Folder struct {
	disk  *disk
	lock  *os.File
	inbox *Inbox

	mu     sync.Mutex // guards the fields that follow
	vault  *Vault     // open, or nil
	closed bool
}

const firstGeneration = 1

// ours are the names in a vault's folder; each must be a file of ours alone.
var ours = []string{
	lockFile, headerFile, snapshotFile, journalFile, activityFile, activityOld,
	headerFile + newSuffix, snapshotFile + newSuffix, journalFile + newSuffix, activityFile + newSuffix,
}

// Claim makes dir (0700) if it is missing, checks owner, mode and type of it and
// of what lies in it (ErrUnsafe), and takes its lock (ErrInUse).
func Claim(dir string) (*Folder, error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, err
	}
	lock, err := d.claim()
	if err != nil {
		d.close()
		return nil, err
	}
	f := &Folder{disk: d, lock: lock}
	f.inbox = &Inbox{folder: f}
	for _, name := range ours {
		if err := d.check(name); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Exists reports whether a header is there. Without one there may still be the
// rest of a damaged vault: Create and Open say so.
func (f *Folder) Exists() bool { return f.disk.has(headerFile) }

// Ways lists what the public header says of the ways in. It is not sealed until
// the vault is open.
func (f *Folder) Ways() ([]WayInfo, error) {
	h, err := f.disk.readHeader()
	if err != nil {
		return nil, err
	}
	return h.infos(), nil
}

// Create makes a vault that each of ways opens, and opens it. At least one of
// them is not the keyring (else ErrLastWay). Where any part of a vault lies it
// writes nothing: ErrExists, or ErrDamaged if the header is missing.
func (f *Folder) Create(ctx context.Context, ways ...KeySource) (*Vault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mayCreate(ways); err != nil {
		return nil, err
	}
	state := newMemory()
	defer state.wipe()
	return f.create(ctx, state, ways)
}

func (f *Folder) mayCreate(ways []KeySource) error {
	if f.closed {
		return ErrClosed
	}
	if err := f.vacant(); err != nil {
		return err
	}
	if !lasting(ways) {
		return fmt.Errorf("%w: a profile needs a passphrase or a recovery key besides the keyring", ErrLastWay)
	}
	return nil
}

// create makes a vault that holds state and opens it.
func (f *Folder) create(ctx context.Context, state *memory, ways []KeySource) (*Vault, error) {
	id := newID()
	h := &header{Format: format, Vault: hex.EncodeToString(id[:])}
	k := deriveKeys(id, newRoot())
	if err := f.found(ctx, h, k, state, ways); err != nil {
		k.wipe()
		return nil, err
	}
	var item *ringItem
	if h.has(WayKeyring) {
		item = &ringItem{RootHash: k.rootHash(), Generation: firstGeneration}
	}
	return f.load(h, k, item)
}

func lasting(ways []KeySource) bool {
	for _, w := range ways {
		if w.Kind() != WayKeyring {
			return true
		}
	}
	return false
}

// vacant reports what forbids a new vault. What an interrupted first creation
// left behind does not: it never held anything.
func (f *Folder) vacant() error {
	_, err := f.disk.readHeader()
	switch {
	case errors.Is(err, ErrNoVault):
		return nil
	case err == nil, errors.Is(err, ErrFuture):
		return ErrExists
	}
	return err
}

// found writes a new vault; its header comes last and makes it one.
func (f *Folder) found(ctx context.Context, h *header, k *keys, state *memory, ways []KeySource) error {
	var store []func() error
	for _, w := range ways {
		a, err := w.arm(ctx, h.Vault)
		if err != nil {
			return err
		}
		s, err := f.addSlot(w.Kind(), a, k.root)
		if err != nil {
			return err
		}
		h.Ways = append(h.Ways, s)
		state.apply([]Change{{wayKey(s.ID), []byte(a.recipient.String())}})
		if a.store != nil {
			store = append(store, func() error { return a.store(ctx, k.rootHash(), firstGeneration) })
		}
	}
	inbox, err := newInboxRecord()
	if err != nil {
		return err
	}
	state.apply([]Change{{inboxKey, inbox}, {machineKey, machineHash(k)}})
	if err := f.writeState(k, firstGeneration, state, nil); err != nil {
		return err
	}
	for _, s := range store {
		if err := s(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	h.MAC = h.seal(k)
	return f.disk.replace(headerFile, h.encode())
}

// writeState writes a journal and a snapshot that are not in place yet.
func (f *Folder) writeState(k *keys, generation uint64, m *memory, changes []Change) error {
	err := f.disk.write(journalFile+newSuffix, k.newStrip(kindJournal, generation).head)
	if err != nil {
		return err
	}
	err = f.disk.writeSnapshot(snapshotFile+newSuffix, k.newStrip(kindSnapshot, generation), m, changes)
	if err != nil {
		return err
	}
	return f.disk.sync()
}

// Open opens the vault by one way in: ErrNoVault, ErrWrongKey, ErrNoKeyring,
// ErrDamaged or ErrFuture say why not, and then nothing was written. It merges
// nothing: see Vault.Received.
func (f *Folder) Open(ctx context.Context, way KeySource) (*Vault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	if f.vault != nil {
		return nil, errors.New("vault: already open; close it first")
	}
	h, err := f.disk.readHeader()
	if err != nil {
		return nil, err
	}
	root, item, err := f.unlock(ctx, h, way)
	if err != nil {
		return nil, err
	}
	k := deriveKeys(h.id(), root)
	if err := h.verify(k); err != nil {
		k.wipe()
		return nil, err
	}
	if item == nil && h.has(WayKeyring) {
		item = new(ringItem)
		if (ring{}).get(ctx, h.Vault, item) != nil {
			item = nil
		}
	}
	return f.load(h, k, item)
}

func (h *header) has(kind WayKind) bool {
	for _, s := range h.Ways {
		if s.Kind == kind {
			return true
		}
	}
	return false
}

// ForgetKeyring deletes the wrap key from the desktop's keyring (log out): the
// next Open needs another way in. A key that is not there is no error. A locked
// keyring asks the user; ctx and 60 s bound that.
func (f *Folder) ForgetKeyring(ctx context.Context) error {
	h, err := f.disk.readHeader()
	if err != nil {
		return err
	}
	err = ring{}.remove(ctx, h.Vault)
	if k, ok := errors.AsType[*KeyringError](err); ok && k.Why == KeyringLocked {
		err = ring{KeyringConfig{Interactive: true}}.remove(ctx, h.Vault)
	}
	return err
}

// Close lets go of the lock, and closes an open vault first.
func (f *Folder) Close() error {
	f.mu.Lock()
	v := f.vault
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	f.mu.Unlock()
	if v != nil {
		v.Close()
	}
	f.inbox.mu.Lock() // no Put is under way
	defer f.inbox.mu.Unlock()
	f.inbox.to, f.inbox.gone = nil, true
	f.disk.close()
	return f.disk.release(f.lock)
}
