package accounts

import (
	"context"
	"fmt"
	"slices"
)

// AskDisconnect puts the question whether to disconnect on screen; a yes
// disconnects. It is for doors that any program can knock at: the tray and
// the control socket. by is zero for the tray.
func (b *Book) AskDisconnect(id string, by App) (questionID string, err error) {
	p, _, err := b.openProfile()
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.accounts[id] == nil {
		return "", noSuchAccount(id)
	}
	q, err := b.raiseLocked(p, Question{Kind: QuestionConfirm, Verb: "disconnect", App: by, Account: id}, 0)
	if err != nil {
		return "", err
	}
	return q.ID, nil
}

// VerbGiveUp is the Verb of the question that AskGiveUp puts on screen.
const VerbGiveUp = "give up"

// AskGiveUp puts the question whether to give a pending revocation up on
// screen; a yes does so and opens the provider's settings page.
func (b *Book) AskGiveUp(id string, by App) (questionID string, err error) {
	p, _, err := b.openProfile()
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.revocations[id] == nil {
		return "", p.noRevocationLocked(id)
	}
	q, err := b.raiseLocked(p, Question{Kind: QuestionConfirm, Verb: VerbGiveUp, App: by, Account: id}, 0)
	if err != nil {
		return "", err
	}
	return q.ID, nil
}

// VerbDeleteProfile is the Verb of the question that AskDeleteProfile puts on
// screen.
const VerbDeleteProfile = "delete profile"

// AskDeleteProfile puts the question whether to delete a profile ("" is the
// current one) on screen, with what ends by it; a yes does as DeleteProfile,
// and opens the settings pages of what the user has to end.
func (b *Book) AskDeleteProfile(id string, anyway bool, by App) (questionID string, err error) {
	p, err := b.profile(id)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.vault == nil && !anyway || p.deleting {
		return "", p.lockedErrorLocked()
	}
	ends := p.accountsLocked(readClocks())
	for i := range ends {
		ends[i].SharesGrant = b.sharesLocked(p, ends[i].ID)
	}
	q, err := b.raiseLocked(p, Question{Kind: QuestionConfirm, Verb: VerbDeleteProfile, App: by, Profile: p.id, Ends: ends, Anyway: anyway}, 0)
	if err != nil {
		return "", err
	}
	return q.ID, nil
}

// AwaitDeletion is [Book.AwaitAnswer] for AskDeleteProfile; left are the
// accounts that the user has to end at their providers.
func (b *Book) AwaitDeletion(ctx context.Context, id string) (a Answer, left []Account, err error) {
	b.mu.Lock()
	i := slices.IndexFunc(b.questions, func(q *question) bool { return q.ID == id })
	var q *question
	if i >= 0 {
		q = b.questions[i]
	}
	b.mu.Unlock()
	a, _, err = b.AwaitAnswer(ctx, id)
	if q != nil && !q.open() {
		left = q.left // settled before done was closed
	}
	return a, left, err
}

// deleteAndShow deletes a profile and opens the pages where the user ends what
// is left.
func (b *Book) deleteAndShow(q *question) error {
	left, err := b.DeleteProfile(b.ctx, q.Profile, q.Anyway)
	if err != nil {
		return err
	}
	q.left = left
	opened := map[string]bool{}
	for _, a := range left {
		if a.SettingsPage != "" && !opened[a.SettingsPage] && len(opened) < pagesAtOnce {
			opened[a.SettingsPage] = true
			b.openIn(b.ctx, a.Browser, a.SettingsPage)
		}
	}
	return nil
}

// pagesAtOnce is how many pages one yes opens.
const pagesAtOnce = 5

// AskConnect puts an app's wish to connect a provider of the gallery before
// the user. Nothing touches the network before a yes, which starts a dance.
func (b *Book) AskConnect(app App, provider string) (questionID string, err error) {
	p, _, err := b.openProfile()
	if err != nil {
		b.noteWaiting(app)
		return "", err
	}
	if _, ok := b.catalog.Get(provider); !ok {
		return "", noSuchProvider(provider)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	q, err := b.raiseLocked(p, Question{Kind: QuestionConnect, App: app, Provider: provider}, longestWait)
	if err != nil {
		return "", err
	}
	return q.ID, nil
}

// AwaitAnswer waits until a question is answered. For AskConnect a yes comes
// with the dance's id; for AskDisconnect the error is the disconnect's.
// CodeConsentTimeout if it was withdrawn; if ctx ends first, it is.
func (b *Book) AwaitAnswer(ctx context.Context, id string) (a Answer, dance string, err error) {
	b.mu.Lock()
	i := slices.IndexFunc(b.questions, func(q *question) bool { return q.ID == id })
	if i < 0 {
		b.mu.Unlock()
		return a, "", &Error{Code: CodeConsentTimeout, Text: fmt.Sprintf("There is no question %q.", id), Hint: "Ask again."}
	}
	q := b.questions[i]
	b.mu.Unlock()
	select {
	case <-q.done:
	case <-ctx.Done():
		b.leave(q)
		return a, "", ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.answer == (Answer{}) {
		return a, "", &Error{Code: CodeConsentTimeout, Text: "The user gave no answer.", Hint: "Look for Dancecard's question and ask again."}
	}
	return q.answer, q.dance, q.err
}
