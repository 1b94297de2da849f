package network

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

const insideVar = "NETWORK_TEST_INSIDE"

// The test runs itself once more in a network of its own, where it may take
// the loopback interface up and down.
func TestWatchNoticesAnInterface(t *testing.T) {
	if os.Getenv(insideVar) != "" {
		inside(t)
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestWatchNoticesAnInterface$", "-test.v")
	c.Env = append(os.Environ(), insideVar+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func inside(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan struct{}, 8), make(chan error, 1)
	go func() { ended <- Watch(ctx, func() { heard <- struct{}{} }) }()
	deadline := time.After(20 * time.Second)
	for up := true; ; up = !up { // until the watch has begun
		if err := loopback(up); err != nil {
			t.Fatal(err)
		}
		select {
		case <-heard:
		case err := <-ended:
			t.Fatal("ended: ", err)
		case <-time.After(2 * settle):
			continue
		case <-deadline:
			t.Fatal("no change was heard")
		}
		break
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// loopback takes lo up or down.
func loopback(up bool) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if up {
		r.SetUint16(unix.IFF_UP)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("lo up %v: %w", up, err)
	}
	return nil
}

func TestABurstIsOneChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		news := make(chan struct{})
		var n atomic.Int32
		go bursts(ctx, news, func() { n.Add(1) })
		for range 50 {
			news <- struct{}{}
			time.Sleep(settle / 2)
		}
		if n.Load() != 0 {
			t.Fatalf("%d in the middle of it", n.Load())
		}
		time.Sleep(2 * settle)
		if synctest.Wait(); n.Load() != 1 {
			t.Fatalf("%d changes", n.Load())
		}
	})
}
