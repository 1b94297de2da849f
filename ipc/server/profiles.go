package server

import (
	"context"
	"time"

	"dancecard/accounts"
	"dancecard/internal/secret"
	"dancecard/ipc"
)

// profile finds a profile by id or name; "-" is the current one.
func (s *Server) profile(ref string) (string, error) {
	snap := s.book.Snapshot()
	if ref == "-" {
		if snap.Current == "" {
			return "", &accounts.Error{Code: accounts.CodeNoProfile, Text: "There is no profile yet.",
				Hint: "Make one in Dancecard's window, or with `dancectl profile create NAME`."}
		}
		return snap.Current, nil
	}
	if p, ok := snap.Profile(ref); ok {
		return p.ID, nil
	}
	found := ""
	for _, p := range snap.Profiles {
		if p.Name != ref {
			continue
		}
		if found != "" {
			return "", &accounts.Error{Code: accounts.CodeNoSuchProfile, Text: "Several profiles have the name " + clean(ref) + ".",
				Hint: "Use the id: see `dancectl profile list`."}
		}
		found = p.ID
	}
	if found == "" {
		return "", &accounts.Error{Code: accounts.CodeNoSuchProfile, Text: "There is no profile " + clean(ref) + ".",
			Hint: "See `dancectl profile list`."}
	}
	return found, nil
}

// onProfile runs a verb on the profile that the path names.
func (s *Server) onProfile(q *request, verb func(id string) error) (none, error) {
	id, err := s.profile(q.vars[0])
	if err == nil {
		err = verb(id)
	}
	return none{}, err
}

func (s *Server) profiles(context.Context, *request, none) (ipc.Profiles, error) {
	snap := s.book.Snapshot()
	return ipc.Profiles{Profiles: each(snap.Profiles, toProfile(snap))}, nil
}

func (s *Server) createProfile(ctx context.Context, _ *request, in ipc.NewProfile) (ipc.CreatedProfile, error) {
	if in.Name == "" {
		return ipc.CreatedProfile{}, badRequest("There is no name.")
	}
	id, key, err := s.book.CreateProfile(ctx, accounts.NewProfile{
		Name: in.Name, Keyring: in.Keyring, Passphrase: secret.New(in.Passphrase.Reveal()),
	})
	return ipc.CreatedProfile{ID: id, RecoveryKey: ipc.Secret(key.Reveal())}, err
}

func (s *Server) renameProfile(_ context.Context, q *request, in ipc.Rename) (none, error) {
	return s.onProfile(q, func(id string) error { return s.book.RenameProfile(id, in.Name) })
}

// deleteProfile destroys, so the profile's own secret or the user's word in the
// window is needed. A caller who leaves takes the question away.
func (s *Server) deleteProfile(ctx context.Context, q *request, in ipc.DeleteProfile) (ipc.DeletedProfile, error) {
	id, err := s.profile(q.vars[0])
	if err != nil {
		return ipc.DeletedProfile{}, err
	}
	snap := s.book.Snapshot()
	p, _ := snap.Profile(id)
	var left []accounts.Account
	if way, key := wayOf(in.Passphrase, in.RecoveryKey); !key.IsZero() {
		if err = s.verifyProfile(ctx, id, way, key); err == nil {
			left, err = s.book.DeleteProfile(ctx, id, in.Anyway)
		}
	} else {
		left, err = s.askDelete(ctx, id, in.Anyway, q.app)
	}
	if err != nil {
		return ipc.DeletedProfile{}, err
	}
	return ipc.DeletedProfile{ID: id, Name: p.Name, Left: each(left, toLeft)}, nil
}

func (s *Server) askDelete(ctx context.Context, id string, anyway bool, app accounts.App) ([]accounts.Account, error) {
	question, err := s.book.AskDeleteProfile(id, anyway, app)
	if err != nil {
		return nil, err
	}
	word, left, err := s.book.AwaitDeletion(ctx, question)
	if err == nil && !word.Allow {
		err = &accounts.Error{Code: accounts.CodeConsentDenied, Text: "The profile stays: the window's answer was no.", Hint: "Nothing was changed."}
	}
	return left, err
}

func (s *Server) verifyProfile(ctx context.Context, id string, way accounts.WayKind, key secret.String) error {
	s.verifying.Lock()
	defer s.verifying.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.book.VerifyProfile(ctx, id, way, key)
}

func toLeft(a accounts.Account) ipc.Disconnected {
	return ipc.Disconnected{Account: a.ID, Provider: a.Provider, Label: a.Label, Told: a.CanRevoke, Pending: a.Status == accounts.Revoking, Page: a.SettingsPage}
}

// setLocks takes what locks more at once. What locks less widens, and is the
// window's or a secret's to say.
func (s *Server) setLocks(ctx context.Context, q *request, in ipc.SetLocks) (none, error) {
	id, err := s.profile(q.vars[0])
	if err != nil {
		return none{}, err
	}
	snap := s.book.Snapshot()
	p, _ := snap.Profile(id)
	rules := accounts.LockRules{Screen: in.Screen, Sleep: in.Sleep, Idle: time.Duration(in.Idle) * time.Minute}
	if loosens(p.Locks, rules) {
		way, key := wayOf(in.Passphrase, in.RecoveryKey)
		switch {
		case key.IsZero():
			return none{}, problem(ipc.CodeConsentDenied, "Locking less often is not for programs to say.",
				"Use the window's Settings, or give the passphrase: --passphrase-file FILE.")
		case id != snap.Current:
			return none{}, badRequest("Only the current profile can be made to lock less often.")
		}
		if err := s.verify(ctx, way, key); err != nil {
			return none{}, err
		}
	}
	return none{}, s.book.SetLockRules(id, rules)
}

func loosens(old, rules accounts.LockRules) bool {
	return old.Screen && !rules.Screen || old.Sleep && !rules.Sleep || old.Idle > 0 && (rules.Idle == 0 || rules.Idle > old.Idle)
}

func (s *Server) switchProfile(_ context.Context, q *request, _ none) (none, error) {
	return s.onProfile(q, s.book.SwitchProfile)
}

func (s *Server) unlock(ctx context.Context, q *request, in ipc.Unlock) (none, error) {
	if in.Passphrase != "" && in.RecoveryKey != "" {
		return none{}, badRequest("There is both a passphrase and a recovery key.")
	}
	way, key := wayOf(in.Passphrase, in.RecoveryKey)
	return s.onProfile(q, func(id string) error { return s.book.Unlock(ctx, id, way, key) })
}

func (s *Server) lockProfile(_ context.Context, q *request, _ none) (none, error) {
	return s.onProfile(q, func(id string) error { return s.book.Lock(id, accounts.LockUser) })
}

func (s *Server) logOut(ctx context.Context, q *request, _ none) (none, error) {
	return s.onProfile(q, func(id string) error { return s.book.LogOut(ctx, id) })
}
