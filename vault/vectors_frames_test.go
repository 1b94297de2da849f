//go:build unix

package vault

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age"
)

// headFields are the fields of a file's head and where they begin.
var headFields = map[string]int{"magic": 0, "kind": 4, "vault": 8, "key": 24, "generation": 40, "mac": 48}

func (c *craft) heads() {
	for _, file := range []string{snapshotFile, journalFile} {
		for field, at := range sorted(headFields) {
			c.damaged(fmt.Sprintf("%s-head-%s", file, field), "one bit of the head's "+field, c.flip(file, at))
		}
		for _, size := range []int{0, 1, 48, 63} {
			c.damaged(fmt.Sprintf("%s-cut-%d", file, size), "cut inside its head", c.cut(file, size))
		}
		c.write(file+"-future-9", "the newest version that has one digit", "future", c.patch(file, 3, '9'))
		c.damaged(file+"-version-0", "version 0", c.patch(file, 3, '0'))
		c.damaged(file+"-version-colon", "the character after 9", c.patch(file, 3, ':'))
		c.damaged(file+"-zeros", "nothing but zeros", c.all.with(file, make([]byte, len(c.all[file]))))
		c.damaged(file+"-generation-0", "generation 0", c.patch(file, 40, make([]byte, 8)...))
		c.damaged(file+"-generation-max", "the greatest generation", c.patch(file, 40, bytes.Repeat([]byte{255}, 8)...))
	}
	c.damaged("journal-as-snapshot", "the journal under the snapshot's name", c.all.with(snapshotFile, c.all[journalFile]))
	c.damaged("snapshot-as-journal", "the snapshot under the journal's name", c.all.with(journalFile, c.all[snapshotFile]))
	c.damaged("activity-as-journal", "a log under the journal's name", c.all.with(journalFile, c.sealed(kindActivity, 2, []byte("entry"))))
	c.damaged("snapshot-older-generation", "the snapshot is rolled back by itself", c.all.with(snapshotFile, c.sealed(kindSnapshot, 1, append(slices.Clone(c.plains), c.count(0))...)))
	c.damaged("journal-older-generation", "the journal is rolled back by itself", c.all.with(journalFile, c.sealed(kindJournal, 1)))
	c.damaged("journal-newer-generation", "the journal is ahead", c.all.with(journalFile, c.sealed(kindJournal, 3)))
	max := ^uint64(0)
	rolled := c.all.with(snapshotFile, c.sealed(kindSnapshot, max, append(slices.Clone(c.plains), c.count(0))...)).with(journalFile, c.sealed(kindJournal, max))
	c.write("generation-greatest", "both files of the greatest generation", "ok", rolled, "record: account/1=one", "record: token/1=first", "inbox: arrived")
	c.write("journal-emptied", "the journal's whole frames are gone: that cannot be seen", "ok", c.cut(journalFile, headSize),
		"record: account/1=one", "record: token/1=first", "inbox: arrived")
	c.damaged("neither-state", "only the header and the slots are left", remove(remove(c.all, snapshotFile), journalFile))
	c.damaged("no-slots", "the slots are gone", keep(c.all, headerFile, snapshotFile, journalFile))
	c.write("only-slots", "only slots and inbox are left", "no vault", remove(remove(remove(c.all, headerFile), snapshotFile), journalFile))
}

func keep(all files, names ...string) files {
	some := files{}
	for _, name := range names {
		some[name] = all[name]
	}
	return some
}

// joined is the journal with other frames.
func (c *craft) joined(frames ...[]byte) files {
	return c.all.with(journalFile, slices.Concat(c.all[journalFile][:headSize], slices.Concat(frames...)))
}

