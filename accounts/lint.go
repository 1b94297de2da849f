package accounts

import "dancecard/dance/catalog"

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
