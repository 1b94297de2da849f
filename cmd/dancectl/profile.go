package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) profile() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "profile",
		Aliases: []string{"profiles"},
		Short:   "List the profiles on this machine",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = t.work(func(cmd *cobra.Command, _ []string) error {
		profiles, err := t.control.Profiles(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, ipc.Profiles{Profiles: profiles}, "  ")
		}
		t.printProfiles(profiles, time.Now())
		return nil
	})
	cmd.AddCommand(listToo(cmd), t.profileCreate(), t.profileDelete(), t.profileLocks(),
		t.renamer("rename PROFILE NAME", "Give a profile another name", t.profileWords, t.control.RenameProfile),
		&cobra.Command{
			Use:               "switch PROFILE",
			Short:             "Make a profile the current one",
			Args:              exactly("PROFILE"),
			ValidArgsFunction: first(t.profileWords),
			RunE: t.work(func(cmd *cobra.Command, args []string) error {
				return t.control.SwitchProfile(cmd.Context(), args[0])
			}),
		})
	return cmd
}

func (t *tool) printProfiles(profiles []ipc.Profile, now time.Time) {
	if len(profiles) == 0 {
		t.note("There is no profile yet: dancectl profile create NAME")
		return
	}
	rows := [][]string{{"", "PROFILE", "STATE", "SINCE", "WAYS IN", "ID"}}
	for _, p := range profiles {
		mark := " "
		if p.Current {
			mark = "*"
		}
		rows = append(rows, []string{mark, p.Name, profileState(p), clock(p.Since, now), strings.Join(p.Ways, ", "), p.ID})
	}
	table(t.out, rows)
}

func (t *tool) profileCreate() *cobra.Command {
	var keyring bool
	var file string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a profile and print its recovery key, this once",
		Long: `Create a profile, open it and make it the current one.

Its recovery key is printed on standard output this once and kept nowhere: write
it down. A passphrase is asked for, or read from a file. With --keyring the
profile opens by itself through the desktop's keyring, and needs no passphrase.`,
		Args: exactly("NAME"),
	}
	cmd.Flags().BoolVar(&keyring, "keyring", false, "open by itself through the desktop's keyring")
	cmd.Flags().StringVar(&file, "passphrase-file", "", "take the passphrase from this file")
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		n := ipc.NewProfile{Name: args[0], Keyring: keyring}
		var err error
		switch {
		case file != "":
			n.Passphrase, err = secretFile(ctx, file)
		case !keyring:
			n.Passphrase, err = t.newPassphrase(ctx)
		}
		if err != nil {
			return err
		}
		p, err := t.control.CreateProfile(ctx, n)
		if err != nil {
			return err
		}
		t.note("%s is open. Write its recovery key down: it is shown this once and kept nowhere.", args[0])
		t.say("%s", p.RecoveryKey.Reveal())
		return nil
	})
	return cmd
}

// newPassphrase asks twice, because nobody sees what is typed.
func (t *tool) newPassphrase(ctx context.Context) (ipc.Secret, error) {
	const instead = "--passphrase-file FILE or --keyring"
	one, err := t.ask(ctx, "New passphrase", instead)
	if err != nil {
		return "", err
	}
	if one == "" {
		return "", &problem{exitUsage, "a profile needs a passphrase or the keyring", "use " + instead}
	}
	two, err := t.ask(ctx, "The same again", instead)
	if err != nil {
		return "", err
	}
	if one != two {
		return "", &problem{exitUsage, "the two are not the same", "try again"}
	}
	return one, nil
}

func (t *tool) lock() *cobra.Command {
	return t.profileVerb("lock [PROFILE]", "Close a profile at once",
		"Close a profile at once: programs get profile_locked. Accounts stay linked, and\ntokens that were handed out stay valid at their provider.", t.control.Lock)
}