func (c *craft) frames() {
	f := c.journal
	for at, field := range sorted(map[int]string{0: "sequence-high", 7: "sequence-low", 8: "length-high", 11: "length-low", 12: "check", 20: "nonce", 44: "text"}) {
		c.damaged("frame-"+field, "one bit of the first frame of the journal", c.flip(journalFile, headSize+at))
		c.damaged("snapshot-frame-"+field, "one bit of the first frame of the snapshot", c.flip(snapshotFile, headSize+at))
	}
	c.damaged("frame-tag", "one bit of a tag", c.flip(journalFile, headSize+len(f[0])-1))
	for name, list := range sorted(map[string][][]byte{
		"swapped-last": {f[0], f[2], f[1]}, "rotated": {f[2], f[0], f[1]}, "reversed": {f[2], f[1], f[0]}, "first-removed": {f[1], f[2]}, "only-last": {f[2]},
		"first-repeated": {f[0], f[0], f[1], f[2]}, "last-repeated": {f[0], f[1], f[2], f[2]}, "first-appended": {f[0], f[1], f[2], f[0]},
		"bodies-swapped":   {f[0], slices.Concat(f[1][:frameHead], f[0][frameHead:]), f[2]},
		"nonce-of-another": {f[0], slices.Concat(f[1][:20], f[0][20:44], f[1][44:]), f[2]},
	}) {
		c.damaged("frames-"+name, "frames of the journal in another order", c.joined(list...))
	}
	older := c.keys.newStrip(kindJournal, 1)
	c.damaged("frame-of-an-older-journal", "a frame of the generation before, at its own place", c.joined(older.seal(1, appendChange(nil, set("token/1", "old"))), f[1], f[2]))
	c.damaged("frame-of-an-older-journal-last", "the same at the end", c.joined(f[0], f[1], f[2], older.seal(4, appendChange(nil, set("token/1", "old")))))
	foreign := deriveKeys([idSize]byte{9}, bytes.Repeat([]byte{7}, keySize)).newStrip(kindJournal, 2)
	c.damaged("frame-of-another-vault", "another vault's frame at the end", c.joined(f[0], f[1], f[2], foreign.seal(4, appendChange(nil, set("token/1", "theirs")))))
	sameRoot := deriveKeys([idSize]byte{9}, bytes.Clone(c.root)).newStrip(kindJournal, 2)
	c.damaged("journal-of-a-vault-with-the-same-root", "another vault id under the same root key", c.all.with(journalFile, append(bytes.Clone(sameRoot.head), sameRoot.seal(1, appendChange(nil, set("a", "b")))...)))
	renamed := c.keys.newStrip(kindSnapshot, 2)
	c.damaged("frame-of-the-snapshot", "a frame sealed for the snapshot", c.joined(renamed.seal(1, appendChange(nil, set("token/1", "x"))), f[1], f[2]))
	list := c.sealed(kindSnapshot, 2, append(slices.Clone(c.plains), appendChange(nil, set("x", "y")), c.count(1))...)
	_, snap := frames(c.t, list)
	head := list[:headSize]
	join := func(frames ...[]byte) files {
		return c.all.with(snapshotFile, slices.Concat(head, slices.Concat(frames...)))
	}
	last := len(snap) - 1
	c.writeSorted("snapshot-two-frames", "a snapshot with one frame more", join(snap...), "record: x=y")
	c.damaged("snapshot-swapped", "its frames swapped", join(append([][]byte{snap[1], snap[0]}, snap[2:]...)...))
	c.damaged("snapshot-frame-removed", "its first frame removed", join(snap[1:]...))
	c.damaged("snapshot-frame-repeated", "its first frame repeated", join(append([][]byte{snap[0]}, snap...)...))
	c.damaged("snapshot-end-removed", "its last frame removed", join(snap[:last]...))
	c.damaged("snapshot-end-repeated", "its last frame repeated", join(append(slices.Clone(snap), snap[last])...))
	c.damaged("snapshot-cut-in-frame", "cut inside a frame: a snapshot has no torn end", c.cut(snapshotFile, headSize+100))
	c.damaged("snapshot-cut-in-end", "cut inside its last frame", c.cut(snapshotFile, -1))
	c.damaged("snapshot-only-head", "a head alone", c.cut(snapshotFile, headSize))
	for name, garbage := range sorted(map[string][]byte{"byte": {1}, "zero": {0}, "zeros": make([]byte, 600), "text": []byte(strings.Repeat("garbage ", 80))}) {
		c.damaged("snapshot-appended-"+name, "bytes after its last frame", c.all.with(snapshotFile, slices.Concat(c.all[snapshotFile], garbage)))
	}
	c.damaged("snapshot-block-zeroed", "its first sector after the head is zero", c.zeroed(snapshotFile, headSize, 512))
}

