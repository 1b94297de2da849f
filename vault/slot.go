package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"filippo.io/age"
)

// WayKind names the kinds of ways into a vault.
type WayKind string

// The kinds of ways in.
const (
	WayKeyring    WayKind = "keyring"
	WayPassphrase WayKind = "passphrase"
	WayRecovery   WayKind = "recovery"
)

// WayInfo is what the public header says of a way in.
type WayInfo struct {
	ID    string
	Kind  WayKind
	Added time.Time // UTC, whole seconds
}

// KeySource is one way into a vault. Passphrase, RecoveryKey, Keyring and Plugin
// make them.
type KeySource interface {
	Kind() WayKind
	// arm makes ready a new way into the vault.
	arm(ctx context.Context, vault string) (*arming, error)
	// identity gives what opens the slot's file with the root key. sealed is the
	// slot's identity file, if it has one. The item is the keyring's, or nil.
	identity(ctx context.Context, vault string, sealed []byte) (age.Identity, *ringItem, error)
}

// An arming is a way in that the vault's header does not list yet.
type arming struct {
	recipient *age.X25519Recipient
	identity  []byte // file for slots/, or nil
	// store puts the wrap key into the keyring; nil for other ways.
	store func(ctx context.Context, rootHash string, generation uint64) error
}

const (
	slotsFolder = "slots"
	slotSuffix  = ".age"
	maxSlot     = 64 << 10 // bytes of a file in slots/
)

// addSlot writes the slot's files, durably. Only a header that lists them makes
// them count.
func (f *Folder) addSlot(kind WayKind, a *arming, root []byte) (slot, error) {
	id := newID()
	s := slot{ID: hex.EncodeToString(id[:]), Kind: kind, Added: time.Now().UTC().Truncate(time.Second)}
	var err error
	if s.Root, err = f.writeRoot(a.recipient, root); err != nil {
		return slot{}, err
	}
	if a.identity != nil {
		s.Identity, err = f.writeSlotFile(a.identity)
	}
	return s, err
}

func (f *Folder) writeRoot(to *age.X25519Recipient, root []byte) (name string, err error) {
	sealed, err := ageSeal(root, to)
	if err != nil {
		return "", err
	}
	return f.writeSlotFile(sealed)
}

func (f *Folder) writeSlotFile(data []byte) (name string, err error) {
	sum := sha256.Sum256(data)
	name = hex.EncodeToString(sum[:])
	slots, err := f.disk.makeSub(slotsFolder)
	if err != nil {
		return "", err
	}
	defer slots.close()
	return name, slots.replace(name+slotSuffix, data)
}

// readSlotFile reads a file in slots/ and compares it with its name.
func (f *Folder) readSlotFile(name string) ([]byte, error) {
	path := slotsFolder + "/" + name + slotSuffix
	slots, err := f.disk.sub(slotsFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(slotsFolder, "it is missing")
	}
	if err != nil {
		return nil, err
	}
	defer slots.close()
	data, err := slots.read(name+slotSuffix, maxSlot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(path, "it is missing")
	}
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != name {
		return nil, damaged(path, "it is not what its name says")
	}
	return data, nil
}

// unlock tries way on every slot of its kind.
func (f *Folder) unlock(ctx context.Context, h *header, way KeySource) (root []byte, item *ringItem, err error) {
	refusal := fmt.Errorf("%w: it has no %s", ErrWrongKey, way.Kind())
	for _, s := range h.Ways {
		if s.Kind != way.Kind() {
			continue
		}
		root, item, err := f.unlockSlot(ctx, h, s, way)
		if err == nil {
			return root, item, nil
		}
		if !errors.Is(refusal, ErrDamaged) {
			refusal = err
		}
		if errors.Is(err, ErrNoKeyring) || stays(err) || ctx.Err() != nil {
			break
		}
	}
	return nil, nil, refusal
}

// stays reports whether the next slot would meet the same fault of a plugin.
func stays(err error) bool {
	p, ok := errors.AsType[*PluginError](err)
	return ok && p.Why != PluginFailed
}

func (f *Folder) unlockSlot(ctx context.Context, h *header, s slot, way KeySource) ([]byte, *ringItem, error) {
	sealed, err := f.readSlotFile(s.Root)
	if err != nil {
		return nil, nil, err
	}
	var locked []byte
	if s.Identity != "" {
		if locked, err = f.readSlotFile(s.Identity); err != nil {
			return nil, nil, err
		}
	}
	identity, item, err := way.identity(ctx, h.Vault, locked)
	if err != nil {
		return nil, nil, slotError(s.Identity, err)
	}
	root, err := ageOpen(sealed, identity)
	if err != nil {
		return nil, nil, slotError(s.Root, err)
	}
	if len(root) != keySize {
		clear(root)
		return nil, nil, damaged(slotsFolder+"/"+s.Root+slotSuffix, "it holds no root key")
	}
	return root, item, nil
}

// slotError says where an age file is not whole.
func slotError(name string, err error) error {
	if errors.Is(err, errAge) {
		return damaged(slotsFolder+"/"+name+slotSuffix, "%v", err)
	}
	return err
}

// cleanSlots removes the files in slots/ that h does not list.
func (f *Folder) cleanSlots(h *header) error {
	slots, err := f.disk.sub(slotsFolder)
	if err != nil {
		return err
	}
	defer slots.close()
	listed := map[string]bool{}
	for _, s := range h.Ways {
		listed[s.Root+slotSuffix] = true
		listed[s.Identity+slotSuffix] = true
	}
	names, err := slots.list()
	if err != nil {
		return err
	}
	gone := false
	for _, name := range names {
		if listed[name] {
			continue
		}
		if err := slots.remove(name); err != nil {
			return err
		}
		gone = true
	}
	if !gone {
		return nil
	}
	return slots.sync()
}

// ageSeal encrypts a small text in age's binary format.
func ageSeal(plain []byte, to age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

var errAge = errors.New("it is not a whole age file")

// ageOpen is ErrWrongKey if no identity fits and errAge if the file is not whole.
func ageOpen(sealed []byte, identities ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), identities...)
	if _, no := errors.AsType[*age.NoIdentityMatchError](err); no {
		return nil, ErrWrongKey
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errAge, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		clear(plain)
		return nil, fmt.Errorf("%w: %v", errAge, err)
	}
	return plain, nil
}
