package accounts

import (
	"context"
	"strings"
	"time"
)

const (
	pasteLimit = 16 << 10         // bytes of a text that is looked at
	pasteTime  = 10 * time.Second // how long a dance may look at it
)

// Paste hands a dance the address at which the user's browser ended, or the
// code that the provider's page showed. A text that is not it changes nothing;
// the error says why.
func (b *Book) Paste(id, text string) error {
	d, err := b.dance(id)
	if err != nil {
		return err
	}
	text = strings.TrimSpace(text)
	if text == "" || len(text) > pasteLimit {
		return notIt("There is nothing in it that a provider would have sent.")
	}
	ctx, cancel := context.WithTimeout(b.ctx, pasteTime)
	defer cancel()
	over := &Error{Code: CodeExpired, Text: "This attempt no longer waits for an answer.", Hint: "Connect again."}
	late := &Error{Code: CodeExpired, Text: "The attempt is busy.", Hint: "Paste it again in a moment."}
	select {
	case d.pasting <- struct{}{}:
		defer func() { <-d.pasting }()
	case <-d.ended:
		return over
	case <-ctx.Done():
		return late
	}
	select {
	case <-d.pasted: // of a text whose bringer gave up
	default:
	}
	b.mu.Lock()
	waits := d.view.Stage == DanceWaiting && d.view.Code == nil
	b.mu.Unlock()
	if !waits {
		return over
	}
	select {
	case d.paste <- text:
	case <-d.ended:
		return over
	case <-ctx.Done():
		return late
	}
	select {
	case err = <-d.pasted:
	case <-d.ended:
		select {
		case err = <-d.pasted:
		default:
		}
	case <-ctx.Done():
		return late
	}
	if err != nil {
		return notIt(sentence(err.Error()))
	}
	return nil
}

func notIt(why string) *Error {
	return &Error{Code: CodeBadRequest, Text: why,
		Hint: "Copy the whole address of the page at which the browser ended, or the code that the provider's page shows."}
}