func (t *tool) logout() *cobra.Command {
	return t.profileVerb("logout [PROFILE]", "Close a profile, and let the keyring forget it",
		"Close a profile, and delete its key from the desktop's keyring: the passphrase or\nthe recovery key is asked for next time. Accounts stay linked, and tokens stay\nvalid at their provider.", t.control.LogOut)
}

func (t *tool) profileVerb(use, short, long string, do func(ctx context.Context, profile string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use,
		Short:             short,
		Long:              long,
		Args:              atMost(1),
		ValidArgsFunction: first(t.profileWords),
		RunE: t.work(func(cmd *cobra.Command, args []string) error {
			return do(cmd.Context(), optional(args))
		}),
	}
}

func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (t *tool) unlock() *cobra.Command {
	var keyring bool
	var passphrase, recovery string
	cmd := &cobra.Command{
		Use:   "unlock [PROFILE]",
		Short: "Open a profile",
		Long: `Open a profile. Without a flag the passphrase is asked for; a profile that has
none is opened through the keyring, or with its recovery key.`,
		Args:              atMost(1),
		ValidArgsFunction: first(t.profileWords),
	}
	cmd.Flags().BoolVar(&keyring, "keyring", false, "open it through the desktop's keyring")
	cmd.Flags().StringVar(&passphrase, "passphrase-file", "", "open it with the passphrase in this file")
	cmd.Flags().StringVar(&recovery, "recovery-key-file", "", "open it with the recovery key in this file")
	cmd.MarkFlagsMutuallyExclusive("keyring", "passphrase-file", "recovery-key-file")
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		p, err := t.findProfile(ctx, optional(args))
		if err != nil {
			return err
		}
		switch {
		case p.State == ipc.ProfileOpen:
			t.say("%s is open", p.Name)
			return nil
		case p.State == ipc.ProfileBroken && p.Problem != nil:
			return p.Problem
		}
		how := wayIn(p)
		switch {
		case keyring:
			how = "keyring"
		case passphrase != "":
			how = "passphrase"
		case recovery != "":
			how = "recovery"
		}
		u, err := t.unlockWith(ctx, p, how, passphrase, recovery)
		if err != nil {
			return err
		}
		if err := t.control.Unlock(ctx, p.ID, u); err != nil {
			return err
		}
		t.say("%s is open", p.Name)
		return nil
	})
	return cmd
}

// wayIn chooses how to open a profile when the user does not say.
func wayIn(p ipc.Profile) string {
	switch {
	case slices.Contains(p.Ways, "passphrase"):
		return "passphrase"
	case slices.Contains(p.Ways, "keyring") && p.Why != "log-out":
		return "keyring"
	}
	return "recovery"
}

func (t *tool) unlockWith(ctx context.Context, p ipc.Profile, how, passphrase, recovery string) (u ipc.Unlock, err error) {
	switch how {
	case "passphrase":
		u.Passphrase, err = t.secret(ctx, passphrase, "passphrase-file", "Passphrase of "+p.Name)
	case "recovery":
		u.RecoveryKey, err = t.secret(ctx, recovery, "recovery-key-file", "Recovery key of "+p.Name)
	}
	return u, err
}

// findProfile looks a profile up by id or name; "" is the current one.
func (t *tool) findProfile(ctx context.Context, ref string) (ipc.Profile, error) {
	profiles, err := t.control.Profiles(ctx)
	if err != nil {
		return ipc.Profile{}, err
	}
	if len(profiles) == 0 {
		return ipc.Profile{}, &ipc.Error{Code: ipc.CodeNoProfile, Message: "There is no profile yet."}
	}
	i := slices.IndexFunc(profiles, func(p ipc.Profile) bool { return p.ID == ref || ref == "" && p.Current })
	if i < 0 {
		i = slices.IndexFunc(profiles, func(p ipc.Profile) bool { return p.Name == ref })
	}
	if i < 0 {
		return ipc.Profile{}, &ipc.Error{Code: ipc.CodeNoSuchProfile, Message: fmt.Sprintf("There is no profile %q.", ref)}
	}
	return profiles[i], nil
}
