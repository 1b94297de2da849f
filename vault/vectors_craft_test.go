//go:build unix

package vault

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"dancecard/internal/secret"
)

// A craft makes vectors with a vault's own keys: what no writer of ours writes,
// yet whoever has the keys could.
type craft struct {
	vectorMaker
	all     files
	root    []byte
	keys    *keys
	header  header
	plains  [][]byte // the snapshot's, without its last
	journal [][]byte // frames
	box     *age.X25519Identity
	records []string
}

const crafts = "recovery: "

// newCraft makes the same vault at each call.
func newCraft(t *testing.T, seed uint64, do func(c *craft)) {
	cryptotest.SetGlobalRandom(t, seed)
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		text, err := NewRecoveryKey()
		check(t, err)
		way, err := RecoveryKey(text)
		check(t, err)
		f := claim(t, filepath.Join(dir, "p"))
		v, err := f.Create(t.Context(), way, Passphrase(secret.New("word")))
		check(t, err)
		check(t, v.Commit(set("account/1", "one"), set("token/1", "first")))
		check(t, v.Compact())
		check(t, v.Commit(set("token/1", "second")))
		check(t, v.Commit(set("token/2", "two")))
		check(t, v.Commit(set("account/2", "other"), Change{Key: "account/1"}))
		check(t, v.Inbox().Put([]byte("arrived")))
		c := &craft{vectorMaker: vectorMaker{t, crafts + text.Reveal()}, root: bytes.Clone(v.keys.root)}
		c.all = readFiles(t, f.disk.dir)
		c.keys = deriveKeys(v.keys.vault, c.root)
		c.header = *v.header
		c.records = describe(t, v)
		_, keys, err := v.inboxRecord()
		check(t, err)
		c.box = keys[0]
		s, _, err := c.keys.openStrip(kindSnapshot, c.all[snapshotFile])
		check(t, err)
		for at, n := headSize, uint64(1); at < len(c.all[snapshotFile]); n++ {
			plain, size, err := s.open(c.all[snapshotFile][at:], n)
			check(t, err)
			c.plains = append(c.plains, plain)
			at += size
		}
		c.plains = c.plains[:len(c.plains)-1]
		_, c.journal = frames(t, c.all[journalFile])
		check(t, f.Close())
		do(c)
	})
}

// sealed is a file of kind with a frame for each text.
func (c *craft) sealed(kind string, generation uint64, plains ...[]byte) []byte {
	s := c.keys.newStrip(kind, generation)
	file := bytes.Clone(s.head)
	for i, p := range plains {
		file = append(file, s.seal(uint64(i+1), p)...)
	}
	return file
}

// batch is a journal with one frame more.
func (c *craft) batch(plain []byte) files {
	s := c.keys.newStrip(kindJournal, 2)
	return c.all.with(journalFile, append(bytes.Clone(c.all[journalFile]), s.seal(4, plain)...))
}

// snap is a snapshot with the vault's own records, more, and an end.
func (c *craft) snap(end []byte, more ...[]byte) files {
	plains := append(slices.Clone(c.plains), more...)
	if end != nil {
		plains = append(plains, end)
	}
	return c.all.with(snapshotFile, c.sealed(kindSnapshot, 2, plains...))
}

// count is the snapshot's last frame for n records beside those of the base.
func (c *craft) count(n uint64) []byte {
	for _, p := range c.plains {
		changes, err := parseChanges(p)
		check(c.t, err)
		n += uint64(len(changes))
	}
	return binary.AppendUvarint([]byte{opEnd}, n)
}

// head changes the header; resealed is what someone with the keys could write.
func (c *craft) head(resealed bool, edit func(h *header)) files {
	h := c.header
	h.Ways = slices.Clone(h.Ways)
	edit(&h)
	if resealed {
		h.MAC = h.seal(c.keys)
	}
	return c.all.with(headerFile, h.encode())
}

// slot puts another file in the place of a way's, under a header that fits.
func (c *craft) slot(way int, identity bool, data []byte) files {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	return c.head(true, func(h *header) {
		if identity {
			h.Ways[way].Identity = name
		} else {
			h.Ways[way].Root = name
		}
	}).with(slotsFolder+"/"+name+slotSuffix, data)
}

