package main

import (
	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) disconnect() *cobra.Command {
	var passphrase, recovery string
	cmd := &cobra.Command{
		Use:   "disconnect ACCOUNT",
		Short: "Revoke an account's token at the provider and erase the account here",
		Long: `Revoke an account's token at the provider and erase the account here.

The window asks you first, and dancectl waits for the answer. Where nobody sits
at the window, name a file with the profile's passphrase or recovery key.`,
		Args:              exactly("ACCOUNT"),
		ValidArgsFunction: first(t.accountWords),
	}
	cmd.Flags().StringVar(&passphrase, "passphrase-file", "", "confirm with the passphrase in this file")
	cmd.Flags().StringVar(&recovery, "recovery-key-file", "", "confirm with the recovery key in this file")
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "recovery-key-file")
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		var confirm ipc.Confirm
		var err error
		switch {
		case passphrase != "":
			confirm.Passphrase, err = secretFile(cmd.Context(), passphrase)
		case recovery != "":
			confirm.RecoveryKey, err = secretFile(cmd.Context(), recovery)
		default:
			var a ipc.AccountDetail
			if a, err = t.control.Account(cmd.Context(), args[0]); err == nil {
				t.note("Dancecard's window asks whether to disconnect %s.", a.Label)
			}
		}
		if err != nil {
			return err
		}
		d, err := t.control.Disconnect(cmd.Context(), args[0], confirm)
		if err != nil {
			return err
		}
		t.say("%s", farewell(d))
		return nil
	})
	return cmd
}

// farewell says what disconnecting did and what it leaves.
func farewell(d ipc.Disconnected) string {
	gone := d.Label + " is disconnected and erased here. "
	switch {
	case d.Pending:
		return gone + d.Provider + " has not been told yet; Dancecard tries again until it is done."
	case d.Told:
		return gone + "Its token is revoked at " + d.Provider + "."
	case d.Page != "":
		return gone + d.Provider + " offers no revocation: end it at " + d.Page
	}
	return gone + d.Provider + " offers no revocation: end it in your settings there."
}
