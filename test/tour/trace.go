package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// order reads what strace saw up to the kill: between the last two answers on
// the apps' socket there was at least one request to the provider's token
// endpoint, and for each of them an fdatasync (the vault's commit) was finished.
func order(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(b), "\n")
	asked, synced, answers := 0, 0, 0
	for _, l := range slices.Backward(lines) {
		switch {
		case strings.Contains(l, `"HTTP/1.1 200 OK`):
			answers++
		case answers == 0: // after curl was answered
		case strings.Contains(l, "fdatasync") && strings.HasSuffix(l, "= 0"):
			synced++
		case strings.Contains(l, `"POST /`) && strings.Contains(l, "token"):
			asked++
		}
		if answers == 2 {
			break
		}
	}
	switch {
	case answers < 2:
		return errors.New("strace did not see curl being answered")
	case asked == 0:
		return errors.New("strace saw no token request before curl was answered")
	case synced < asked:
		return fmt.Errorf("curl was answered before the vault was on disk: %d token requests, %d times fdatasync", asked, synced)
	}
	return nil
}
