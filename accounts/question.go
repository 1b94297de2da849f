package accounts

import (
	"context"
	"slices"
	"strings"
	"time"
)

// question is a Question with those who wait for it. Guarded by Book.mu.
type question struct {
	Question
	profile *profile
	askers  int
	timer   *time.Timer
	shown   map[string][]string // scopes of each choice as the user sees them
	taken   bool                // an answer is being carried out
	missed  bool                // it was to be withdrawn meanwhile
	ended   time.Time
	answer  Answer
	dance   string        // the dance that a yes started
	left    []Account     // what a deletion leaves to the user
	err     error         // what came of a yes
	done    chan struct{} // closed when answered or withdrawn; then nothing changes any more
}

func (q *question) open() bool {
	select {
	case <-q.done:
		return false
	default:
		return true
	}
}

// dismissals counts how often the user closed an app's question with a no.
type dismissals struct {
	count int
	until time.Time // no new question before
}

const (
	consentWait   = 2 * time.Minute // how long an asker waits for the user by itself
	longestWait   = 10 * time.Minute
	perApp        = 4 // questions of one app at a time
	allQuestions  = 32
	dismissedFor  = time.Minute // after the second no in a row
	dismissedNoes = 2
	answerKept    = time.Minute // for AwaitAnswer
)

// askLocked puts an app's wish before the user, or joins the same question.
func (b *Book) askLocked(p *profile, app App, candidates []*account, w Want) (*question, error) {
	q, shown := Question{Kind: QuestionUse, App: app, Want: w}, map[string][]string{}
	for _, a := range candidates {
		q.Choices = append(q.Choices, a.ID)
		shown[a.ID] = slices.Clone(a.Granted)
	}
	q.Account = q.Choices[0]
	if !candidates[0].facts.Expiry.IsZero() {
		q.TokenUntil = candidates[0].facts.Expiry
	}
	raised, err := b.raiseLocked(p, q, w.Wait)
	if err == nil && raised.shown == nil {
		raised.shown = shown
	}
	return raised, err
}

// raiseLocked adds a question unless the same one is on screen, the app was
// just told no, or too many wait.
func (b *Book) raiseLocked(p *profile, q Question, wait time.Duration) (*question, error) {
	if b.closing {
		return nil, errClosing()
	}
	ofApp, open := 0, 0
	for _, o := range b.questions {
		if o.open() {
			open++
		}
		if !o.open() || o.profile != p || o.App.Key != q.App.Key {
			continue
		}
		if o.Kind == q.Kind && o.Provider == q.Provider && o.Verb == q.Verb && slices.Equal(o.Choices, q.Choices) && o.Account == q.Account && o.Anyway == q.Anyway &&
			o.Want.Fetch == q.Want.Fetch && o.Want.Write == q.Want.Write {
			o.askers++
			return o, nil
		}
		ofApp++
	}
	if d := b.asked[askKey(p, q)]; time.Now().Before(d.until) {
		return nil, &Error{Code: CodeConsentDenied, Text: "The user said no a moment ago.", Hint: "Ask again in a minute, when the user expects it."}
	}
	b.questions = slices.DeleteFunc(b.questions, func(o *question) bool { return !o.open() && time.Since(o.ended) > answerKept })
	if ofApp >= perApp || open >= allQuestions {
		return nil, &Error{Code: CodeRateLimited, Text: "Too many questions wait for the user.", Hint: "Wait for an answer first.", RetryAfter: 10 * time.Second}
	}
	if wait <= 0 {
		wait = consentWait
	}
	q.ID, q.Asked = newID("q"), time.Now()
	q.Until = q.Asked.Add(min(wait, longestWait))
	raised := &question{Question: q, profile: p, askers: 1, done: make(chan struct{})}
	raised.timer = time.AfterFunc(time.Until(q.Until), func() { b.withdraw(raised) })
	b.questions = append(b.questions, raised)
	b.running.Go(func() {
		b.announce(Event{Type: EventGrantAsked, Profile: p.id, Account: q.Account, App: q.App.Key,
			Data: map[string]string{"app": q.App.Name, "path": q.App.Path, "kind": string(q.Kind)}})
	})
	return raised, nil
}

