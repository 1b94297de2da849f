package main

import (
	"fmt"
	"strings"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) providers() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "providers",
		Aliases: []string{"provider"},
		Short:   "List the providers that can be connected",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, _ []string) error {
		s, err := t.control.Status(cmd.Context())
		if err != nil {
			return err
		}
		providers, err := t.control.Providers(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, ipc.Providers{Providers: providers}, "  ")
		}
		rows := [][]string{{"PROVIDER", "NAME", "LINKED", "NEEDS", "FILE"}}
		for _, p := range providers {
			rows = append(rows, []string{p.ID, p.Name, linked(p.Linked), needs(p), p.File})
		}
		table(t.out, rows)
		for _, b := range s.Broken {
			t.note("! %s", brokenFile(b))
		}
		return nil
	})
	cmd.AddCommand(listToo(cmd), t.providerShow())
	return cmd
}

func linked(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// needs says what a provider wants before it can be connected.
func needs(p ipc.Provider) string {
	var wants []string
	if p.NeedsRegistration {
		wants = append(wants, "a client id of your own")
	}
	if p.Instance != "" {
		wants = append(wants, "--instance")
	}
	return strings.Join(wants, ", ")
}

// brokenFile says what is wrong with a provider file, where, and what to do.
func brokenFile(b ipc.ProviderProblem) string {
	text := b.File
	if b.Line > 0 {
		text += fmt.Sprintf(":%d", b.Line)
	}
	text += ": " + b.Reason
	if b.Fix != "" {
		text += "; " + b.Fix
	}
	return text
}

func (t *tool) providerShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show PROVIDER",
		Short:             "Show a provider, and what to register at it",
		Args:              exactly("PROVIDER"),
		ValidArgsFunction: first(t.providerWords),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		p, err := t.control.Provider(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, p, "  ")
		}
		t.facts([][2]string{
			{"Provider", p.Name}, {"Id", p.ID}, {"Category", p.Category}, {"Linked", linked(p.Linked)},
			{"Needs", needs(p)}, {"Instance", instance(p)}, {"Register", p.RegistrationPage}, {"How", p.RegistrationHelp},
			{"Redirect", redirect(p)}, {"Scopes", strings.Join(p.Scopes, " ")},
			{"Optional", strings.Join(p.OptionalScopes, " ")}, {"File", p.File},
		})
		return nil
	})
	return cmd
}

func instance(p ipc.Provider) string {
	if p.InstanceExample == "" {
		return p.Instance
	}
	return p.Instance + ", such as " + p.InstanceExample
}

func redirect(p ipc.Provider) string {
	if p.RedirectURI != "" && p.RedirectUnknown {
		return p.RedirectURI + " (whether this provider takes it is not known)"
	}
	return p.RedirectURI
}
