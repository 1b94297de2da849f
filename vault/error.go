package vault

import (
	"errors"
	"fmt"
)

// Errors that callers branch on (errors.Is).
var (
	ErrInUse     = errors.New("vault: in use by another process")    // *InUseError says by whom
	ErrWrongKey  = errors.New("vault: this way in does not open it") // wrong passphrase, recovery key, replaced keyring item
	ErrNoVault   = errors.New("vault: there is none in this folder")
	ErrExists    = errors.New("vault: there is one already")
	ErrDamaged   = errors.New("vault: damaged") // *DamagedError says what and where
	ErrFuture    = errors.New("vault: written by a newer program")
	ErrLastWay   = errors.New("vault: the last way in cannot be removed")
	ErrClosed    = errors.New("vault: closed")
	ErrNoKeyring = errors.New("vault: no keyring answers") // *KeyringError says why
	ErrUnsafe    = errors.New("vault: unsafe folder")      // *UnsafeError: wrong owner, mode, symlink...
)

// InUseError says which process holds a vault's folder.
type InUseError struct {
	Dir string
	PID int // 0 if the holder did not say
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("another program uses the profile in %s; close it and try again", e.Dir)
	}
	return fmt.Sprintf("process %d uses the profile in %s; close it and try again", e.PID, e.Dir)
}

// Is reports whether target is ErrInUse.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }

// DamagedError says what of a vault is damaged and where. Nothing was written.
type DamagedError struct {
	File   string // path below the vault's folder
	Offset int64  // bytes from the file's start; -1 if the whole file is meant
	What   string
}

func (e *DamagedError) Error() string {
	where := e.File
	if e.Offset >= 0 {
		where = fmt.Sprintf("%s, byte %d", e.File, e.Offset)
	}
	return fmt.Sprintf("the profile is damaged (%s): %s; nothing was changed, put back a copy of the folder", where, e.What)
}

// Is reports whether target is ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// damaged makes a *DamagedError about a whole file.
func damaged(file, format string, args ...any) error {
	return &DamagedError{File: file, Offset: -1, What: fmt.Sprintf(format, args...)}
}

// UnsafeError says which file or folder others could change or read.
type UnsafeError struct {
	Path string
	What string // what is wrong and what to do
}

func (e *UnsafeError) Error() string { return fmt.Sprintf("%s is not safe: %s", e.Path, e.What) }

// Is reports whether target is ErrUnsafe.
func (e *UnsafeError) Is(target error) bool { return target == ErrUnsafe }

// The reasons a KeyringError gives.
const (
	KeyringNone    = "none"    // there is no keyring, or no session bus
	KeyringHung    = "hung"    // it did not answer in time
	KeyringLocked  = "locked"  // it is locked and the user was not asked, or dismissed the question
	KeyringFailed  = "failed"  // it answered with an error
	KeyringMissing = "missing" // it works and holds no key of this vault
)

// KeyringError says why the keyring gave no key. It is ErrNoKeyring, unless
// Why is KeyringMissing: then it is ErrWrongKey.
type KeyringError struct {
	Why    string
	Detail string // the keyring's own words; may be empty
}

func (e *KeyringError) Error() string {
	text := map[string]string{
		KeyringNone:    "there is no keyring on this desktop",
		KeyringHung:    "the desktop's keyring does not answer",
		KeyringLocked:  "the desktop's keyring is locked",
		KeyringFailed:  "the desktop's keyring failed",
		KeyringMissing: "the desktop's keyring holds no key for this profile",
	}[e.Why]
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text + "; use the passphrase or the recovery key"
}

// Is reports whether target is ErrNoKeyring or, for a missing item, ErrWrongKey.
func (e *KeyringError) Is(target error) bool {
	if e.Why == KeyringMissing {
		return target == ErrWrongKey
	}
	return target == ErrNoKeyring
}
