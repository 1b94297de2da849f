//go:build unix

package vault

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/scrypt"

	"dancecard/internal/secret"
)

// largerVault is a closed vault whose snapshot and journal take several blocks.
func largerVault(t testing.TB) (files, KeySource, map[string]string) {
	t.Helper()
	f, v, key := newVault(t)
	for i := range 6 {
		check(t, v.Commit(set(fmt.Sprint("a", i), strings.Repeat("x", 3000))))
	}
	check(t, v.Compact())
	for i := range 12 {
		check(t, v.Commit(set(fmt.Sprint("b", i), strings.Repeat("y", 1200))))
	}
	want := state(t, v)
	check(t, f.Close())
	return readFiles(t, f.disk.dir), key, want
}

// TestV4BlocksZeroed: 4096 bytes at a time; the journal's own sectors are in
// TestV4SectorsZeroed.
func TestV4BlocksZeroed(t *testing.T) {
	all, key, want := largerVault(t)
	dir := damagedDir(t)
	for name, data := range all {
		for _, block := range []int{512, 4096} {
			for at := 0; at < len(data); at += block {
				mutant := bytes.Clone(data)
				clear(mutant[at:min(at+block, len(data))])
				v, err := openFiles(t, dir, all.with(name, mutant), key)
				what := fmt.Sprintf("%s, %d bytes at %d", name, block, at)
				if err != nil || name != journalFile {
					judge(t, what, v, err, want)
					continue
				}
				if len(v.Findings()) != 1 || len(state(t, v)) != len(want)-1 {
					t.Fatalf("%s: opens and finds %v", what, v.Findings())
				}
				check(t, v.folder.Close())
			}
		}
	}
}

func TestV5BlocksSwapped(t *testing.T) {
	all, key, _ := largerVault(t)
	dir := damagedDir(t)
	for _, name := range []string{snapshotFile, journalFile} {
		data := all[name]
		for _, block := range []int{512, 4096} {
			for a := 0; a+block <= len(data); a += block {
				for b := a + block; b+block <= len(data); b += 3 * block {
					mutant := bytes.Clone(data)
					copy(mutant[a:], data[b:b+block])
					copy(mutant[b:], data[a:a+block])
					_, err := openFiles(t, dir, all.with(name, mutant), key)
					wants(t, err, ErrDamaged)
				}
			}
		}
	}
}

// TestV1V2BoundedTime: no bit and no cut makes a vault take two seconds.
func TestV1V2BoundedTime(t *testing.T) {
	all, key, want := smallVault(t)
	dir := damagedDir(t)
	for name, data := range all {
		for at := 0; at < len(data); at += 29 {
			mutant := bytes.Clone(data)
			mutant[at] ^= 0x80
			for _, mutant := range [][]byte{mutant, slices.Concat(data[:at], []byte{0xff, 0xff}, data[at:])} {
				start := time.Now()
				v, err := openFiles(t, dir, all.with(name, mutant), key)
				if took := time.Since(start); took > 2*time.Second {
					t.Fatalf("%s byte %d: %v", name, at, took)
				}
				judge(t, fmt.Sprintf("%s byte %d", name, at), v, err, want)
			}
		}
	}
}

// TestV13HostileWorkFactors: what a slot's file asks for is bounded before
// anything is allocated.
func TestV13HostileWorkFactors(t *testing.T) {
	a, err := Passphrase(secret.New("word")).arm(t.Context(), "")
	check(t, err)
	for _, factor := range []string{"0", "00", "04", "-1", "+4", "21", "22", "30", "31", "63", "64", "255", "18446744073709551620", "1e1", "0x4", " ", strings.Repeat("9", 1000)} {
		file := bytes.Replace(a.identity, []byte(" 4\n"), []byte(" "+factor+"\n"), 1)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := Passphrase(secret.New("word")).identity(t.Context(), "", file)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), errAge.Error()) {
			t.Errorf("factor %.30q: %v", factor, err)
		}
		if grew := after.TotalAlloc - before.TotalAlloc; grew > 4<<20 {
			t.Errorf("factor %.30q: %d bytes were allocated", factor, grew)
		}
	}
	if _, _, err := Passphrase(secret.New("word")).identity(t.Context(), "", a.identity); err != nil {
		t.Error(err)
	}
}

// TestV15SlotValidUnderTwoKeys makes an age file whose stanza opens under two
// passphrases: ChaCha20-Poly1305 does not commit to its key. The file's MAC does,
// so that the second passphrase is refused.
func TestV15SlotValidUnderTwoKeys(t *testing.T) {
	identity := "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	for {
		salt := make([]byte, 16)
		rand.Read(salt)
		one, two := stretched(t, "one", salt), stretched(t, "two", salt)
		body := collide(one, two)
		if body == nil {
			continue
		}
		var fileKeys [2][]byte
		for i, key := range [][]byte{one, two} {
			aead, err := chacha20poly1305.New(key)
			check(t, err)
			if fileKeys[i], err = aead.Open(nil, make([]byte, 12), body, nil); err != nil {
				t.Fatal("the stanza does not open under both keys")
			}
		}
		if bytes.Equal(fileKeys[0], fileKeys[1]) {
			t.Fatal("one key")
		}
		file := ageFile(t, salt, body, fileKeys[0], []byte(identity))
		if _, _, err := Passphrase(secret.New("one")).identity(t.Context(), "", file); err != nil {
			t.Fatal("the file is not well made:", err)
		}
		_, _, err := Passphrase(secret.New("two")).identity(t.Context(), "", file)
		wants(t, err, errAge)
		return
	}
}

