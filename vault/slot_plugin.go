package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"dancecard/internal/secret"
)

// WayPlugin is the way in through an age plugin: a YubiKey, a TPM.
const WayPlugin WayKind = "plugin"

// PluginWait is how long a plugin may take, the user's touch included.
const PluginWait = 60 * time.Second

// PluginConfig names an age plugin's key and answers what the plugin asks.
// Without a function what it asks is refused. The functions are called one at a
// time, and may be called after the KeySource has given up.
type PluginConfig struct {
	Identity  secret.String // AGE-PLUGIN-NAME-1…, as the plugin's own tool gives it
	Recipient string        // age1name1…, to add a way; empty where the plugin encrypts to identities
	Wait      time.Duration // 0 is PluginWait

	Tell    func(plugin, message string)
	Ask     func(plugin, prompt string, hidden bool) (secret.String, error)
	Confirm func(plugin, prompt, yes, no string) (bool, error) // no may be empty
}

type plugged struct {
	PluginConfig
	name      string
	identityP *plugin.Identity
	to        age.Recipient
}

// Plugin is the way in by an age plugin's key. The program age-plugin-NAME must
// be in PATH when the way is used: a *PluginError says what is wrong with it.
func Plugin(p PluginConfig) (KeySource, error) {
	w := &plugged{PluginConfig: p}
	if w.Wait == 0 {
		w.Wait = PluginWait
	}
	ui := w.ui()
	var err error
	if w.identityP, err = plugin.NewIdentity(strings.TrimSpace(p.Identity.Reveal()), ui); err != nil {
		return nil, errors.New("this is no age plugin's identity; it begins with AGE-PLUGIN- and is printed by the plugin's own tool")
	}
	w.name = w.identityP.Name()
	w.to = w.identityP.Recipient()
	if p.Recipient == "" {
		return w, nil
	}
	to, err := plugin.NewRecipient(strings.TrimSpace(p.Recipient), ui)
	if err != nil {
		return nil, errors.New("this is no age plugin's recipient; it begins with age1 and the plugin's name and is printed by the plugin's own tool")
	}
	if to.Name() != w.name {
		return nil, fmt.Errorf("the recipient belongs to the plugin %s, the identity to %s; give two of one plugin", to.Name(), w.name)
	}
	w.to = to
	return w, nil
}

// ui passes on what the plugin says, made fit for a screen.
func (w *plugged) ui() *plugin.ClientUI {
	refused := errors.New("nobody can be asked")
	return &plugin.ClientUI{
		DisplayMessage: func(name, message string) error {
			if w.Tell != nil {
				w.Tell(name, shown(message))
			}
			return nil
		},
		RequestValue: func(name, prompt string, hidden bool) (string, error) {
			if w.Ask == nil {
				return "", refused
			}
			text, err := w.Ask(name, shown(prompt), hidden)
			return text.Reveal(), err
		},
		Confirm: func(name, prompt, yes, no string) (bool, error) {
			if w.Confirm == nil {
				return false, refused
			}
			return w.Confirm(name, shown(prompt), shown(yes), shown(no))
		},
	}
}

// shown keeps what another program says to one short line.
func shown(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return text
}

func (*plugged) Kind() WayKind { return WayPlugin }

// arm makes an identity of its own for the slot, so that the vault can be
// re-keyed without the plugin, and proves that the plugin opens it: a way in
// counts only if it works.
func (w *plugged) arm(ctx context.Context, vault string) (*arming, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	call := &pluginCall{ctx: ctx, way: w}
	sealed, err := ageSeal([]byte(identity.String()), call)
	if call.err != nil {
		return nil, call.err
	}
	if err != nil {
		return nil, err
	}
	back, _, err := w.identity(ctx, vault, sealed)
	if err != nil {
		return nil, err
	}
	if x, ok := back.(*age.X25519Identity); !ok || x.String() != identity.String() {
		return nil, ErrWrongKey
	}
	return &arming{recipient: identity.Recipient(), identity: sealed}, ctx.Err()
}

func (w *plugged) identity(ctx context.Context, _ string, sealed []byte) (age.Identity, *ringItem, error) {
	call := &pluginCall{ctx: ctx, way: w}
	text, err := ageOpen(sealed, call)
	if call.err != nil {
		return nil, nil, call.err
	}
	if err != nil {
		return nil, nil, err
	}
	defer clear(text)
	identity, err := age.ParseX25519Identity(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: it holds no identity", errAge)
	}
	return identity, nil, ctx.Err()
}

// A pluginCall is one use of the plugin within a time limit.
type pluginCall struct {
	ctx context.Context
	way *plugged
	err error // the plugin's, as against one of the file
}

// pluginTurn lets one call at a time through: two plugins that want a touch
// cannot be told apart.
var pluginTurn = make(chan struct{}, 1)

func (c *pluginCall) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	return limited(c, func() ([]*age.Stanza, error) { return c.way.to.Wrap(fileKey) })
}

func (c *pluginCall) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	return limited(c, func() ([]byte, error) { return c.way.identityP.Unwrap(stanzas) })
}

// limited runs do, and ends the plugin at the deadline.
func limited[T any](c *pluginCall, do func() (T, error)) (result T, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.way.Wait)
	defer cancel()
	defer func() {
		if err != nil && !errors.Is(err, age.ErrIncorrectIdentity) {
			err = c.way.fault(err)
			c.err = err
		}
	}()
	select {
	case pluginTurn <- struct{}{}:
	case <-ctx.Done():
		return result, ctx.Err()
	}
	if ctx.Err() != nil {
		<-pluginTurn
		return result, ctx.Err()
	}
	type answer struct {
		result T
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() { <-pluginTurn }()
		result, err := do()
		done <- answer{result, err}
	}()
	select {
	case got := <-done:
		return got.result, got.err
	case <-ctx.Done():
		endPlugin(c.way.name)
		return result, ctx.Err()
	}
}

// fault says what is wrong with the plugin.
func (w *plugged) fault(err error) error {
	_, missing := errors.AsType[*plugin.NotFoundError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return &PluginError{w.name, PluginHung, "the wait was called off"}
	case errors.Is(err, context.DeadlineExceeded):
		return &PluginError{w.name, PluginHung, ""}
	case missing:
		return &PluginError{w.name, PluginMissing, ""}
	}
	detail := strings.TrimPrefix(err.Error(), w.name+" plugin: ")
	return &PluginError{w.name, PluginFailed, shown(detail)}
}

// ErrNoPlugin is why a plugin gave no key; *PluginError says more.
var ErrNoPlugin = errors.New("vault: no plugin answers")

// The reasons a PluginError gives.
const (
	PluginMissing = "missing" // there is no such program
	PluginHung    = "hung"    // it did not answer in time, or nobody touched the key
	PluginFailed  = "failed"  // it answered with an error
)

// PluginError says why a plugin gave no key. It is ErrNoPlugin.
type PluginError struct {
	Name   string // the plugin's: the program is age-plugin-NAME
	Why    string
	Detail string // the plugin's own words, one line; may be empty
}

func (e *PluginError) Error() string {
	text := map[string]string{
		PluginMissing: "there is no program age-plugin-" + e.Name + " on this computer; install it or use another way in",
		PluginHung:    "age-plugin-" + e.Name + " did not answer in time; plug the key in, touch it when it blinks, and try again",
		PluginFailed:  "age-plugin-" + e.Name + " failed; look whether the key is plugged in, or use another way in",
	}[e.Why]
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text
}

// Is reports whether target is ErrNoPlugin.
func (e *PluginError) Is(target error) bool { return target == ErrNoPlugin }
