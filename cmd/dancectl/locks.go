package main

import (
	"strings"
	"time"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) profileLocks() *cobra.Command {
	var screen, sleep bool
	var idle time.Duration
	var passphrase, recovery string
	cmd := &cobra.Command{
		Use:   "locks [PROFILE]",
		Short: "Show or say when a profile locks by itself",
		Long: `Show when a profile locks by itself, or say it with flags. When the screen is
unlocked or the computer wakes the keyring opens it again, where it is a way in.

Locking less often than now needs the passphrase or the recovery key, or the
window.`,
		Example: `  dancectl profile locks
  dancectl profile locks Home --idle 15m
  dancectl profile locks --screen=false --passphrase-file FILE`,
		Args:              atMost(1),
		ValidArgsFunction: first(t.profileWords),
	}
	f := cmd.Flags()
	f.BoolVar(&screen, "screen", false, "when the screen locks, or somebody else takes the seat")
	f.BoolVar(&sleep, "sleep", false, "before the computer sleeps")
	f.DurationVar(&idle, "idle", 0, "when nobody is there for so long, in whole minutes; 0 is never")
	f.StringVar(&passphrase, "passphrase-file", "", "prove that it is you with the passphrase in this file")
	f.StringVar(&recovery, "recovery-key-file", "", "prove that it is you with the recovery key in this file")
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "recovery-key-file")
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		p, err := t.findProfile(cmd.Context(), optional(args))
		if err != nil {
			return err
		}
		set := ipc.SetLocks{LockRules: p.Locks}
		changed := false
		for flag, take := range map[string]func(){
			"screen": func() { set.Screen = screen },
			"sleep":  func() { set.Sleep = sleep },
			"idle":   func() { set.Idle = int(idle / time.Minute) },
		} {
			if f.Changed(flag) {
				changed = true
				take()
			}
		}
		if idle < 0 || idle%time.Minute != 0 {
			return &problem{exitUsage, "that is no time to lock after", "--idle 15m, or --idle 0 for never"}
		}
		if changed {
			if passphrase != "" {
				set.Passphrase, err = secretFile(cmd.Context(), passphrase)
			} else if recovery != "" {
				set.RecoveryKey, err = secretFile(cmd.Context(), recovery)
			}
			if err == nil {
				err = t.control.SetLocks(cmd.Context(), p.ID, set)
			}
			if err != nil {
				return err
			}
		}
		t.say("%s locks %s", p.Name, lockWords(set.LockRules))
		return nil
	})
	return cmd
}

// lockWords says when a profile locks by itself.
func lockWords(r ipc.LockRules) string {
	var when []string
	if r.Screen {
		when = append(when, "when the screen locks")
	}
	if r.Sleep {
		when = append(when, "before the computer sleeps")
	}
	if r.Idle > 0 {
		when = append(when, "when nobody is there for "+span(time.Duration(r.Idle)*time.Minute))
	}
	if when == nil {
		return "only when you say so"
	}
	return strings.Join(when, ", ")
}
