package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"dancecard/accounts"
)

var errSandbox = errors.New("the sandbox's own word about itself cannot be checked")

// maxInfo bounds a Flatpak's .flatpak-info.
const maxInfo = 64 << 10

// sandbox recognises Flatpaks and Snaps. boxed is true also for a process
// that only has another mount namespace or only says that it is a Snap: such a
// one never reaches the control socket, and its name means less.
func (i *identifier) sandbox(p process, label string) (app *accounts.App, boxed bool, err error) {
	if p.snap != "" {
		if snapConfirmed(p, label) {
			return boxedApp(p, "snap", p.snap), true, nil
		}
		boxed = true
	}
	if !p.elsewhere {
		return nil, boxed, nil // a Flatpak never shares our mounts
	}
	id, err := i.flatpak(procDir(p.pid))
	switch {
	case err != nil:
		return nil, true, err
	case id != "":
		return boxedApp(p, "flatpak", id), true, nil
	}
	return nil, true, nil
}

func boxedApp(p process, kind, id string) *accounts.App {
	name, path := p.program()
	return &accounts.App{
		Key:     key(kind, id),
		Name:    clean(name),
		Path:    clean(path),
		Sandbox: clean(id),
		PID:     p.pid,
	}
}

// snapConfirmed checks what a cgroup says, which any program can make up,
// against the kernel's label or against where the executable lies: a read-only
// squashfs under /snap that only root mounts.
func snapConfirmed(p process, label string) bool {
	if strings.HasPrefix(label, "snap."+p.snap+".") {
		return true
	}
	if !strings.HasPrefix(p.exe.path, "/snap/"+p.snap+"/") {
		return false
	}
	var fs unix.Statfs_t
	return unix.Statfs(procDir(p.pid)+"/exe", &fs) == nil && fs.Type == unix.SQUASHFS_MAGIC
}

// flatpak returns the id of the Flatpak whose process lies at proc, "" if it is
// none. Any read error is an error, never "not a Flatpak"; and an id counts
// only if Flatpak's own record outside of the sandbox says the same.
func (i *identifier) flatpak(proc string) (string, error) {
	if fuse, err := rootIsFUSE(proc); err != nil || fuse {
		return "", errSandbox
	}
	root, err := unix.Open(proc+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(root)
	info, err := readInfo(root, ".flatpak-info")
	if errors.Is(err, unix.ENOENT) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id, instance := parseInfo(info)
	if id == "" || instance == "" || strings.ContainsAny(instance, "/.") {
		return "", errSandbox
	}
	record, err := readInfo(unix.AT_FDCWD, filepath.Join(i.runtime, ".flatpak", instance, "info"))
	if err != nil || !bytes.Equal(record, info) {
		return "", errSandbox
	}
	return id, nil
}

// rootIsFUSE says whether a program of the user answers for the process's root
// folder: it could hang us, or answer as it likes.
func rootIsFUSE(proc string) (bool, error) {
	f, err := os.Open(proc + "/mountinfo")
	if err != nil {
		return false, err
	}
	defer f.Close()
	s := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for s.Scan() {
		before, after, ok := strings.Cut(s.Text(), " - ")
		fields := strings.Fields(before)
		if ok && len(fields) >= 5 && fields[4] == "/" && strings.HasPrefix(after, "fuse") {
			return true, nil
		}
	}
	return false, s.Err()
}

// readInfo reads a small regular file without waiting for anything.
func readInfo(dir int, name string) ([]byte, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > maxInfo {
		return nil, errSandbox
	}
	return io.ReadAll(io.LimitReader(f, maxInfo))
}

// parseInfo reads the id and the instance of a .flatpak-info (flatpak-metadata(5)).
func parseInfo(info []byte) (id, instance string) {
	section := ""
	for line := range strings.Lines(string(info)) {
		line = strings.TrimSpace(line)
		name, value, _ := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
			section = line
		case section == "[Application]" && name == "name":
			id = value
		case section == "[Instance]" && name == "instance-id":
			instance = value
		}
	}
	return id, instance
}
