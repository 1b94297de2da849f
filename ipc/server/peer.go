package server

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"dancecard/accounts"
	"dancecard/ipc"
)

// A peer is the process that connected. Whether it still is the program that
// was identified is asked again for each request: see [peer.current].
type peer struct {
	pid     int
	weak    bool       // there was no pidfd at accept
	label   string     // security label; ""
	boxed   bool       // in a sandbox, or says so
	refusal *ipc.Error // why it is not served at all; nil if it is

	mu  sync.Mutex // guards the fields that follow
	app accounts.App
	own process // the process as it was identified
	fd  int     // pidfd; -1 once closed
}

// An identifier turns connections into peers. It is read-only after Listen.
type identifier struct {
	uid       int
	runtime   string // XDG_RUNTIME_DIR, where Flatpak keeps its instances
	dancectl  fileID // our own carrier; zero if there is none
	oldKernel bool   // tests: do as on Linux before 6.5
}

// fileID tells files of one boot apart.
type fileID struct {
	dev, ino uint64
}

// A file is a program or script as far as a grant goes: a changed, replaced or
// upgraded file has another change time or inode, and the user is asked again.
// The device is left out: its number may differ after the next boot.
type file struct {
	id    fileID
	path  string
	ctime int64 // nanoseconds; cannot be set by the user
	size  int64
	moved bool // the path no longer leads to this file
}

func (f file) facts() []string {
	return []string{f.path, strconv.FormatUint(f.id.ino, 10), strconv.FormatInt(f.ctime, 10), strconv.FormatInt(f.size, 10)}
}

// same reports whether g is the file f, unchanged.
func (f file) same(g file) bool { return f.id == g.id && f.ctime == g.ctime && f.size == g.size }

// A process is what /proc tells of one.
type process struct {
	pid       int
	parent    int
	start     uint64 // clock ticks since boot
	name      string // comm
	exe       file
	script    file   // behind an interpreter; zero if there is none
	interp    bool   // an interpreter
	unit      string // stable name of its systemd unit; ""
	snap      string // what its cgroup says of a Snap
	mount     string // mount namespace
	elsewhere bool   // it is not ours
}

// program is the name that people know the process by.
func (p process) program() (name, path string) {
	if p.script.path != "" {
		return base(p.script.path), p.script.path
	}
	if p.exe.path != "" {
		return base(p.exe.path), p.exe.path
	}
	return p.name, ""
}

// facts are what must not change while a grant stands. What runs elsewhere, in
// other mounts than ours, is never taken for a program of the host: there,
// paths and inodes are what the sandbox says they are.
func (p process) facts() []string {
	f := append([]string{"exe"}, p.exe.facts()...)
	if p.elsewhere {
		f = append(f, "elsewhere")
	}
	if p.exe.moved {
		f = append(f, "moved", p.mount, strconv.FormatUint(p.exe.id.dev, 10))
	}
	if p.script.path != "" {
		f = append(append(f, "script"), p.script.facts()...)
	}
	return f
}

// key digests facts into what grants are matched by.
func key(facts ...string) string {
	h := sha256.New()
	for _, f := range append([]string{"dancecard app 1"}, facts...) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(f)))
		h.Write(n[:])
		h.Write([]byte(f))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// describe makes the App of a host program. ancestors are its parents, nearest
// first, as far as they could be identified.
func (i *identifier) describe(p process, ancestors []process) accounts.App {
	name, path := p.program()
	app := accounts.App{Name: clean(name), Path: clean(path), Weak: p.exe.moved, PID: p.pid}
	for _, a := range ancestors {
		n, _ := a.program()
		app.Callers = append(app.Callers, clean(n))
	}
	facts := p.facts()
	if !i.carrier(p) {
		app.Key = key(facts...)
		return app
	}
	for _, a := range ancestors {
		if a.exe.path == "" || manager(a) {
			break // another user's, or nobody in particular
		}
		if i.carrier(a) {
			continue
		}
		n, where := a.program()
		app.Caller, app.CallerPath = clean(n), clean(where)
		app.Weak = app.Weak || a.exe.moved || a.elsewhere
		app.Key = key(append(append(facts, "for"), a.facts()...)...)
		return app
	}
	if p.unit != "" {
		app.Caller, app.CallerPath = clean(p.unit), clean(p.unit)
		app.Key = key(append(facts, "unit", p.unit)...)
		return app
	}
	app.OnceOnly = true
	app.Key = key(append(facts, "alone")...)
	return app
}

// maxShown bounds a name or path on screen, in runes.
const maxShown = 256

// clean makes a name or path safe to show: one line of printable text without
// bidirectional or invisible characters, and not longer than a line can be.
// What is escaped is unambiguous.
func clean(s string) string {
	plain := utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '\\' || !unicode.IsPrint(r)
	})
	if !plain {
		q := strconv.Quote(s)
		s = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	}
	if r := []rune(s); len(r) > maxShown {
		half := (maxShown - 1) / 2
		s = string(r[:half]) + "…" + string(r[len(r)-half:])
	}
	return s
}

// base is the last element of a path of /proc, which is not cleaned.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
