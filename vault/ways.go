package vault

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age"
)

// wayKey is where a way's recipient lies sealed, for re-keying.
func wayKey(id string) string { return "\x00way/" + id }

// AddWay makes one more way in. A keyring way takes the place of the one before
// it, and so re-arms it after ForgetKeyring.
func (v *Vault) AddWay(ctx context.Context, w KeySource) (WayInfo, error) {
	a, err := w.arm(ctx, v.ID())
	if err != nil {
		return WayInfo{}, err
	}
	hash, generation, err := v.place()
	if err != nil {
		return WayInfo{}, err
	}
	if a.store != nil { // not under a lock: the user may be typing
		if err := a.store(ctx, hash, generation); err != nil {
			return WayInfo{}, err
		}
	}
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return WayInfo{}, ErrClosed
	}
	s, err := v.folder.addSlot(w.Kind(), a, v.keys.root)
	if err != nil {
		return WayInfo{}, fmt.Errorf("the new way in cannot be stored: %w", err)
	}
	next := *v.header
	next.Ways = append(slices.Clone(v.header.Ways), s)
	if s.Kind == WayKeyring {
		next.Ways = slices.DeleteFunc(next.Ways, func(old slot) bool { return old.Kind == WayKeyring && old.ID != s.ID })
	}
	next.MAC = next.seal(v.keys)
	if err := v.commitLocked([]Change{{wayKey(s.ID), []byte(a.recipient.String())}}); err != nil {
		return WayInfo{}, err
	}
	if err := v.commitHeader(&next); err != nil {
		return WayInfo{}, err
	}
	v.folder.cleanSlots(&next)
	if a.store != nil {
		v.ringKnows(generation)
	}
	return s.info(), nil
}

// place is what the keyring's item says of the vault as it is now.
func (v *Vault) place() (rootHash string, generation uint64, err error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return "", 0, ErrClosed
	}
	return v.keys.rootHash(), v.generation, nil
}

// commitHeader puts h in place. If the folder cannot be synced after that, h
// counts (it is what the disk shows), and the error says that it may not last.
func (v *Vault) commitHeader(h *header) error {
	if err := v.disk.write(headerFile+newSuffix, h.encode()); err != nil {
		v.disk.remove(headerFile + newSuffix)
		return fmt.Errorf("the list of ways in cannot be stored: %w", err)
	}
	if err := v.disk.rename(headerFile+newSuffix, headerFile); err != nil {
		v.disk.remove(headerFile + newSuffix)
		return fmt.Errorf("the list of ways in cannot be stored: %w", err)
	}
	v.mu.Lock()
	v.header = h
	v.mu.Unlock()
	if err := v.disk.sync(); err != nil {
		return fmt.Errorf("the list of ways in may not outlast a power cut: %w", err)
	}
	return nil
}

// RemoveWay takes the way with id away, re-keys and compacts, so that what the
// way opened is of no use any more. ErrLastWay if only the keyring would stay.
func (v *Vault) RemoveWay(ctx context.Context, id string) error {
	gone, err := v.rekey(ctx, id)
	if err == nil && gone.Kind == WayKeyring {
		ring{}.remove(ctx, v.ID()) // it opens nothing any more
	}
	return err
}

// Rekey seals everything with a new root key. Every way in stays as it is; none
// is asked for.
func (v *Vault) Rekey(ctx context.Context) error {
	_, err := v.rekey(ctx, "")
	return err
}

// A rekeying is what advance needs for a new root key.
type rekeying struct {
	keys     *keys
	header   *header
	activity *activityFiles
}

// rekey drops the way with id, if one is named, and moves to a new root key.
func (v *Vault) rekey(ctx context.Context, id string) (gone slot, err error) {
	gone, err = v.rekeyFiles(ctx, id)
	if err == nil {
		v.tellRing()
	}
	return gone, err
}

func (v *Vault) rekeyFiles(ctx context.Context, id string) (gone slot, err error) {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return gone, ErrClosed
	}
	if err := errors.Join(ctx.Err(), v.intact(), v.finish()); err != nil {
		return gone, err
	}
	var changes []Change
	next := &rekeying{header: &header{Format: format, Vault: v.header.Vault}}
	next.header.Ways = slices.Clone(v.header.Ways)
	if id != "" {
		var ok bool
		if gone, ok = v.header.find(id); !ok {
			return gone, fmt.Errorf("vault: there is no way in %s", id)
		}
		next.header.Ways = slices.DeleteFunc(next.header.Ways, func(s slot) bool { return s.ID == id })
		if !slices.ContainsFunc(next.header.Ways, func(s slot) bool { return s.Kind != WayKeyring }) {
			return gone, ErrLastWay
		}
	}
	for _, key := range v.memory.keys(wayKey("")) {
		if _, stays := next.header.find(strings.TrimPrefix(key, wayKey(""))); !stays {
			changes = append(changes, Change{Key: key})
		}
	}
	next.keys = deriveKeys(v.keys.vault, newRoot())
	if err := v.rekeyTo(next, changes); err != nil {
		return gone, err
	}
	v.folder.cleanSlots(v.header)
	v.disk.remove(activityOld)
	return gone, nil
}

