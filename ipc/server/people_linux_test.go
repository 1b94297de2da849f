package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"dancecard/accounts"
)

// The tests' own programs: copies of this test binary under any name, which do
// what ROLE says instead of testing.
func TestMain(m *testing.M) {
	if role, ok := roles[os.Getenv("ROLE")]; ok {
		role()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var roles = map[string]func(){
	"hold":       func() { hold(dialSocket()) },
	"undumpable": func() { unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); hold(dialSocket()) },
	"chroot":     playSandbox,
	"spawn":      playParent,
	"orphan":     playOrphan,
	"hand over":  playHandOver,
	"leave":      playLeave,
	"become":     playBecome,
	"meet":       playMeet,
	"hoard":      playHoard,
	"starve":     playStarving,
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func dialSocket() *net.UnixConn {
	c, err := net.Dial("unix", os.Getenv("SOCK"))
	check(err)
	return c.(*net.UnixConn)
}

// hold says that it is connected and stays until its input ends.
func hold(*net.UnixConn) {
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

// playSandbox connects and then makes ROOT its root folder.
func playSandbox() {
	c := dialSocket()
	check(unix.Chroot(os.Getenv("ROOT")))
	hold(c)
}

// playParent runs the programs of CHILDREN, each the parent of the next; the
// last one holds.
func playParent() {
	children := strings.Split(os.Getenv("CHILDREN"), ":")
	role := "spawn"
	if len(children) == 1 {
		role = "hold"
	}
	cmd := exec.Command(children[0])
	cmd.Env = append(os.Environ(), "ROLE="+role, "CHILDREN="+strings.Join(children[1:], ":"))
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	check(cmd.Run())
}

// playOrphan starts CHILDREN and ends at once.
func playOrphan() {
	cmd := exec.Command(os.Getenv("CHILDREN"))
	cmd.Env = append(os.Environ(), "ROLE=hold")
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	check(cmd.Start())
}

// playHandOver gives its connection to a shell, and stays.
func playHandOver() {
	f, err := dialSocket().File()
	check(err)
	cmd := exec.Command("/bin/bash", "-c", statusRequest)
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stdout = os.Stdout
	check(cmd.Run())
}

const statusRequest = `printf 'GET /v1/status HTTP/1.1\r\nHost: dancecard\r\nConnection: close\r\n\r\n' >&3; cat <&3`

// playLeave gives its connection to a shell and ends. The shell waits until it
// is gone.
func playLeave() {
	f, err := dialSocket().File()
	check(err)
	cmd := exec.Command("/bin/bash", "-c", `while kill -0 $PARENT 2>/dev/null; do :; done; echo ready; read x; `+statusRequest)
	cmd.Env = append(os.Environ(), fmt.Sprintf("PARENT=%d", os.Getpid()))
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	check(cmd.Start())
}

// playBecome makes a request, becomes a shell, and makes another one.
func playBecome() {
	c := dialSocket()
	io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: dancecard\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	check(err)
	fmt.Print(line)
	f, err := c.File()
	check(err)
	check(unix.Dup3(int(f.Fd()), 3, 0))
	check(syscall.Exec("/bin/bash", []string{"bash", "-c", statusRequest}, os.Environ()))
}

// playMeet is a server of its own, in another world, that meets one peer.
func playMeet() {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: os.Getenv("SOCK")})
	check(err)
	fmt.Println("ready")
	c, err := l.AcceptUnix()
	check(err)
	id := &identifier{uid: os.Getuid()}
	p := id.meet(c)
	id.identify(p)
	if p.refusal == nil {
		fmt.Println("served as", p.app.Name)
		return
	}
	fmt.Println(p.refusal.Code)
}

// playHoard opens connections and sends half a request on each.
func playHoard() {
	var all []net.Conn
	for range 2 * maxPerPeer {
		c, err := net.Dial("unix", os.Getenv("SOCK"))
		if err == nil {
			io.WriteString(c, "GET /v1/sta")
			all = append(all, c)
		}
	}
	hold(nil)
	runtime.KeepAlive(all)
}

// playStarving serves in the folder DIR with 64 file descriptors.
func playStarving() {
	check(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}))
	s, err := Listen(Options{Dir: os.Getenv("DIR")})
	check(err)
	book, err := accounts.Open(context.Background(), accounts.Options{Dir: os.Getenv("DIR") + "/data"})
	check(err)
	go s.Serve(book)
	hold(nil)
}

// A program is one of the test's own.
type program struct {
	t    *testing.T
	path string
	args []string
	env  []string
	attr *syscall.SysProcAttr
	dir  string
}

// newProgram copies the test binary to a folder of its own under that name.
func newProgram(t *testing.T, name string) program {
	t.Helper()
	dir := runtimeDir(t)
	path := filepath.Join(dir, name)
	copyBinary(t, path)
	return program{t: t, path: path, dir: dir}
}

func copyBinary(t *testing.T, path string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// lookout is where programs connect to be looked at.
type lookout struct {
	*identifier
	t    *testing.T
	unix *net.UnixListener
	path string
}

func newLookout(t *testing.T) *lookout {
	t.Helper()
	dir := runtimeDir(t)
	path := filepath.Join(dir, "sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &lookout{identifier: &identifier{uid: os.Getuid(), runtime: dir}, t: t, unix: l, path: path}
}

// running is a program that was started.
type running struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start runs a program in a role and waits until it says that it is ready.
func (p program) start(role, socket string, env ...string) *running {
	p.t.Helper()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir = p.dir
	cmd.Env = append(append(append(os.Environ(), "ROLE="+role, "SOCK="+socket), p.env...), env...)
	cmd.SysProcAttr = p.attr
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	r := &running{Cmd: cmd, in: in, out: bufio.NewReader(out)}
	p.t.Cleanup(r.stop)
	return r
}

func (r *running) stop() {
	r.in.Close()
	r.Process.Kill()
	r.Wait()
}

func (r *running) line(t *testing.T) string {
	t.Helper()
	s, err := r.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%s ended: %v", r.Path, err)
	}
	return strings.TrimSpace(s)
}

// look has the program connect and identifies it.
func (l *lookout) look(p program, role string, env ...string) (*peer, *running) {
	l.t.Helper()
	r := p.start(role, l.path, env...)
	if got := r.line(l.t); got != "ready" {
		l.t.Fatal(got)
	}
	return l.identified(), r
}

// identified accepts the next connection and identifies its peer.
func (l *lookout) identified() *peer {
	l.t.Helper()
	c, err := l.unix.AcceptUnix()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	p := l.meet(c)
	l.t.Cleanup(p.forget)
	l.identify(p)
	return p
}

// rights is a control message that carries that many files.
func rights(t *testing.T, files int) []byte {
	t.Helper()
	fds := make([]int, files)
	for n := range fds {
		fds[n] = int(os.Stdin.Fd())
	}
	return unix.UnixRights(fds...)
}
