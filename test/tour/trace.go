package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// order reads what strace saw of the last refresh: the request to the provider,
// then a finished fdatasync (the vault's commit), and only then an answer on
// the apps' socket.
func order(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(b), "\n")
	asked, synced, answered := -1, -1, -1
	for i, l := range lines {
		switch {
		case strings.Contains(l, `"POST /`) && strings.Contains(l, "token"):
			asked, synced, answered = i, -1, -1
		case strings.Contains(l, "fdatasync") && strings.HasSuffix(l, "= 0") && synced < 0:
			synced = i
		case strings.Contains(l, `"HTTP/1.1 200 OK`) && answered < 0:
			answered = i
		}
	}
	switch {
	case asked < 0:
		return errors.New("strace saw no token request")
	case synced < 0:
		return errors.New("strace saw no fdatasync after the token request")
	case answered < 0:
		return errors.New("strace saw no answer after the token request")
	case answered < synced:
		return fmt.Errorf("the token was handed out before it was on disk:\n%s\n%s\n%s", lines[asked], lines[answered], lines[synced])
	}
	return nil
}
