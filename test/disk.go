package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// The profiles' disk: root gives a World a small one of its own and fills it;
// anybody else can only forbid a program to write more (RLIMIT_FSIZE).

const diskSize = 4 << 20

func (w *World) mountDisk() error {
	if os.Getuid() != 0 {
		return nil
	}
	err := syscall.Mount("tmpfs", w.Data(), "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%d,mode=700", diskSize))
	if err != nil {
		return fmt.Errorf("mounting a small disk: %w", err)
	}
	w.onClose(func() error { return syscall.Unmount(w.Data(), syscall.MNT_DETACH) })
	return nil
}

func (w *World) filler() string { return filepath.Join(w.Data(), "filler") }

// FillDisk leaves no room for p to write to.
func (w *World) FillDisk(ctx context.Context, p *Process) error {
	if os.Getuid() != 0 {
		return w.limit(ctx, p, "0")
	}
	f, err := os.OpenFile(w.filler(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for b := make([]byte, size); err == nil; {
			_, err = f.Write(b)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		err = nil
	}
	return nil
}

// FreeDisk takes back what FillDisk did.
func (w *World) FreeDisk(ctx context.Context, p *Process) error {
	if os.Getuid() != 0 {
		return w.limit(ctx, p, "unlimited")
	}
	return os.Remove(w.filler())
}

func (w *World) limit(ctx context.Context, p *Process, size string) error {
	_, err := w.run(ctx, "prlimit", "--pid", fmt.Sprint(p.Cmd.Process.Pid), "--fsize="+size+":unlimited")
	return err
}
