//go:build unix

package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// openDisk opens dir, making it (0700) if it is missing, and checks it.
func openDisk(dir string) (*disk, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	if err := checkParent(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil, &UnsafeError{dir, "it is not a folder (a link is not followed); name the folder itself"}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	d := &disk{dir: dir, root: os.NewFile(uintptr(fd), dir)}
	if err := d.checkFolder(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// makeFolder makes dir and its missing parents, 0700 under any umask.
func makeFolder(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return nil
	}
	if err := makeFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// checkParent refuses a parent in which others could swap our folder.
func checkParent(dir string) error {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	if int(st.Uid) != os.Geteuid() && st.Uid != 0 {
		return &UnsafeError{dir, fmt.Sprintf("it belongs to user %d, who could swap the profile's folder; choose another place", st.Uid)}
	}
	sticky := st.Mode&unix.S_ISVTX != 0
	// A group that has the user's own number is the user's own.
	shared := st.Mode&0o002 != 0 || st.Mode&0o020 != 0 && st.Gid != st.Uid
	if shared && !sticky {
		return &UnsafeError{dir, fmt.Sprintf("others may write to it; run: chmod go-w %s", dir)}
	}
	return nil
}

func (d *disk) checkFolder() error {
	var st unix.Stat_t
	if err := unix.Fstat(int(d.root.Fd()), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: d.dir, Err: err}
	}
	if int(st.Uid) != os.Geteuid() {
		return &UnsafeError{d.dir, fmt.Sprintf("it belongs to user %d, not to you", st.Uid)}
	}
	if st.Mode&0o077 != 0 {
		return &UnsafeError{d.dir, fmt.Sprintf("others may look into it; run: chmod 700 %s", d.dir)}
	}
	return nil
}

// checkFile refuses what is not a file of ours alone.
func (d *disk) checkFile(name string, st *unix.Stat_t) error {
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return &UnsafeError{d.path(name), "it is a link, folder or device where a file belongs; remove it"}
	case st.Nlink > 1:
		return &UnsafeError{d.path(name), "it has a second name (hard link); copy it and remove the link"}
	case int(st.Uid) != os.Geteuid():
		return &UnsafeError{d.path(name), fmt.Sprintf("it belongs to user %d, not to you", st.Uid)}
	case st.Mode&0o077 != 0:
		return &UnsafeError{d.path(name), fmt.Sprintf("others may open it; run: chmod 600 %s", d.path(name))}
	}
	return nil
}

// open opens a file of ours; links, FIFOs and the like are refused unopened.
func (d *disk) open(name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(d.root.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EISDIR) {
		return nil, &UnsafeError{d.path(name), "it is a link, folder or device where a file belongs; remove it"}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: d.path(name), Err: err}
	}
	if flags&os.O_EXCL != 0 {
		if err := unix.Fchmod(fd, 0o600); err != nil { // under any umask
			unix.Close(fd)
			return nil, &fs.PathError{Op: "chmod", Path: d.path(name), Err: err}
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, &fs.PathError{Op: "stat", Path: d.path(name), Err: err}
	}
	if err := d.checkFile(name, &st); err != nil {
		unix.Close(fd)
		return nil, err
	}
	unix.SetNonblock(fd, false)
	return os.NewFile(uintptr(fd), d.path(name)), nil
}

// check refuses name if it is there and not a file of ours alone.
func (d *disk) check(name string) error {
	st, err := d.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.checkFile(name, st)
}

func (d *disk) lstat(name string) (*unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(d.root.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: d.path(name), Err: err}
	}
	return &st, nil
}

// same reports whether name is still the file f with size bytes, and the
// folder still the one at its path.
func (d *disk) same(name string, f *os.File, size int64) bool {
	var at, open, dirAt, dirOpen unix.Stat_t
	if unix.Fstatat(int(d.root.Fd()), name, &at, unix.AT_SYMLINK_NOFOLLOW) != nil ||
		unix.Fstat(int(f.Fd()), &open) != nil ||
		unix.Lstat(d.dir, &dirAt) != nil ||
		unix.Fstat(int(d.root.Fd()), &dirOpen) != nil {
		return false
	}
	return at.Dev == open.Dev && at.Ino == open.Ino && open.Size == size &&
		dirAt.Dev == dirOpen.Dev && dirAt.Ino == dirOpen.Ino
}

// makeSub is sub for a folder that may be missing.
func (d *disk) makeSub(name string) (*disk, error) {
	at := int(d.root.Fd())
	if err := d.step("mkdir", name); err != nil {
		return nil, err
	}
	if err := unix.Mkdirat(at, name, 0o700); err == nil {
		if err := unix.Fchmodat(at, name, 0o700, 0); err != nil {
			return nil, &fs.PathError{Op: "chmod", Path: d.path(name), Err: err}
		}
		if err := d.sync(); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, unix.EEXIST) {
		return nil, &fs.PathError{Op: "mkdir", Path: d.path(name), Err: err}
	}
	return d.sub(name)
}

// sub opens the folder name below d.
func (d *disk) sub(name string) (*disk, error) {
	at := int(d.root.Fd())
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil, &UnsafeError{d.path(name), "it is a link or file where a folder belongs; remove it"}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: d.path(name), Err: err}
	}
	sub := &disk{dir: d.path(name), root: os.NewFile(uintptr(fd), d.path(name)), below: name + "/", testOnlyFault: d.testOnlyFault}
	if err := sub.checkFolder(); err != nil {
		sub.close()
		return nil, err
	}
	return sub, nil
}

func (d *disk) rename(from, to string) error {
	if err := d.step("rename", from); err != nil {
		return err
	}
	at := int(d.root.Fd())
	if err := unix.Renameat(at, from, at, to); err != nil {
		return &os.LinkError{Op: "rename", Old: d.path(from), New: to, Err: err}
	}
	return nil
}

// remove unlinks name; a missing one is no error.
func (d *disk) remove(name string) error {
	if err := d.step("remove", name); err != nil {
		return err
	}
	err := unix.Unlinkat(int(d.root.Fd()), name, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "remove", Path: d.path(name), Err: err}
	}
	return nil
}

// list reads the folder afresh, sorted.
func (d *disk) list() ([]string, error) {
	fd, err := unix.Openat(int(d.root.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: d.dir, Err: err}
	}
	f := os.NewFile(uintptr(fd), d.dir)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}
