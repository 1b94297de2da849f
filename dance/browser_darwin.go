package dance

import (
	"os/exec"
	"syscall"
)

func opener(address string) *exec.Cmd { return command("open", address) }

// command gets a session of its own: it outlives us and hears none of our signals.
func command(words ...string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// installed is empty: choosing a browser is not offered on this system yet.
func installed() []browser { return nil }
