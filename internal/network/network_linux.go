package network

import (
	"context"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// groups are what the kernel is asked to tell of (rtnetlink(7)).
const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// Watch calls changed, from one goroutine, until ctx ends. The error says why
// it cannot.
func Watch(ctx context.Context, changed func()) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "netlink")
	defer f.Close()
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	defer context.AfterFunc(ctx, func() { f.Close() })()

	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	news := make(chan struct{}, 1)
	work.Go(func() { bursts(ctx, news, changed) })
	message := make([]byte, 64<<10) // what it says does not matter
	for {
		_, err := f.Read(message)
		if err != nil && !errors.Is(err, unix.ENOBUFS) { // ENOBUFS: more than could be kept
			if errors.Is(err, os.ErrClosed) { // ctx ended
				return nil
			}
			return err
		}
		select {
		case news <- struct{}{}:
		default:
		}
	}
}
