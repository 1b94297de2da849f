package main

import (
	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) profileDelete() *cobra.Command {
	var passphrase, recovery string
	var anyway bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Disconnect a profile's accounts and erase the profile",
		Long: `Disconnect every account of a profile, then erase the profile.

The window asks you first, and dancectl waits for the answer. Where nobody sits
at the window, name a file with the profile's passphrase or recovery key.

While a provider cannot be told that an account ends, the profile stays. With
--anyway it goes all the same, even if it is locked: its tokens stay good at
their providers until they end by themselves or you end them there.`,
		Args:              exactly("NAME"),
		ValidArgsFunction: first(t.profileWords),
	}
	cmd.Flags().StringVar(&passphrase, "passphrase-file", "", "confirm with the passphrase in this file")
	cmd.Flags().StringVar(&recovery, "recovery-key-file", "", "confirm with the recovery key in this file")
	cmd.Flags().BoolVar(&anyway, "anyway", false, "even if it is locked, or a provider cannot be told")
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "recovery-key-file")
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		d := ipc.DeleteProfile{Anyway: anyway}
		p, err := t.findProfile(cmd.Context(), args[0])
		switch {
		case err != nil:
		case passphrase != "":
			d.Passphrase, err = secretFile(cmd.Context(), passphrase)
		case recovery != "":
			d.RecoveryKey, err = secretFile(cmd.Context(), recovery)
		default:
			t.note("Dancecard's window asks whether to delete %s.", p.Name)
		}
		if err != nil {
			return err
		}
		gone, err := t.control.DeleteProfile(cmd.Context(), p.ID, d)
		if err != nil {
			return err
		}
		t.say("%s is deleted.", gone.Name)
		for _, a := range gone.Left {
			t.say("%s", leftOver(a))
		}
		return nil
	})
	return cmd
}

// leftOver says where the user ends an account that its provider was not told of.
func leftOver(a ipc.Disconnected) string {
	words := "End " + a.Label + " at " + a.Provider + " yourself"
	if a.Page != "" {
		return words + ": " + a.Page
	}
	return words + ", in your settings there."
}
