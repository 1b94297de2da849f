//go:build linux

package vault

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"dancecard/internal/secret"
)

// installPlugin builds age-plugin-dancetest and puts it into PATH.
func installPlugin(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "./testdata/age-plugin-dancetest")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// pluginKey is a fresh key of age-plugin-dancetest.
func pluginKey(t *testing.T) PluginConfig {
	t.Helper()
	key := must(age.GenerateX25519Identity())
	return PluginConfig{
		Identity:  secret.New(plugin.EncodeIdentity("dancetest", []byte(key.String()))),
		Recipient: plugin.EncodeRecipient("dancetest", []byte(key.Recipient().String())),
	}
}

func plug(t *testing.T, p PluginConfig) KeySource {
	t.Helper()
	w, err := Plugin(p)
	check(t, err)
	return w
}

func wantsPlugin(t *testing.T, err error, why string) *PluginError {
	t.Helper()
	p, ok := errors.AsType[*PluginError](err)
	if !ok || p.Why != why || !errors.Is(err, ErrNoPlugin) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrWrongKey) {
		t.Fatalf("got %v, want a plugin that is %s", err, why)
	}
	return p
}

// TestPlugin takes a vault with a hardware key through its life: added, used,
// re-keyed without it, rotated, removed.
func TestPlugin(t *testing.T) {
	installPlugin(t)
	f, v, key := newVault(t)
	config := pluginKey(t)
	way := plug(t, config)
	check(t, v.Commit(set("a", "1")))
	wants(t, v.Verify(t.Context(), way), ErrWrongKey)
	old, err := v.AddWay(t.Context(), way)
	check(t, err)
	check(t, v.Verify(t.Context(), way))
	v = reopen(t, f, v, way)
	wantState(t, v, map[string]string{"a": "1"})

	path := os.Getenv("PATH")
	t.Setenv("PATH", "/nonexistent")
	check(t, v.Rekey(t.Context())) // asks nobody
	wantsPlugin(t, v.Verify(t.Context(), way), PluginMissing)
	t.Setenv("PATH", path)
	v = reopen(t, f, v, way)

	fresh := plug(t, pluginKey(t))
	if _, err := v.AddWay(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	check(t, v.RemoveWay(t.Context(), old.ID))
	v = reopen(t, f, v, fresh)
	check(t, v.Close())
	_, err = f.Open(t.Context(), way)
	wants(t, err, ErrWrongKey)
	v = open(t, f, key)
	wantState(t, v, map[string]string{"a": "1"})
}

// TestPluginSecondKey: of two keys' slots the one at hand opens.
func TestPluginSecondKey(t *testing.T) {
	installPlugin(t)
	f, v, _ := newVault(t)
	var ways []KeySource
	for range 2 {
		ways = append(ways, plug(t, pluginKey(t)))
		_, err := v.AddWay(t.Context(), ways[len(ways)-1])
		check(t, err)
	}
	for _, way := range ways {
		v = reopen(t, f, v, way)
	}
}

// TestPluginBehaves holds each way of failing to its word.
func TestPluginBehaves(t *testing.T) {
	installPlugin(t)
	_, v, _ := newVault(t)
	config := pluginKey(t)
	_, err := v.AddWay(t.Context(), plug(t, config))
	check(t, err)
	t.Run("failed", func(t *testing.T) {
		t.Setenv("DANCETEST", "fail")
		p := wantsPlugin(t, v.Verify(t.Context(), plug(t, config)), PluginFailed)
		if strings.ContainsAny(p.Detail, "\x1b\n") || len(p.Detail) > 400 || !strings.Contains(p.Detail, "not there") {
			t.Errorf("%q", p.Detail)
		}
		_, err := v.AddWay(t.Context(), plug(t, pluginKey(t))) // a way that does not open is none
		wantsPlugin(t, err, PluginFailed)
		if n := len(v.Ways()); n != 2 {
			t.Error(n, "ways")
		}
	})
	t.Run("asks", func(t *testing.T) {
		t.Setenv("DANCETEST", "ask")
		wantsPlugin(t, v.Verify(t.Context(), plug(t, config)), PluginFailed) // nobody to ask
		asked := config
		asked.Ask = func(name, prompt string, hidden bool) (secret.String, error) {
			if name != "dancetest" || prompt != "the PIN" || !hidden {
				t.Error(name, prompt, hidden)
			}
			return secret.New("1234"), nil
		}
		check(t, v.Verify(t.Context(), plug(t, asked)))
	})
	t.Run("confirms", func(t *testing.T) {
		t.Setenv("DANCETEST", "confirm")
		for _, yes := range []bool{true, false} {
			asked := config
			asked.Confirm = func(_, _, _, _ string) (bool, error) { return yes, nil }
			if err := v.Verify(t.Context(), plug(t, asked)); (err == nil) != yes {
				t.Error(yes, err)
			}
		}
	})
	t.Run("tells", func(t *testing.T) {
		t.Setenv("DANCETEST", "tell")
		told := ""
		asked := config
		asked.Tell = func(_, message string) { told = message }
		check(t, v.Verify(t.Context(), plug(t, asked)))
		if told != "touch me" {
			t.Errorf("%q", told)
		}
	})
}

// TestPluginHangs: a plugin that ignores its interrupt is ended at the deadline,
// and the next call does not wait for it.
func TestPluginHangs(t *testing.T) {
	installPlugin(t)
	_, v, _ := newVault(t)
	config := pluginKey(t)
	_, err := v.AddWay(t.Context(), plug(t, config))
	check(t, err)
	mark := filepath.Join(t.TempDir(), "mark")
	t.Setenv("DANCETEST_MARK", mark)
	t.Setenv("DANCETEST", "hang")
	short := config
	short.Wait = 300 * time.Millisecond
	start := time.Now()
	wantsPlugin(t, v.Verify(t.Context(), plug(t, short)), PluginHung)
	ctx, cancel := context.WithCancel(t.Context())
	check(t, os.RemoveAll(mark))
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(mark); err == nil {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	wantsPlugin(t, v.Verify(ctx, plug(t, config)), PluginHung) // called off
	t.Setenv("DANCETEST", "")
	check(t, v.Verify(t.Context(), plug(t, config)))
	if took := time.Since(start); took > 15*time.Second {
		t.Error(took)
	}
}

func TestPluginNames(t *testing.T) {
	good := pluginKey(t)
	for _, p := range []PluginConfig{
		{}, {Identity: secret.New("AGE-SECRET-KEY-1QQ")}, {Identity: secret.New(plugin.EncodeIdentity("dancetest", nil) + "Q")},
		{Identity: good.Identity, Recipient: "age1qq"},
		{Identity: good.Identity, Recipient: plugin.EncodeRecipient("other", []byte("x"))},
	} {
		w, err := Plugin(p)
		if err == nil || w != nil {
			t.Errorf("%q was taken", p.Recipient)
		} else if text := p.Identity.Reveal(); text != "" && strings.Contains(err.Error(), text) {
			t.Error("the error tells the identity:", err)
		}
	}
}

// TestLastWay: whatever the order, one way that is not the keyring stays.
func TestLastWay(t *testing.T) {
	installPlugin(t)
	f := claim(t, filepath.Join(t.TempDir(), "p"))
	way := plug(t, pluginKey(t))
	v, err := f.Create(t.Context(), way)
	check(t, err)
	wants(t, v.RemoveWay(t.Context(), v.Ways()[0].ID), ErrLastWay)
	word, err := v.AddWay(t.Context(), Passphrase(secret.New("word")))
	check(t, err)
	check(t, v.RemoveWay(t.Context(), v.Ways()[0].ID))
	wants(t, v.RemoveWay(t.Context(), word.ID), ErrLastWay)
	// A keyring slot never counts; this one is put there without a keyring.
	next := *v.header
	ringed := next.Ways[0]
	ringed.ID, ringed.Kind, ringed.Identity = strings.Repeat("ab", 16), WayKeyring, ""
	next.Ways = append(slices.Clone(next.Ways), ringed)
	next.MAC = next.seal(v.keys)
	check(t, v.commitHeader(&next))
	wants(t, v.RemoveWay(t.Context(), word.ID), ErrLastWay)
	v = reopen(t, f, v, Passphrase(secret.New("word")))
	if n := len(v.Ways()); n != 2 {
		t.Error(n, "ways")
	}
}
