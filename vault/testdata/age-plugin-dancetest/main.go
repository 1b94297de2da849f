// Command age-plugin-dancetest is an age plugin whose keys are age's own in another
// spelling. DANCETEST says how it behaves: hang, fail, ask, confirm, tell.
package main

import (
	"errors"
	"os"
	"os/signal"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

func main() {
	p, err := plugin.New("dancetest")
	if err != nil {
		panic(err)
	}
	p.HandleRecipient(func(data []byte) (age.Recipient, error) { return age.ParseX25519Recipient(string(data)) })
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		inner, err := age.ParseX25519Identity(string(data))
		return identity{p, inner}, err
	})
	if os.Getenv("DANCETEST") == "hang" {
		signal.Ignore(os.Interrupt)
		if err := os.WriteFile(os.Getenv("DANCETEST_MARK"), []byte("hanging"), 0o600); err != nil {
			panic(err)
		}
		time.Sleep(time.Hour)
	}
	os.Exit(p.Main())
}

type identity struct {
	plugin *plugin.Plugin
	*age.X25519Identity
}

func (i identity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	switch os.Getenv("DANCETEST") {
	case "fail":
		return nil, errors.New("the key\x1b[31m is\nnot there " + strings.Repeat("!", 1000))
	case "ask":
		if pin, err := i.plugin.RequestValue("the PIN", true); err != nil || pin != "1234" {
			return nil, errors.New("a wrong PIN")
		}
	case "confirm":
		if yes, err := i.plugin.Confirm("go on", "yes", "no"); err != nil || !yes {
			return nil, errors.New("not confirmed")
		}
	case "tell":
		if err := i.plugin.DisplayMessage("touch\tme"); err != nil {
			return nil, err
		}
	}
	return i.X25519Identity.Unwrap(stanzas)
}
