//go:build !darwin && !windows

package dance

import (
	"os/exec"
	"syscall"
)

func opener(address string) *exec.Cmd { return command("xdg-open", address) }

// command gets a session of its own: it outlives us and hears none of our signals.
func command(words ...string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}
