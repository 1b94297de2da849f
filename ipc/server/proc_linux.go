package server

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Errors of an identification that did not come to an end.
var (
	errGone    = errors.New("the process is gone")
	errChanged = errors.New("the process became another program")
)

// maxAncestors bounds the walk from a process to its parents.
const maxAncestors = 16

// ancestors are the parents of p, nearest first. One whose executable cannot be
// read is the last.
func ancestors(p process) []process {
	var list []process
	for len(list) < maxAncestors && p.parent > 0 {
		a, err := readProcess(p.parent)
		if a.start == 0 || a.start > p.start {
			break // gone, or its number was given to a younger process
		}
		if again, aerr := readStat(p.pid); aerr != nil || again.parent != p.parent {
			break
		}
		list = append(list, a)
		if err != nil {
			break
		}
		p = a
	}
	return list
}

// readProcess reads what /proc tells of a process. With an error the fields of
// /proc/PID/stat may be set all the same.
func readProcess(pid int) (process, error) {
	p, err := readStat(pid)
	if err != nil {
		return p, err
	}
	if p.exe, err = readExe(pid); err != nil {
		return p, err
	}
	dir := procDir(pid)
	cgroup, err := readSmall(dir + "/cgroup")
	if err != nil {
		return p, err
	}
	p.unit, p.snap = unitOf(cgroup)
	if p.mount, err = os.Readlink(dir + "/ns/mnt"); err != nil {
		return p, err
	}
	ours, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return p, err
	}
	p.elsewhere = p.mount != ours
	if in, ok := interpreterOf(p.exe.path); ok {
		p.interp = true
		if root, err := os.Readlink(dir + "/root"); err == nil && root == "/" && !p.elsewhere {
			p.script = readScript(pid, in)
		}
	}
	again, err := readExe(pid)
	if err != nil {
		return p, err
	}
	if !again.same(p.exe) {
		return p, errChanged
	}
	return p, nil
}

func procDir(pid int) string { return "/proc/" + strconv.Itoa(pid) }

// readStat reads name, parent and start time (proc_pid_stat(5)).
func readStat(pid int) (process, error) {
	text, err := readSmall(procDir(pid) + "/stat")
	if err != nil {
		return process{}, err
	}
	p, err := parseStat(text)
	p.pid = pid
	return p, err
}

func parseStat(text string) (process, error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return process{}, errGone
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 20 {
		return process{}, errGone
	}
	p := process{name: text[open+1 : end]}
	var err, err2 error
	p.parent, err = strconv.Atoi(fields[1])
	p.start, err2 = strconv.ParseUint(fields[19], 10, 64)
	if err != nil || err2 != nil {
		return process{}, errGone
	}
	return p, nil
}

// readExe reads which file a process runs.
func readExe(pid int) (file, error) {
	link := procDir(pid) + "/exe"
	path, err := os.Readlink(link)
	if err != nil {
		return file{}, err
	}
	var st unix.Stat_t
	if err := unix.Stat(link, &st); err != nil {
		return file{}, err
	}
	f := fileOf(path, &st)
	var there unix.Stat_t
	f.moved = unix.Lstat(path, &there) != nil || fileOf(path, &there).id != f.id
	return f, nil
}

func fileOf(path string, st *unix.Stat_t) file {
	return file{
		id:    fileID{uint64(st.Dev), st.Ino},
		path:  path,
		ctime: st.Ctim.Nano(),
		size:  st.Size,
	}
}

// readScript finds the script of an interpreter, the zero file if there is
// none that can be believed.
func readScript(pid int, in interpreter) file {
	cmdline, err := readSmall(procDir(pid) + "/cmdline")
	if err != nil {
		return file{}
	}
	path := in.script(strings.Split(strings.TrimSuffix(cmdline, "\x00"), "\x00"))
	if path == "" {
		return file{}
	}
	if !filepath.IsAbs(path) {
		cwd, err := os.Readlink(procDir(pid) + "/cwd")
		if err != nil {
			return file{}
		}
		path = cwd + "/" + path
	}
	return regular(filepath.Clean(path))
}

// regular looks a script up. Paths through /proc/self and its like would lead
// to our own files.
func regular(path string) file {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return file{}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return file{}
	}
	return fileOf(path, &st)
}

// readSmall reads a file of /proc that is never large, up to 64 KB.
func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	return string(data), err
}