func (c *craft) zeroed(name string, from, to int) files {
	data := bytes.Clone(c.all[name])
	clear(data[from:min(to, len(data))])
	return c.all.with(name, data)
}

// contents are texts that are sealed right and say what no writer writes.
func (c *craft) contents() {
	long := strings.Repeat("k", maxKey)
	uv := func(parts ...any) []byte {
		var b []byte
		for _, p := range parts {
			switch p := p.(type) {
			case int:
				b = append(b, byte(p))
			case uint64:
				b = binary.AppendUvarint(b, p)
			case string:
				b = append(b, p...)
			}
		}
		return b
	}
	for name, plain := range sorted(map[string][]byte{
		"empty-frame": {}, "op-0": uv(0, 1, "k"), "op-3": uv(3, 1, "k"), "op-255": uv(255), "op-alone": uv(1), "no-value": uv(1, 1, "k"),
		"empty-key": uv(1, 0, 0), "remove-empty-key": uv(2, 0), "key-too-long": uv(1, uint64(maxKey+1), long, "k", 0), "key-beyond-end": uv(2, 5, "k"),
		"value-beyond-end": uv(1, 1, "k", 2, "v"), "value-huge": uv(1, 1, "k", uint64(1)<<40), "length-overflows": uv(1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2),
		"length-of-eleven-bytes": uv(1, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1), "length-not-shortest": uv(1, 0x81, 0, "k", 0),
		"value-length-not-shortest": uv(1, 1, "k", 0x80, 0), "value-length-cut": uv(1, 1, "k", 0x80), "trailing-zero": uv(2, 1, "k", 0), "trailing-text": uv(2, 1, "k", "x"),
	}) {
		c.damaged("record-"+name, "a frame whose records are not well formed", c.batch(plain))
	}
	c.damaged("record-in-snapshot", "the same in the snapshot", c.snap(c.count(1), uv(1, 1, "k")))
	c.damaged("record-first-good-then-bad", "all records of a frame count, or none", c.batch(append(appendChange(nil, set("a", "b")), 9)))
	c.good("record-remove-missing", "to remove what is not there is no error", c.batch(uv(2, 4, "none")))
	c.good("record-set-and-remove", "set and removed in one frame", c.batch(uv(1, 1, "k", 1, "v", 2, 1, "k")))
	c.writeSorted("record-longest-key", "a key of 1024 bytes", c.batch(uv(1, uint64(maxKey), long, 0)), "record: "+long+"=")
	c.writeSorted("record-two-byte-length", "a value of 300 bytes", c.batch(appendChange(nil, set("v", strings.Repeat("x", 300)))), "record: v="+strings.Repeat("x", 300))
	many, lines := []byte{}, []string{}
	for i := range 500 {
		many = appendChange(many, set(fmt.Sprintf("many/%03d", i), fmt.Sprint(i)))
		lines = append(lines, fmt.Sprintf("record: many/%03d=%d", i, i))
	}
	c.writeSorted("record-many", "500 records in one frame", c.batch(many), lines...)
	c.writeSorted("record-chunk", "a value of a quarter of a megabyte does not fit a vector; this one has 20000 bytes", c.batch(appendChange(nil, set("v", strings.Repeat("y", 20000)))), "record: v="+strings.Repeat("y", 20000))
	for name, end := range sorted(map[string][]byte{
		"too-many": c.count(1), "too-few": c.count(^uint64(0)), "not-shortest": append(append([]byte{}, 0, c.count(0)[1]|0x80), 0), "empty": {0}, "trailing": append(c.count(0), 0),
	}) {
		c.damaged("snapshot-end-"+name, "the last frame does not count right", c.snap(end))
	}
	c.damaged("snapshot-without-end", "every frame is whole, the end is missing", c.snap(nil))
	c.damaged("snapshot-empty", "no records at all, and so no inbox", c.all.with(snapshotFile, c.sealed(kindSnapshot, 2, []byte{0, 0})))
	c.damaged("journal-with-end", "a snapshot's end in the journal", c.batch([]byte{0, 0}))
	c.damaged("inbox-key-removed", "a journal that removes the inbox's key", c.batch(appendChange(nil, Change{Key: inboxKey})))
	for name, value := range sorted(map[string]string{"junk": "junk", "empty": "{}", "no-keys": `{"identities":[],"merged":0}`, "bad-key": `{"identities":["AGE-SECRET-KEY-1QQ"],"merged":0}`, "negative": `{"identities":["` + c.box.String() + `"],"merged":-1}`}) {
		c.damaged("inbox-key-"+name, "the inbox's key is no key", c.batch(appendChange(nil, set(inboxKey, value))))
	}
	c.good("machine-none", "a machine without an id is no other machine", c.batch(appendChange(nil, set(machineKey, ""))))
	c.good("machine-other", "last used elsewhere", c.batch(appendChange(nil, set(machineKey, strings.Repeat("m", 32)))), "finding: moved")
	c.good("own-record-unknown", "an own record that nobody knows", c.batch(appendChange(nil, set("\x00later", "x"))))
}

