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
	label      string
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
	flags.StringVar(&f.label, "label", "", "what to call the account")
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
		r.ClientSecret, err = secretFile(f.secretFile)
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

// keep shows who came back and takes the user's word on it: from --yes, from
// the terminal or from the window, whichever comes first.
func (t *tool) keep(ctx context.Context, d ipc.Dance, f connectFlags) (ipc.Dance, error) {
	if d.Came == nil {
		return d, &problem{exitError, "Dancecard does not say who came back", ""}
	}
	t.introduce(d)
	keep := ipc.Keep{Label: f.label, AsNew: d.Came.Wanted != nil}
	if f.yes {
		if d.Came.Wanted != nil {
			return d, &problem{exitDenied, fmt.Sprintf("another account came back than %s", d.Came.Wanted.Label),
				"sign in as that one in the browser, then try again"}
		}
		return t.kept(ctx, d, keep)
	}
	if !isTerminal(t.in) || !isTerminal(t.err) {
		t.note("Say in Dancecard's window whether to add the account.")
		return t.next(ctx, d)
	}
	ctx2, stop := context.WithCancel(ctx)
	defer stop()
	elsewhere := make(chan ipc.Dance, 1)
	go func() { // ends with ctx2
		if moved, err := t.control.AwaitDance(ctx2, d.ID, d.Stage); err == nil {
			elsewhere <- moved
		}
	}()
	fmt.Fprint(t.err, line(t.question(ctx, d))+" ")
	select {
	case <-ctx.Done():
		fmt.Fprintln(t.err)
		return d, ctx.Err()
	case moved := <-elsewhere:
		t.note("answered in the window")
		return moved, nil
	case yes := <-t.answer(d.Came.Wanted == nil):
		if !yes {
			return d, &problem{exitDenied, "not added; what the provider gave is revoked", ""}
		}
		return t.kept(ctx, d, keep)
	}
}

// kept says yes, and how the dance stands then.
func (t *tool) kept(ctx context.Context, d ipc.Dance, keep ipc.Keep) (ipc.Dance, error) {
	a, err := t.control.Keep(ctx, d.ID, keep)
	if err != nil {
		return d, err
	}
	d.Stage, d.Account = ipc.DanceDone, a.ID
	return d, nil
}

// answer reads a yes or no from the terminal; the default is what Enter means.
func (t *tool) answer(byDefault bool) <-chan bool {
	word := make(chan bool, 1)
	go func() { // cannot be called off; ends with the process at the latest
		var typed strings.Builder
		one := make([]byte, 1)
		for {
			n, err := t.in.Read(one)
			if err != nil {
				word <- false
				return
			}
			if n == 1 && one[0] == '\n' {
				break
			}
			typed.Write(one[:n])
		}
		switch strings.ToLower(strings.TrimSpace(typed.String())) {
		case "":
			word <- byDefault
		case "y", "yes":
			word <- true
		default:
			word <- false
		}
	}()
	return word
}

// introduce says who came back, and what was given of what was asked.
func (t *tool) introduce(d ipc.Dance) {
	c := d.Came
	t.note("%s came back from %s.", person(c.Login, c.Name, c.Email, c.Subject), d.ProviderName)
	if len(c.Granted) > 0 {
		t.note("Given: %s", strings.Join(c.Granted, " "))
	}
	if missing := without(c.Asked, c.Granted); len(missing) > 0 {
		t.note("Asked for and not given: %s", strings.Join(missing, " "))
	}
	if c.Wanted == nil && c.Known == "" && len(c.Others) > 0 {
		t.note("You have other accounts there: %s", strings.Join(c.Others, ", "))
	}
}

// without is asked less what is in given.
func without(asked, given []string) []string {
	has := map[string]bool{}
	for _, s := range given {
		has[s] = true
	}
	var missing []string
	for _, s := range asked {
		if !has[s] {
			missing = append(missing, s)
		}
	}
	return missing
}

// question asks for the user's word in one line.
func (t *tool) question(ctx context.Context, d ipc.Dance) string {
	c := d.Came
	who := person(c.Login, "", c.Email, c.Subject)
	switch {
	case c.Wanted != nil:
		return fmt.Sprintf("You wanted %s. Add %s as another account? [y/N]", c.Wanted.Label, who)
	case c.Known != "":
		return fmt.Sprintf("Renew %s, which is linked already? [Y/n]", who)
	}
	return fmt.Sprintf("Add %s to %s? [Y/n]", who, t.profileName(ctx))
}

// profileName is what the current profile is called.
func (t *tool) profileName(ctx context.Context) string {
	if s, err := t.control.Status(ctx); err == nil {
		for _, p := range s.Profiles {
			if p.ID == s.Current {
				return p.Name
			}
		}
	}
	return "your profile"
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
