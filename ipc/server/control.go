package server

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"strconv"

	"dancecard/accounts"
	"dancecard/internal/secret"
	"dancecard/ipc"
)

// controlRoutes is the table of the control socket. What narrows happens at
// once; what destroys is confirmed in the window or by a secret. Nothing here
// answers a program's question.
func (s *Server) controlRoutes() []route {
	events := newRoute("GET", "/v1/events", reflect.TypeFor[none](), reflect.TypeFor[ipc.Event]())
	events.serve = s.controlEvents
	return []route{
		handle("POST", "/v1/show", s.show),
		handle("POST", "/v1/stop", s.stop),
		handle("GET", "/v1/status", s.overview),

		handle("GET", "/v1/accounts", s.details),
		handle("GET", "/v1/accounts/{ref}", s.detail),
		handle("PATCH", "/v1/accounts/{ref}", s.rename),
		handle("DELETE", "/v1/accounts/{ref}", s.disconnect),
		handle("DELETE", "/v1/accounts/{ref}/revocation", s.giveUp),
		handle("POST", "/v1/accounts/{ref}/refresh", s.refresh),
		handle("PUT", "/v1/accounts/{ref}/browser", s.setBrowser),

		handle("POST", "/v1/dances", s.dance),
		handle("GET", "/v1/dances/{id}", s.danceState),
		handle("DELETE", "/v1/dances/{id}", s.cancelDance),
		handle("POST", "/v1/dances/{id}/open", s.openAgain),
		handle("POST", "/v1/dances/{id}/paste", s.paste),
		handle("POST", "/v1/dances/{id}/keep", s.keep),

		handle("GET", "/v1/providers", s.providers),
		handle("GET", "/v1/providers/{id}", s.provider),
		handle("PUT", "/v1/providers/{id}/registration", s.registration),
		handle("GET", "/v1/providers/-/schema", s.schema),
		handle("POST", "/v1/providers/-/lint", s.lint),
		handle("POST", "/v1/providers/-/client-document", s.clientDocument),
		handle("GET", "/v1/browsers", s.browsers),

		handle("GET", "/v1/profiles", s.profiles),
		handle("POST", "/v1/profiles", s.createProfile),
		handle("PATCH", "/v1/profiles/{profile}", s.renameProfile),
		handle("DELETE", "/v1/profiles/{profile}", s.deleteProfile),
		handle("PUT", "/v1/profiles/{profile}/locks", s.setLocks),
		handle("POST", "/v1/profiles/{profile}/switch", s.switchProfile),
		handle("POST", "/v1/profiles/{profile}/unlock", s.unlock),
		handle("POST", "/v1/profiles/{profile}/lock", s.lockProfile),
		handle("POST", "/v1/profiles/{profile}/logout", s.logOut),

		handle("GET", "/v1/grants", s.grants),
		handle("DELETE", "/v1/grants/{id}", s.takeBack),
		handle("GET", "/v1/activity", s.activity),
		events,
	}
}

func (s *Server) show(context.Context, *request, none) (none, error) {
	if s.o.Show == nil {
		return none{}, problem(ipc.CodeNotFound, "This Dancecard has no window.", "Use dancectl.")
	}
	s.o.Show()
	return none{}, nil
}

func (s *Server) stop(context.Context, *request, none) (none, error) {
	if s.o.Stop == nil {
		return none{}, problem(ipc.CodeNotFound, "This Dancecard cannot be stopped from here.", "Quit it from its menu.")
	}
	go s.o.Stop() // it closes this very Server, which waits for its answers
	return none{}, nil
}

func (s *Server) overview(context.Context, *request, none) (ipc.Overview, error) {
	o := toOverview(s.book.Snapshot())
	o.Version, o.PID = s.o.Version, os.Getpid()
	return o, nil
}

func (s *Server) details(context.Context, *request, none) (ipc.Details, error) {
	snap, err := s.open()
	return ipc.Details{Accounts: toDetails(snap.Accounts)}, err
}

