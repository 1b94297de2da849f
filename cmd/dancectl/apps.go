package main

import (
	"fmt"
	"strings"
	"time"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) apps() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apps",
		Short: "List the programs that may use accounts",
		Args:  cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, _ []string) error {
		grants, err := t.control.Apps(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, ipc.Grants{Grants: grants}, "  ")
		}
		if len(grants) == 0 {
			t.note("No program was given an account yet.")
			return nil
		}
		accounts, err := t.control.Accounts(cmd.Context())
		if err != nil {
			return err
		}
		t.printGrants(grants, names(accounts), time.Now())
		return nil
	})
	cmd.AddCommand(listToo(cmd), &cobra.Command{
		Use:               "take-back ID",
		Short:             "Take a program's access back at once",
		Args:              exactly("ID"),
		ValidArgsFunction: first(t.grantWords),
		RunE: t.work(func(cmd *cobra.Command, args []string) error {
			return t.control.TakeBack(cmd.Context(), args[0])
		}),
	})
	return cmd
}

func (t *tool) printGrants(grants []ipc.Grant, accounts map[string]string, now time.Time) {
	rows := [][]string{{"ID", "PROGRAM", "ACCOUNT", "MAY", "FOR", "USES", "LAST USED", "PATH"}}
	for _, g := range grants {
		account := accounts[g.Account]
		if account == "" {
			account = g.Account
		}
		rows = append(rows, []string{g.ID, appName(g.App), account, may(g), lasts(g, now),
			fmt.Sprint(g.Uses), clock(g.LastUsed, now), appPath(g.App)})
	}
	table(t.out, rows)
}

func may(g ipc.Grant) string {
	switch {
	case !g.Allow:
		return "never"
	case g.FetchOnly:
		return "fetch only"
	case len(g.Scopes) > 0:
		return "token: " + strings.Join(g.Scopes, " ")
	}
	return "token"
}

// lasts is how long a grant holds.
func lasts(g ipc.Grant, now time.Time) string {
	if g.Until.IsZero() {
		return "always"
	}
	return "until " + clock(g.Until, now)
}

func appPath(a ipc.AppName) string {
	if a.Caller != "" && a.CallerPath != "" {
		return a.CallerPath
	}
	return a.Path
}