// rekeyTo writes slots, header, state, inbox key and activity under next's keys.
func (v *Vault) rekeyTo(next *rekeying, changes []Change) (err error) {
	committed := false
	defer func() {
		if !committed {
			next.keys.wipe()
		}
	}()
	for i := range next.header.Ways {
		s := &next.header.Ways[i]
		to, err := v.recipient(*s)
		if err != nil {
			return err
		}
		if s.Root, err = v.folder.writeRoot(to, next.keys.root); err != nil {
			return fmt.Errorf("a way in cannot be stored anew: %w", err)
		}
	}
	next.header.MAC = next.header.seal(next.keys)
	inbox, record, err := v.nextInbox()
	if err != nil {
		return err
	}
	v.activity.mu.Lock()
	defer v.activity.mu.Unlock()
	if next.activity, err = v.activity.copyLocked(next.keys); err != nil {
		v.dropNew()
		return fmt.Errorf("the activity cannot be written anew: %w", err)
	}
	if err := v.disk.write(headerFile+newSuffix, next.header.encode()); err != nil {
		next.activity.close()
		v.dropNew()
		return fmt.Errorf("the list of ways in cannot be stored: %w", err)
	}
	was := v.generation
	err = v.advance(append(changes, Change{inboxKey, record}), next)
	if committed = v.generation != was; !committed {
		next.activity.close()
		return err
	}
	v.folder.inbox.use(inbox)
	return err
}

// recipient is what a slot's root key is encrypted to.
func (v *Vault) recipient(s slot) (*age.X25519Recipient, error) {
	text, ok, err := v.memory.get(wayKey(s.ID))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("vault: the %s added on %s cannot be carried over to a new key; add it again and remove the old one", s.Kind, s.Added.Format("2 January 2006"))
	}
	return age.ParseX25519Recipient(string(text))
}

// Verify reports whether w opens this vault: nil, or the error that Open gives.
func (v *Vault) Verify(ctx context.Context, w KeySource) error {
	for {
		v.mu.RLock()
		h, closed := v.header, v.closed
		v.mu.RUnlock()
		if closed {
			return ErrClosed
		}
		root, _, err := v.folder.unlock(ctx, h, w)
		v.mu.RLock()
		moved, same := v.header != h, !v.closed && hmac.Equal(root, v.keys.root)
		v.mu.RUnlock()
		clear(root)
		switch {
		case moved:
			continue // re-keyed meanwhile
		case err != nil:
			return err
		case !same:
			return ErrWrongKey
		}
		return nil
	}
}

// Settle accepts older-copy and moved: the caller has made durable what follows
// from them (its accounts want a sign-in). This machine and a generation beyond
// the keyring's are stored.
func (v *Vault) Settle() error {
	if err := v.settleFiles(); err != nil {
		return err
	}
	v.tellRing()
	return nil
}

func (v *Vault) settleFiles() error {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return ErrClosed
	}
	if err := v.intact(); err != nil {
		return err
	}
	v.ringMu.Lock()
	known := v.known
	v.ringMu.Unlock()
	if err := v.advanceBeyond(known, []Change{{machineKey, machineHash(v.keys)}, {Key: importedKey}}); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.findings = slices.DeleteFunc(v.findings, func(f Finding) bool { return f.Kind != FindingTornTail })
	return nil
}

// advanceBeyond is advance to a generation that is also newer than known.
func (v *Vault) advanceBeyond(known uint64, changes []Change) error {
	was := v.generation
	set := func(generation uint64) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.generation = generation
	}
	base := max(was, known)
	set(base)
	err := v.advance(changes, nil)
	if err != nil && v.generation == base {
		set(was)
	}
	return err
}

// tellRing writes the generation into the keyring's item, so that an older copy
// of the folder is noticed. A keyring that does not answer is not asked again.
// No lock of the vault's own is held: it may take its time.
func (v *Vault) tellRing() {
	v.ringMu.Lock()
	defer v.ringMu.Unlock()
	hash, generation, err := v.place()
	if err != nil || !v.ring || v.known >= generation {
		return
	}
	item := new(ringItem)
	ctx := context.Background()
	err = ring{}.get(ctx, v.ID(), item)
	if err == nil && item.Generation < generation {
		item.Generation, item.RootHash = generation, hash
		err = ring{}.set(ctx, v.ID(), *item)
	}
	if err != nil {
		v.ring = false
		return
	}
	v.known = generation
}

// ringKnows notes what AddWay stored in the keyring.
func (v *Vault) ringKnows(generation uint64) {
	v.ringMu.Lock()
	defer v.ringMu.Unlock()
	v.ring, v.known = true, generation
}
