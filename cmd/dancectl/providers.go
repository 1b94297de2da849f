package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

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
	cmd.AddCommand(listToo(cmd), t.providerShow(), t.providerLint(), t.providerSchema(), t.clientDocument())
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
	if p.Instance != "" && p.InstanceDefault == "" {
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
			{"Optional", strings.Join(p.OptionalScopes, " ")}, {"Options", options(p)}, {"Device", device(p)},
			{"Revoking", revoking(p)}, {"Settings", p.SettingsPage}, {"File", p.File},
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
	switch {
	case p.RedirectURI != "" && p.RedirectUnknown:
		return p.RedirectURI + " (whether this provider takes it is not known)"
	case p.Paste:
		return strings.TrimSpace(p.RedirectURI + " (you copy its answer from the browser)")
	case anyPort(p.RedirectURI):
		return p.RedirectURI + " (any port)"
	}
	return p.RedirectURI
}

// anyPort reports a redirect URI on loopback that names no port: the provider
// takes whichever is free (RFC 8252 section 7.3).
func anyPort(redirect string) bool {
	u, err := url.Parse(redirect)
	return err == nil && u.Host != "" && u.Port() == ""
}

// options are the choices of a sign-in, as --option takes them.
func options(p ipc.Provider) string {
	var all []string
	for _, o := range p.Options {
		switch {
		case o.Switch && o.On:
			all = append(all, o.ID+"=off (on by default)")
		case o.Switch:
			all = append(all, o.ID+"=on (off by default)")
		default:
			all = append(all, o.ID+"=TEXT")
		}
	}
	return strings.Join(all, ", ")
}

func device(p ipc.Provider) string {
	if p.Device {
		return "dancectl connect " + p.ID + " --device"
	}
	return ""
}

func revoking(p ipc.Provider) string {
	switch p.Revocation {
	case "revokes":
		return "disconnecting ends the token there"
	case "none":
		return "it offers no way to end a token; its settings page does"
	case "unknown":
		return "whether it can end a token is not known"
	}
	return ""
}

func (t *tool) providerLint() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "lint FILE",
		Short:   "Explain what is wrong with a provider file",
		Long:    "Explain what is wrong with a provider file: line, reason and fix. Nothing is stored.",
		Example: "  dancectl providers lint work.toml",
		Args:    exactly("FILE"),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		text, err := readText(args[0])
		if err != nil {
			return err
		}
		linted, err := t.control.Lint(cmd.Context(), ipc.Lint{Name: filepath.Base(args[0]), Text: text})
		if err != nil {
			return err
		}
		if *asJSON {
			if err := printJSON(t.out, linted, "  "); err != nil {
				return err
			}
		}
		for i := range linted.Problems {
			linted.Problems[i].File = args[0]
			if !*asJSON {
				t.say("%s", brokenFile(linted.Problems[i]))
			}
		}
		if n := len(linted.Problems); n > 0 {
			return &problem{exitError, fmt.Sprintf("%s cannot be used as it is (%d to mend)", args[0], n), "mend what is listed, then lint again"}
		}
		if !*asJSON {
			t.say("%s is in order: %s", args[0], linted.Provider.Name)
		}
		return nil
	})
	return cmd
}

// readText reads a provider file, which holds at most what one message takes.
func readText(path string) (string, error) {
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return "", &problem{exitUsage, err.Error(), "give the path of a provider file"}
	case len(data) > 60<<10 || !utf8.Valid(data):
		return "", &problem{exitUsage, path + " is too long or is no text", "a provider file is a small TOML file"}
	}
	return string(data), nil
}

func (t *tool) clientDocument() *cobra.Command {
	return &cobra.Command{
		Use:   "client-document ADDRESS [PROVIDER...]",
		Short: "Print a client id metadata document to publish",
		Long: `Print the client id metadata document to publish at ADDRESS, an https address of
yours. Started with --client-document ADDRESS, Dancecard then needs no client id
at providers that read such documents. PROVIDER is an id or the address of one
that no list knows; without it the document is for those of the gallery that are
known to read one.`,
		Example: "  dancectl providers client-document https://me.example/dancecard.json > dancecard.json",
		Args:    cobra.MinimumNArgs(1),
		RunE: t.work(func(cmd *cobra.Command, args []string) error {
			document, err := t.control.ClientDocument(cmd.Context(), ipc.ClientDocument{Address: args[0], Providers: args[1:]})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(t.out, string(document))
			return err
		}),
	}
}

func (t *tool) providerSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of provider files, for editors",
		Args:  cobra.NoArgs,
		RunE: t.work(func(cmd *cobra.Command, _ []string) error {
			schema, err := t.control.Schema(cmd.Context())
			if err != nil {
				return err
			}
			_, err = t.out.Write(schema)
			return err
		}),
	}
}
