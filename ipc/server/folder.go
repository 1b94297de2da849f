package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// prepare checks the runtime folder and makes ours in it. There is no other
// place: in a folder of others anybody could answer in our name.
func prepare(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("the folder for the sockets, %q, is not an absolute path: set XDG_RUNTIME_DIR", dir)
	}
	if err := private(filepath.Dir(dir)); err != nil {
		return err
	}
	for _, d := range []string{dir, filepath.Join(dir, "app"), filepath.Join(dir, "control")} {
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("the folder %s cannot be made: %v", d, err)
		}
		if err := private(d); err != nil {
			return err
		}
	}
	return nil
}

// private refuses a folder that anybody else could use.
func private(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("the runtime folder %s cannot be used: %v. Log in to the desktop session, or set XDG_RUNTIME_DIR to a folder of your own", dir, err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder: remove it and start again", dir)
	case !ours(info):
		return fmt.Errorf("the folder %s belongs to another user: set XDG_RUNTIME_DIR to a folder of your own", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the folder %s is open to other users (mode %04o): run `chmod 700 %s`", dir, info.Mode().Perm(), dir)
	}
	return nil
}

// bind listens at path. A socket that nobody answers is replaced.
func bind(path string) (*socket, error) {
	const longest = 107 // sockaddr_un
	if len(path) > longest {
		return nil, fmt.Errorf("the socket's path %s has more than %d bytes: set XDG_RUNTIME_DIR to a shorter one", path, longest)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("the socket %s cannot be looked at: %v", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s is there and is not a socket: remove it and start again", path)
	case answers(path):
		return nil, fmt.Errorf("another program answers at the socket %s: end it and start again", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("the old socket %s cannot be removed: %v", path, err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("the socket %s cannot be made: %v", path, err)
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("the socket %s cannot be made private: %v", path, err)
	}
	own, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("the socket %s went away: %v", path, err)
	}
	return &socket{path: path, own: own, unix: l}, nil
}

// answers reports whether somebody listens at a socket. Whatever is not a
// plain refusal counts as somebody.
func answers(path string) bool {
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return true
	}
	return !refused(err)
}
