package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const manual = `dancectl asks the running Dancecard, as the window does.

An ACCOUNT is named by its provider, provider:login, label or id, or by the host
that its token is for: github, github:mira-o, "Work GitHub", host:github.com.
A PROFILE is named by its name or id.`

// root is the tree of commands.
func (t *tool) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "dancectl",
		Short:             "Your linked accounts, from the terminal",
		Long:              manual,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.AddGroup(&cobra.Group{ID: "accounts", Title: "Accounts:"},
		&cobra.Group{ID: "profiles", Title: "Profiles:"}, &cobra.Group{ID: "rest", Title: "Dancecard:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("accounts", t.accounts(), t.connect(), t.token(), t.apps(), t.disconnect(), t.fetch(), t.providers(), t.browsers())
	add("profiles", t.profile(), t.lock(), t.unlock(), t.logout())
	add("rest", t.status(), t.events(), t.show(), t.version())
	root.SetHelpCommandGroupID("rest")
	root.SetCompletionCommandGroupID("rest")
	root.AddCommand(&cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp})
	return root
}

// work marks that the arguments were in order and the command itself begins.
func (t *tool) work(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		t.started = true
		return f(cmd, args)
	}
}

// note tells the person at the terminal something that is no answer.
func (t *tool) note(format string, args ...any) {
	fmt.Fprintln(t.err, line(fmt.Sprintf(format, args...)))
}

// say answers in one line.
func (t *tool) say(format string, args ...any) {
	fmt.Fprintln(t.out, line(fmt.Sprintf(format, args...)))
}

func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "answer in JSON")
}

// listToo is "list" below a command that lists when nothing stands below it.
func listToo(cmd *cobra.Command) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: cmd.Short, Args: cobra.NoArgs, RunE: cmd.RunE}
	list.Flags().AddFlagSet(cmd.Flags())
	return list
}

func (t *tool) show() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Bring the window to the front",
		Args:  cobra.NoArgs,
		RunE: t.work(func(cmd *cobra.Command, _ []string) error {
			return t.control.Show(cmd.Context())
		}),
	}
}

func (t *tool) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the versions of dancectl and of the running Dancecard",
		Args:  cobra.NoArgs,
		RunE: t.work(func(cmd *cobra.Command, _ []string) error {
			t.say("dancectl %s", version)
			if s, err := t.control.Status(cmd.Context()); err == nil {
				t.say("dancecard %s, process %d", s.Version, s.PID)
			}
			return nil
		}),
	}
}
