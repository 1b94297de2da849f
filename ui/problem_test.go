package ui

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"dancecard/accounts"
)

func TestProblemsHaveTitleSentenceAndStep(t *testing.T) {
	for _, tt := range []struct {
		err         error
		title, text string
		button      string
		danger      bool
	}{
		{&accounts.Error{Code: accounts.CodeWrongSecret, Text: "That is not the passphrase", Hint: "Try again."}, "That is not the passphrase.", "Try again.", "", true},
		{fmt.Errorf("x: %w", &accounts.Error{Code: accounts.CodeOffline, Text: "GitHub did not answer.", RetryAfter: 40 * time.Second}), "GitHub did not answer.", "Try again in 40 s.", "", false},
		{&accounts.Error{Code: accounts.CodeNeedsRegistration, Text: "GitLab has to be set up.", Hint: "Set it up once."}, "GitLab has to be set up.", "Set it up once.", "Set up", true},
		{context.DeadlineExceeded, "It took too long.", "Nothing has changed. Try again.", "", true},
		{errors.New("disk full\n"), "Disk full.", "Try again.", "", true},
		{&accounts.Error{Code: accounts.CodeDisk}, "It did not work.", "", "", true},
	} {
		n := problemOf(tt.err)
		if n.Title != tt.title || n.Text != tt.text || n.Button != tt.button || n.Danger != tt.danger {
			t.Errorf("%v: %+v", tt.err, n)
		}
	}
}
