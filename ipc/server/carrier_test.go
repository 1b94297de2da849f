package server

import (
	"strings"
	"testing"
)

func TestScript(t *testing.T) {
	for _, c := range []struct{ exe, line, want string }{
		{"/usr/bin/python3.13", "python3 /a/b.py x", "/a/b.py"},
		{"/usr/bin/python3", "python3 -u -B b.py", "b.py"},
		{"/usr/bin/python3", "python3 -c evil /a/b.py", ""},
		{"/usr/bin/python3", "python3 -Ic evil /a/b.py", ""},
		{"/usr/bin/python3", "python3 -m pip", ""},
		{"/usr/bin/python3", "python3 - /a/b.py", ""},
		{"/usr/bin/python3", "python3", ""},
		{"/usr/bin/pypy3", "pypy3 b.py", "b.py"},
		{"/usr/bin/bash", "bash -eu /a/run.sh", "/a/run.sh"},
		{"/usr/bin/bash", "bash -c evil /a/run.sh", ""},
		{"/usr/bin/bash", "bash --rcfile evil /a/run.sh", ""},
		{"/usr/bin/bash", "-bash", ""},
		{"/usr/bin/dash", "sh -s /a/run.sh", ""},
		{"/usr/bin/node", "node --enable-source-maps app.js", "app.js"},
		{"/usr/bin/node", "node --require evil.js app.js", ""},
		{"/usr/bin/node", "node -e evil app.js", ""},
		{"/usr/bin/perl5.40", "perl -w x.pl", "x.pl"},
		{"/usr/bin/perl", "perl -Mevil x.pl", ""},
		{"/usr/bin/ruby3.4", "ruby x.rb", "x.rb"},
		{"/usr/bin/java", "java -server -jar /a/x.jar y", "/a/x.jar"},
		{"/usr/bin/java", "java -cp /a/x.jar Main", ""},
		{"/usr/bin/java", "java -javaagent:evil.jar -jar /a/x.jar", ""},
		{"/usr/bin/java", "java -jar", ""},
		{"/usr/bin/java", "java Main", ""},
		{"/usr/lib/electron37/electron", "electron /a/app.asar", "/a/app.asar"},
		{"/usr/bin/gawk", "gawk /pattern/", ""},
		{"/usr/bin/gawk", "gawk -f x.awk", "x.awk"},
	} {
		in, ok := interpreterOf(c.exe)
		if !ok {
			t.Errorf("%s is no interpreter", c.exe)
			continue
		}
		if got := in.script(strings.Fields(c.line)); got != c.want {
			t.Errorf("%s: script %q, want %q", c.line, got, c.want)
		}
	}
	in, _ := interpreterOf("/usr/bin/python3")
	if got := in.script(nil); got != "" {
		t.Errorf("no command line, script %q", got)
	}
	if got := in.script([]string{"python3", "", "b.py"}); got != "" {
		t.Errorf("an empty argument, script %q", got)
	}
	for _, exe := range []string{"/usr/bin/pythonic", "/usr/bin/songbook", "/usr/bin/nodeenv", ""} {
		if _, ok := interpreterOf(exe); ok {
			t.Errorf("%s is an interpreter", exe)
		}
	}
}

func TestUnit(t *testing.T) {
	for _, c := range []struct{ cgroup, unit, snap string }{
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/mail.service\n", "mail.service", ""},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Maps@3f2c.service", "app-org.gnome.Maps.service", ""},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-foo-1234.scope", "", ""},
		{"0::/user.slice/user-1000.slice/user@1000.service/init.scope", "", ""},
		{"0::/user.slice/user-1000.slice/user@1000.service", "", ""},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1234.service", "", ""},
		{"1:name=systemd:/system.slice/cron.service\n3:cpu:/wrong.service\n", "cron.service", ""},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/snap.songs.player-1-2.scope", "", "songs"},
		{"0::/", "", ""},
		{"", "", ""},
		{"nonsense", "", ""},
	} {
		if unit, snap := unitOf(c.cgroup); unit != c.unit || snap != c.snap {
			t.Errorf("%s: unit %q snap %q", c.cgroup, unit, snap)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"/usr/bin/curl":         "/usr/bin/curl",
		"/home/ä/größe 日本":      "/home/ä/größe 日本",
		`say "hi"`:              `say "hi"`,
		"two\nlines\r\x00\x1b[": `two\nlines\r\x00\x1b[`,
		`two\nlines`:            `two\\nlines`,
		"\u202egpj.exe":         `\u202egpj.exe`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"bad \xff utf":          `bad \xff utf`,
		"new\nand \"quote\"":    `new\nand "quote"`,
		"":                      "",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	long := clean("/start/" + strings.Repeat("x", 5000) + "/end")
	if n := len([]rune(long)); n > maxShown || !strings.HasPrefix(long, "/start/") || !strings.HasSuffix(long, "/end") {
		t.Errorf("a long path becomes %q", long)
	}
}

func TestKeyTellsFactsApart(t *testing.T) {
	seen := map[string][]string{}
	for _, facts := range [][]string{nil, {""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"b", "a"}, {"dancecard app 1"}} {
		k := key(facts...)
		if was, ok := seen[k]; ok {
			t.Errorf("%q and %q have the same key", was, facts)
		}
		seen[k] = facts
	}
}

// A carrier without a caller speaks for its systemd unit, if it has one.
func TestDescribe(t *testing.T) {
	id := new(identifier)
	at := func(pid int, path string) process {
		return process{pid: pid, name: base(path), exe: file{path: path, id: fileID{1, uint64(len(path))}}}
	}
	curl, init := at(20, "/usr/bin/curl"), at(1, "/sbin/init")
	alone := id.describe(curl, []process{init})
	if !alone.OnceOnly || alone.Caller != "" || alone.Key == "" {
		t.Errorf("%+v", alone)
	}
	curl.unit = "mail.service"
	unit := id.describe(curl, []process{at(700, "/usr/lib/systemd/systemd"), init})
	if unit.OnceOnly || unit.Caller != "mail.service" || unit.Key == alone.Key {
		t.Errorf("%+v", unit)
	}
	replaced := at(30, "/usr/bin/songbook")
	replaced.exe.moved = true
	if app := id.describe(at(20, "/usr/bin/curl"), []process{replaced}); !app.Weak || app.Caller != "songbook" {
		t.Errorf("for a program whose file was replaced: %+v", app)
	}
	hidden := id.describe(at(20, "/usr/bin/curl"), []process{{pid: 30, name: "sshd"}, at(40, "/usr/bin/songbook")})
	if !hidden.OnceOnly || hidden.Callers[0] != "sshd" {
		t.Errorf("beyond a parent that cannot be seen: %+v", hidden)
	}
	if name, path := (process{name: "sshd"}).program(); name != "sshd" || path != "" {
		t.Errorf("%q %q", name, path)
	}
}
