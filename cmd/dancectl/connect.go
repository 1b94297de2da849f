package main

import (
	"context"
	"strings"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

// connectFlags say how to connect.
type connectFlags struct {
	printURL   bool
	yes        bool
	clientID   string
	secretFile string
	keyFile    string
	public     bool
	clientFile string
	want       ipc.Connect
}

func (t *tool) connect() *cobra.Command {
	var f connectFlags
	cmd := &cobra.Command{
		Use:   "connect PROVIDER",
		Short: "Link an account of a provider, or sign in again",
		Long: `Link an account of a provider: your browser opens, you approve there, and who
came back is shown before anything is kept.

A provider that "dancectl providers" does not list is connected by its address:
that of an OpenID or OAuth issuer, of an MCP server, or an atproto handle.
Dancecard registers itself there where the provider lets it.

With --device you approve on another device: dancectl shows an address, a code
and a QR code.

With --print-url no browser is opened. The first line of standard output is the
address to open, and dancectl waits for the outcome. The browser must reach this
machine's loopback: from another machine, forward the port that stands in the
address's redirect_uri (ssh -L PORT:127.0.0.1:PORT), or paste the address at
which the browser ends.

Who came back is kept when you say so: on the terminal, in the window, or
beforehand with --yes. A client secret is read from a file or at a prompt.`,
		Example: `  dancectl connect github
  dancectl connect gitlab --instance gitlab.example.org --client-id 0a1b2c
  dancectl connect https://issuer.example
  dancectl connect github --device
  dancectl connect google --browser firefox/work --option hosted_domain=example.org
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
	f.declare(cmd)
	cmd.RegisterFlagCompletionFunc("reconnect", first(t.accountWords))
	cmd.RegisterFlagCompletionFunc("browser", t.browserWords)
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			f.want.Provider, f.want.Address = named(args[0])
		}
		if len(f.want.AddScopes) > 0 && f.want.Reconnect == "" {
			return &problem{exitUsage, "--add-scopes adds to what an account has", "add --reconnect ACCOUNT, or use --scopes"}
		}
		f.want.NoBrowser, f.want.Browser = f.printURL, browserID(f.want.Browser)
		if err := t.register(cmd.Context(), f); err != nil {
			return err
		}
		return t.dance(cmd.Context(), f)
	})
	return cmd
}

// declare gives the command its flags.
func (f *connectFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.printURL, "print-url", false, "print the address on the first line instead of opening a browser")
	flags.BoolVar(&f.yes, "yes", false, "keep who comes back without asking")
	flags.StringVar(&f.want.Label, "label", "", "what to call the account")
	flags.StringVar(&f.want.Instance, "instance", "", "self-hosted: the host name, or what the provider asks for")
	flags.StringSliceVar(&f.want.Scopes, "scopes", nil, "scopes to ask for, separated by commas (default: the provider's usual ones)")
	flags.StringVar(&f.clientID, "client-id", "", "your own client id; it is kept in the vault")
	flags.BoolVar(&f.public, "public", false, "a public client: it has no secret, so none is asked for")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "file with the client's secret (default: asked for)")
	flags.StringVar(&f.want.Reconnect, "reconnect", "", "sign in again with this `ACCOUNT`")
	flags.StringSliceVar(&f.want.AddScopes, "add-scopes", nil, "with --reconnect: scopes to ask for besides what it has")
	flags.BoolVar(&f.want.Device, "device", false, "approve on another device, with a code")
	flags.StringVar(&f.want.Browser, "browser", "", "the browser to open, as \"dancectl browsers\" lists them")
	flags.StringToStringVar(&f.want.Options, "option", nil, "a choice that the provider offers, as `ID=TEXT`, ID=on or ID=off")
	flags.BoolVar(&f.want.DPoP, "dpop", false, "bind the tokens to a key of Dancecard's, where the provider can; programs then use fetch")
	flags.StringVar(&f.clientFile, "client-file", "", "the provider's `FILE` of your client, such as Google's client_secret.json")
	flags.StringVar(&f.keyFile, "private-key-file", "", "file with the RSA key that signs requests (OAuth 1.0a with RSA-SHA1)")
	cmd.MarkFlagsMutuallyExclusive("reconnect", "client-id")
	cmd.MarkFlagsMutuallyExclusive("client-file", "client-id")
	cmd.MarkFlagsMutuallyExclusive("public", "client-secret-file", "client-file", "private-key-file")
	cmd.MarkFlagsMutuallyExclusive("reconnect", "client-file")
	cmd.MarkFlagsMutuallyExclusive("device", "browser")
	cmd.MarkFlagsMutuallyExclusive("device", "print-url")
}

// named tells a provider's id from an address: no id has a dot or a colon.
func named(arg string) (provider, address string) {
	if strings.ContainsAny(arg, ".:/") {
		return "", arg
	}
	return arg, ""
}

// register stores the user's own client before the dance, if one is given.
func (t *tool) register(ctx context.Context, f connectFlags) error {
	if f.clientID == "" && f.clientFile == "" {
		if f.secretFile != "" || f.keyFile != "" {
			return &problem{exitUsage, "a client secret needs its client id", "add --client-id ID"}
		}
		return nil
	}
	if f.want.Provider == "" {
		return &problem{exitUsage, "a client id is stored for a provider of the list",
			"connect without one first: it says how to give it, if one is needed; or write a provider file (see docs/providers.md)"}
	}
	p, err := t.control.Provider(ctx, f.want.Provider)
	if err != nil {
		return err
	}
	if p.Instance != "" && p.InstanceDefault == "" && f.want.Instance == "" {
		return &problem{exitUsage, p.Name + " wants to know: " + p.Instance, "add --instance " + p.InstanceExample}
	}
	r := ipc.Registration{Instance: f.want.Instance, ClientID: f.clientID}
	switch {
	case f.public:
	case f.clientFile != "":
		r.ClientFile, err = clientFile(f.clientFile)
	case f.keyFile != "":
		r.PrivateKey, err = keyFile(f.keyFile)
	case f.secretFile != "":
		r.ClientSecret, err = secretFile(ctx, f.secretFile)
	default:
		r.ClientSecret, err = t.ask(ctx, "Client secret (empty if there is none)", "--client-secret-file FILE, or --public if there is none")
	}
	if err != nil {
		return err
	}
	return t.control.SetRegistration(ctx, f.want.Provider, r)
}
