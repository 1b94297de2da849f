package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) status() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how things stand",
		Args:  cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, _ []string) error {
		s, err := t.control.Status(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, s, "  ")
		}
		t.printStatus(s, time.Now())
		return nil
	})
	return cmd
}

func (t *tool) printStatus(s ipc.Overview, now time.Time) {
	tell := func(what, format string, args ...any) {
		fmt.Fprintf(t.out, "%-9s %s\n", what, line(fmt.Sprintf(format, args...)))
	}
	tell("Dancecard", "%s, process %d", s.Version, s.PID)
	open := false
	for _, p := range s.Profiles {
		if p.ID == s.Current {
			tell("Profile", "%s, %s", p.Name, profileState(p))
			open = p.State == ipc.ProfileOpen
			if p.Waiting > 0 {
				tell("Waiting", "programs that asked while it was locked: %d", p.Waiting)
			}
		}
	}
	if len(s.Profiles) == 0 {
		tell("Profile", "none yet; create one in the window: dancectl show")
	}
	if open {
		tell("Accounts", "%s", tally(s.Accounts))
	}
	if !s.LastToken.IsZero() {
		tell("Token", "last handed out at %s", clock(s.LastToken, now))
	}
	if s.Questions > 0 {
		tell("Questions", "%d in the window: dancectl show", s.Questions)
	}
	if s.Keyring != "" {
		tell("Keyring", "%s", s.Keyring)
	}
	for _, d := range s.Dances {
		if !d.Stage.Over() {
			tell("Dance", "%s, %s", d.ProviderName, d.Stage)
		}
	}
	t.printTrouble(s, now)
}

// printTrouble tells what wants the user, with the next step.
func (t *tool) printTrouble(s ipc.Overview, now time.Time) {
	short := names(s.Accounts)
	for _, a := range s.Accounts {
		if a.Status == "needs sign-in" || a.Status == "needs registration" {
			t.say("! %s %s. %s", short[a.ID], state(a, now), a.Why)
			t.say("hint: dancectl connect --reconnect %s", short[a.ID])
		}
	}
	for _, b := range s.Broken {
		t.say("! %s", brokenFile(b))
	}
	for _, a := range s.Alarms {
		t.say("! %s %s", a.Text, a.Hint)
	}
}

// tally counts accounts by status: "3: 2 ready, 1 offline".
func tally(accounts []ipc.AccountDetail) string {
	if len(accounts) == 0 {
		return "none yet; dancectl connect adds one"
	}
	counts := map[string]int{}
	for _, a := range accounts {
		counts[a.Status]++
	}
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[status], status))
	}
	return fmt.Sprintf("%d: %s", len(accounts), strings.Join(parts, ", "))
}

func (t *tool) accounts() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "accounts",
		Aliases: []string{"account"},
		Short:   "List the accounts of the profile",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, _ []string) error {
		accounts, err := t.control.Accounts(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, ipc.Details{Accounts: accounts}, "  ")
		}
		t.printAccounts(accounts, time.Now())
		return nil
	})
	cmd.AddCommand(listToo(cmd), t.accountShow(),
		t.renamer("rename ACCOUNT LABEL", "Give an account another label", t.accountWords,
			func(ctx context.Context, account, label string) error {
				_, err := t.control.Rename(ctx, account, label)
				return err
			}),
		t.accountRefresh())
	return cmd
}

func (t *tool) printAccounts(accounts []ipc.AccountDetail, now time.Time) {
	if len(accounts) == 0 {
		t.note("No account is linked yet: dancectl connect PROVIDER")
		return
	}
	short := names(accounts)
	rows := [][]string{{"ACCOUNT", "LABEL", "STATUS", "TOKEN", "APPS"}}
	for _, a := range accounts {
		rows = append(rows, []string{short[a.ID], a.Label, state(a, now), tokenLife(a, now), fmt.Sprint(a.Apps)})
	}
	table(t.out, rows)
}

func (t *tool) accountShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show ACCOUNT",
		Short:             "Show one account in full",
		Args:              exactly("ACCOUNT"),
		ValidArgsFunction: first(t.accountWords),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		a, err := t.control.Account(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, a, "  ")
		}
		now := time.Now()
		t.facts([][2]string{
			{"Account", person(a.Login, a.Name, a.Email, a.Subject)},
			{"Label", a.Label}, {"Provider", a.ProviderName}, {"Issuer", a.Issuer}, {"Subject", a.Subject},
			{"Id", a.ID}, {"Status", state(a, now)}, {"Why", a.Why}, {"Token", tokenLife(a, now)},
			{"Scopes", strings.Join(a.Scopes, " ")}, {"Not given", strings.Join(without(a.Asked, a.Scopes), " ")}, {"Hosts", strings.Join(a.Hosts, " ")},
			{"Linked", clock(a.Linked, now)}, {"Last used", clock(a.LastUsed, now)}, {"Apps", fmt.Sprint(a.Apps)},
			{"Settings", a.SettingsPage},
		})
		return nil
	})
	return cmd
}

// facts writes what is known, one fact a line.
func (t *tool) facts(facts [][2]string) {
	for _, f := range facts {
		if value := line(f[1]); value != "" {
			fmt.Fprintf(t.out, "%-10s %s\n", f[0], value)
		}
	}
}

func (t *tool) accountRefresh() *cobra.Command {
	return &cobra.Command{
		Use:               "refresh ACCOUNT",
		Short:             "Renew an account's token now",
		Args:              exactly("ACCOUNT"),
		ValidArgsFunction: first(t.accountWords),
		RunE: t.work(func(cmd *cobra.Command, args []string) error {
			a, err := t.control.Refresh(cmd.Context(), args[0])
			if err == nil {
				t.say("%s: %s, %s", a.Label, a.Status, life(a.ExpiresAt, time.Now(), a.Endless))
			}
			return err
		}),
	}
}

// renamer is a command that gives something another name.
func (t *tool) renamer(use, short string, words completer, do func(ctx context.Context, ref, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use,
		Short:             short,
		Args:              exactly(strings.Fields(use)[1:]...),
		ValidArgsFunction: first(words),
		RunE: t.work(func(cmd *cobra.Command, args []string) error {
			return do(cmd.Context(), args[0], args[1])
		}),
	}
}
