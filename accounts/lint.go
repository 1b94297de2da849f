package accounts

import (
	"context"
	"slices"
	"strings"

	"dancecard/dance"
	"dancecard/dance/catalog"
)

// LintProvider reads a provider file as the catalogue would and explains what
// is wrong with it. The provider is of use only if there are no problems.
func LintProvider(name string, data []byte) (Provider, []ProviderProblem) {
	row, found := catalog.LintText(name, data)
	var problems []ProviderProblem
	for _, p := range found {
		problems = append(problems, ProviderProblem{File: p.File, Line: p.Line, Reason: p.Reason, Fix: p.Fix})
	}
	return viewProvider(catalog.Entry{Provider: row, File: name}), problems
}

// ProviderSchema is the JSON schema of provider files (draft 2020-12).
func ProviderSchema() []byte { return catalog.Schema() }

// ClientDocument is the client id metadata document to publish at address, so
// that these providers take Dancecard for a registered client. A provider is
// named by its id, or by its address, which is then looked up; with none, those
// of the gallery that are known to read such documents.
func (b *Book) ClientDocument(ctx context.Context, address string, providers []string) ([]byte, error) {
	var redirects, ids []string
	for _, name := range providers {
		if !strings.ContainsAny(name, ".:/") {
			ids = append(ids, name)
			continue
		}
		row, err := dance.Find(ctx, name)
		if err != nil {
			return nil, danceProblem(ctx, name, err)
		}
		redirects = append(redirects, dance.RedirectURI(row))
	}
	for _, e := range b.catalog.Entries() {
		if slices.Contains(ids, e.ID) || len(providers) == 0 && slices.Contains(e.RegistrationMethods, "document") {
			redirects = append(redirects, dance.RedirectURI(e.Provider))
		}
	}
	if unknown := slices.IndexFunc(ids, func(id string) bool { _, ok := b.catalog.Get(id); return !ok }); unknown >= 0 {
		return nil, noSuchProvider(ids[unknown])
	}
	slices.Sort(redirects)
	document, err := dance.ClientDocument(address, "Dancecard", slices.Compact(redirects))
	if err != nil {
		return nil, &Error{Code: CodeBadRequest, Text: sentence(err.Error()), Hint: "Give an https address with a path, where you will publish the document."}
	}
	return document, nil
}
