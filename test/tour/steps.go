package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dancecard/test"
)

// The title of Dancecard's window.
const window = "Dancecard"

func (t *tour) firstStart() (err error) {
	t.did("Started Dancecard on an empty home.")
	command := t.traced()
	if t.app, err = t.world.Start(command[0], command[1:]...); err != nil {
		return err
	}
	if err := t.see(window, "Welcome", "Create Home"); err != nil {
		return err
	}
	t.saw("the welcome page.")
	if err := t.picture("welcome"); err != nil {
		return err
	}
	if err := t.clicks(window, "Create Home"); err != nil {
		return err
	}
	if err := t.see(window, "Your recovery key"); err != nil {
		return err
	}
	t.saw("the profile Home and its recovery key, shown this once.")
	if err := errors.Join(t.picture("recovery-key"), t.clicks(window, "Copy")); err != nil {
		return err
	}
	if t.recovery, err = t.world.Clipboard(t.ctx); err != nil {
		return err
	}
	groups := strings.FieldsFunc(t.recovery, func(r rune) bool { return r == '-' || r == ' ' })
	if len(groups) < 4 {
		return fmt.Errorf("a recovery key of %d groups was copied", len(groups))
	}
	if err := t.world.Type(t.ctx, window, "Last group of the recovery key", groups[len(groups)-1]); err != nil {
		return err
	}
	return errors.Join(t.clicks(window, "I wrote it down"), t.dancectl("Home, open", "status"))
}

// traced is the command of the first Dancecard: under strace where that can see
// what is written before what.
func (t *tour) traced() []string {
	dancecard := test.Binary("dancecard")
	if t.trace == "" {
		return []string{dancecard}
	}
	return []string{"strace", "-f", "--seccomp-bpf", "-qq", "-s", "48", "-e", "trace=fdatasync,write", "-e", "signal=none",
		"-o", t.trace, dancecard}
}

func (t *tour) connectFirst() error {
	t.did("Clicked Connect, then Demo; signed in as mira in Chromium and allowed it.")
	return t.connect("mira")
}

func (t *tour) connectSecond() error {
	t.did("Connected a second account at the same provider: jo.")
	if err := t.connect("jo"); err != nil {
		return err
	}
	return t.world.WindowPicture(t.ctx, window, filepath.Join(t.pictures, "accounts.png")) // the README's
}

func (t *tour) connect(user string) error {
	if err := t.clicks(window, "Connect"); err != nil {
		return err
	}
	if err := t.world.ClickFor(t.ctx, window, "Demo", "Connect Demo"); err != nil {
		return err
	}
	address, err := t.world.Opened(t.ctx)
	if err != nil {
		return err
	}
	page, err := t.world.Open(t.ctx, address)
	if err != nil {
		return err
	}
	defer page.Close()
	if err := page.SignIn(t.ctx, user); err != nil {
		return err
	}
	if err := page.Screenshot(t.ctx, filepath.Join(t.pictures, fmt.Sprintf("%02d-browser-consent.png", t.step))); err != nil {
		return err
	}
	if err := page.Click(t.ctx, "#allow"); err != nil {
		return err
	}
	if err := page.AwaitText(t.ctx, "Demo said yes"); err != nil {
		return err
	}
	if err := page.Screenshot(t.ctx, filepath.Join(t.pictures, fmt.Sprintf("%02d-browser-done.png", t.step))); err != nil {
		return err
	}
	if err := t.see(window, "Add to Home"); err != nil {
		return err
	}
	t.saw("who came back: %s. Nothing is kept yet.", user)
	if err := errors.Join(t.picture("came-back"), t.clicks(window, "Add to Home"), t.see(window, user)); err != nil {
		return err
	}
	t.saw("the account %s on screen.", user)
	return errors.Join(t.picture("account"), t.dancectl(user+` .*(ready|Ready)`, "accounts"))
}

func (t *tour) consent() error {
	t.did("curl --unix-socket asked for a token of mira.")
	if err := t.listen(); err != nil {
		return err
	}
	answered := make(chan error, 1)
	go func() {
		var err error
		t.mira, err = t.must("demo:mira", "{}")
		answered <- err
	}()
	if err := t.see("", "Always", "Never"); err != nil {
		return err
	}
	guide, err := filepath.Abs(test.Binary("tour-guide"))
	if err != nil {
		return err
	}
	if err := t.see("", "/usr/bin/curl", guide); err != nil {
		return fmt.Errorf("the question must name the program and its path: %w", err)
	}
	t.saw("the question: curl, /usr/bin/curl, called by %s.", guide)
	if err := errors.Join(t.picture("consent"), t.world.Answer(t.ctx, "tour-guide wants to use mira", "Always")); err != nil {
		return err
	}
	if err := <-answered; err != nil {
		return err
	}
	t.saw("curl's token, good until %s.", t.mira.Expires.Format(time.TimeOnly))
	return nil
}

func (t *tour) tokenWorks() error {
	t.did("Used the token at the provider's userinfo.")
	if err := t.owner(t.mira.Access, "mira"); err != nil {
		return err
	}
	t.saw("mira.")
	answer := make(chan error, 1)
	go func() {
		var err error
		t.jo, err = t.must("demo:jo", "{}")
		answer <- err
	}()
	if err := t.world.Answer(t.ctx, "tour-guide wants to use jo", "Always"); err != nil {
		return err
	}
	if err := <-answer; err != nil {
		return err
	}
	return t.owner(t.jo.Access, "jo")
}