// writeSorted puts more records among those of the base.
func (c *craft) writeSorted(name, note string, all files, more ...string) {
	lines := slices.Concat(c.records, more)
	slices.SortStableFunc(lines, func(a, b string) int {
		if !strings.HasPrefix(a, "record: ") || !strings.HasPrefix(b, "record: ") {
			return strings.Compare(b[:3], a[:3]) // records before the inbox
		}
		key := func(s string) string { k, _, _ := strings.Cut(s, "="); return k }
		return strings.Compare(key(a), key(b))
	})
	c.write(name, note, "ok", all, lines...)
}

func (c *craft) torn() {
	f := c.journal
	before := []string{"record: account/1=one", "record: token/1=second", "record: token/2=two", "inbox: arrived", "finding: torn-tail"}
	whole := len(c.all[journalFile]) - len(f[2])
	for _, n := range []int{1, 11, 12, 19, 43, 44, 45, len(f[2]) - 1} {
		c.write(fmt.Sprintf("torn-at-%d", n), "so many bytes of the last frame were written", "ok", c.cut(journalFile, whole+n), before...)
	}
	c.write("torn-other-body", "the last frame's head with a shorter frame's body: cut short, as far as can be seen", "ok", c.joined(f[0], f[1], slices.Concat(f[2][:20], f[0][20:])), before...)
	c.write("cut-between-frames", "the last whole frame is gone: that cannot be seen", "ok", c.cut(journalFile, whole), before[:4]...)
	after := func(b []byte) files { return c.all.with(journalFile, slices.Concat(c.all[journalFile], b)) }
	c.good("torn-zero-byte", "one zero byte after the last frame", after([]byte{0}), "finding: torn-tail")
	c.good("torn-zeros-4096", "4096 zeros after the last frame", after(make([]byte, 4096)), "finding: torn-tail")
	c.good("torn-text-43", "43 bytes of text: too short for a frame's head", after([]byte(strings.Repeat("x", 43))), "finding: torn-tail")
	c.damaged("appended-text-44", "44 bytes of text: no append that was cut short", after([]byte(strings.Repeat("x", 44))))
	c.damaged("appended-text-600", "600 bytes of text", after([]byte(strings.Repeat("x", 600))))
	c.damaged("first-frame-zeroed", "the first frame is zero, and frames follow", c.zeroed(journalFile, headSize, headSize+len(f[0])))
	c.damaged("middle-frame-zeroed", "the second frame is zero, and one follows", c.zeroed(journalFile, headSize+len(f[0]), whole))
	s := c.keys.newStrip(kindJournal, 2)
	big := s.seal(4, appendChange(nil, set("big", strings.Repeat("b", 1500))))
	holed := slices.Concat(c.all[journalFile], big)
	at := len(c.all[journalFile])
	edge := (at/sector + 1) * sector
	hole := func(from, to int) files {
		data := bytes.Clone(holed)
		clear(data[from:to])
		return c.all.with(journalFile, data)
	}
	c.good("torn-sector", "a sector inside the last frame was never written", hole(edge+sector, edge+2*sector), "finding: torn-tail")
	c.good("torn-first-sector", "the last frame's first sector was never written", hole(at, edge), "finding: torn-tail")
	c.good("torn-last-sector", "the last frame's last sector was never written", hole(len(holed)/sector*sector, len(holed)), "finding: torn-tail")
	c.damaged("hole-not-at-sectors", "a zero stretch that is no sector", hole(edge+100, edge+500))
	c.damaged("hole-before-a-frame", "a hole, and a whole frame after it", c.all.with(journalFile, slices.Concat(hole(edge+sector, edge+2*sector)[journalFile], s.seal(5, appendChange(nil, set("a", "b"))))))
}

