package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

const (
	opEnd    = 0 // last frame of a snapshot: number of records
	opSet    = 1
	opRemove = 2

	maxKey   = 1024    // bytes
	maxValue = 8 << 20 // bytes
)

var errRecord = errors.New("a frame's records are not well formed")

// appendChange writes op, key and, for a value, the value; texts are preceded by
// their length as an unsigned varint (the shortest form alone is valid).
func appendChange(b []byte, c Change) []byte {
	op := byte(opSet)
	if c.Value == nil {
		op = opRemove
	}
	b = append(b, op)
	b = binary.AppendUvarint(b, uint64(len(c.Key)))
	b = append(b, c.Key...)
	if op == opSet {
		b = binary.AppendUvarint(b, uint64(len(c.Value)))
		b = append(b, c.Value...)
	}
	return b
}

// parseChanges reads what appendChange wrote. The values lie in b.
func parseChanges(b []byte) ([]Change, error) {
	var changes []Change
	for len(b) > 0 {
		op := b[0]
		if op != opSet && op != opRemove {
			return nil, errRecord
		}
		key, rest, err := parseText(b[1:], maxKey)
		if err != nil || len(key) == 0 {
			return nil, errRecord
		}
		c := Change{Key: string(key)}
		if op == opSet {
			if c.Value, rest, err = parseText(rest, maxValue); err != nil {
				return nil, err
			}
		}
		changes = append(changes, c)
		b = rest
	}
	if len(changes) == 0 {
		return nil, errRecord
	}
	return changes, nil
}

func parseText(b []byte, limit uint64) (text, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || size > 1 && b[size-1] == 0 || n > limit || n > uint64(len(b)-size) {
		return nil, nil, errRecord
	}
	b = b[size:]
	return b[:n:n], b[n:], nil
}

// checkChanges refuses what a vault does not store.
func checkChanges(changes []Change) error {
	if len(changes) == 0 {
		return errors.New("vault: nothing to commit")
	}
	size := 0
	for _, c := range changes {
		if c.Key == "" || len(c.Key) > maxKey || strings.ContainsFunc(c.Key, func(r rune) bool { return r < ' ' }) {
			return fmt.Errorf("vault: %q is no key: one has 1 to %d bytes and no control characters", c.Key, maxKey)
		}
		if len(c.Value) > maxValue {
			return fmt.Errorf("vault: the value of %s has %d bytes; the most is %d", c.Key, len(c.Value), maxValue)
		}
		size += len(c.Key) + len(c.Value) + 16
	}
	if size > maxFrame {
		return fmt.Errorf("vault: a change of %d bytes is too large; the most is %d", size, maxFrame)
	}
	return nil
}
