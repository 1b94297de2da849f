package main

import (
	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) browsers() *cobra.Command {
	var account, use string
	cmd := &cobra.Command{
		Use:   "browsers",
		Short: "List the browsers, profiles and private windows to sign in with",
		Long: `List the browsers, profiles and private windows that a sign-in can be opened in.
An account remembers the one it was linked in; --account and --use change that.`,
		Example: `  dancectl connect google --browser firefox/work
  dancectl browsers --account google:mira --use chromium/private`,
		Args: cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.Flags().StringVar(&account, "account", "", "with --use: the `ACCOUNT` that is to use it from now on")
	cmd.Flags().StringVar(&use, "use", "", `a browser of the list; "system" is the system's own`)
	cmd.MarkFlagsRequiredTogether("account", "use")
	cmd.RegisterFlagCompletionFunc("account", first(t.accountWords))
	cmd.RegisterFlagCompletionFunc("use", t.browserWords)
	cmd.RunE = t.work(func(cmd *cobra.Command, _ []string) error {
		if account != "" {
			a, err := t.control.SetBrowser(cmd.Context(), account, browserID(use))
			if err == nil {
				t.say("%s is signed in again with %s", a.Label, use)
			}
			return err
		}
		all, err := t.control.Browsers(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, ipc.Browsers{Browsers: all}, "  ")
		}
		rows := [][]string{{"BROWSER", "NAME", "PROFILE"}}
		for _, b := range all {
			rows = append(rows, []string{browserWord(b.ID), b.Name, place(b)})
		}
		table(t.out, rows)
		return nil
	})
	return cmd
}

// The system's own browser has no id; on the command line it is "system".
const systemBrowser = "system"

func browserID(word string) string {
	if word == systemBrowser {
		return ""
	}
	return word
}

func browserWord(id string) string {
	if id == "" {
		return systemBrowser
	}
	return id
}

func place(b ipc.Browser) string {
	if b.Private {
		return "private window"
	}
	return b.Profile
}
