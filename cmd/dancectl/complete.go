package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completer lists what may stand in the first argument: a word and, for shells
// that show it, a description.
type completer func(ctx context.Context) ([]cobra.Completion, error)

// completionTime is how long a shell waits for Dancecard's answer at most.
const completionTime = time.Second

// first completes the first argument with list. A shell is told nothing when
// Dancecard does not answer.
func first(list completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		words, err := list(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

func (t *tool) accountWords(ctx context.Context) ([]cobra.Completion, error) {
	accounts, err := t.control.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var words []cobra.Completion
	short := names(accounts)
	for _, a := range accounts {
		words = append(words, word(short[a.ID], a.Label+", "+a.Status))
	}
	return words, nil
}

func (t *tool) providerWords(ctx context.Context) ([]cobra.Completion, error) {
	providers, err := t.control.Providers(ctx)
	if err != nil {
		return nil, err
	}
	var words []cobra.Completion
	for _, p := range providers {
		words = append(words, word(p.ID, p.Name))
	}
	return words, nil
}

func (t *tool) browserWords(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return first(func(ctx context.Context) ([]cobra.Completion, error) {
		all, err := t.control.Browsers(ctx)
		var words []cobra.Completion
		for _, b := range all {
			words = append(words, word(browserWord(b.ID), strings.TrimSpace(b.Name+" "+place(b))))
		}
		return words, err
	})(cmd, nil, "")
}

func (t *tool) profileWords(ctx context.Context) ([]cobra.Completion, error) {
	profiles, err := t.control.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	var words []cobra.Completion
	for _, p := range profiles {
		words = append(words, word(p.Name, string(p.State)))
	}
	return words, nil
}

func (t *tool) grantWords(ctx context.Context) ([]cobra.Completion, error) {
	grants, err := t.control.Apps(ctx)
	if err != nil {
		return nil, err
	}
	var words []cobra.Completion
	for _, g := range grants {
		words = append(words, word(g.ID, appName(g.App)))
	}
	return words, nil
}

func word(text, description string) cobra.Completion {
	return cobra.CompletionWithDesc(line(text), line(description))
}
