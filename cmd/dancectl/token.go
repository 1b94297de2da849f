package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) token() *cobra.Command {
	var (
		r        ipc.TokenRequest
		minValid time.Duration
		wait     time.Duration
		show     bool
	)
	cmd := &cobra.Command{
		Use:   "token ACCOUNT",
		Short: "Print a token of an account",
		Long: `Print a token of an account: the bare token and a newline, nothing else.

The first use puts a question on the screen, and dancectl waits for the answer.
The word that you give is for the program that calls dancectl, not for dancectl.`,
		Example:           `  curl -H "Authorization: Bearer $(dancectl token github)" https://api.github.com/user`,
		Args:              exactly("ACCOUNT"),
		ValidArgsFunction: first(t.accountWords),
	}
	asJSON := jsonFlag(cmd)
	f := cmd.Flags()
	f.StringVar((*string)(&r.Type), "type", "access", "kind of token: access or id")
	f.StringSliceVar(&r.Scopes, "scopes", nil, "scopes that the token must carry, separated by commas")
	f.StringVar(&r.Audience, "audience", "", "whom the token is for, where the provider can narrow it")
	f.DurationVar(&minValid, "min-valid", 0, "how long the token must still be good, such as 90s or 5m")
	f.DurationVar(&wait, "wait", 0, "how long to wait for your word (default 2m)")
	f.BoolVar(&show, "show", false, "print the token even to a terminal")
	cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]cobra.Completion{"access", "id"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		switch {
		case !slices.Contains([]ipc.TokenType{ipc.AccessToken, ipc.IDToken}, r.Type):
			return &problem{exitUsage, fmt.Sprintf("there is no token of type %q", r.Type), "--type access, or --type id"}
		case minValid < 0 || wait < 0:
			return &problem{exitUsage, "a duration cannot be negative", "--min-valid 5m"}
		case cmd.Flags().Changed("wait") && wait < time.Second:
			return &problem{exitUsage, "a wait is at least a second", "--wait 30s"}
		case isTerminal(t.out) && !show:
			return &problem{exitUsage, "a token is not shown on a terminal", "pipe it to the program that needs it, or add --show"}
		}
		r.MinValid, r.Wait = seconds(minValid), seconds(wait)
		answer, err := t.askToken(cmd.Context(), args[0], r)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(t.out, answer, "  ")
		}
		_, err = fmt.Fprintln(t.out, answer.Bare().Reveal())
		return err
	})
	return cmd
}

// seconds rounds up, so that a wish is never cut short.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// patience is how long a wish takes before the user is told why.
const patience = 2 * time.Second

func (t *tool) askToken(ctx context.Context, account string, r ipc.TokenRequest) (ipc.Token, error) {
	if isTerminal(t.err) {
		told := time.AfterFunc(patience, func() { t.note("Dancecard may be asking you: see its window.") })
		defer told.Stop()
	}
	answer, err := t.app.Token(ctx, account, r)
	if ipc.CodeOf(err) == ipc.CodeNeedsSignIn {
		_, text, _ := explain(err)
		return answer, &problem{exitNeedsUser, text, "dancectl connect --reconnect " + account}
	}
	if err == nil && line(answer.Bare().Reveal()) != answer.Bare().Reveal() {
		return answer, &problem{exitError, "the token holds characters that no token may hold", ""}
	}
	return answer, err
}
