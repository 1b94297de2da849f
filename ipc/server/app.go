package server

import (
	"context"
	"encoding/hex"
	"reflect"
	"strings"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// Bounds of what an app may ask for.
const (
	maxWait     = 10 * time.Minute
	maxMinValid = 24 * time.Hour
	maxScopes   = 64
)

// appRoutes is the table of the apps' socket.
func (s *Server) appRoutes() []route {
	events := newRoute("GET", "/v1/events", reflect.TypeFor[none](), reflect.TypeFor[ipc.Event]())
	events.serve = s.appEvents
	return []route{
		handle("GET", "/v1/status", s.appStatus),
		handle("GET", "/v1/accounts", s.appAccounts),
		handle("GET", "/v1/accounts/{ref}", s.appAccount),
		handle("POST", "/v1/accounts/{ref}/token", s.token),
		handle("POST", "/v1/accounts/{ref}/rejected", s.rejected),
		handle("POST", "/v1/connect", s.connect),
		handle("GET", "/v1/operations/{id}", s.operation),
		events,
	}
}

func (s *Server) appStatus(_ context.Context, q *request, _ none) (ipc.Status, error) {
	out := ipc.Status{Version: s.o.Version, Profile: ipc.ProfileNone, App: toApp(q.app)}
	snap := s.book.Snapshot()
	if p, ok := snap.Profile(snap.Current); ok {
		out.Profile = ipc.ProfileState(p.State)
	}
	return out, nil
}

func (s *Server) appAccounts(_ context.Context, q *request, _ none) (ipc.Accounts, error) {
	granted, err := s.book.AccountsFor(q.app)
	return ipc.Accounts{Accounts: each(granted, toAccount)}, err
}

func (s *Server) appAccount(_ context.Context, q *request, _ none) (ipc.Account, error) {
	a, err := s.book.AccountFor(q.app, q.vars[0])
	return toAccount(a), err
}

// token hands a token out. Before it goes out, the peer is looked at again:
// the user may have taken minutes to answer.
func (s *Server) token(ctx context.Context, q *request, in ipc.TokenRequest) (ipc.Token, error) {
	want, err := toWant(in)
	if err != nil {
		return ipc.Token{}, err
	}
	h, err := s.book.Token(ctx, q.app, q.vars[0], want)
	if err != nil {
		return ipc.Token{}, err
	}
	if now, refusal := s.id.current(ctx.Value(peerKey{}).(*peer)); refusal != nil {
		return ipc.Token{}, refusal
	} else if now.Key != q.app.Key {
		return ipc.Token{}, problem(ipc.CodeUnidentified, "The program changed while it waited for the token.", "Ask again.")
	}
	return toToken(h, want.Type), nil
}

func toWant(in ipc.TokenRequest) (accounts.Want, error) {
	w := accounts.Want{Type: accounts.TokenType(in.Type), Scopes: in.Scopes, Audience: in.Audience}
	switch w.Type {
	case "":
		w.Type = accounts.AccessToken
	case accounts.AccessToken, accounts.IDToken:
	default:
		return w, badRequest(`The type is neither "access" nor "id".`)
	}
	if len(in.Scopes) > maxScopes {
		return w, badRequest("There are more than 64 scopes.")
	}
	for _, scope := range in.Scopes {
		if !scopeToken(scope) {
			return w, badRequest("A scope is empty, too long, or has a character that scopes do not have.")
		}
	}
	if len(in.Audience) > 512 || strings.ContainsFunc(in.Audience, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return w, badRequest("The audience is too long or is not a URI.")
	}
	var err, err2 error
	w.MinValid, err = inSeconds("min_valid", in.MinValid, maxMinValid)
	w.Wait, err2 = inSeconds("wait", in.Wait, maxWait)
	if err == nil {
		err = err2
	}
	return w, err
}

// scopeToken checks one scope (RFC 6749 section 3.3).
func scopeToken(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

func joinScopes(s []string) string { return strings.Join(s, " ") }

func (s *Server) rejected(ctx context.Context, q *request, in ipc.Rejected) (none, error) {
	hash := strings.ToLower(in.Hash)
	if sum, err := hex.DecodeString(hash); err != nil || len(sum) != 32 {
		return none{}, badRequest("The hash is not a SHA-256 in hex.")
	}
	return none{}, s.book.Rejected(ctx, q.app, q.vars[0], hash)
}