// askKey is what refusals are counted by. An app that was told no does not get
// another question by asking for the same thing under another name.
func askKey(p *profile, q Question) string {
	about := ""
	if q.Kind == QuestionConfirm {
		about = q.Account
	}
	return strings.Join([]string{p.id, q.App.Key, string(q.Kind), about}, "|")
}

// withdraw ends a question without an answer.
func (b *Book) withdraw(q *question) {
	b.mu.Lock()
	ended := q.open() && !q.taken
	if ended {
		q.timer.Stop()
		q.ended = time.Now()
		close(q.done)
	}
	q.missed = q.missed || q.taken
	b.mu.Unlock()
	if ended {
		b.announce(Event{Type: EventChanged, Profile: q.profile.id})
	}
}

// withdrawQuestions ends every question about a profile.
func (b *Book) withdrawQuestions(profile string) {
	b.mu.Lock()
	all := slices.Clone(b.questions)
	b.mu.Unlock()
	for _, q := range all {
		if q.profile.id == profile {
			b.withdraw(q)
		}
	}
}

// heed waits for the user's word on an app's use of an account.
func (b *Book) heed(ctx context.Context, q *question, ref string) (permission, error) {
	select {
	case <-q.done:
	case <-ctx.Done():
		b.leave(q)
		return permission{}, &Error{Code: CodeConsentTimeout, Text: "The program stopped waiting for the user's word.", Hint: "Ask again."}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case q.answer == (Answer{}) && q.profile.vault == nil:
		return permission{}, q.profile.lockedErrorLocked()
	case q.answer == (Answer{}):
		return permission{}, &Error{Code: CodeConsentTimeout, Text: "The user gave no answer.", Hint: "Look for Dancecard's question and ask again."}
	case !q.answer.Allow:
		return permission{}, &Error{Code: CodeConsentDenied, Text: "The user said no.", Hint: "Dancecard's Apps page shows what was decided."}
	case q.answer.FetchOnly && !q.Want.Fetch:
		return permission{}, fetchOnly()
	}
	once := q.answer.For == Once // else the grant that was made has to stand
	return permission{ref: ref, account: q.answer.Account, once: once, scopes: q.shown[q.answer.Account],
		fetch: q.Want.Fetch, write: q.Want.Write}, nil
}

// leave takes one asker away; a question that nobody waits for is withdrawn.
func (b *Book) leave(q *question) {
	b.mu.Lock()
	q.askers--
	last := q.askers <= 0
	b.mu.Unlock()
	if last {
		b.withdraw(q)
	}
}

