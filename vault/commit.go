package vault

import (
	"fmt"
	"os"
)

// compactAt is the journal's size in bytes beyond which a commit also compacts,
// if the journal has outgrown twice the values as well.
const compactAt = 256 << 10

// maxState bounds the values of a vault, in bytes.
const maxState = maxFile / 2

// A rename puts a file in place.
type rename struct{ from, to string }

// Commit makes the changes durable, all or none, in order. After an error the
// vault is as it was, on disk too, and the next Commit works as soon as the
// disk does.
func (v *Vault) Commit(changes ...Change) error {
	if err := checkChanges(changes); err != nil {
		return err
	}
	grown, err := v.commit(changes)
	if grown {
		v.Compact() // a full disk only puts it off: the changes are safe
	}
	return err
}

// commit also reports that the journal wants compacting.
func (v *Vault) commit(changes []Change) (grown bool, err error) {
	v.write.Lock()
	defer v.write.Unlock()
	err = v.commitLocked(changes)
	return err == nil && v.journal.size > compactAt && v.journal.size > int64(2*v.memory.size), err
}

// commitLocked is Commit for any key. The caller holds write.
func (v *Vault) commitLocked(changes []Change) error {
	if v.closed {
		return ErrClosed
	}
	if err := v.intact(); err != nil {
		return err
	}
	var plain []byte
	for _, c := range changes {
		plain = appendChange(plain, c)
	}
	defer clear(plain)
	if v.memory.size+len(plain) > maxState {
		return fmt.Errorf("vault: full: it holds %d bytes at most", maxState)
	}
	if v.broken {
		return v.advance(changes, nil)
	}
	err, uncertain := v.journal.append(plain)
	if uncertain {
		// Nobody knows what the journal's end is on disk. A new generation
		// does not need it.
		v.broken = true
		return v.advance(changes, nil)
	}
	if err != nil {
		return fmt.Errorf("the change cannot be stored: %w", err)
	}
	v.apply(changes)
	return nil
}

func (v *Vault) apply(changes []Change) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.memory.apply(changes)
}

// intact notices files that were replaced or removed under us.
func (v *Vault) intact() error {
	if v.broken {
		return nil // advance looks after it
	}
	if !v.disk.same(journalFile, v.journal.file, v.journal.size) {
		return damaged(journalFile, "another program replaced, changed or removed it while the profile was open")
	}
	return nil
}

// Compact writes a new snapshot and begins a new journal, one generation on:
// no file of ours then holds an erased value, except torn ends set aside.
func (v *Vault) Compact() error {
	if err := v.compact(); err != nil {
		return err
	}
	v.tellRing()
	return nil
}

func (v *Vault) compact() error {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return ErrClosed
	}
	if err := v.intact(); err != nil {
		return err
	}
	return v.advance(nil, nil)
}

// advance moves to the next generation, with changes laid over the state and,
// if next is not nil, under its header and keys. Renaming the snapshot (or the
// new header) into place is what commits it. The caller holds write.
func (v *Vault) advance(changes []Change, next *rekeying) error {
	if err := v.finish(); err != nil {
		return err
	}
	k, generation := v.keys, v.generation+1
	if next != nil {
		k = next.keys
	}
	if err := v.folder.writeState(k, generation, v.memory, changes); err != nil {
		v.dropNew()
		return fmt.Errorf("the profile cannot be written anew: %w", err)
	}
	file, err := v.disk.open(journalFile+newSuffix, os.O_RDWR)
	if err != nil {
		v.dropNew()
		return err
	}
	if next != nil {
		err = v.disk.rename(headerFile+newSuffix, headerFile)
	} else {
		err = v.disk.rename(snapshotFile+newSuffix, snapshotFile)
	}
	if err != nil {
		file.Close()
		v.dropNew()
		return fmt.Errorf("the profile cannot be written anew: %w", err)
	}
	v.become(changes, next, file, generation)
	if err := v.finish(); err != nil {
		return err
	}
	v.broken = false
	return nil
}

// become takes over what a rename has committed.
func (v *Vault) become(changes []Change, next *rekeying, file *os.File, generation uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.memory.apply(changes)
	v.pending = []rename{{journalFile + newSuffix, journalFile}}
	if next != nil {
		v.keys.wipe()
		v.keys, v.header = next.keys, next.header
		v.activity.activityFiles.close()
		v.activity.keys, v.activity.activityFiles = next.keys, *next.activity
		v.pending = []rename{
			{snapshotFile + newSuffix, snapshotFile},
			{journalFile + newSuffix, journalFile},
			{activityFile + newSuffix, activityFile},
		}
	}
	v.journal.file.Close()
	v.journal = &journal{
		disk:  v.disk,
		strip: v.keys.newStrip(kindJournal, generation),
		file:  file,
		size:  headSize,
	}
	v.generation = generation
	v.broken = true // until the names are durable
}

// finish makes pending renames durable, in order. Until it succeeds the journal
// takes nothing.
func (v *Vault) finish() error {
	if len(v.pending) == 0 {
		return nil
	}
	if err := v.disk.sync(); err != nil {
		return fmt.Errorf("the profile's folder cannot be synced: %w", err)
	}
	for len(v.pending) > 0 {
		r := v.pending[0]
		if v.disk.has(r.from) {
			if err := v.disk.rename(r.from, r.to); err != nil {
				return fmt.Errorf("%s cannot be put in place: %w", r.to, err)
			}
			if err := v.disk.sync(); err != nil {
				return fmt.Errorf("the profile's folder cannot be synced: %w", err)
			}
		}
		v.pending = v.pending[1:]
	}
	return nil
}

// dropNew removes files that were not committed; what stays is removed by the
// next attempt or the next Open.
func (v *Vault) dropNew() {
	for _, name := range []string{headerFile, snapshotFile, journalFile, activityFile} {
		v.disk.remove(name + newSuffix)
	}
}
