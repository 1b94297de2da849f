package main

import (
	"errors"
	"fmt"
	"os"

	"dancecard/accounts"
)

// exit codes
const (
	exitError     = 1
	exitUsage     = 2
	exitNoDisplay = 3
)

func fail(code int, err error, hint string) {
	fmt.Fprintf(os.Stderr, "dancecard: %v\nhint: %s\n", err, hint)
	os.Exit(code)
}

func hintOf(err error) string {
	if e, ok := errors.AsType[*accounts.Error](err); ok {
		return e.Hint
	}
	return "nothing was changed; try again"
}