// Answer gives the user's word on a question. A standing word is durable when
// it returns; what a yes sets off (a disconnect, a dance) has happened.
func (b *Book) Answer(id string, a Answer) error {
	b.mu.Lock()
	i := slices.IndexFunc(b.questions, func(q *question) bool { return q.ID == id && q.open() })
	if i < 0 {
		b.mu.Unlock()
		return &Error{Code: CodeExpired, Text: "Nobody waits for this answer any more.", Hint: "The program may ask again."}
	}
	q := b.questions[i]
	a, err := q.check(a)
	switch {
	case err != nil:
	case q.taken:
		err = &Error{Code: CodeExpired, Text: "This question is being answered already.", Hint: "Look at the Apps page."}
	case q.Kind != QuestionUse && q.Verb != VerbDeleteProfile && a.Allow && q.profile.id != b.current:
		err = &Error{Code: CodeBadRequest, Text: "This is a question about " + q.profile.card.Name + ", which is not the current profile.", Hint: "Switch to it, then answer."}
	default:
		q.taken = true
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	var dance string
	switch {
	case q.Kind == QuestionUse && a.For != Once:
		err = b.setGrant(q.profile, q.grant(a))
	case q.Kind == QuestionConnect && a.Allow:
		dance, err = b.Connect(b.ctx, ConnectRequest{Provider: q.Provider, By: &q.App})
	case q.Kind == QuestionConfirm && q.Verb == VerbGiveUp && a.Allow:
		err = b.giveUpAndShow(q.Account)
	case q.Kind == QuestionConfirm && q.Verb == VerbDeleteProfile && a.Allow:
		err = b.deleteAndShow(q)
	case q.Kind == QuestionConfirm && a.Allow:
		err = b.Disconnect(b.ctx, q.Account)
	}
	if err != nil && q.Kind == QuestionUse {
		b.putBack(q)
		return err
	}
	b.settle(q, a, dance, err)
	return err
}

// putBack lets a question stay whose answer could not be made durable, unless
// nobody waits for it any more.
func (b *Book) putBack(q *question) {
	b.mu.Lock()
	q.taken = false
	missed := q.missed
	b.mu.Unlock()
	if missed {
		b.withdraw(q)
	}
}

// check refuses an answer that does not fit its question.
func (q *question) check(a Answer) (Answer, error) {
	bad := func(text string) (Answer, error) {
		return a, &Error{Code: CodeBadRequest, Text: text, Hint: "Choose one of the buttons of the question."}
	}
	if a.Account == "" {
		a.Account = q.Account
	}
	if a.For == "" {
		a.For = Once
	}
	a.FetchOnly = a.Allow && (a.FetchOnly || q.Want.Fetch)
	a.Write = a.FetchOnly && (a.Write || q.Want.Write)
	switch {
	case q.Kind == QuestionUse && !slices.Contains(q.Choices, a.Account):
		return bad("That account was not asked for.")
	case a.Allow && a.For == Never, !a.Allow && (a.For == Hour || a.For == Always):
		return bad("Yes and never, or no and always, do not go together.")
	case a.Allow && a.For != Once && (q.App.OnceOnly || q.App.Path == ""):
		return bad("This program cannot be told from others, so it can be allowed once only.")
	}
	return a, nil
}

// grant is the standing word that an answer makes.
func (q *question) grant(a Answer) Grant {
	now := readClocks()
	// Round strips the monotonic clock, which stops while the machine sleeps.
	g := Grant{ID: newID("g"), App: q.App, Account: a.Account, Allow: a.Allow, FetchOnly: a.FetchOnly, Write: a.Write, Made: now.wall.Round(0),
		Scopes: slices.Clone(q.shown[a.Account])}
	if a.For == Hour {
		g.Until = g.Made.Add(time.Hour)
		if now.boot != 0 {
			g.bootEnd = now.boot + time.Hour
		}
	}
	return g
}

// settle closes a question with its answer and tells.
func (b *Book) settle(q *question, a Answer, dance string, err error) {
	b.mu.Lock()
	if !q.open() {
		b.mu.Unlock()
		return
	}
	q.answer, q.dance, q.err = a, dance, err
	q.timer.Stop()
	q.ended = time.Now()
	key := askKey(q.profile, q.Question)
	if d := b.asked[key]; !a.Allow && a.For == Once {
		d.count++
		if d.count >= dismissedNoes {
			d = dismissals{until: time.Now().Add(dismissedFor)}
		}
		b.asked[key] = d
	} else {
		delete(b.asked, key)
	}
	close(q.done)
	b.mu.Unlock()
	event := Event{Type: EventGrantAllowed, Profile: q.profile.id, Account: a.Account, App: q.App.Key,
		Data: map[string]string{"app": q.App.Name, "path": q.App.Path, "for": string(a.For), "kind": string(q.Kind)}}
	if !a.Allow {
		event.Type = EventGrantDenied
	}
	b.announce(event)
}
