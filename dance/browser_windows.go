package dance

import "os/exec"

func opener(address string) *exec.Cmd {
	return exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
}
