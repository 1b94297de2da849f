//go:build !unix

package main

import (
	"errors"
	"os"
)

// onlyOurs refuses every file: who may read it cannot be told here.
func onlyOurs(path string, _ os.FileInfo) error {
	return &problem{exitUsage, "it cannot be told here who may read " + path, "type the secret at the prompt"}
}

func openTerminal() (*os.File, error) { return nil, errors.New("no terminal") }
