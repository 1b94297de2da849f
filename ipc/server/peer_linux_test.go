package server

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dancecard/accounts"
	"dancecard/ipc"
)

// theApp is who a peer is, which must be somebody.
func theApp(t *testing.T, p *peer) accounts.App {
	t.Helper()
	if p.refusal != nil {
		t.Fatal(p.refusal)
	}
	return p.app
}

func TestPeerIsTheProgram(t *testing.T) {
	l := newLookout(t)
	prog := newProgram(t, "songbook")
	p, r := l.look(prog, "hold")
	app := theApp(t, p)
	if app.Name != "songbook" || app.Path != prog.path || app.PID != r.Process.Pid || app.Weak || app.OnceOnly || app.Caller != "" || app.Sandbox != "" {
		t.Errorf("%+v", app)
	}
	if len(app.Callers) == 0 || app.Callers[0] != "server.test" {
		t.Errorf("its parents are %v", app.Callers)
	}
	again, _ := l.look(prog, "hold")
	if theApp(t, again).Key != app.Key {
		t.Error("the same program is another app the second time")
	}
	other, _ := l.look(newProgram(t, "songbook"), "hold")
	if theApp(t, other).Key == app.Key {
		t.Error("another file with the same name is the same app")
	}
	if now, refusal := l.current(p); refusal != nil || now.Key != app.Key {
		t.Errorf("%v %v", now, refusal)
	}
	r.stop()
	if _, refusal := l.current(p); refusal == nil {
		t.Error("a dead process is served")
	}
}

func TestPeerOnAnOldKernel(t *testing.T) {
	l := newLookout(t)
	l.oldKernel = true
	p, _ := l.look(newProgram(t, "songbook"), "hold")
	if app := theApp(t, p); !app.Weak {
		t.Error("identified without a pidfd from the socket, and not said")
	}
}

func TestI3AnotherUsersPeer(t *testing.T) {
	l := newLookout(t)
	l.uid++ // for us, the peer is somebody else: root too has no special place
	p, _ := l.look(newProgram(t, "songbook"), "hold")
	if p.refusal == nil || p.refusal.Code != ipc.CodeNotYourOwn {
		t.Errorf("refusal %v", p.refusal)
	}
}