func (t *tour) refreshes() (err error) {
	old := t.mira
	t.did("Waited until mira's token expired.")
	if err := t.dead(old); err != nil {
		return err
	}
	if err := t.heard("token.refreshed"); err != nil {
		return err
	}
	t.saw("it refreshed unattended.")
	if t.mira, err = t.must("demo:mira", "{}"); err != nil {
		return err
	}
	if t.mira.Access == old.Access {
		return errors.New("curl was handed the expired token")
	}
	if err := t.owner(t.mira.Access, "mira"); err != nil {
		return err
	}
	t.saw("another token for curl, without a question, and it works.")
	if err := t.heard("grant.asked", "grant.allowed", "grant.used", "token.refreshed"); err != nil {
		return err
	}
	t.saw("grant.asked, grant.allowed, grant.used and token.refreshed on curl's event stream.")
	return nil
}

// asleep stops Dancecard until mira's token is dead, as a laptop's lid does, and
// wakes it while curl asks: Dancecard has to refresh before it can answer.
func (t *tour) asleep() (fresh token, err error) {
	pid, err := t.pid()
	if err != nil {
		return fresh, err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fresh, err
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	if err := t.dead(t.mira); err != nil {
		return fresh, err
	}
	answer := make(chan error, 1)
	go func() {
		var err error
		fresh, err = t.must("demo:mira", "{}")
		answer <- err
	}()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		return fresh, err
	}
	if err = <-answer; err == nil && fresh.Access == t.mira.Access {
		err = errors.New("curl was handed the dead token")
	}
	return fresh, errors.Join(err, syscall.Kill(pid, syscall.SIGKILL))
}

// onlyMira lets jo's token outlive the kill and mira's not: a refresh of jo's
// that is killed half-way costs the sign-in, for nobody has its answer.
func (t *tour) onlyMira() (err error) {
	for _, k := range []struct {
		user     string
		lifetime time.Duration
	}{{"jo", time.Hour}, {"mira", lifetime}} {
		if err := t.giveTokensFor(k.lifetime); err != nil {
			return err
		}
		if err := t.dancectl("left", "accounts", "refresh", "demo:"+k.user); err != nil {
			return err
		}
	}
	t.mira, err = t.must("demo:mira", "{}")
	return err
}

// giveTokensFor starts the provider anew, with another lifetime of its tokens.
func (t *tour) giveTokensFor(lifetime time.Duration) error {
	t.provider.SetLifetime(lifetime)
	return errors.Join(t.provider.Stop(t.ctx), t.provider.Start(t.ctx))
}

func (t *tour) storesFirst() (err error) {
	t.did("Stopped Dancecard until mira's token was dead, woke it while curl asked, and killed it (kill -9) when it answered.")
	if err := t.onlyMira(); err != nil {
		return err
	}
	if t.mira, err = t.asleep(); err != nil {
		return err
	}
	if _, err := t.app.Wait(t.ctx); err != nil {
		return err
	}
	if t.trace == "" {
		t.saw("curl's token. Only root's strace can read what was on disk before it; the next step tries what is there.")
		return nil
	}
	if err := order(t.trace); err != nil {
		return err
	}
	t.saw("by strace: token request, then fdatasync of the vault, then the answer to curl.")
	return nil
}

// pid is Dancecard's own, not strace's.
func (t *tour) pid() (int, error) {
	if t.trace == "" {
		return t.app.Cmd.Process.Pid, nil
	}
	b, err := t.world.Output(t.ctx, "pgrep", "-P", fmt.Sprint(t.app.Cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var pid int
	_, err = fmt.Sscan(b, &pid)
	return pid, err
}

func (t *tour) crash() (err error) {
	t.did("Started Dancecard again.")
	if err := t.start(); err != nil {
		return err
	}
	if err := t.see(window, "mira", "jo"); err != nil {
		return err
	}
	if err := t.world.AwaitWindow(t.ctx, window); err != nil {
		return err
	}
	t.saw("both accounts; the profile opened by itself through the keyring.")
	if err := t.picture("after-crash"); err != nil {
		return err
	}
	// The provider ends the whole family if a spent refresh token comes back,
	// so a refresh works only if the rotated one was on disk.
	old := t.mira
	if err := t.dancectl("left", "accounts", "refresh", "demo:mira"); err != nil {
		return fmt.Errorf("the stored refresh token is not the rotated one: %w", err)
	}
	if t.mira, err = t.must("demo:mira", "{}"); err != nil {
		return err
	}
	if t.mira.Access == old.Access {
		return errors.New("the refresh brought no new token")
	}
	if err := t.owner(t.mira.Access, "mira"); err != nil {
		return err
	}
	t.saw("a refresh with what was on disk: it was the rotated refresh token. curl is still allowed.")
	return t.listen()
}

func (t *tour) start() (err error) {
	if err := t.world.ForgetPlaces(); err != nil {
		return err
	}
	if t.app, err = t.world.Start("dancecard"); err != nil {
		return err
	}
	return t.world.AwaitSocket(t.ctx)
}
