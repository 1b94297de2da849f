package main

import (
	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) disconnect() *cobra.Command {
	var passphrase, recovery string
	var giveUp bool
	cmd := &cobra.Command{
		Use:   "disconnect ACCOUNT",
		Short: "Revoke an account's token at the provider and erase the account here",
		Long: `Revoke an account's token at the provider and erase the account here.

The window asks you first, and dancectl waits for the answer. Where nobody sits
at the window, name a file with the profile's passphrase or recovery key.

While the provider cannot be told, the revocation is pending and tried again.
With --give-up it is tried no more: the token stays good at the provider until
it ends by itself or you end it on the provider's page.`,
		Args:              exactly("ACCOUNT"),
		ValidArgsFunction: first(t.accountWords),
	}
	cmd.Flags().StringVar(&passphrase, "passphrase-file", "", "confirm with the passphrase in this file")
	cmd.Flags().StringVar(&recovery, "recovery-key-file", "", "confirm with the recovery key in this file")
	cmd.Flags().BoolVar(&giveUp, "give-up", false, "give up a pending revocation")
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
				question := "disconnect"
				if giveUp {
					question = "give up revoking"
				}
				t.note("Dancecard's window asks whether to %s %s.", question, a.Label)
			}
		}
		if err != nil {
			return err
		}
		send, words := t.control.Disconnect, farewell
		if giveUp {
			send, words = t.control.GiveUpRevocation, givenUp
		}
		d, err := send(cmd.Context(), args[0], confirm)
		if err != nil {
			return err
		}
		t.say("%s", words(d))
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

// givenUp says what giving a revocation up leaves.
func givenUp(d ipc.Disconnected) string {
	left := "The token of " + d.Label + " is erased here and may still be good at " + d.Provider + ": end it "
	if d.Page != "" {
		return left + "at " + d.Page
	}
	return left + "in your settings there."
}
