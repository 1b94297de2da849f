//go:build !darwin && !windows

package dance

import (
	"os/exec"
	"syscall"
)

// opener gets a session of its own: it outlives us and hears none of our signals.
func opener(address string) *exec.Cmd {
	cmd := exec.Command("xdg-open", address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}
