package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// A stateFile is a snapshot or journal of which the head was read. It is not yet
// put in place.
type stateFile struct {
	name       string
	file       *os.File
	size       int64
	strip      *strip
	generation uint64
	isNew      bool // it lies under its .new name
}

// load reads everything with keys that fit h, and only then writes: it finishes
// what a crash interrupted, sets a torn end aside and removes leftovers.
// The keys are the vault's from now on, or wiped.
func (f *Folder) load(h *header, k *keys, item *ringItem) (_ *Vault, err error) {
	v := &Vault{folder: f, disk: f.disk, header: h, keys: k, memory: newMemory(), ring: item != nil, done: make(chan struct{})}
	defer func() {
		if err != nil {
			v.wipe()
		}
	}()
	snapshot, err := f.pick(k, snapshotFile, kindSnapshot, 0)
	if err != nil {
		return nil, err
	}
	defer snapshot.file.Close()
	if err := readSnapshot(snapshot.file, snapshot.size, snapshot.strip, v.memory.apply); err != nil {
		return nil, err
	}
	jrnl, err := f.pick(k, journalFile, kindJournal, snapshot.generation)
	if err != nil {
		return nil, err
	}
	defer jrnl.file.Close()
	data := make([]byte, jrnl.size)
	if _, err := jrnl.file.ReadAt(data, 0); err != nil {
		return nil, err
	}
	size, last, tail, err := readJournal(data, jrnl.strip, jrnl.generation, v.memory.apply)
	if err != nil {
		return nil, err
	}
	v.generation = snapshot.generation
	v.journal = &journal{disk: f.disk, strip: jrnl.strip, size: size, last: last}
	if err := f.settle(v, snapshot, jrnl, tail); err != nil {
		return nil, err
	}
	if err := v.openInbox(); err != nil {
		v.journal.file.Close()
		return nil, err
	}
	v.notice(tail, item)
	v.openActivity()
	f.tidy(h)
	f.vault = v
	return v, nil
}

// pick reads the file that belongs to keys k and, for a journal, to the
// snapshot's generation: it is in place, or an interrupted change left it under
// its .new name.
func (f *Folder) pick(k *keys, name, kind string, generation uint64) (*stateFile, error) {
	inPlace, err := f.readState(k, name, kind)
	if err == nil && (generation == 0 || inPlace.generation == generation) {
		return inPlace, nil
	}
	if err == nil {
		inPlace.file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errHeadKey) {
		return nil, stateError(name, err)
	}
	next, newErr := f.readState(k, name+newSuffix, kind)
	if newErr == nil && (generation == 0 || next.generation == generation) {
		next.isNew = true
		return next, nil
	}
	if newErr == nil {
		next.file.Close()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, damaged(name, "it is missing")
	case err != nil:
		return nil, stateError(name, err)
	}
	return nil, damaged(name, "it is of generation %d, the snapshot of %d: one of them was replaced", inPlace.generation, generation)
}

// readState opens a file and reads its head; without an error the file is the
// caller's to close.
func (f *Folder) readState(k *keys, name, kind string) (_ *stateFile, err error) {
	file, size, err := f.disk.openToRead(name, maxFile)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	head := make([]byte, min(headSize, size))
	if _, err := io.ReadFull(file, head); err != nil {
		return nil, err
	}
	strip, generation, err := k.openStrip(kind, head)
	return &stateFile{name: name, file: file, size: size, strip: strip, generation: generation}, err
}

func stateError(name string, err error) error {
	switch err {
	case errHeadShort, errHeadFormat, errHeadVault, errHeadKey, errHeadMAC:
		return &DamagedError{File: name, Offset: 0, What: err.Error()}
	}
	return err
}

// settle puts the files in place, snapshot first, and opens the journal for
// appending at the end of what is good.
func (f *Folder) settle(v *Vault, snapshot, jrnl *stateFile, tail *torn) error {
	for _, s := range []*stateFile{snapshot, jrnl} {
		if !s.isNew {
			continue
		}
		if err := f.disk.rename(s.name, s.name[:len(s.name)-len(newSuffix)]); err != nil {
			return err
		}
		if err := f.disk.sync(); err != nil {
			return err
		}
	}
	if tail != nil {
		if err := f.disk.setAside(tail.file, tail.data); err != nil {
			return fmt.Errorf("the cut-short end of the journal cannot be kept: %w", err)
		}
	}
	file, err := f.disk.open(journalFile, os.O_RDWR)
	if err != nil {
		return err
	}
	v.journal.file = file
	if tail == nil {
		return nil
	}
	if !v.journal.cutBack() {
		file.Close()
		return errors.New("the cut-short end of the journal cannot be removed; look whether the disk is full or read-only")
	}
	return nil
}

// tidy removes what an interrupted change left. That it cannot is no reason to
// refuse the vault.
func (f *Folder) tidy(h *header) {
	names, err := f.disk.list()
	if err != nil {
		return
	}
	for _, name := range names {
		if slices.Contains(ours, name) && leftover(name) || leftover(name) && strings.HasPrefix(name, "torn-") {
			f.disk.remove(name)
		}
	}
	f.cleanSlots(h)
}

// notice compares the vault with the keyring's generation and this machine.
func (v *Vault) notice(tail *torn, item *ringItem) {
	if tail != nil {
		v.findings = append(v.findings, tail.finding())
	}
	if item != nil {
		v.known = item.Generation
		if item.Generation > v.generation || item.Generation == v.generation && item.RootHash != v.keys.rootHash() {
			v.findings = append(v.findings, Finding{Kind: FindingOlderCopy, Text: "the profile's folder is an older copy than the one last used here; sign in to the accounts again rather than use what it holds"})
		}
	}
	was, _, err := v.memory.get(machineKey)
	now := machineHash(v.keys)
	moved := err == nil && len(was) > 0 && len(now) > 0 && string(was) != string(now)
	if _, imported, _ := v.memory.get(importedKey); imported {
		v.findings = append(v.findings, Finding{Kind: FindingMoved, Text: "the profile was made from an export; sign in to the accounts again if the profile that it came from is still used"})
	} else if moved {
		v.findings = append(v.findings, Finding{Kind: FindingMoved, Text: "the profile was used on another machine; sign in to the accounts again if that one still uses it"})
	}
}