func (c *craft) interrupted() {
	next := func(n uint64) files {
		return files{
			snapshotFile: c.sealed(kindSnapshot, n, append(slices.Clone(c.plains), c.count(0))...),
			journalFile:  c.sealed(kindJournal, n),
		}
	}
	three := next(3)
	first := []string{"record: account/1=one", "record: token/1=first", "inbox: arrived"}
	c.good("compact-not-committed", "both new files are written, none is in place", c.all.with(snapshotFile+newSuffix, three[snapshotFile]).with(journalFile+newSuffix, three[journalFile]))
	c.write("compact-committed", "the snapshot is in place, the journal is not", "ok", c.all.with(snapshotFile, three[snapshotFile]).with(journalFile+newSuffix, three[journalFile]), first...)
	c.write("compact-journal-gone", "the same, and the old journal is missing", "ok", remove(c.all, journalFile).with(snapshotFile, three[snapshotFile]).with(journalFile+newSuffix, three[journalFile]), first...)
	c.damaged("compact-no-journal", "the snapshot is in place, a new journal is missing", c.all.with(snapshotFile, three[snapshotFile]))
	c.damaged("compact-wrong-journal", "the new journal is of another generation", c.all.with(snapshotFile, three[snapshotFile]).with(journalFile+newSuffix, next(4)[journalFile]))
	c.damaged("compact-cut-journal", "the new journal is cut inside its head", c.all.with(snapshotFile, three[snapshotFile]).with(journalFile+newSuffix, three[journalFile][:60]))
	created := remove(remove(c.all, snapshotFile), journalFile)
	c.write("created-not-in-place", "a vault just made: the header is in place, the state is not", "ok", created.with(snapshotFile+newSuffix, three[snapshotFile]).with(journalFile+newSuffix, three[journalFile]), first...)
	c.write("created-no-header", "a vault half made: the header is missing, and the state is not in place", "no vault",
		remove(created, headerFile).with(snapshotFile+newSuffix, three[snapshotFile]).with(journalFile+newSuffix, three[journalFile]).with(headerFile+newSuffix, c.all[headerFile]))
	c.damaged("created-snapshot-bad", "the new snapshot is damaged", created.with(snapshotFile+newSuffix, flipAt(three[snapshotFile], 70)).with(journalFile+newSuffix, three[journalFile]))
	c.damaged("snapshot-bad-new-good", "a damaged snapshot is not made good by a new one", c.flip(snapshotFile, 50).with(snapshotFile+newSuffix, three[snapshotFile]).with(journalFile+newSuffix, three[journalFile]))
	c.good("slot-left-over", "a way was being added: its file lies there and no header lists it", c.all.with(slotsFolder+"/"+strings.Repeat("0", 64)+slotSuffix, c.aged(c.root)).with(headerFile+newSuffix, []byte("half")))
	c.rekeyed(three)
	c.good("other-files", "other people's files", c.all.with("notes.txt", []byte("mine")).with("torn-journal-1-64-00000000", []byte("kept")))
}

