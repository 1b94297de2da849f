package ui

import (
	"context"
	"errors"
	"strings"

	"dancecard/accounts"
)

// problemOf turns an error into a title, a sentence and perhaps a button. The
// core's errors are whole sentences already; what is not one of them says at
// least what to do.
func problemOf(err error) noticeState {
	e, ok := errors.AsType[*accounts.Error](err)
	if !ok {
		if errors.Is(err, context.DeadlineExceeded) {
			return noticeState{Title: "It took too long.", Text: "Nothing has changed. Try again.", Danger: true}
		}
		return noticeState{Title: dotted(clean(upperFirst(err.Error()))), Text: "Try again.", Danger: true}
	}
	n := noticeState{Title: dotted(clean(upperFirst(e.Text))), Text: dotted(clean(e.Hint)), Danger: true}
	if n.Title == "" {
		n.Title = "It did not work."
	}
	switch e.Code {
	case accounts.CodeOffline, accounts.CodeRateLimited, accounts.CodeCancelled, accounts.CodeExpired:
		n.Danger = false // passes by itself, or was the user's wish
	case accounts.CodeNeedsRegistration:
		n.Button, n.Verb = "Set up", verbRegister
	case accounts.CodeNeedsSignIn:
		n.Button, n.Verb = "Sign in", verbSignIn
	}
	if n.Text == "" && e.RetryAfter > 0 {
		n.Text = "Try again in " + durationWords(e.RetryAfter) + "."
	}
	return n
}

func dotted(s string) string {
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}
