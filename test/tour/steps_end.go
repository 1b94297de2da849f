package main

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"dancecard/test"
)

var noAccount = regexp.MustCompile("No account")

func (t *tour) lock() error {
	t.did("Clicked Lock in the tray's menu.")
	if err := t.world.Tray.Click(t.ctx, "Lock Home"); err != nil {
		return err
	}
	if err := errors.Join(t.see(window, "Home is locked"), t.refused("demo:mira", "profile_locked")); err != nil {
		return err
	}
	t.saw("the closed window; curl gets profile_locked.")
	return t.picture("locked")
}

func (t *tour) unlock() (err error) {
	t.did("Unlocked it in the window.")
	if err := t.clicks(window, "Unlock with the keyring"); err != nil {
		return err
	}
	if err := t.see(window, "mira", "jo"); err != nil {
		return err
	}
	if t.mira, err = t.must("demo:mira", "{}"); err != nil {
		return err
	}
	t.saw("both accounts; curl gets tokens again.")
	return errors.Join(t.owner(t.mira.Access, "mira"), t.picture("unlocked"))
}

// longTokens lets the provider give tokens that outlive the tour: one that is
// dead from now on was revoked.
func (t *tour) longTokens() (err error) {
	t.did("Let the provider give tokens of an hour, so that a dead token is a revoked one.")
	if err := t.giveTokensFor(time.Hour); err != nil {
		return err
	}
	for user, k := range map[string]*token{"mira": &t.mira, "jo": &t.jo} {
		if err := t.dancectl(`left`, "accounts", "refresh", "demo:"+user); err != nil {
			return err
		}
		if *k, err = t.must("demo:"+user, "{}"); err != nil {
			return err
		}
		if err := t.live(*k); err != nil {
			return err
		}
		if left := time.Until(k.Expires); left < 50*time.Minute {
			return fmt.Errorf("the token of %s is good for %s", user, left)
		}
	}
	t.saw("tokens of an hour for mira and jo, alive by the provider's introspection.")
	return nil
}

// askedAndConfirmed disconnects an account from the tray.
func (t *tour) askedAndConfirmed(user string) error {
	if err := t.world.Tray.Click(t.ctx, user, "Disconnect"); err != nil {
		return err
	}
	question := "Disconnect " + user + "?"
	if err := t.see("", question, "Cancel"); err != nil {
		return err
	}
	t.saw("the small window: %s", question)
	if err := t.picture("disconnect-question"); err != nil {
		return err
	}
	return t.world.Answer(t.ctx, question, "Disconnect")
}

func (t *tour) disconnect() error {
	t.did("Clicked Disconnect... of mira in the tray's menu, and confirmed it.")
	if err := t.live(t.mira); err != nil {
		return err
	}
	if err := t.askedAndConfirmed("mira"); err != nil {
		return err
	}
	if err := t.refused("demo:mira", "no_such_account"); err != nil {
		return err
	}
	if err := t.dead(t.mira); err != nil {
		return err
	}
	t.saw("gone for curl; the provider's introspection says that the token is dead.")
	if err := t.heard("profile.locked", "profile.opened", "account.disconnected"); err != nil {
		return err
	}
	t.saw("profile.locked, profile.opened and account.disconnected on curl's event stream.")
	return t.picture("disconnected")
}

func (t *tour) live(k token) error {
	active, err := t.provider.Introspect(t.ctx, k.Access)
	if err == nil && !active {
		err = errors.New("the provider's introspection says that the token is dead already")
	}
	return err
}

func (t *tour) dead(k token) error {
	return test.Await(t.ctx, "the token's end at the provider", func() error {
		active, err := t.provider.Introspect(t.ctx, k.Access)
		if err == nil && active {
			err = errors.New("introspection says that it is good")
		}
		return err
	})
}

func (t *tour) disconnectOffline() error {
	t.did("Stopped the provider and disconnected jo.")
	if err := errors.Join(t.live(t.jo), t.provider.Stop(t.ctx)); err != nil {
		return err
	}
	if err := t.askedAndConfirmed("jo"); err != nil {
		return err
	}
	if err := t.refused("demo:jo", "no_such_account"); err != nil {
		return err
	}
	if err := errors.Join(t.see(window, "Revocation pending"), t.dancectl("jo.*revo", "accounts")); err != nil {
		return err
	}
	t.saw("gone for curl at once; revocation pending.")
	return t.picture("revocation-pending")
}

func (t *tour) revokesLater() error {
	t.did("Started the provider again.")
	if err := t.provider.Start(t.ctx); err != nil {
		return err
	}
	err := test.Await(t.ctx, "the revocation", func() error {
		out, err := t.world.Command(t.ctx, "dancectl", "accounts").CombinedOutput()
		if err == nil && len(out) > 0 && !noAccount.Match(out) {
			err = fmt.Errorf("still there: %s", out)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := t.dead(t.jo); err != nil {
		return err
	}
	t.saw("revoked: the provider's introspection says that jo's token is dead.")
	return t.picture("revoked")
}

func (t *tour) logOut() error {
	t.did("Clicked Log out in the tray's menu, ended Dancecard, and started it again.")
	if err := t.world.Tray.Click(t.ctx, "Log out of Home"); err != nil {
		return err
	}
	if err := t.see(window, "Home is locked", "Recovery key"); err != nil {
		return err
	}
	if err := t.picture("logged-out"); err != nil {
		return err
	}
	t.app.End()
	if code := t.app.Cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("Dancecard ended with exit code %d", code)
	}
	if err := t.start(); err != nil {
		return err
	}
	if err := t.see(window, "Home is locked", "Recovery key"); err != nil {
		return err
	}
	if err := t.refused("demo:mira", "profile_locked"); err != nil {
		return err
	}
	t.saw("the keyring has forgotten it: only the recovery key opens Home now.")
	if err := errors.Join(t.world.Type(t.ctx, window, "Recovery key", t.recovery), t.clicks(window, "Unlock")); err != nil {
		return err
	}
	if err := t.dancectl("Home, open", "status"); err != nil {
		return err
	}
	t.saw("and it does.")
	return t.picture("recovered")
}
