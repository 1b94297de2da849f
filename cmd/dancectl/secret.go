package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"dancecard/ipc"

	"golang.org/x/term"
)

// maxSecret bounds what is read of a file with a secret in it.
const maxSecret = 64 << 10

// secretFile reads a secret from a file that nobody else may read, without
// the newline at its end. Nobody may write to a pipe, so ctx ends the wait.
func secretFile(ctx context.Context, path string) (ipc.Secret, error) {
	type answer struct {
		secret ipc.Secret
		err    error
	}
	done := make(chan answer, 1)
	go func() { // cannot be called off; ends with the process at the latest
		s, err := readSecret(path)
		done <- answer{s, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-done:
		return a.secret, a.err
	}
}

func readSecret(path string) (ipc.Secret, error) {
	data, err := readOurs(path)
	if err != nil {
		return "", err
	}
	text := bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(text) == 0 || len(data) > maxSecret || !utf8.Valid(text) || bytes.ContainsAny(text, "\x00\r\n") {
		return "", &problem{exitUsage, path + " does not hold one line of text",
			"put the secret alone into the file, in one line"}
	}
	return ipc.Secret(text), nil
}

// keyFile reads a private key in PEM. What it is worth, Dancecard says.
func keyFile(path string) (ipc.Secret, error) {
	data, err := readOurs(path)
	if err != nil {
		return "", err
	}
	if len(data) > maxSecret || !bytes.Contains(data, []byte("-----BEGIN ")) {
		return "", &problem{exitUsage, path + " does not hold a key in PEM",
			"openssl genrsa -out key.pem 2048 makes one"}
	}
	return ipc.Secret(data), nil
}

// clientFile reads a provider's file of a client. Such files are downloaded, and
// so may be readable by others.
func clientFile(path string) (ipc.Secret, error) {
	text, err := readText(path)
	if err != nil {
		return "", &problem{exitUsage, path + " cannot be read, or is no client's file", "download it again from the provider's page"}
	}
	return ipc.Secret(text), nil
}

// readOurs reads a file that nobody else may read, a byte more than maxSecret
// at most.
func readOurs(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &problem{exitUsage, err.Error(), "give the path of a file that holds the secret alone"}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := onlyOurs(path, info); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxSecret+1))
}

// ask reads a secret from the terminal without showing it. Without a terminal
// it fails, and instead says which flag to use.
func (t *tool) ask(ctx context.Context, prompt, instead string) (ipc.Secret, error) {
	tty, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) {
		var err error
		if tty, err = t.tty(); err != nil {
			return "", &problem{exitUsage, "there is no terminal to ask on", "use " + instead}
		}
		defer tty.Close()
	}
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(tty, "%s: ", line(prompt))
	defer fmt.Fprintln(tty)
	type answer struct {
		text []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() { // cannot be called off; ends with the process at the latest
		text, err := term.ReadPassword(fd)
		done <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		term.Restore(fd, before)
		return "", ctx.Err()
	case a := <-done:
		if a.err == io.EOF {
			return "", &problem{exitDenied, "nothing was typed", "try again, or use " + instead}
		}
		return ipc.Secret(a.text), a.err
	}
}

// secret takes a secret from a file if one is named, else from the terminal.
func (t *tool) secret(ctx context.Context, file, flag, prompt string) (ipc.Secret, error) {
	if file != "" {
		return secretFile(ctx, file)
	}
	s, err := t.ask(ctx, prompt, "--"+flag+" FILE")
	if err == nil && s == "" {
		err = &problem{exitDenied, "nothing was typed", "try again, or use --" + flag + " FILE"}
	}
	return s, err
}
