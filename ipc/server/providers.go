package server

import (
	"context"
	"encoding/json"

	"dancecard/accounts"
	"dancecard/internal/secret"
	"dancecard/ipc"
)

func (s *Server) providers(context.Context, *request, none) (ipc.Providers, error) {
	return ipc.Providers{Providers: each(s.book.Snapshot().Gallery, toProvider)}, nil
}

func (s *Server) provider(_ context.Context, q *request, _ none) (ipc.Provider, error) {
	if p, ok := s.book.Row(q.vars[0]); ok {
		return toProvider(p), nil
	}
	return ipc.Provider{}, &accounts.Error{Code: accounts.CodeNoSuchProvider,
		Text: "There is no provider " + clean(q.vars[0]) + " in the gallery.", Hint: "See `dancectl providers` for the ids."}
}

func (s *Server) registration(ctx context.Context, q *request, in ipc.Registration) (none, error) {
	id, hidden := in.ClientID, secret.New(in.ClientSecret.Reveal())
	if in.ClientFile != "" {
		if in.ClientID != "" || in.ClientSecret != "" {
			return none{}, badRequest("There are a client_file and a client_id: give one of them.")
		}
		var err error
		if id, hidden, err = accounts.ReadClientFile([]byte(in.ClientFile.Reveal())); err != nil {
			return none{}, err
		}
	}
	if id == "" {
		return none{}, badRequest("There is no client_id.")
	}
	return none{}, s.book.SetRegistration(ctx, q.vars[0], in.Instance, id, hidden, secret.New(in.PrivateKey.Reveal()))
}

func (s *Server) clientDocument(ctx context.Context, _ *request, in ipc.ClientDocument) (json.RawMessage, error) {
	return s.book.ClientDocument(ctx, in.Address, in.Providers)
}

func (s *Server) schema(context.Context, *request, none) (json.RawMessage, error) {
	return accounts.ProviderSchema(), nil
}

func (s *Server) lint(_ context.Context, _ *request, in ipc.Lint) (ipc.Linted, error) {
	p, problems := accounts.LintProvider(in.Name, []byte(in.Text))
	out := ipc.Linted{Problems: each(problems, toProblemOfFile)}
	if len(problems) == 0 {
		provider := toProvider(p)
		out.Provider = &provider
	}
	return out, nil
}

func toProblemOfFile(b accounts.ProviderProblem) ipc.ProviderProblem {
	return ipc.ProviderProblem{File: b.File, Line: b.Line, Reason: b.Reason, Fix: b.Fix}
}

func (s *Server) browsers(context.Context, *request, none) (ipc.Browsers, error) {
	var out ipc.Browsers
	for _, b := range s.book.Browsers() {
		out.Browsers = append(out.Browsers, ipc.Browser{ID: b.ID, Name: b.Name, Profile: b.Profile, Private: b.Private})
	}
	return out, nil
}

func (s *Server) setBrowser(_ context.Context, q *request, in ipc.SetBrowser) (ipc.AccountDetail, error) {
	a, err := s.book.Resolve(q.vars[0])
	if err == nil {
		err = s.book.SetBrowser(a.ID, in.Browser)
	}
	return s.again(a, err)
}