func (c *craft) slotFile(name string) []byte { return c.all[slotsFolder+"/"+name+slotSuffix] }

func (c *craft) text(name, from, to string) files {
	data := bytes.Replace(c.all[name], []byte(from), []byte(to), 1)
	if bytes.Equal(data, c.all[name]) {
		c.t.Fatalf("%s: %q does not occur", name, from)
	}
	return c.all.with(name, data)
}

func (c *craft) patch(name string, at int, b ...byte) files {
	data := bytes.Clone(c.all[name])
	if at < 0 {
		at += len(data)
	}
	copy(data[at:], b)
	return c.all.with(name, data)
}

func (c *craft) flip(name string, at int) files {
	data := c.all[name]
	if at < 0 {
		at += len(data)
	}
	return c.patch(name, at, data[at]^1)
}

func (c *craft) cut(name string, size int) files {
	if size < 0 {
		size += len(c.all[name])
	}
	return c.all.with(name, c.all[name][:size])
}

func (c *craft) damaged(name, note string, all files) { c.write(name, note, "damaged", all) }

func (c *craft) good(name, note string, all files, more ...string) {
	c.write(name, note, "ok", all, slices.Concat(c.records, more)...)
}

func (c *craft) word(name, note, expect string, all files) {
	c.writeWith("passphrase: word", name, note, expect, all)
}

// makeCrafted writes the vectors that are missing.
func makeCrafted(t *testing.T) {
	newCraft(t, 4, func(c *craft) {
		c.headers()
		c.ways()
		c.slots()
		c.heads()
		c.frames()
		c.contents()
		c.torn()
		c.interrupted()
		c.received()
		c.log()
		c.edges()
	})
}

