package dance

import (
	"context"
	"errors"
	"net/http"

	"dancecard/internal/secret"
)

// lookup asks under which id the provider keeps the token. What comes back is
// a list of all that the user has let in, so only the item that holds this very
// token will do: any other would cut off another program. A list without the
// token is a *Refused with invalid_token, as a dead token is.
func (s *shape) lookup(ctx context.Context) error {
	look := s.link.Provider.Revocation.Lookup
	if s.token.Access.IsZero() {
		return ErrNoRevocation
	}
	req, err := http.NewRequest(http.MethodGet, look.URL, nil)
	if err != nil {
		return &Failed{Stage: revocationStage, Text: "the look-up address cannot be used"}
	}
	req.Header.Set("Accept", "application/json")
	if req, err = s.link.attach(s.registration, s.token, req, ""); err != nil {
		return err
	}
	a, err := newClient(s.link.Provider).send(ctx, revocationStage, req)
	if err != nil {
		return err
	}
	if a.status == http.StatusForbidden {
		return ErrNoRevocation // the token's scopes do not reach the list
	}
	if err := s.verdict(a, false); err != nil {
		return err
	}
	doc, err := parseJSON(a.body, false)
	if err != nil {
		return odd(revocationStage, a, err)
	}
	item, err := holder(doc, look.Match, s.token.Access)
	if err != nil {
		return odd(revocationStage, a, err)
	}
	if item == nil && a.status != http.StatusOK {
		return odd(revocationStage, a, errors.New("it is a part of the list, and the token is not in it"))
	}
	if item == nil {
		return &Refused{Stage: revocationStage, Code: "invalid_token", Status: a.status}
	}
	id := text(item, look.ID)
	if id == "" || id == "." || id == ".." || len(id) > subjectLength || clean(id, subjectLength) != id {
		return odd(revocationStage, a, errors.New("it does not say under which id it keeps the token"))
	}
	s.values["{id}"] = id
	return nil
}

// holder is the one item of a list that has the token at path, or nil where
// none has. A list that shows no token at all, when it is not empty, proves
// nothing; nor does one in which two items hold the same.
func holder(doc any, path string, token secret.String) (any, error) {
	list, ok := doc.([]any)
	if !ok {
		return nil, errors.New("it is not a list")
	}
	var found any
	shown := 0
	for _, item := range list {
		held := stringAt(item, path)
		if held == "" {
			continue
		}
		shown++
		if !token.Equal(secret.New(held)) {
			continue
		}
		if found != nil {
			return nil, errors.New("two items of the list hold the token")
		}
		found = item
	}
	if shown == 0 && len(list) > 0 {
		return nil, errors.New("no item of the list shows its token")
	}
	return found, nil
}
