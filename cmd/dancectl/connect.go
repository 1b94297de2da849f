package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

// connectFlags say how to connect.
type connectFlags struct {
	printURL   bool
	yes        bool
	clientID   string
	secretFile string
	want       ipc.Connect
}

func (t *tool) connect() *cobra.Command {
	var f connectFlags
	cmd := &cobra.Command{
		Use:   "connect PROVIDER",
		Short: "Link an account of a provider, or sign in again",
		Long: `Link an account of a provider: your browser opens, you approve there, and who
came back is shown before anything is kept.

With --print-url no browser is opened. The first line of standard output is the
address to open, and dancectl waits for the outcome. The browser must reach this
machine's loopback: from another machine, forward the port that stands in the
address's redirect_uri (ssh -L PORT:127.0.0.1:PORT).

Who came back is kept when you say so: on the terminal, in the window, or
beforehand with --yes. A client secret is read from a file or at a prompt.`,
		Example: `  dancectl connect github
  dancectl connect gitlab --instance gitlab.example.org --client-id 0a1b2c
  dancectl connect demo --print-url --yes
  dancectl connect --reconnect github:mira-o`,
		ValidArgsFunction: first(t.providerWords),
		Args: func(cmd *cobra.Command, args []string) error {
			if f.want.Reconnect != "" {
				return atMost(0)(cmd, args)
			}
			return exactly("PROVIDER")(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.printURL, "print-url", false, "print the address on the first line instead of opening a browser")
	flags.BoolVar(&f.yes, "yes", false, "keep who comes back without asking")
	flags.StringVar(&f.want.Label, "label", "", "what to call the account")
	flags.StringVar(&f.want.Instance, "instance", "", "self-hosted: the host name, or what the provider asks for")
	flags.StringSliceVar(&f.want.Scopes, "scopes", nil, "scopes to ask for, separated by commas (default: the provider's usual ones)")
	flags.StringVar(&f.clientID, "client-id", "", "your own client id; it is kept in the vault")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "file with the client's secret (default: asked for)")
	flags.StringVar(&f.want.Reconnect, "reconnect", "", "sign in again with this `ACCOUNT`")
	cmd.MarkFlagsMutuallyExclusive("reconnect", "client-id")
	cmd.RegisterFlagCompletionFunc("reconnect", first(t.accountWords))
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			f.want.Provider = args[0]
		}
		f.want.NoBrowser = f.printURL
		if err := t.register(cmd.Context(), f); err != nil {
			return err
		}
		return t.dance(cmd.Context(), f)
	})
	return cmd
}

// register stores the user's own client before the dance, if one is given.
func (t *tool) register(ctx context.Context, f connectFlags) error {
	if f.clientID == "" {
		if f.secretFile != "" {
			return &problem{exitUsage, "a client secret needs its client id", "add --client-id ID"}
		}
		return nil
	}
	r := ipc.Registration{Instance: f.want.Instance, ClientID: f.clientID}
	var err error
	if f.secretFile != "" {
		r.ClientSecret, err = secretFile(ctx, f.secretFile)
	} else {
		r.ClientSecret, err = t.ask(ctx, "Client secret (empty if there is none)", "--client-secret-file FILE")
	}
	if err != nil {
		return err
	}
	return t.control.SetRegistration(ctx, f.want.Provider, r)
}

// goodbye is how long calling a dance off may take.
const goodbye = 3 * time.Second

// dance runs one dance to its end. Whatever stops it on the way calls it off.
func (t *tool) dance(ctx context.Context, f connectFlags) error {
	d, err := t.control.Connect(ctx, f.want)
	if err != nil {
		return t.whatToAdd(ctx, err, f)
	}
	defer func() {
		if !d.Stage.Over() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
			defer cancel()
			t.control.CancelDance(ctx, d.ID)
		}
	}()
	told := false
	for {
		if d.URL != "" && !told {
			t.tellAddress(d, f)
			told = true
		}
		switch {
		case d.Stage.Over():
			return t.outcome(ctx, d)
		case d.Stage == ipc.DanceCameBack:
			d, err = t.keep(ctx, d, f)
		default:
			d, err = t.next(ctx, d)
		}
		if err != nil {
			return err
		}
	}
}

// whatToAdd turns a refusal for want of a client id or an instance into the
// flag that gives it.
func (t *tool) whatToAdd(ctx context.Context, err error, f connectFlags) error {
	exit, text, hint := explain(err)
	again := "dancectl connect " + f.want.Provider
	switch code := ipc.CodeOf(err); {
	case f.want.Provider == "":
		return err
	case code == ipc.CodeNeedsRegistration && f.clientID == "":
		return &problem{exit, text, strings.TrimSuffix(hint, ".") + ": " + again + " --client-id ID"}
	case code == ipc.CodeBadRequest && f.want.Instance == "":
		if p, e := t.control.Provider(ctx, f.want.Provider); e == nil && p.Instance != "" {
			return &problem{exit, text, strings.TrimSuffix(hint, ".") + ": " + again + " --instance " + p.InstanceExample}
		}
	}
	return err
}

// next waits until the dance has moved. On an error it returns the dance as it
// was known.
func (t *tool) next(ctx context.Context, d ipc.Dance) (ipc.Dance, error) {
	moved, err := t.control.AwaitDance(ctx, d.ID, d.Stage)
	if err != nil {
		return d, err
	}
	return moved, nil
}

func (t *tool) tellAddress(d ipc.Dance, f connectFlags) {
	if f.printURL {
		fmt.Fprintln(t.out, line(d.URL))
		return
	}
	if d.OpenProblem != "" {
		t.note("No browser opens: %s", d.OpenProblem)
	} else {
		t.note("Approve at %s in your browser.", d.ProviderName)
	}
	t.note("If it does not open, open this address: %s", d.URL)
}

// outcome tells how a dance ended.
func (t *tool) outcome(ctx context.Context, d ipc.Dance) error {
	switch {
	case d.Stage == ipc.DanceFailed && d.Failure != nil:
		return d.Failure
	case d.Stage != ipc.DanceDone:
		return &problem{exitDenied, "the dance was cancelled", "dancectl connect " + d.Provider}
	}
	a, err := t.control.Account(ctx, d.Account)
	if err != nil {
		t.say("connected %s", d.Account)
		return nil
	}
	name := names([]ipc.AccountDetail{a})[a.ID]
	t.say("connected %s, %s", name, person(a.Login, a.Name, a.Email, a.Subject))
	return nil
}