// open returns the snapshot if the current profile is open.
func (s *Server) open() (accounts.Snapshot, error) {
	snap := s.book.Snapshot()
	p, ok := snap.Profile(snap.Current)
	switch {
	case !ok:
		return snap, &accounts.Error{Code: accounts.CodeNoProfile, Text: "There is no profile yet.",
			Hint: "Make one in Dancecard's window, or with `dancectl profile create NAME`."}
	case p.State == accounts.ProfileBroken && p.Problem != nil:
		return snap, p.Problem
	case p.State != accounts.ProfileOpen:
		return snap, &accounts.Error{Code: accounts.CodeProfileLocked, Text: "The profile " + p.Name + " is locked.",
			Hint: "Unlock it in Dancecard's window, or with `dancectl unlock`."}
	}
	return snap, nil
}

func (s *Server) detail(_ context.Context, q *request, _ none) (ipc.AccountDetail, error) {
	a, err := s.book.Resolve(q.vars[0])
	return toDetail(a), err
}

func (s *Server) rename(_ context.Context, q *request, in ipc.Rename) (ipc.AccountDetail, error) {
	a, err := s.book.Resolve(q.vars[0])
	if err == nil {
		err = s.book.Rename(a.ID, in.Name)
	}
	return s.again(a, err)
}

func (s *Server) refresh(ctx context.Context, q *request, _ none) (ipc.AccountDetail, error) {
	a, err := s.book.Resolve(q.vars[0])
	if err == nil {
		err = s.book.Refresh(ctx, a.ID)
	}
	return s.again(a, err)
}

// again is the account as it is after a verb.
func (s *Server) again(a accounts.Account, err error) (ipc.AccountDetail, error) {
	if err != nil {
		return ipc.AccountDetail{}, err
	}
	if now, ok := s.book.Snapshot().Account(a.ID); ok {
		a = now
	}
	return toDetail(a), nil
}

// disconnect destroys, so the user's passphrase or word in the window is
// needed. A caller who leaves takes the question away.
func (s *Server) disconnect(ctx context.Context, q *request, in ipc.Confirm) (ipc.Disconnected, error) {
	book := s.book
	a, err := book.Resolve(q.vars[0])
	if err != nil {
		return ipc.Disconnected{}, err
	}
	if way, key := wayOf(in.Passphrase, in.RecoveryKey); !key.IsZero() {
		if err = s.verify(ctx, way, key); err == nil {
			err = book.Disconnect(ctx, a.ID)
		}
	} else {
		err = s.askDisconnect(ctx, a, q.app)
	}
	if err != nil {
		return ipc.Disconnected{}, err
	}
	out := ipc.Disconnected{Account: a.ID, Provider: a.Provider, Label: a.Label, Told: a.CanRevoke, Page: a.SettingsPage}
	now, there := book.Snapshot().Account(a.ID)
	out.Pending = there && now.Status == accounts.Revoking
	return out, nil
}

// giveUp leaves a token good at its provider, so it too needs the user's word.
func (s *Server) giveUp(ctx context.Context, q *request, in ipc.Confirm) (ipc.Disconnected, error) {
	a, err := s.book.Resolve(q.vars[0])
	if err != nil {
		return ipc.Disconnected{}, err
	}
	if way, key := wayOf(in.Passphrase, in.RecoveryKey); !key.IsZero() {
		if err = s.verify(ctx, way, key); err == nil {
			_, err = s.book.GiveUpRevocation(a.ID)
		}
	} else {
		err = s.askGiveUp(ctx, a, q.app)
	}
	if err != nil {
		return ipc.Disconnected{}, err
	}
	return ipc.Disconnected{Account: a.ID, Provider: a.Provider, Label: a.Label, Page: a.SettingsPage}, nil
}

func (s *Server) askGiveUp(ctx context.Context, a accounts.Account, app accounts.App) error {
	question, err := s.book.AskGiveUp(a.ID, app)
	if err != nil {
		return err
	}
	word, _, err := s.book.AwaitAnswer(ctx, question)
	if err == nil && !word.Allow {
		err = &accounts.Error{Code: accounts.CodeConsentDenied, Text: "The revocation stays pending: the window's answer was no.", Hint: "Nothing was changed."}
	}
	return err
}

// verify tries one secret at a time: each costs memory and time on purpose.
func (s *Server) verify(ctx context.Context, way accounts.WayKind, key secret.String) error {
	s.verifying.Lock()
	defer s.verifying.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.book.Verify(ctx, way, key)
}

