// Dancectl is Dancecard's command line. It answers in the terminal what the
// window answers on screen, by asking the running Dancecard over its sockets.
//
//	dancectl status
//	dancectl connect github
//	dancectl token github | ...
//
// What it promises: the bare token and nothing else on standard output of
// `token`; problems on standard error, one line of what and one `hint:` line of
// what to type; the exit codes of `dancectl help exit-codes`; no secret ever
// taken from or put into an argument or the environment.
//
// What it never does: read a vault, talk to a keyring or a provider, keep
// anything. It links neither C nor a window.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"dancecard/ipc"

	"golang.org/x/term"
)

// version is Dancecard's, as FyneApp.toml has it.
const version = "0.1.0"

func main() {
	noCore()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t := &tool{in: os.Stdin, out: os.Stdout, err: os.Stderr, tty: openTerminal}
	code := t.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// tool is one run of dancectl: where it reads and writes, and whom it asks.
type tool struct {
	in       io.Reader
	out, err io.Writer

	// tty opens the terminal itself, for secrets, where in is none.
	tty func() (*os.File, error)

	app     ipc.Client
	control ipc.Control

	lines chan typed // a line that is being typed; see typed

	started bool // the arguments were in order, and the command has begun
}

// run does what the arguments say and returns the exit code.
func (t *tool) run(ctx context.Context, args []string) int {
	out := &sink{Writer: t.out}
	t.out = out
	root := t.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil && out.err == nil {
		return exitOK
	}
	if err == nil {
		err = out.err
	} else if !t.started {
		err = usageError(cmd, err)
	}
	return t.fail(err)
}

// sink remembers that something could not be written: a full disk behind a
// redirection is no success.
type sink struct {
	io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if s.err == nil {
		s.err = err
	}
	return n, err
}

// isTerminal reports whether a stream is one that a person looks at.
func isTerminal(stream any) bool {
	if s, ok := stream.(*sink); ok {
		stream = s.Writer
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
