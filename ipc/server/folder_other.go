//go:build !unix

package server

import (
	"errors"
	"os"
)

func ours(os.FileInfo) bool { return false }

func takeLock(string) (*os.File, error) {
	return nil, errors.New("Dancecard's sockets are not made for this system yet: use Linux")
}

func refused(error) bool       { return false }
func exhausted(error) bool     { return false }
func dancectlID(string) fileID { return fileID{} }