func TestI2OtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user; TestI3AnotherUsersPeer covers the credentials")
	}
	r := newRig(t)
	other := func() string {
		cmd := exec.Command("setpriv", append([]string{"--reuid=65534", "--regid=65534", "--clear-groups", "curl"}, r.curl("http://dancecard/v1/status").Args[1:]...)...)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := other(); !strings.Contains(out, "curl: (7)") {
		t.Errorf("through a closed folder: %s", out)
	}
	for _, p := range []string{r.runtime, r.runtime + "/dancecard", r.runtime + "/dancecard/app"} {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(r.runtime+"/dancecard/app/dancecard.sock", 0o777); err != nil {
		t.Fatal(err)
	}
	if out := other(); !strings.Contains(out, `"other_user"`) {
		t.Errorf("through an opened folder: %s", out)
	}
}

func TestI4NameOfTheClientsSocket(t *testing.T) {
	l := newLookout(t)
	name := filepath.Join(runtimeDir(t), "x;uid=0;pid=1;")
	c, err := net.DialUnix("unix", &net.UnixAddr{Name: name}, &net.UnixAddr{Name: l.path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if app := theApp(t, l.identified()); app.PID != os.Getpid() || app.Name != "server.test" {
		t.Errorf("%+v", app)
	}
}

func TestI7CreatorGone(t *testing.T) {
	l := newLookout(t)
	prog := newProgram(t, "songbook")
	r := prog.start("leave", l.path)
	if err := r.Process.Release(); err != nil {
		t.Fatal(err)
	}
	unix.Wait4(r.Process.Pid, nil, 0, nil)
	if got := r.line(t); got != "ready" {
		t.Fatal(got)
	}
	if p := l.identified(); p.refusal == nil || p.refusal.Code != ipc.CodeUnidentified {
		t.Errorf("a connection whose maker is gone belongs to %+v", p.app)
	}
}

func TestI7CreatorGoneLater(t *testing.T) {
	r := newRig(t)
	prog := newProgram(t, "songbook")
	p := prog.start("leave", filepath.Join(r.runtime, "dancecard", ipc.AppSocket))
	p.Wait2()
	if got := p.line(t); got != "ready" {
		t.Fatal(got)
	}
	p.in.Write([]byte("go\n"))
	if got := p.line(t); got != "HTTP/1.1 403 Forbidden" {
		t.Errorf("a connection whose maker is gone got %s", got)
	}
}

// Wait2 reaps the process and leaves its pipes open for its child.
func (r *running) Wait2() { unix.Wait4(r.Process.Pid, nil, 0, nil) }

func TestI8ExecAfterConnect(t *testing.T) {
	r := newRig(t)
	p := newProgram(t, "songbook").start("become", filepath.Join(r.runtime, "dancecard", ipc.AppSocket))
	if got := p.line(t); got != "HTTP/1.1 200 OK" {
		t.Fatal(got)
	}
	if got := p.line(t); got != "HTTP/1.1 403 Forbidden" {
		t.Errorf("after exec the connection got %s", got)
	}
}

func TestI9HandedToAChild(t *testing.T) {
	r := newRig(t)
	p := newProgram(t, "songbook").start("hand over", filepath.Join(r.runtime, "dancecard", ipc.AppSocket))
	if got := p.line(t); got != "HTTP/1.1 200 OK" {
		t.Fatal(got)
	}
	for {
		if got := p.line(t); strings.HasPrefix(got, "{") {
			if !strings.Contains(got, `"name":"songbook"`) {
				t.Errorf("the child's request belongs to %s", got)
			}
			return
		}
	}
}

func TestI10Undumpable(t *testing.T) {
	asOrdinaryUser(t, func(t *testing.T) {
		l := newLookout(t)
		p, _ := l.look(newProgram(t, "songbook"), "undumpable")
		if p.refusal == nil || p.refusal.Code != ipc.CodeUnidentified {
			t.Errorf("a program that hides itself is %+v", p.app)
		}
	})
}

// The tray app hides its own memory, and must recognise others all the same.
func TestServerIsUndumpable(t *testing.T) {
	asOrdinaryUser(t, func(t *testing.T) {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		defer unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
		l := newLookout(t)
		prog := newProgram(t, "songbook")
		p, _ := l.look(prog, "hold")
		if app := theApp(t, p); app.Path != prog.path || app.Weak {
			t.Errorf("%+v", app)
		}
	})
}

// asOrdinaryUser runs the test once more without root's rights, if we have them.
func asOrdinaryUser(t *testing.T, f func(*testing.T)) {
	t.Helper()
	if os.Getuid() != 0 {
		f(t)
		return
	}
	dir := runtimeDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "server.test")
	copyBinary(t, bin)
	cmd := exec.CommandContext(t.Context(), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
		bin, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
}

func TestI11ReplacedExecutable(t *testing.T) {
	l := newLookout(t)
	prog := newProgram(t, "songbook")
	p, _ := l.look(prog, "hold")
	before := theApp(t, p)

	next := filepath.Join(prog.dir, "next")
	copyBinary(t, next)
	if err := os.Rename(next, prog.path); err != nil {
		t.Fatal(err)
	}
	upgraded, _ := l.look(prog, "hold")
	if theApp(t, upgraded).Key == before.Key {
		t.Error("the upgraded program keeps the old one's grants")
	}
	now, refusal := l.current(p)
	if refusal != nil || now.Key == before.Key || !now.Weak {
		t.Errorf("the running old program, whose file is gone, is %+v, %v", now, refusal)
	}
	if err := os.Remove(prog.path); err != nil {
		t.Fatal(err)
	}
	gone, refusal := l.current(upgraded)
	if refusal != nil || gone.Key == upgraded.own.exe.path || !gone.Weak || !strings.Contains(gone.Path, "(deleted)") {
		t.Errorf("the program whose file was deleted is %+v, %v", gone, refusal)
	}
}

func TestI11ChangedInPlace(t *testing.T) {
	l := newLookout(t)
	prog := newProgram(t, "songbook")
	p, r := l.look(prog, "hold")
	before := theApp(t, p)
	r.stop()
	f, err := os.OpenFile(prog.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("more")
	f.Close()
	os.Chtimes(prog.path, p.own.mtime(t), p.own.mtime(t))
	p, _ = l.look(prog, "hold")
	if theApp(t, p).Key == before.Key {
		t.Error("the changed program keeps its grants")
	}
}

func TestI12Interpreter(t *testing.T) {
	l := newLookout(t)
	python := newProgram(t, "python3.13")
	for _, name := range []string{"mail.py", "other.py"} {
		if err := os.WriteFile(filepath.Join(python.dir, name), []byte("#"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app := func(args ...string) accounts.App {
		t.Helper()
		python.args = args
		p, r := l.look(python, "hold")
		defer r.stop()
		return theApp(t, p)
	}
	mail := app("-u", filepath.Join(python.dir, "mail.py"))
	if mail.Name != "mail.py" || mail.Path != filepath.Join(python.dir, "mail.py") || mail.Caller != "" {
		t.Errorf("%+v", mail)
	}
	if relative := app("mail.py", "--an-option"); relative.Key != mail.Key {
		t.Errorf("by its relative path it is another app: %+v", relative)
	}
	if other := app("other.py"); other.Key == mail.Key {
		t.Error("two scripts are one app")
	}
	line := app("-c", "evil", filepath.Join(python.dir, "mail.py"))
	if line.Key == mail.Key || line.Name != "python3.13" || line.Caller != "server.test" {
		t.Errorf("a program on the command line is %+v", line)
	}
	for _, args := range [][]string{{"-ic", "evil", "mail.py"}, {"-m", "mail"}, {"missing.py"}, {"/dev/fd/0"}, {"/proc/self/cwd/mail.py"}, {python.dir}, {}} {
		if a := app(args...); a.Key != line.Key {
			t.Errorf("%v is %+v", args, a)
		}
	}
	if err := os.WriteFile(filepath.Join(python.dir, "mail.py"), []byte("# changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if changed := app("mail.py"); changed.Key == mail.Key {
		t.Error("the changed script keeps its grants")
	}
}

func TestI13NameOnScreen(t *testing.T) {
	l := newLookout(t)
	p, _ := l.look(newProgram(t, "good\n\u202eSystem\x1b[2J"), "hold")
	app := theApp(t, p)
	if want := `good\n\u202eSystem\x1b[2J`; app.Name != want || !strings.HasSuffix(app.Path, "/"+want) {
		t.Errorf("the name on screen is %q, want %q", app.Name, want)
	}
}

func TestI13VeryLongPath(t *testing.T) {
	l := newLookout(t)
	prog := newProgram(t, "songbook")
	wd, _ := os.Getwd()
	defer os.Chdir(wd)
	if err := os.Chdir(prog.dir); err != nil {
		t.Fatal(err)
	}
	for range 18 { // more than PATH_MAX together
		name := strings.Repeat("d", 250)
		if os.Mkdir(name, 0o700) != nil || os.Chdir(name) != nil {
			t.Fatal("no deep folder")
		}
	}
	data, err := os.ReadFile(prog.path)
	if err != nil || os.WriteFile("songbook", data, 0o755) != nil {
		t.Fatal("no deep program")
	}
	fd, err := unix.Open("songbook", unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "songbook")
	defer file.Close()
	cmd := exec.Command("/proc/self/fd/3")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "ROLE=hold", "SOCK="+l.path)
	cmd.ExtraFiles = []*os.File{file}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	p := l.identified()
	if p.refusal == nil && len([]rune(p.app.Path)) > maxShown {
		t.Errorf("a path of %d bytes goes on screen", len(p.app.Path))
	}
}

func TestCarriers(t *testing.T) {
	l := newLookout(t)
	curl, bash, songbook, diary := newProgram(t, "curl"), newProgram(t, "bash"), newProgram(t, "songbook"), newProgram(t, "diary")
	by := func(first program, chain ...program) accounts.App {
		t.Helper()
		var paths []string
		for _, c := range chain {
			paths = append(paths, c.path)
		}
		p, r := l.look(first, "spawn", "CHILDREN="+strings.Join(paths, ":"))
		defer r.stop()
		return theApp(t, p)
	}
	one := by(songbook, bash, curl)
	if one.Name != "curl" || one.Caller != "songbook" || one.CallerPath != songbook.path || one.OnceOnly {
		t.Errorf("%+v", one)
	}
	if direct := by(songbook, curl); direct.Key != one.Key {
		t.Errorf("the shell between them makes another app: %+v", direct)
	}
	if other := by(diary, bash, curl); other.Key == one.Key || other.Caller != "diary" {
		t.Errorf("curl for another program is the same app: %+v", other)
	}
	p, _ := l.look(songbook, "hold")
	if theApp(t, p).Key == one.Key {
		t.Error("the caller itself is the same app as curl for it")
	}
}

func TestCarrierWithoutACaller(t *testing.T) {
	l := newLookout(t)
	curl := newProgram(t, "curl")
	r := newProgram(t, "songbook").start("orphan", l.path, "CHILDREN="+curl.path)
	r.Wait2()
	if got := r.line(t); got != "ready" {
		t.Fatal(got)
	}
	// Who takes orphans in is nobody in particular, or one that cannot be seen.
	p := l.identified()
	if app := theApp(t, p); p.own.parent == 1 && !app.OnceOnly {
		t.Errorf("%+v", app)
	}
}

func TestDancectlIsACarrierByItsFile(t *testing.T) {
	l := newLookout(t)
	ours, theirs := newProgram(t, "dancectl"), newProgram(t, "dancectl")
	l.dancectl = dancectlID(ours.path)
	p, _ := l.look(ours, "hold")
	if app := theApp(t, p); app.Caller != "server.test" {
		t.Errorf("our dancectl is %+v", app)
	}
	p, _ = l.look(theirs, "hold")
	if app := theApp(t, p); app.Caller != "" {
		t.Errorf("another program that has our name is %+v", app)
	}
	if dancectlID(ours.dir+"/missing") != (fileID{}) || dancectlID("") != (fileID{}) {
		t.Error("a file that is not there has an id")
	}
}

// elsewhere starts a program in mounts of its own.
func elsewhere() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_SYS_CHROOT}
	}
	return a
}

func TestI14FakeFlatpakInfo(t *testing.T) {
	l := newLookout(t)
	prog := newProgram(t, "songbook")
	prog.attr = elsewhere()
	root := runtimeDir(t)
	info := "[Application]\nname=org.example.Songs\n\n[Instance]\ninstance-id=12345\n"
	if err := os.WriteFile(filepath.Join(root, ".flatpak-info"), []byte(info), 0o644); err != nil {
		t.Fatal(err)
	}
	p, r := l.look(prog, "chroot", "ROOT="+root)
	if p.refusal == nil || p.refusal.Code != ipc.CodeUnidentified || !p.boxed {
		t.Errorf("who calls itself a Flatpak is %+v", p.app)
	}
	r.stop()

	record := filepath.Join(l.runtime, ".flatpak", "12345")
	if err := os.MkdirAll(record, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(record, "info"), []byte(info), 0o600); err != nil {
		t.Fatal(err)
	}
	p, r = l.look(prog, "chroot", "ROOT="+root)
	app := theApp(t, p)
	if app.Sandbox != "org.example.Songs" || !p.boxed {
		t.Errorf("a Flatpak is %+v", app)
	}
	r.stop()
	p, _ = l.look(newProgram(t, "another"), "hold")
	if theApp(t, p).Sandbox != "" || p.boxed {
		t.Errorf("a program of the host is boxed: %+v", p.app)
	}
}

func TestOtherMountsAreOtherApps(t *testing.T) {
	l := newLookout(t)
	prog := newProgram(t, "songbook")
	p, _ := l.look(prog, "hold")
	host := theApp(t, p)
	prog.attr = elsewhere()
	p, _ = l.look(prog, "hold")
	if boxed := theApp(t, p); boxed.Key == host.Key || !boxed.Weak || !p.boxed {
		t.Errorf("in mounts of its own it is %+v", boxed)
	}
}

func TestI40SandboxNeverReachesControl(t *testing.T) {
	r := newRig(t)
	prog := newProgram(t, "curl")
	status, _, _ := r.do(ipc.ControlSocket, "GET", "/v1/status", "")
	if status != 200 {
		t.Fatal(status)
	}
	real, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(real, "-sS", "--unix-socket", filepath.Join(r.runtime, "dancecard", ipc.ControlSocket), "http://dancecard/v1/status")
	cmd.SysProcAttr = elsewhere()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"other_user"`) {
		t.Errorf("%v %s", err, out)
	}
	_ = prog
}

func TestI16OtherPidNamespace(t *testing.T) {
	prog := newProgram(t, "watchman")
	prog.attr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Getuid() != 0 {
		prog.attr = elsewhere()
		prog.attr.Cloneflags |= syscall.CLONE_NEWPID
	}
	socket := filepath.Join(prog.dir, "sock")
	r := prog.start("meet", socket)
	if got := r.line(t); got != "ready" {
		t.Fatal(got)
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := r.line(t); got != string(ipc.CodeUnidentified) {
		t.Errorf("a peer that has no number there is %s", got)
	}
}

func (p process) mtime(t *testing.T) time.Time {
	t.Helper()
	return time.Unix(0, p.exe.ctime)
}