func (s *Server) askDisconnect(ctx context.Context, a accounts.Account, app accounts.App) error {
	question, err := s.book.AskDisconnect(a.ID, app)
	if err != nil {
		return err
	}
	word, _, err := s.book.AwaitAnswer(ctx, question)
	if err == nil && !word.Allow {
		err = &accounts.Error{Code: accounts.CodeConsentDenied, Text: "The account stays connected: the window's answer was no.", Hint: "Nothing was changed."}
	}
	return err
}

func (s *Server) dance(ctx context.Context, _ *request, in ipc.Connect) (ipc.Dance, error) {
	r := accounts.ConnectRequest{
		Provider: in.Provider, Address: in.Address, Instance: in.Instance, Scopes: in.Scopes, AddScopes: in.AddScopes,
		Options: in.Options, Browser: in.Browser, NoBrowser: in.NoBrowser, Device: in.Device, DPoP: in.DPoP, Label: in.Label,
	}
	if in.Provider != "" && in.Address != "" {
		return ipc.Dance{}, badRequest("There is a provider and an address: give one of them.")
	}
	for _, scope := range slices.Concat(in.Scopes, in.AddScopes) {
		if !scopeToken(scope) {
			return ipc.Dance{}, badRequest("A scope is empty, too long, or has a character that scopes do not have.")
		}
	}
	if in.Reconnect != "" {
		a, err := s.book.Resolve(in.Reconnect)
		if err != nil {
			return ipc.Dance{}, err
		}
		if r.Provider != "" && r.Provider != a.Provider {
			return ipc.Dance{}, badRequest("The account to reconnect is at another provider.")
		}
		r.Reconnect, r.Provider = a.ID, a.Provider
	}
	// The dance outlives the request that started it.
	id, err := s.book.Connect(context.WithoutCancel(ctx), r)
	if err != nil {
		return ipc.Dance{}, err
	}
	d, _ := s.book.Snapshot().Dance(id)
	d.ID = id
	return toDance(d), nil
}

// danceState waits, if the query has a wait, while the dance is at the query's
// stage.
func (s *Server) danceState(ctx context.Context, q *request, _ none) (ipc.Dance, error) {
	wait, err := seconds(q, "wait", maxWait)
	if err != nil {
		return ipc.Dance{}, err
	}
	stage := accounts.DanceStage(q.URL.Query().Get("stage"))
	until, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	d, err := s.book.AwaitDance(until, q.vars[0], func(d accounts.Dance) bool {
		return wait == 0 || d.Stage != stage || d.Stage.Over()
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // as it is
	}
	return toDance(d), err
}

func (s *Server) cancelDance(_ context.Context, q *request, _ none) (none, error) {
	return none{}, s.book.CancelDance(q.vars[0])
}

func (s *Server) openAgain(ctx context.Context, q *request, _ none) (none, error) {
	return none{}, s.book.OpenAgain(ctx, q.vars[0])
}

func (s *Server) paste(_ context.Context, q *request, in ipc.Paste) (none, error) {
	return none{}, s.book.Paste(q.vars[0], in.Text.Reveal())
}

func (s *Server) keep(ctx context.Context, q *request, in ipc.Keep) (ipc.AccountDetail, error) {
	id, err := s.book.Keep(ctx, q.vars[0], in.Label, in.AsNew)
	return s.again(accounts.Account{ID: id}, err)
}

func (s *Server) grants(context.Context, *request, none) (ipc.Grants, error) {
	snap, err := s.open()
	return ipc.Grants{Grants: each(snap.Grants, toGrant)}, err
}

func (s *Server) takeBack(_ context.Context, q *request, _ none) (none, error) {
	return none{}, s.book.TakeBack(q.vars[0])
}

func (s *Server) activity(_ context.Context, q *request, _ none) (ipc.Activities, error) {
	most := 100
	if text := q.URL.Query().Get("max"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return ipc.Activities{}, badRequest("The query's max is not a number from 1 on.")
		}
		most = min(n, 10000)
	}
	lines, err := s.book.Activity(most)
	return ipc.Activities{Activity: each(lines, toActivity)}, err
}

// wayOf is the secret that came and what it is; the keyring if none did.
func wayOf(passphrase, recovery ipc.Secret) (accounts.WayKind, secret.String) {
	switch {
	case passphrase != "":
		return accounts.WayPassphrase, secret.New(passphrase.Reveal())
	case recovery != "":
		return accounts.WayRecovery, secret.New(recovery.Reveal())
	}
	return accounts.WayKeyring, secret.String{}
}
