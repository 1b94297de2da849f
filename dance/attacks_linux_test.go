package dance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// D37: dances on a machine that has one address family alone. The machine is a
// network of the child's own, so that it is the kernel that says no.
func TestD37HostsWithOneFamily(t *testing.T) {
	if family := os.Getenv("DANCE_FAMILY"); family != "" {
		danceWith(t, family)
		return
	}
	for _, family := range []string{"v4", "v6"} {
		t.Run(family, func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestD37HostsWithOneFamily$", "-test.v", "-test.timeout=20s")
			child.Env = []string{"DANCE_FAMILY=" + family, "GOTRACEBACK=none", "TMPDIR=" + t.TempDir()}
			child.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
			}
			out, err := child.CombinedOutput()
			if err != nil || strings.Count(string(out), "DANCED") != 2 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func danceWith(t *testing.T, family string) {
	if err := loopbackWith(family); err != nil {
		t.Fatal(err)
	}
	_, v4 := net.Listen("tcp4", "127.0.0.1:0")
	_, v6 := net.Listen("tcp6", "[::1]:0")
	if (v4 == nil) != (family == "v4") || (v6 == nil) != (family == "v6") {
		t.Fatalf("the machine is not %s alone: %v, %v", family, v4, v6)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		op := newOP(t) // listens on what there is
		row := op.row()
		row.Redirect.Host = host
		res, err := Run(t.Context(), row, Prompt{OpenURL: browseAsBrowsersDo}, Request{})
		if host == "127.0.0.1" && family == "v6" {
			if f, ok := errors.AsType[*Failed](err); !ok || !strings.Contains(f.Text, "127.0.0.1") || op.count("/authorize") != 0 {
				t.Errorf("%s on %s: %v", host, family, err)
			}
			fmt.Println("DANCED, refused")
			continue
		}
		if err != nil || res.Identity.Subject != "s1" || len(ownListeners(t)) == 0 {
			t.Errorf("%s on %s: %v", host, family, err)
		}
		fmt.Println("DANCED with", res.Identity.Name)
	}
}

// browseAsBrowsersDo takes the name localhost for both families, whatever the
// machine's list of hosts says of it.
func browseAsBrowsersDo(ctx context.Context, start string) error {
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "tcp6", net.JoinHostPort("::1", port)); err == nil {
			return conn, nil
		}
		return d.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
	res, err := client.Get(start)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// loopbackWith brings the loopback device of this network up with the
// addresses of one family.
func loopbackWith(family string) error {
	device, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	four, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(four)
	device.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(four, unix.SIOCSIFFLAGS, device); err != nil {
		return err
	}
	if family == "v6" {
		if err := device.SetInet4Addr(net.IPv4zero.To4()); err != nil {
			return err
		}
		return unix.IoctlIfreq(four, unix.SIOCSIFADDR, device)
	}
	six, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(six)
	if err := unix.IoctlIfreq(four, unix.SIOCGIFINDEX, device); err != nil {
		return err
	}
	gone := struct { // struct in6_ifreq
		address [16]byte
		prefix  uint32
		index   int32
	}{[16]byte(net.IPv6loopback), 128, int32(device.Uint32())}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(six), unix.SIOCDIFADDR, uintptr(unsafe.Pointer(&gone))); errno != 0 {
		return errno
	}
	return nil
}
