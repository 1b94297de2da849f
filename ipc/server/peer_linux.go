package server

import (
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"dancecard/accounts"
	"dancecard/ipc"
)

// meet asks the kernel who connected, which never waits. It always returns a
// peer; one that is not to be served says why in its refusal.
func (i *identifier) meet(c *net.UnixConn) *peer {
	p := &peer{fd: -1}
	cred, weak, err := i.credentials(c, p)
	switch {
	case err != nil || cred.Pid <= 0:
		p.refusal = unidentified()
		return p
	case int(cred.Uid) != i.uid:
		p.refusal = problem(ipc.CodeNotYourOwn, "This Dancecard belongs to another user.",
			"Start your own Dancecard, or run the program as the user whose accounts it needs.")
		return p
	}
	p.pid, p.weak, p.label = int(cred.Pid), weak, seclabel(c)
	return p
}

// identify finds out which program the peer is.
func (i *identifier) identify(p *peer) {
	if p.refusal != nil {
		return
	}
	app, own, boxed, err := i.inspect(p.pid, p.label)
	p.boxed = boxed
	if err != nil || !alive(p.fd) {
		p.refusal = unidentified()
		return
	}
	app.Weak = app.Weak || p.weak
	p.app, p.own = app, own
}

func unidentified() *ipc.Error {
	return problem(ipc.CodeUnidentified, "Dancecard cannot tell which program asks, so it answers nothing.",
		"The process that connected must still run and must let its executable be seen (no setuid, not undumpable).")
}

// credentials asks the kernel for the peer's user, process id and pidfd.
func (i *identifier) credentials(c *net.UnixConn, p *peer) (cred *unix.Ucred, weak bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, false, err
	}
	cerr := raw.Control(func(fd uintptr) {
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil {
			return
		}
		p.fd, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
		if i.oldKernel && err == nil {
			unix.Close(p.fd)
			p.fd, err = -1, unix.ENOPROTOOPT
		}
	})
	if cerr != nil {
		return nil, false, cerr
	}
	if err == unix.ENOPROTOOPT { // before Linux 6.5
		weak = true
		p.fd, err = unix.PidfdOpen(int(cred.Pid), 0)
	}
	if err != nil {
		p.fd = -1
		return nil, false, err
	}
	unix.CloseOnExec(p.fd)
	if pidOf(p.fd) != int(cred.Pid) {
		return nil, false, errGone
	}
	return cred, weak, nil
}

// seclabel is the peer's security label as the kernel has it, "" without one.
func seclabel(c *net.UnixConn) (label string) {
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			label, _ = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_PEERSEC)
		})
	}
	return label
}

// pidOf reads the process id behind a pidfd: -1 if it was reaped, 0 if it is
// in a namespace that we do not see.
func pidOf(pidfd int) int {
	info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(info)) {
		if v, ok := strings.CutPrefix(line, "Pid:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				return -1
			}
			return n
		}
	}
	return -1
}

// alive reports whether the process behind a pidfd still runs.
func alive(pidfd int) bool {
	if pidfd < 0 {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return err == nil && n == 0
	}
}

// inspect describes the process. The caller sees to it afterwards that the
// process is still alive, so that all that was read was its own.
func (i *identifier) inspect(pid int, label string) (app accounts.App, own process, boxed bool, err error) {
	if own, err = readProcess(pid); err != nil {
		return app, own, false, err
	}
	box, boxed, err := i.sandbox(own, label)
	if err != nil {
		return app, own, boxed, err
	}
	if box != nil {
		return *box, own, true, nil
	}
	app = i.describe(own, ancestors(own))
	app.Weak = app.Weak || boxed
	return app, own, boxed, nil
}

// current says who the peer is now. If its executable is not the file that was
// identified it became another program, and is refused; if the file itself was
// changed or taken away, it is another app from now on.
func (i *identifier) current(p *peer) (accounts.App, *ipc.Error) {
	if p.refusal != nil {
		return accounts.App{}, p.refusal
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	exe, err := readExe(p.pid)
	if err != nil || !alive(p.fd) {
		return accounts.App{}, unidentified()
	}
	if exe.id != p.own.exe.id {
		return accounts.App{}, problem(ipc.CodeUnidentified,
			"The process that connected has become another program.", "Connect again.")
	}
	if exe.same(p.own.exe) && exe.moved == p.own.exe.moved {
		return p.app, nil
	}
	app, own, _, err := i.inspect(p.pid, p.label)
	if err != nil || !alive(p.fd) || own.exe.id != p.own.exe.id {
		return accounts.App{}, unidentified()
	}
	app.Weak = app.Weak || p.weak
	p.app, p.own = app, own
	return app, nil
}

// forget lets go of the peer's pidfd.
func (p *peer) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd >= 0 {
		unix.Close(p.fd)
		p.fd = -1
	}
}
