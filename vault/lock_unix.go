//go:build unix

package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const lockFile = "lock"

// claim takes the folder's lock for this process. The kernel lets go of it when
// the process ends, however it ends.
func (d *disk) claim() (*os.File, error) {
	f, err := d.open(lockFile, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = d.open(lockFile, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	}
	if errors.Is(err, fs.ErrExist) { // another process made it just now
		f, err = d.open(lockFile, os.O_RDWR)
	}
	if errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) {
		return nil, fmt.Errorf("%s cannot be written to (%w); make it writable, or put a copy of the folder on another disk", d.dir, err)
	}
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		return nil, &InUseError{Dir: d.dir, PID: holder(f)}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s cannot be locked (%w); keep profiles on a disk that knows flock", d.dir, err)
	}
	// The number is for people; a disk that is full must not keep them out.
	if f.Truncate(0) == nil {
		f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

// release lets go of what claim took, also where a program that is just being
// started has inherited the open file and not yet closed it.
func (d *disk) release(lock *os.File) error {
	unix.Flock(int(lock.Fd()), unix.LOCK_UN)
	return lock.Close()
}

// holder reads which process wrote its number into the lock.
func holder(f *os.File) int {
	text := make([]byte, 32)
	n, _ := f.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
