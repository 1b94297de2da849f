package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"dancecard/ipc"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWhatCannotBeWrittenIsAFailure(t *testing.T) {
	var errs bytes.Buffer
	ctl := &tool{in: strings.NewReader(""), out: fullDisk{}, err: &errs, tty: noTerminal}
	if code := ctl.run(t.Context(), []string{"exit-codes"}); code != exitError || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestNumbersThatMeanNothing(t *testing.T) {
	dancectl(t, "token", "demo", "--wait", "0s").wants(t, exitUsage, "", "dancectl: a wait is at least a second\nhint: --wait 30s\n")
	dancectl(t, "events", "--count", "-3").wants(t, exitUsage, "", "dancectl: a count cannot be negative\nhint: --count 10\n")
}

func TestRevokedTokenHasNoLife(t *testing.T) {
	if got := tokenLife(ipc.AccountDetail{Account: ipc.Account{Status: "revoking"}}, time.Now()); got != "" {
		t.Errorf("%q", got)
	}
}
