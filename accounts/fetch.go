package accounts

import (
	"context"
	"net/http"
)

// Fetch performs a request at the API of the account that ref names, with its
// token added; the app never sees the token. The request's URL is absolute.
// The caller closes the answer's body. Errors: those of [Book.Token], and
// CodeBadRequest for a host that the account is not bound to.
func (b *Book) Fetch(ctx context.Context, app App, ref string, req *http.Request) (*http.Response, error) {
	panic("contract")
}
