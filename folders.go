package main

import (
	"os"
	"path/filepath"
)

// xdg is the program's folder below an XDG base directory.
func xdg(variable, fallback string) string {
	base := os.Getenv(variable)
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			fail(exitError, err, "set HOME, or "+variable)
		}
		base = filepath.Join(home, fallback)
	}
	return filepath.Join(base, "dancecard")
}