// rekeyed stops a change of the root key after each of its renames.
func (c *craft) rekeyed(three files) {
	old := c.keys
	c.keys = deriveKeys(old.vault, newRoot())
	defer func() { c.keys = old }()
	root := c.aged(c.keys.root)
	header := c.slot(0, false, root)
	state := files{snapshotFile: c.sealed(kindSnapshot, 3, append(slices.Clone(c.plains), c.count(0))...), journalFile: c.sealed(kindJournal, 3)}
	first := []string{"record: account/1=one", "record: token/1=first", "inbox: arrived"}
	news := header.with(snapshotFile+newSuffix, state[snapshotFile]).with(journalFile+newSuffix, state[journalFile])
	c.write("rekey-header-in-place", "a new root key: the header is in place", "ok", news, first...)
	snap := remove(news.with(snapshotFile, state[snapshotFile]), snapshotFile+newSuffix)
	c.write("rekey-snapshot-in-place", "and the snapshot", "ok", snap, first...)
	done := remove(snap.with(journalFile, state[journalFile]), journalFile+newSuffix)
	c.write("rekey-done", "and the journal", "ok", done, first...)
	c.damaged("rekey-no-new-state", "the new header, and the old key's state alone", header)
	c.damaged("rekey-old-snapshot", "the old key's snapshot is put back", done.with(snapshotFile, c.all[snapshotFile]))
	c.damaged("rekey-old-journal", "the old key's journal is put back", done.with(journalFile, c.all[journalFile]))
	c.damaged("rekey-old-header", "the old header is put back", done.with(headerFile, c.all[headerFile]))
	c.damaged("rekey-other-generation", "the new journal is of another generation", snap.with(journalFile+newSuffix, c.sealed(kindJournal, 4)))
	c.damaged("rekey-snapshot-of-the-old-key", "snapshot.new is under the old key", news.with(snapshotFile+newSuffix, three[snapshotFile]))
}

func (c *craft) item(vault []byte, number uint64, text string, to age.Recipient) []byte {
	plain := binary.BigEndian.AppendUint64(bytes.Clone(vault), number)
	sealed, err := ageSeal(append(plain, text...), to)
	check(c.t, err)
	return sealed
}

func (c *craft) received() {
	id, to := c.keys.vault[:], c.box.Recipient()
	at := func(number uint64) string { return inboxFolder + "/" + itemName(number) }
	c.good("inbox-two", "two items", c.all.with(at(2), c.item(id, 2, "second", to)), "inbox: second")
	c.good("inbox-gap", "numbers may have gaps, and count as numbers", c.all.with(at(16), c.item(id, 16, "sixteen", to)).with(at(9), c.item(id, 9, "nine", to)), "inbox: nine", "inbox: sixteen")
	c.good("inbox-empty-item", "an item of no bytes", c.all.with(at(2), c.item(id, 2, "", to)), "inbox: ")
	bad := "bad: " + at(2)
	c.good("inbox-renamed", "an item under another number", c.all.with(at(2), c.item(id, 1, "x", to)), bad)
	c.good("inbox-of-another-vault", "an item that says another vault", c.all.with(at(2), c.item(make([]byte, 16), 2, "x", to)), bad)
	c.good("inbox-short", "an item without its number", c.all.with(at(2), c.must(ageSeal(id, to))), bad)
	stranger, err := age.GenerateX25519Identity()
	check(c.t, err)
	c.good("inbox-foreign", "an item to somebody else", c.all.with(at(2), c.item(id, 2, "x", stranger.Recipient())), bad)
	whole := c.item(id, 2, "whole", to)
	for name, data := range sorted(map[string][]byte{"junk": []byte("junk"), "empty": {}, "cut": whole[:len(whole)-1], "appended": append(bytes.Clone(whole), 'x'), "flipped": flipAt(whole, len(whole)-2)}) {
		c.good("inbox-"+name, "an item that is not whole", c.all.with(at(2), data), bad)
	}
	c.good("inbox-other-names", "names that are no item's", c.all.with(inboxFolder+"/notes", []byte("x")).with(inboxFolder+"/2.age", whole).with(inboxFolder+"/000000000000000A.age", whole))
	c.good("inbox-half-put-whole", "an item whose bytes are all there", c.all.with(at(2)+newSuffix, whole), "inbox: whole")
	c.good("inbox-half-put-cut", "an item that was cut short", c.all.with(at(2)+newSuffix, whole[:50]), "finding: torn-tail")
	c.good("inbox-half-put-empty", "an item of which nothing was written", c.all.with(at(2)+newSuffix, nil))
	record, err := json.Marshal(inboxRecord{Identities: []string{stranger.String(), c.box.String()}, Merged: 1})
	check(c.t, err)
	merged := c.batch(appendChange(nil, set(inboxKey, string(record))))
	records := slices.DeleteFunc(slices.Clone(c.records), func(s string) bool { return strings.HasPrefix(s, "inbox") })
	c.write("inbox-merged", "an item that was dealt with is there again", "ok", merged, records...)
	c.write("inbox-older-key", "an item to the key before", "ok", merged.with(at(2), whole), append(records, "inbox: whole")...)
}

