package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/text/unicode/norm"

	"dancecard/internal/secret"
)

const (
	exportLine    = "dancecard export "
	exportVersion = "1"
	maxExportHead = 4096 // bytes
)

// ExportKey seals an export or opens one.
type ExportKey struct {
	to   age.Recipient
	from age.Identity
}

// ExportPassphrase seals and opens by words, in Unicode NFC as Passphrase does.
func ExportPassphrase(p secret.String) (ExportKey, error) {
	words := norm.NFC.String(p.Reveal())
	if words == "" {
		return ExportKey{}, errors.New("the passphrase is empty; type at least one word")
	}
	to, err := age.NewScryptRecipient(words)
	if err != nil {
		return ExportKey{}, err
	}
	if testOnlyWorkFactor != 0 {
		to.SetWorkFactor(testOnlyWorkFactor)
	}
	from, err := age.NewScryptIdentity(words)
	if err != nil {
		return ExportKey{}, err
	}
	from.SetMaxWorkFactor(maxWorkFactor)
	return ExportKey{to, from}, nil
}

// ExportRecipient seals to an age X25519 recipient (age1…).
func ExportRecipient(text string) (ExportKey, error) {
	to, err := age.ParseX25519Recipient(strings.TrimSpace(text))
	if err != nil {
		return ExportKey{}, errors.New("this is no age recipient; one begins with age1 and is what age-keygen prints as the public key")
	}
	return ExportKey{to: to}, nil
}

// ExportIdentity opens what was sealed to an age X25519 recipient. It takes
// age's spelling and that of a recovery key.
func ExportIdentity(text secret.String) (ExportKey, error) {
	way, err := RecoveryKey(text)
	if err != nil {
		return ExportKey{}, err
	}
	key := way.(recovery).key
	return ExportKey{key.Recipient(), key}, nil
}

// ExportInfo is what an export says of itself.
type ExportInfo struct {
	Vault      string    `json:"vault"` // the exported vault's id
	Generation uint64    `json:"generation"`
	Made       time.Time `json:"made"` // UTC, whole seconds
}

// Export writes all records as they are now, as one age file, and needs no more
// memory than the vault does. Commits go on meanwhile. Ways in, inbox and
// activity are not in it. Locking the vault ends it (ErrClosed); whatever the
// error, what w got is no whole export.
func (v *Vault) Export(ctx context.Context, w io.Writer, key ExportKey) error {
	if key.to == nil {
		return errors.New("vault: an export needs a recipient or a passphrase")
	}
	records, info, err := v.freeze()
	if err != nil {
		return err
	}
	defer records.wipe()
	sealed, err := age.Encrypt(w, key.to)
	if err != nil {
		return fmt.Errorf("the export cannot be written: %w", err)
	}
	out := &exportWriter{w: sealed}
	out.head(info)
	for _, name := range records.keys("") {
		v.mu.RLock()
		closed := v.closed
		v.mu.RUnlock()
		if closed {
			return ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		value, _, err := records.get(name)
		if err != nil {
			return err
		}
		out.record(Change{name, value})
		clear(value)
	}
	out.end()
	if out.err == nil {
		out.err = sealed.Close()
	}
	if out.err != nil {
		return fmt.Errorf("the export cannot be written: %w", out.err)
	}
	return nil
}

// freeze copies the callers' records, sealed as they lie in memory.
func (v *Vault) freeze() (*memory, ExportInfo, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return nil, ExportInfo{}, ErrClosed
	}
	m := &memory{aead: v.memory.aead, values: make(map[string][]byte, len(v.memory.values))}
	for key, sealed := range v.memory.values {
		if !ownKey(key) {
			m.values[key] = bytes.Clone(sealed)
		}
	}
	return m, ExportInfo{v.header.Vault, v.generation, time.Now().UTC().Truncate(time.Second)}, nil
}

// An exportWriter writes an export's plain text and keeps the first error.
type exportWriter struct {
	w     io.Writer
	count uint64
	err   error
}

func (e *exportWriter) put(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
	clear(b)
}

func (e *exportWriter) head(info ExportInfo) {
	text, err := json.Marshal(info)
	if err != nil {
		panic(err) // only for a year beyond 9999
	}
	e.put(fmt.Appendf(nil, "%s%s\n%s\n", exportLine, exportVersion, text))
}

func (e *exportWriter) record(c Change) {
	e.count++
	e.put(appendChange(make([]byte, 0, len(c.Key)+len(c.Value)+16), c))
}

func (e *exportWriter) end() { e.put(binary.AppendUvarint([]byte{opEnd}, e.count)) }
