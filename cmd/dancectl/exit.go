package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

// The exit codes, as exitCodesHelp tells them.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitNotRunning  = 3
	exitLocked      = 4
	exitDenied      = 5
	exitNeedsUser   = 6
	exitProvider    = 7
	exitNotFound    = 8
	exitInterrupted = 130
)

const exitCodesHelp = `Exit codes:

    0  done
    1  any other error
    2  usage: an argument or flag is wrong, or a secret's file may be read by others
    3  Dancecard is not running, or its socket cannot be reached
    4  the profile is locked, or there is none yet
    5  denied: a no from you or the provider, no answer in time, a wrong
       passphrase or recovery key, or a dance that was cancelled
    6  the account needs a sign-in, or its provider a registration
    7  offline, or the provider answers with an error; later it may work
    8  no such account, provider, profile or grant, or the name fits several
  130  interrupted

On an error, standard error has one line of what happened and, where there is
one, a line "hint: " with what to type.`

// codes maps what Dancecard answers to exit codes; the rest is exitError.
var codes = map[ipc.Code]int{
	ipc.CodeNotRunning:        exitNotRunning,
	ipc.CodeProfileLocked:     exitLocked,
	ipc.CodeNoProfile:         exitLocked,
	ipc.CodeConsentDenied:     exitDenied,
	ipc.CodeConsentTimeout:    exitDenied,
	ipc.CodeAccessDenied:      exitDenied,
	ipc.CodeRefusedByGate:     exitDenied,
	ipc.CodeOtherSubject:      exitDenied,
	ipc.CodeWrongSecret:       exitDenied,
	ipc.CodeExpired:           exitDenied,
	ipc.CodeCancelled:         exitDenied,
	ipc.CodeUnidentified:      exitDenied,
	ipc.CodeNotYourOwn:        exitDenied,
	ipc.CodeScopeMissing:      exitDenied,
	ipc.CodeFetchOnly:         exitDenied,
	ipc.CodeNeedsSignIn:       exitNeedsUser,
	ipc.CodeNeedsRegistration: exitNeedsUser,
	ipc.CodeOffline:           exitProvider,
	ipc.CodeRevocationPending: exitProvider,
	ipc.CodeProviderError:     exitProvider,
	ipc.CodeRateLimited:       exitProvider,
	ipc.CodeNoSuchAccount:     exitNotFound,
	ipc.CodeAmbiguousAccount:  exitNotFound,
	ipc.CodeNoSuchProvider:    exitNotFound,
	ipc.CodeNoSuchProfile:     exitNotFound,
	ipc.CodeNoSuchDance:       exitNotFound,
	ipc.CodeNoSuchGrant:       exitNotFound,
	ipc.CodeBadRequest:        exitUsage,
}

// problem is an error of dancectl's own making.
type problem struct {
	exit       int
	text, hint string
}

func (p *problem) Error() string { return p.text }

// usageError is cobra's word on the arguments, in one line.
func usageError(cmd *cobra.Command, err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return &problem{exitUsage, text, "dancectl help" + strings.TrimPrefix(cmd.CommandPath(), "dancectl")}
}

// fail tells an error in one line, the next step in another, and returns the
// exit code.
func (t *tool) fail(err error) int {
	exit, text, hint := explain(err)
	fmt.Fprintf(t.err, "dancectl: %s\n", line(text))
	if hint != "" {
		fmt.Fprintf(t.err, "hint: %s\n", line(hint))
	}
	return exit
}

func explain(err error) (exit int, text, hint string) {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.exit, p.text, p.hint
	}
	if e, ok := errors.AsType[*ipc.Error](err); ok {
		exit, ok = codes[e.Code]
		if !ok {
			exit = exitError
		}
		return exit, e.Message, nextStep(e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted, "interrupted", ""
	case errors.Is(err, context.DeadlineExceeded):
		return exitDenied, "no answer in time", ""
	case errors.Is(err, os.ErrPermission):
		return exitError, err.Error(), "check who may read it: ls -l"
	}
	return exitError, err.Error(), ""
}

// nextStep is what to type, where that is known here; else Dancecard's hint.
func nextStep(e *ipc.Error) string {
	switch e.Code {
	case ipc.CodeProfileLocked:
		return "dancectl unlock"
	case ipc.CodeNoProfile:
		return "dancectl profile create NAME, or dancectl show and create one there"
	case ipc.CodeNoSuchAccount:
		return "dancectl accounts lists them"
	case ipc.CodeNoSuchProvider:
		return "dancectl providers lists them"
	case ipc.CodeNoSuchProfile:
		return "dancectl profile lists them"
	case ipc.CodeNoSuchGrant:
		return "dancectl apps lists them"
	case ipc.CodeAmbiguousAccount:
		if len(e.Choices) > 0 {
			return "name one of " + strings.Join(e.Choices, ", ")
		}
	}
	return e.Hint
}
