package server

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// Bounds of the wishes to connect.
const (
	maxOperations = 16 // of one app
	operationLife = 30 * time.Minute
)

// operations are the apps' wishes to connect a provider, each with a goroutine
// that follows it to its end.
type operations struct {
	ctx  context.Context
	book *accounts.Book // set before the first request
	wg   sync.WaitGroup

	mu  sync.Mutex // guards the fields that follow
	all map[string]*operation
}

// An operation is one wish. Its fields are guarded by operations.mu.
type operation struct {
	id      string
	app     string // App.Key: nobody else sees it
	began   time.Time
	state   ipc.OperationState
	account string // id
	failure *ipc.Error
	changed chan struct{} // closed at the next change
}

func newOperations(ctx context.Context) *operations {
	return &operations{ctx: ctx, all: map[string]*operation{}}
}

func (o *operations) wait() { o.wg.Wait() }

// ask puts the wish before the user and returns without waiting for a word.
func (o *operations) ask(app accounts.App, provider string) (string, error) {
	if !o.room(app.Key) {
		p := problem(ipc.CodeRateLimited, "This program has asked to connect too often.", "Let the user answer first.")
		p.Retry = 60
		return "", p
	}
	question, err := o.book.AskConnect(app, provider)
	if err != nil {
		return "", err
	}
	op := &operation{
		id: strings.ToLower(rand.Text()), app: app.Key, began: time.Now(),
		state: ipc.OperationAsked, changed: make(chan struct{}),
	}
	o.mu.Lock()
	o.all[op.id] = op
	o.mu.Unlock()
	o.wg.Go(func() { o.follow(op, question) })
	return op.id, nil
}

// room forgets what is old and reports whether the app may ask once more.
func (o *operations) room(app string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for id, op := range o.all {
		switch {
		case op.state.Over() && time.Since(op.began) > operationLife:
			delete(o.all, id)
		case op.app == app:
			n++
		}
	}
	return n < maxOperations
}

// follow waits for the user's word and then for the dance.
func (o *operations) follow(op *operation, question string) {
	answer, id, err := o.book.AwaitAnswer(o.ctx, question)
	switch {
	case err != nil:
		o.fail(op, toProblem(err))
		return
	case !answer.Allow:
		o.fail(op, problem(ipc.CodeConsentDenied, "The user does not want to connect this provider now.", "Ask again only when the user asks for it."))
		return
	}
	o.set(op, func() { op.state = ipc.OperationDancing })
	d, err := o.book.AwaitDance(o.ctx, id, func(d accounts.Dance) bool { return d.Stage.Over() })
	switch {
	case err != nil:
		o.fail(op, toProblem(err))
	case d.Stage == accounts.DanceDone:
		o.set(op, func() { op.state, op.account = ipc.OperationDone, d.Account })
	case d.Failure != nil:
		o.fail(op, fromBook(d.Failure))
	default:
		o.fail(op, problem(ipc.CodeCancelled, "The user ended the sign-in.", "Ask again only when the user asks for it."))
	}
}

func (o *operations) fail(op *operation, e *ipc.Error) {
	o.set(op, func() { op.state, op.failure = ipc.OperationFailed, e })
}

func (o *operations) set(op *operation, change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
	close(op.changed)
	op.changed = make(chan struct{})
}

// get returns the app's operation as it is, after waiting up to wait for its
// end.
func (o *operations) get(ctx context.Context, app accounts.App, id string, wait time.Duration) (ipc.Operation, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		o.mu.Lock()
		op := o.all[id]
		if op == nil || op.app != app.Key {
			o.mu.Unlock()
			return ipc.Operation{}, problem(ipc.CodeNoSuchOperation, "There is no such operation.", "Operations are forgotten half an hour after they began.")
		}
		out := ipc.Operation{ID: op.id, State: op.state, Error: op.failure}
		account, changed := op.account, op.changed
		o.mu.Unlock()
		if out.State.Over() || ctx.Err() != nil {
			if account != "" {
				if a, err := o.book.AccountFor(app, account); err == nil {
					granted := toAccount(a)
					out.Account = &granted
				}
			}
			return out, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func (s *Server) connect(ctx context.Context, q *request, in ipc.AppConnect) (ipc.Operation, error) {
	wait, err := inSeconds("wait", in.Wait, maxWait)
	if err != nil {
		return ipc.Operation{}, err
	}
	if in.Provider == "" {
		return ipc.Operation{}, badRequest("There is no provider.")
	}
	id, err := s.ops.ask(q.app, in.Provider)
	if err != nil {
		return ipc.Operation{}, err
	}
	return s.ops.get(ctx, q.app, id, wait)
}

func (s *Server) operation(ctx context.Context, q *request, _ none) (ipc.Operation, error) {
	wait, err := seconds(q, "wait", maxWait)
	if err != nil {
		return ipc.Operation{}, err
	}
	return s.ops.get(ctx, q.app, q.vars[0], wait)
}