func (c *craft) must(data []byte, err error) []byte {
	check(c.t, err)
	return data
}

func (c *craft) log() {
	two := c.sealed(kindActivity, 1, []byte("one"), []byte("two"))
	c.good("activity", "a log of two entries", c.all.with(activityFile, two), "activity: two", "activity: one")
	c.good("activity-both", "and the log before it", c.all.with(activityFile, c.sealed(kindActivity, 2, []byte("three"))).with(activityOld, two), "activity: three", "activity: two", "activity: one")
	c.good("activity-torn", "an entry that is cut short", c.all.with(activityFile, two[:len(two)-1]), "activity: one")
	c.good("activity-head-alone", "no entry yet", c.all.with(activityFile, two[:headSize]))
	c.good("activity-junk", "a log that is none", c.all.with(activityFile, []byte("junk")))
	c.good("activity-as-state", "a log sealed as a journal is", c.all.with(activityFile, c.sealed(kindJournal, 1, []byte("x"))))
	c.good("activity-new", "a new key's log is not in place yet", c.all.with(activityFile+newSuffix, two), "activity: two", "activity: one")
}

// edges have a frame that begins or ends with few bytes of a sector.
func (c *craft) edges() {
	s := c.keys.newStrip(kindJournal, 2)
	value := strings.Repeat("e", 700)
	// before is the journal with a fourth frame that ends so many bytes before a sector does.
	before := func(left int) (file []byte, record string) {
		for n := 0; ; n++ {
			pad := strings.Repeat("p", n)
			plain := appendChange(nil, set("pad", pad))
			if (len(c.all[journalFile])+frameHead+len(plain)+16)%sector == sector-left {
				return slices.Concat(c.all[journalFile], s.seal(4, plain)), "record: pad=" + pad
			}
		}
	}
	for _, left := range []int{9, 10, 15} {
		file, record := before(left)
		last := s.seal(5, appendChange(nil, set("edge", value)))
		clear(last[:left])
		c.writeSorted(fmt.Sprintf("torn-first-part-%d", left), "so few bytes of the last frame lie in its first sector, and were never written", c.all.with(journalFile, append(file, last...)), record, "finding: torn-tail")
	}
	for _, left := range []int{1, 7} {
		file, _ := before(left)
		last := s.seal(5, appendChange(nil, set("edge", value)))
		c.damaged(fmt.Sprintf("first-part-natural-%d", left), "a frame begins with zeros of its own; what is wrong with it is no hole", c.all.with(journalFile, append(file, flipAt(last, 300)...)))
	}
	file, record := before(8)
	last := s.seal(5, appendChange(nil, set("edge", value)))
	clear(last[:8])
	c.writeSorted("torn-first-part-8", "the whole sequence was never written", c.all.with(journalFile, append(file, last...)), record, "finding: torn-tail")
	for _, right := range []int{1, 3, 15} {
		file, record := before(100)
		n := 0
		for ; (len(file)+frameHead+len(appendChange(nil, set("edge", strings.Repeat("e", n))))+16)%sector != right; n++ {
		}
		last := s.seal(5, appendChange(nil, set("edge", strings.Repeat("e", n))))
		clear(last[len(last)-right:])
		c.writeSorted(fmt.Sprintf("torn-last-part-%d", right), "so few bytes of the last frame lie in its last sector, and were never written", c.all.with(journalFile, append(file, last...)), record, "finding: torn-tail")
	}
	c.good("imported", "made from an export, and nobody accepted it yet", c.batch(appendChange(nil, set(importedKey, strings.Repeat("i", 24)))), "finding: moved")
	both := appendChange(appendChange(nil, set(importedKey, strings.Repeat("i", 24))), set(machineKey, strings.Repeat("m", 32)))
	c.good("imported-and-moved", "one finding for both", c.batch(both), "finding: moved")
	c.good("imported-settled", "accepted", c.batch(appendChange(nil, Change{Key: importedKey})))
	c.good("ways-plugin", "a plugin's way, which this reader cannot use", c.head(true, func(h *header) {
		plugin := h.Ways[1]
		plugin.ID, plugin.Kind = strings.Repeat("dd", 16), WayPlugin
		h.Ways = append(h.Ways, plugin)
	}))
}
