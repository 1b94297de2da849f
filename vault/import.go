package vault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// importedKey is there until Settle: the other vault's id and generation.
const importedKey = "\x00imported"

// ImportError says why a file is no whole export. It is ErrDamaged. Nothing was
// made of it.
type ImportError struct{ What string }

func (e *ImportError) Error() string {
	return "this is no whole export: " + e.What + "; make the export again and copy all of it"
}

// Is reports whether target is ErrDamaged.
func (e *ImportError) Is(target error) bool { return target == ErrDamaged }

// Import makes a vault, with an id and keys of its own, of an export's records,
// and opens it. It has the finding moved until Settle: the records' tokens may be
// in use elsewhere, so nothing may be refreshed by itself. ways are as for
// Create. All or nothing: ErrWrongKey, ErrDamaged (*ImportError), ErrFuture,
// ErrExists or ErrLastWay say why not.
func (f *Folder) Import(ctx context.Context, r io.Reader, key ExportKey, ways ...KeySource) (*Vault, ExportInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mayCreate(ways); err != nil {
		return nil, ExportInfo{}, err
	}
	state := newMemory()
	defer state.wipe()
	info, err := openExport(ctx, r, key, state)
	if err != nil {
		return nil, ExportInfo{}, err
	}
	from := (&header{Vault: info.Vault}).id()
	state.apply([]Change{{importedKey, binary.BigEndian.AppendUint64(from[:], info.Generation)}})
	v, err := f.create(ctx, state, ways)
	return v, info, err
}

// openExport reads a whole export into state.
func openExport(ctx context.Context, r io.Reader, key ExportKey, state *memory) (ExportInfo, error) {
	if key.from == nil {
		return ExportInfo{}, errors.New("vault: an import needs an identity or a passphrase")
	}
	source := &faultReader{ctx: ctx, r: r}
	plain, err := age.Decrypt(source, key.from)
	if _, no := errors.AsType[*age.NoIdentityMatchError](err); no {
		return ExportInfo{}, ErrWrongKey
	}
	var info ExportInfo
	if err != nil {
		err = &ImportError{"it is not an age file, or was changed"}
	} else {
		info, err = readExport(plain, state)
	}
	if source.err != nil { // it tells more than what follows from it
		return ExportInfo{}, fmt.Errorf("the export cannot be read: %w", source.err)
	}
	return info, err
}

// A faultReader keeps the error of the reader itself, as against what is read.
type faultReader struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (f *faultReader) Read(b []byte) (int, error) {
	if f.err = f.ctx.Err(); f.err != nil {
		return 0, f.err
	}
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

var errCut = &ImportError{"it is cut short, or was changed"}

// readExport reads an export's plain text. Its records are sorted, so that none
// comes twice.
func readExport(plain io.Reader, state *memory) (ExportInfo, error) {
	r := bufio.NewReaderSize(plain, maxExportHead)
	info, err := readExportHead(r)
	if err != nil {
		return ExportInfo{}, err
	}
	last := ""
	for count := uint64(0); ; count++ {
		op, err := r.ReadByte()
		if err != nil {
			return ExportInfo{}, errCut
		}
		if op == opEnd {
			return info, readExportEnd(r, count)
		}
		if op != opSet {
			return ExportInfo{}, &ImportError{"it holds something that is no record"}
		}
		c, err := readRecord(r)
		if err != nil {
			return ExportInfo{}, err
		}
		if c.Key <= last || checkChanges([]Change{c}) != nil {
			return ExportInfo{}, &ImportError{"its records are out of order, or not a profile's"}
		}
		last = c.Key
		state.apply([]Change{c})
		clear(c.Value)
		if state.size > maxState {
			return ExportInfo{}, &ImportError{fmt.Sprintf("it holds more than %d bytes", maxState)}
		}
	}
}

func readExportHead(r *bufio.Reader) (info ExportInfo, err error) {
	line, err := r.ReadSlice('\n')
	version, ours := strings.CutPrefix(string(line), exportLine)
	version = strings.TrimSuffix(version, "\n")
	switch {
	case err != nil || !ours:
		return info, &ImportError{"it does not begin like one"}
	case len(version) < 10 && version > exportVersion && strings.Trim(version, "0123456789") == "" && version[0] != '0':
		return info, ErrFuture
	case version != exportVersion:
		return info, &ImportError{"it does not begin like one"}
	}
	room := maxExportHead - len(line)
	text, err := r.ReadSlice('\n')
	if err != nil || len(text) > room {
		return info, &ImportError{"its head is not whole"}
	}
	if json.Unmarshal(text, &info) != nil || !isHex(info.Vault, idSize) {
		return ExportInfo{}, &ImportError{"its head is not in the form that this program writes"}
	}
	if form, err := json.Marshal(info); err != nil || !bytes.Equal(append(form, '\n'), text) {
		return ExportInfo{}, &ImportError{"its head is not in the form that this program writes"}
	}
	return info, nil
}

func readRecord(r *bufio.Reader) (c Change, err error) {
	key, err := readText(r, maxKey)
	if err != nil {
		return c, err
	}
	value, err := readText(r, maxValue)
	return Change{string(key), value}, err
}

// readText reads a length in its shortest form and so many bytes.
func readText(r *bufio.Reader, limit uint64) ([]byte, error) {
	n, err := readLength(r)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, &ImportError{"a record is larger than any may be"}
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		clear(text)
		return nil, errCut
	}
	return text, nil
}

func readLength(r *bufio.Reader) (uint64, error) {
	var b []byte
	for len(b) < binary.MaxVarintLen64 {
		c, err := r.ReadByte()
		if err != nil {
			return 0, errCut
		}
		if b = append(b, c); c < 0x80 {
			break
		}
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || size > 1 && b[size-1] == 0 {
		return 0, &ImportError{"a length in it is not well formed"}
	}
	return n, nil
}

// readExportEnd wants the count and nothing after it; only then has age seen the
// whole file.
func readExportEnd(r *bufio.Reader, count uint64) error {
	n, err := readLength(r)
	if err != nil {
		return err
	}
	if n != count {
		return &ImportError{"records are missing"}
	}
	switch _, err := r.ReadByte(); err {
	case io.EOF:
		return nil
	case nil:
		return &ImportError{"something follows its end"}
	}
	return errCut
}
