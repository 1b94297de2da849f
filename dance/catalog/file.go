package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxFile is many times the longest row.
const maxFile = 32 << 10

// readFile reads a provider file without waiting on a pipe, following a link
// or taking in more than maxFile, and only if nobody else may write to it.
func readFile(file string) ([]byte, *Problem) {
	info, err := os.Lstat(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	if p := regular(file, info); p != nil {
		return nil, p
	}
	f, err := os.OpenFile(file, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer f.Close()
	// What was opened counts, not what was there a moment ago.
	if info, err = f.Stat(); err != nil {
		return nil, unreadable(file, err)
	}
	if p := regular(file, info); p != nil {
		return nil, p
	}
	if p := owned(file, info); p != nil {
		return nil, p
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(file, err)
	}
	if len(data) > maxFile {
		return nil, tooLarge(file)
	}
	return data, nil
}

func regular(file string, info fs.FileInfo) *Problem {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return &Problem{File: file, Reason: "this is a link, and links are not followed", Fix: "put a copy of the file here"}
	case !info.Mode().IsRegular():
		return &Problem{File: file, Reason: "this is not a plain file", Fix: "delete it, or give it a name that does not end in .toml"}
	case info.Size() > maxFile:
		return tooLarge(file)
	}
	return nil
}

func tooLarge(file string) *Problem {
	return &Problem{
		File: file, Reason: fmt.Sprintf("the file is larger than %d KB, and no provider file is", maxFile>>10),
		Fix: "shorten it",
	}
}

func unreadable(file string, err error) *Problem {
	if errors.Is(err, syscall.ELOOP) {
		return &Problem{File: file, Reason: "this is a link, and links are not followed", Fix: "put a copy of the file here"}
	}
	return &Problem{File: file, Reason: "the file cannot be read: " + reason(err), Fix: "make it readable for you: chmod 600"}
}