func stretched(t *testing.T, word string, salt []byte) []byte {
	key, err := scrypt.Key([]byte(word), slices.Concat([]byte("age-encryption.org/v1/scrypt"), salt), 1<<4, 8, 1, 32)
	check(t, err)
	return key
}

// collide finds 16 bytes and a tag that are genuine under both keys, or nil.
// Poly1305 of one block c is (c·r² + l·r mod p) + s mod 2^128, l being the
// block of lengths; two keys make that one equation in c.
func collide(one, two []byte) []byte {
	n := func(x int64, shift uint) *big.Int { return new(big.Int).Lsh(big.NewInt(x), shift) }
	p := new(big.Int).Sub(n(1, 130), big.NewInt(5))
	l := new(big.Int).Add(n(16, 64), n(1, 128))
	r1, s1 := poly(one)
	r2, s2 := poly(two)
	tag := func(c, r, s *big.Int) *big.Int {
		sum := new(big.Int).Mul(c, r)
		sum.Add(sum, l).Mul(sum, r).Mod(sum, p).Add(sum, s)
		return sum.Mod(sum, n(1, 128))
	}
	squares := new(big.Int).Sub(new(big.Int).Mul(r1, r1), new(big.Int).Mul(r2, r2))
	squares.Mod(squares, p).ModInverse(squares, p)
	for k := int64(-4); k <= 4; k++ {
		c := new(big.Int).Sub(s2, s1)
		c.Add(c, n(k, 128)).Sub(c, new(big.Int).Mul(l, new(big.Int).Sub(r1, r2))).Mul(c, squares).Mod(c, p)
		if c.BitLen() != 129 || tag(c, r1, s1).Cmp(tag(c, r2, s2)) != 0 {
			continue
		}
		block, sum := c.Sub(c, n(1, 128)).FillBytes(make([]byte, 16)), tag(new(big.Int).Add(c, n(1, 128)), r1, s1).FillBytes(make([]byte, 16))
		slices.Reverse(block)
		slices.Reverse(sum)
		return append(block, sum...)
	}
	return nil
}

// poly is Poly1305's one-time key (RFC 8439, section 2.6) for a nonce of zeros.
func poly(key []byte) (r, s *big.Int) {
	stream := make([]byte, 32)
	cipher, err := chacha20.NewUnauthenticatedCipher(key, make([]byte, 12))
	if err != nil {
		panic(err)
	}
	cipher.XORKeyStream(stream, stream)
	for _, i := range []int{3, 7, 11, 15} {
		stream[i] &= 15
	}
	for _, i := range []int{4, 8, 12} {
		stream[i] &= 252
	}
	slices.Reverse(stream[:16])
	slices.Reverse(stream[16:])
	return new(big.Int).SetBytes(stream[:16]), new(big.Int).SetBytes(stream[16:])
}

// ageFile is a whole age file around a scrypt stanza.
func ageFile(t *testing.T, salt, body, fileKey, plain []byte) []byte {
	b64 := base64.RawStdEncoding.EncodeToString
	header := fmt.Sprintf("age-encryption.org/v1\n-> scrypt %s 4\n%s\n---", b64(salt), b64(body))
	key, err := hkdf.Key(sha256.New, fileKey, nil, "header", 32)
	check(t, err)
	nonce := make([]byte, 16)
	stream, err := hkdf.Key(sha256.New, fileKey, nonce, "payload", 32)
	check(t, err)
	aead, err := chacha20poly1305.New(stream)
	check(t, err)
	last := append(make([]byte, 11), 1)
	return slices.Concat([]byte(header+" "+b64(mac(key, []byte(header)))+"\n"), nonce, aead.Seal(nil, last, plain, nil))
}

// TestV14SlotReplaced: even who knows a way in, and not the root key of
// the header's MAC, cannot put a slot of their own in its place.
func TestV14SlotReplaced(t *testing.T) {
	all, key, _ := smallVault(t)
	h, err := parseHeader(all[headerFile])
	check(t, err)
	a, err := key.arm(t.Context(), h.Vault)
	check(t, err)
	mine, err := ageSeal(bytes.Repeat([]byte{1}, keySize), a.recipient)
	check(t, err)
	sum := sha256.Sum256(mine)
	name := hex.EncodeToString(sum[:])
	h.Ways[0].Root = name
	dir := damagedDir(t)
	_, err = openFiles(t, dir, all.with(headerFile, h.encode()).with(slotsFolder+"/"+name+slotSuffix, mine), key)
	wants(t, err, ErrDamaged)
	k := deriveKeys(h.id(), bytes.Repeat([]byte{1}, keySize))
	h.MAC = h.seal(k) // a header of their own: then the state is not theirs
	_, err = openFiles(t, dir, all.with(headerFile, h.encode()).with(slotsFolder+"/"+name+slotSuffix, mine), key)
	wants(t, err, ErrDamaged)
}
