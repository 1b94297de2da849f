package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"dancecard/ipc"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		code ipc.Code
		exit int
		hint string
	}{
		{ipc.CodeNotRunning, 3, "from Dancecard"},
		{ipc.CodeProfileLocked, 4, "dancectl unlock"},
		{ipc.CodeNoProfile, 4, "dancectl profile create NAME, or dancectl show and create one there"},
		{ipc.CodeConsentDenied, 5, "from Dancecard"},
		{ipc.CodeConsentTimeout, 5, "from Dancecard"},
		{ipc.CodeWrongSecret, 5, "from Dancecard"},
		{ipc.CodeNeedsSignIn, 6, "from Dancecard"},
		{ipc.CodeNeedsRegistration, 6, "from Dancecard"},
		{ipc.CodeOffline, 7, "from Dancecard"},
		{ipc.CodeProviderError, 7, "from Dancecard"},
		{ipc.CodeRateLimited, 7, "from Dancecard"},
		{ipc.CodeNoSuchAccount, 8, "dancectl accounts lists them"},
		{ipc.CodeAmbiguousAccount, 8, "name one of demo:mira, demo:jo"},
		{ipc.CodeNoSuchProvider, 8, "dancectl providers lists them"},
		{ipc.CodeNoSuchProfile, 8, "dancectl profile lists them"},
		{ipc.CodeNoSuchGrant, 8, "dancectl apps lists them"},
		{ipc.CodeBadRequest, 2, "from Dancecard"},
		{ipc.CodeDamaged, 1, "from Dancecard"},
		{"of_a_later_version", 1, "from Dancecard"},
	} {
		t.Run(string(c.code), func(t *testing.T) {
			d := start(t)
			e := problemOf(499, c.code, "It is so.", "from Dancecard")
			e.Choices = []string{"demo:mira", "demo:jo"}
			d.answer("GET /v1/status", e)
			dancectl(t, "status").wants(t, c.exit, "", "dancectl: It is so.\nhint: "+c.hint+"\n")
			if !strings.Contains(exitCodesHelp, fmt.Sprintf("\n  %3d  ", c.exit)) {
				t.Errorf("help exit-codes does not tell of %d", c.exit)
			}
		})
	}
}

func TestNotRunning(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	dancectl(t, "status").wants(t, 3, "",
		"dancectl: Dancecard is not running.\nhint: Start Dancecard from the menu, or run `dancecard --hidden`.\n")
}

func TestUsageErrors(t *testing.T) {
	for args, want := range map[string]string{
		"frob":                     "unknown command \"frob\" for \"dancectl\"\nhint: dancectl help",
		"token":                    "ACCOUNT is missing\nhint: dancectl help token",
		"token a b":                "\"b\" is one argument too many\nhint: dancectl help token",
		"token a --type refresh":   "there is no token of type \"refresh\"\nhint: --type access, or --type id",
		"token a --min-valid -1s":  "a duration cannot be negative\nhint: --min-valid 5m",
		"status --frob":            "unknown flag: --frob\nhint: dancectl help status",
		"accounts rename a":        "LABEL is missing\nhint: dancectl help accounts rename",
		"connect":                  "PROVIDER is missing\nhint: dancectl help connect",
		"connect x --reconnect y":  "\"x\" is one argument too many\nhint: dancectl help connect",
		"connect x --client-id":    "flag needs an argument: --client-id\nhint: dancectl help connect",
		"profile create":           "NAME is missing\nhint: dancectl help profile create",
		"profile create Home":      "there is no terminal to ask on\nhint: use --passphrase-file FILE or --keyring",
		"unlock --keyring=perhaps": "invalid argument \"perhaps\" for \"--keyring\" flag: strconv.ParseBool: parsing \"perhaps\": invalid syntax\nhint: dancectl help unlock",
	} {
		t.Run(args, func(t *testing.T) {
			dancectl(t, strings.Fields(args)...).wants(t, 2, "", "dancectl: "+want+"\n")
		})
	}
}

// Process lists show arguments to every user: no flag takes a secret itself.
func TestI35NoSecretInArguments(t *testing.T) {
	secret := regexp.MustCompile(`secret|passphrase|password|recovery|token|key$`)
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if secret.MatchString(f.Name) && !strings.HasSuffix(f.Name, "-file") && f.Name != "keyring" {
				t.Errorf("%s --%s", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(new(tool).root())
}

func TestEveryCommandSaysWhatItDoes(t *testing.T) {
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q", cmd.CommandPath(), cmd.Short)
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(new(tool).root())
	r := dancectl(t, "help", "exit-codes")
	r.wants(t, 0, exitCodesHelp+"\n\n", "")
}

func TestVersionIsTheAppsVersion(t *testing.T) {
	toml, err := os.ReadFile("../../FyneApp.toml")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("Version = %q", version); !strings.Contains(string(toml), want) {
		t.Errorf("FyneApp.toml does not say %s", want)
	}
	d := start(t)
	d.answer("GET /v1/status", ipc.Overview{Version: "9.9.9", PID: 7})
	dancectl(t, "version").wants(t, 0, "dancectl "+version+"\ndancecard 9.9.9, process 7\n", "")
}