// sorted goes through m by its keys, so that the vectors come out the same.
func sorted[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

func (c *craft) headers() {
	for name, to := range sorted(map[string]string{
		"zero": "0", "negative": "-1", "float": "1.0", "text": `"1"`, "null": "null", "exponent": "1e0", "leading-zero": "01", "true": "true",
		"beyond-64-bits": "18446744073709551616",
	}) {
		c.damaged("header-format-"+name, "format is "+to, c.text(headerFile, `"format": 1`, `"format": `+to))
	}
	for name, to := range sorted(map[string]string{"two-critical": `2, "critical": true`, "max": "9223372036854775807"}) {
		c.write("header-format-"+name, "format is "+to, "future", c.text(headerFile, `"format": 1`, `"format": `+to))
	}
	text := c.all[headerFile]
	for name, data := range sorted(map[string][]byte{
		"empty": {}, "only-brace": []byte("{"), "array": []byte("[]\n"), "null": []byte("null\n"),
		"no-newline": text[:len(text)-1], "two-newlines": append(bytes.Clone(text), '\n'), "half": text[:len(text)/2],
		"bom": append([]byte("\xef\xbb\xbf"), text...), "crlf": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
		"spaces": bytes.ReplaceAll(text, []byte("\t"), []byte("  ")), "zero-byte": append(bytes.Clone(text), 0),
		"twice": append(bytes.Clone(text), text...), "zeros": make([]byte, len(text)),
	}) {
		c.damaged("header-"+name, "profile.json is not in its one form", c.all.with(headerFile, data))
	}
	for name, to := range sorted(map[string]string{
		"unknown-member": `"format": 1, "critical": true`, "member-twice": "\"format\": 1,\n\t\"format\": 1",
		"no-format": `"form": 1`,
	}) {
		c.damaged("header-"+name, "a member that version 1 does not have", c.text(headerFile, `"format": 1`, to))
	}
	id := c.header.Vault
	for name, to := range sorted(map[string]string{
		"upper": strings.ToUpper(id), "short": id[:30], "long": id + "00", "no-hex": "x" + id[1:], "empty": "", "other": strings.Repeat("0", 32),
	}) {
		c.damaged("header-vault-"+name, "the vault's id is changed", c.head(false, func(h *header) { h.Vault = to }))
	}
	for name, to := range sorted(map[string]string{"empty": "", "no-base64": "?", "short": c.header.MAC[:20], "zero": strings.Repeat("A", 43) + "="}) {
		c.damaged("header-mac-"+name, "the MAC is wrong", c.head(false, func(h *header) { h.MAC = to }))
	}
}

func (c *craft) ways() {
	for name, edit := range sorted(map[string]func(h *header){
		"none": func(h *header) { h.Ways = nil }, "empty": func(h *header) { h.Ways = []slot{} },
		"removed":   func(h *header) { h.Ways = h.Ways[:1] },
		"reordered": func(h *header) { slices.Reverse(h.Ways) },
		"added": func(h *header) {
			s := h.Ways[1]
			s.ID = strings.Repeat("ab", 16)
			h.Ways = append(h.Ways, s)
		},
		"renamed":         func(h *header) { h.Ways[1].Kind = WayKeyring },
		"later":           func(h *header) { h.Ways[1].Added = h.Ways[1].Added.Add(time.Second) },
		"id":              func(h *header) { h.Ways[1].ID = strings.Repeat("ab", 16) },
		"root-swapped":    func(h *header) { h.Ways[1].Root = h.Ways[0].Root },
		"identity-gained": func(h *header) { h.Ways[0].Identity = h.Ways[1].Identity },
		"identity-lost":   func(h *header) { h.Ways[1].Identity = "" },
	}) {
		c.damaged("ways-"+name, "the list of ways was changed and its MAC was not", c.head(false, edit))
	}
	for name, edit := range sorted(map[string]func(h *header){
		"id-twice": func(h *header) { h.Ways[1].ID = h.Ways[0].ID }, "id-path": func(h *header) { h.Ways[1].ID = "../../../../../../../../etc/abc" },
		"id-upper": func(h *header) { h.Ways[0].ID = strings.ToUpper(h.Ways[0].ID[:31]) + "A" }, "root-path": func(h *header) { h.Ways[0].Root = "../journal" },
		"root-empty": func(h *header) { h.Ways[0].Root = "" }, "identity-short": func(h *header) { h.Ways[1].Identity = "ab" },
		"root-unknown": func(h *header) { h.Ways[0].Root = strings.Repeat("0", 64) },
	}) {
		c.damaged("ways-"+name, "refused even under a true MAC", c.head(true, edit))
	}
	c.good("ways-unknown-kind", "a way of a kind that nobody knows, under a true MAC", c.head(true, func(h *header) {
		h.Ways = append(h.Ways, slot{ID: strings.Repeat("cd", 16), Kind: "retina", Added: h.Ways[0].Added, Root: strings.Repeat("0", 64)})
	}))
	c.write("ways-no-recovery", "no way of the kind at hand", "wrong key", c.head(true, func(h *header) { h.Ways = h.Ways[1:] }))
	c.good("ways-many", "two hundred ways", c.head(true, func(h *header) {
		for i := range 200 {
			s := h.Ways[0]
			s.ID = fmt.Sprintf("%032x", i)
			h.Ways = append(h.Ways, s)
		}
	}))
	c.good("ways-first-wrong", "the first way of the kind is another's, the second is ours", c.secondOpens(strings.Repeat("ef", 16)))
	c.good("ways-first-missing", "the first way's file is missing, the second opens", c.head(true, func(h *header) {
		s := h.Ways[0]
		s.ID, s.Root = strings.Repeat("ef", 16), strings.Repeat("1", 64)
		h.Ways = append([]slot{s}, h.Ways...)
	}))
}

// secondOpens has a way before the recovery key's that another key opens.
func (c *craft) secondOpens(id string) files {
	other, err := age.GenerateX25519Identity()
	check(c.t, err)
	sealed, err := ageSeal(c.root, other.Recipient())
	check(c.t, err)
	sum := sha256.Sum256(sealed)
	name := hex.EncodeToString(sum[:])
	return c.head(true, func(h *header) {
		s := h.Ways[0]
		s.ID, s.Root = id, name
		h.Ways = append([]slot{s}, h.Ways...)
	}).with(slotsFolder+"/"+name+slotSuffix, sealed)
}

func (c *craft) slots() {
	root, locked := c.slotFile(c.header.Ways[0].Root), c.slotFile(c.header.Ways[1].Identity)
	path := slotsFolder + "/" + c.header.Ways[0].Root + slotSuffix
	c.damaged("slot-flipped", "a slot's file is not what its name says", c.flip(path, 30))
	c.damaged("slot-of-the-other", "another slot's file under this one's name", c.all.with(path, c.slotFile(c.header.Ways[1].Root)))
	mac := bytes.Index(root, []byte("\n--- ")) + 5
	for name, data := range sorted(map[string][]byte{
		"empty": {}, "header-cut": root[:40], "payload-cut": root[:len(root)-1], "payload-gone": root[:mac+44], "appended": append(bytes.Clone(root), 0),
		"mac": flipAt(root, mac), "payload": flipAt(root, len(root)-1), "version": bytes.Replace(root, []byte("/v1"), []byte("/v2"), 1),
		"short-root": c.aged(c.root[:31]), "long-root": c.aged(append(bytes.Clone(c.root), 0)), "empty-root": c.aged(nil),
	}) {
		c.damaged("slot-"+name, "the slot's age file is not whole, or holds no root key, under a name and a MAC that fit", c.slot(0, false, data))
	}
	for name, factor := range sorted(map[string]string{
		"zero": "0", "leading-zero": "04", "negative": "-4", "21": "21", "63": "63", "64": "64", "overflow": "18446744073709551620", "huge": strings.Repeat("9", 100), "hex": "0x4", "empty": "",
	}) {
		data := bytes.Replace(locked, []byte(" 4\n"), []byte(" "+factor+"\n"), 1)
		c.word("scrypt-"+name, "the work factor is refused before anything is computed", "damaged", c.slot(1, true, data))
	}
	c.word("scrypt-factor-changed", "an allowed factor that is not the file's own", "wrong key", c.slot(1, true, bytes.Replace(locked, []byte(" 4\n"), []byte(" 5\n"), 1)))
	line := bytes.IndexByte(locked, '\n') + 1
	second := bytes.Index(locked, []byte("\n---")) + 1
	doubled := slices.Concat(locked[:second], locked[line:second], locked[second:])
	c.word("scrypt-two-stanzas", "a scrypt stanza is not alone", "damaged", c.slot(1, true, doubled))
	c.word("scrypt-short-salt", "the salt is short", "damaged", c.slot(1, true, bytes.Replace(locked, locked[line+10:line+14], nil, 1)))
	c.word("slot-no-identity-file", "a passphrase without its identity file", "damaged", c.head(true, func(h *header) { h.Ways[1].Identity = "" }))
	c.word("slot-identity-missing", "the identity file is missing", "damaged", remove(c.all, slotsFolder+"/"+c.header.Ways[1].Identity+slotSuffix))
	c.word("slot-x25519-for-passphrase", "the identity file is for a key, not for words", "wrong key", c.slot(1, true, root))
	cheap, err := age.NewScryptRecipient("word")
	check(c.t, err)
	cheap.SetWorkFactor(4)
	junk, err := ageSeal([]byte("no identity"), cheap)
	check(c.t, err)
	c.word("slot-identity-junk", "the identity file holds no identity", "damaged", c.slot(1, true, junk))
	stranger, err := age.GenerateX25519Identity()
	check(c.t, err)
	misfit, err := ageSeal([]byte(stranger.String()+"\n"), cheap)
	check(c.t, err)
	c.word("slot-identity-of-another", "the identity inside does not open the root file", "wrong key", c.slot(1, true, misfit))
}

func flipAt(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	if data[at] == '\n' || data[at] == ' ' {
		data[at] ^= 3
	}
	return data
}

// aged seals plain to the recovery key.
func (c *craft) aged(plain []byte) []byte {
	letters, err := recoveryText(strings.TrimPrefix(c.way, crafts))
	check(c.t, err)
	key, err := age.ParseX25519Identity(identityPrefix + letters)
	check(c.t, err)
	sealed, err := ageSeal(plain, key.Recipient())
	check(c.t, err)
	return sealed
}
