package dance

import "os/exec"

func opener(address string) *exec.Cmd {
	return command("rundll32", "url.dll,FileProtocolHandler", address)
}

func command(words ...string) *exec.Cmd { return exec.Command(words[0], words[1:]...) }

// installed is empty: choosing a browser is not offered on this system yet.
func installed() []browser { return nil }
