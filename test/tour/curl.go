package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"dancecard/test"
)

// token is what curl reads in Dancecard's answer, or why there is none.
type token struct {
	Access  string    `json:"access_token"`
	Expires time.Time `json:"expires_at"`
	Code    string    `json:"code"`
	Hint    string    `json:"hint"`
}

// curl prepares a curl on the apps' socket. It is started by this program
// itself: a grant for curl names the program that it speaks for.
func (t *tour) curl(args ...string) *exec.Cmd {
	args = append([]string{"-sS", "--max-time", "90", "--unix-socket", t.world.Socket()}, args...)
	return t.world.Command(t.ctx, "curl", args...)
}

func tokenURL(account string) string { return "http://dancecard/v1/accounts/" + account + "/token" }

// ask asks for a token as a user would type it.
func (t *tour) ask(account, body string) (token, error) {
	var answer token
	cmd := t.curl("-X", "POST", "-H", "Content-Type: application/json", "-d", body, tokenURL(account))
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		return answer, fmt.Errorf("curl: %w: %s", err, errors.String())
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return answer, fmt.Errorf("curl was answered %s", out)
	}
	return answer, nil
}

// must is ask where there has to be a token.
func (t *tour) must(account, body string) (token, error) {
	answer, err := t.ask(account, body)
	if err == nil && answer.Access == "" {
		err = fmt.Errorf("instead of a token, curl got %s (%s)", answer.Code, answer.Hint)
	}
	return answer, err
}

// refused asks until curl gets that code.
func (t *tour) refused(account, code string) error {
	return test.Await(t.ctx, code+" for curl", func() error {
		answer, err := t.ask(account, "{}")
		if err == nil && answer.Code != code {
			err = fmt.Errorf("curl got code %q", answer.Code)
		}
		return err
	})
}

// listen starts a curl that stays on the event stream, and waits until it hears.
func (t *tour) listen() (err error) {
	t.events, err = t.world.Start("curl", "-sSN", "--unix-socket", t.world.Socket(), "http://dancecard/v1/events")
	if err != nil {
		return err
	}
	return t.heard(": dancecard") // the stream's first line
}

// heard waits until the stream has brought all of these events.
func (t *tour) heard(types ...string) error {
	return test.Await(t.ctx, "events", func() error {
		log := t.events.Log()
		for _, e := range types {
			if !strings.Contains(log, e) {
				return fmt.Errorf("no %s on the stream:\n%s", e, log)
			}
		}
		return nil
	})
}

// owner asks the provider whose token it is.
func (t *tour) owner(access, login string) error {
	ctx, cancel := context.WithTimeout(t.ctx, 10*time.Second)
	defer cancel()
	who, err := t.provider.UserInfo(ctx, access)
	if err == nil && who != login {
		err = fmt.Errorf("the provider's userinfo takes the token for %q, not %q", who, login)
	}
	return err
}
