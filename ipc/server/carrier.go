package server

import (
	"path"
	"slices"
	"strings"
)

// Carriers are programs that speak for others: a grant names the carrier and
// whoever started it.
var carriers = []string{
	"git", "git-remote-http", "git-remote-https", "git-lfs", "gh", "glab",
	"docker", "podman", "skopeo", "kubectl", "helm",
	"curl", "wget", "wget2", "aria2c", "xh", "ssh", "scp", "sftp",
	"nc", "nc.openbsd", "nc.traditional", "ncat", "netcat", "socat", "websocat", "telnet",
	"env", "sudo", "doas", "su", "pkexec", "xargs", "timeout", "nohup", "setsid", "nice", "time",
	"script", "strace", "busybox", "toybox", "watch", "parallel", "find",
	"http", "https", "httpie",
}

// shells carry unless they run a script that is a file.
var shells = []string{"sh", "bash", "dash", "zsh", "fish", "ksh", "mksh", "ash", "tcsh", "csh", "nu", "elvish"}

// An interpreter runs a program that is not its executable. safe lists the
// options that may stand before the script without changing what runs; after
// any other the script is not believed, since `python -c` or `node --require`
// can run anything beside it.
type interpreter struct {
	names []string // with digits and dots cut off the end
	safe  []string
	file  string // the option that names the program ("-jar"); "": the first argument
}

var interpreters = []interpreter{
	{names: shells, safe: []string{"-e", "-u", "-x", "-f", "-l", "--login", "--posix", "--noprofile", "--norc", "-eu", "-ex", "-eux"}},
	{names: []string{"python", "pypy"}, safe: []string{"-B", "-b", "-E", "-I", "-O", "-OO", "-P", "-q", "-s", "-S", "-u", "-sP", "-Es", "-Iu", "-v"}},
	{names: []string{"perl"}, safe: []string{"-w", "-T", "-t", "-W", "-CS"}},
	{names: []string{"ruby"}, safe: []string{"-w", "-W", "-W0", "-W1", "-W2"}},
	{names: []string{"node", "nodejs", "bun"}, safe: []string{"--no-warnings", "--enable-source-maps", "--no-deprecation", "--trace-warnings"}},
	{names: []string{"php", "lua", "luajit", "tclsh", "wish", "guile", "gjs", "Rscript", "dotnet", "mono", "pwsh"}},
	{names: []string{"awk", "gawk", "mawk"}, file: "-f"},
	{names: []string{"deno"}, file: "run"},
	{names: []string{"java"}, safe: []string{"-server", "-client"}, file: "-jar"},
	{names: []string{"electron"}, safe: []string{"--ozone-platform-hint=auto", "--enable-wayland-ime"}},
}

// interpreterOf finds the interpreter that an executable is.
func interpreterOf(exe string) (interpreter, bool) {
	name := stem(exe)
	for _, in := range interpreters {
		if slices.Contains(in.names, name) {
			return in, true
		}
	}
	return interpreter{}, false
}

// stem is an executable's name without its version: python3.13 is python.
func stem(exe string) string {
	name := strings.TrimSuffix(base(exe), " (deleted)")
	return strings.TrimRight(name, "0123456789.-")
}

// script finds the path of the script in an interpreter's command line, ""
// if there is none that can be believed.
func (in interpreter) script(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	for n, arg := range argv[1:] {
		rest := argv[n+2:]
		switch {
		case in.file != "" && arg == in.file:
			if len(rest) > 0 {
				return rest[0]
			}
			return ""
		case slices.Contains(in.safe, arg):
		case strings.HasPrefix(arg, "-"), arg == "", in.file != "":
			return ""
		default:
			return arg
		}
	}
	return ""
}

// carrier reports whether p speaks for others.
func (i *identifier) carrier(p process) bool {
	if i.dancectl != (fileID{}) && p.exe.id == i.dancectl {
		return true
	}
	if p.interp && p.script.path == "" {
		return true // a prompt, or a program on the command line
	}
	name, _ := p.program()
	return slices.Contains(carriers, name)
}

// manager reports whether p starts programs for everybody, so that being its
// child says nothing.
func manager(p process) bool {
	return p.pid <= 1 || base(p.exe.path) == "systemd"
}

// unitOf reads from /proc/PID/cgroup which systemd service the process is in
// (the part that stays the same when it is started again), and which Snap.
func unitOf(cgroup string) (unit, snap string) {
	for line := range strings.Lines(cgroup) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || fields[1] != "" && fields[1] != "name=systemd" {
			continue
		}
		for part := range strings.SplitSeq(fields[2], "/") {
			if s, ok := strings.CutPrefix(part, "snap."); ok {
				snap, _, _ = strings.Cut(s, ".")
			}
		}
		if u := serviceName(path.Base(fields[2])); u != "" {
			unit = u
		}
	}
	return unit, snap
}

// serviceName is a unit's name without the random part that desktops give it
// (systemd's desktop environment conventions: app[-LAUNCHER]-ID@RANDOM.service).
// Scopes and the user's own manager are no names to remember.
func serviceName(unit string) string {
	name, ok := strings.CutSuffix(unit, ".service")
	if !ok || strings.HasPrefix(name, "user@") {
		return ""
	}
	if strings.HasPrefix(name, "app-") {
		name, _, _ = strings.Cut(name, "@")
	}
	if strings.HasPrefix(name, "run-") || name == "" {
		return "" // systemd-run's random names
	}
	return name + ".service"
}
