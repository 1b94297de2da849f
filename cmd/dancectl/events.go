package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dancecard/ipc"

	"github.com/spf13/cobra"
)

func (t *tool) events() *cobra.Command {
	var after string
	var count int
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Tell what happens, as it happens",
		Long: `Tell what happens, as it happens, until it is interrupted.

When the connection is lost, dancectl connects again and goes on where it was. A
line "resync" says that some events may be missing: look again with status. With
--json each line is one event.`,
		Args: cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.Flags().StringVar(&after, "after", "", "begin after the event with this id")
	cmd.Flags().IntVar(&count, "count", 0, "end after so many events (0: never)")
	cmd.RunE = t.work(func(cmd *cobra.Command, _ []string) error {
		if count < 0 {
			return &problem{exitUsage, "a count cannot be negative", "--count 10"}
		}
		known := &book{tool: t}
		for e, err := range t.control.Events(cmd.Context(), after) {
			if err != nil {
				return err
			}
			if *asJSON {
				err = printJSON(t.out, e, "")
			} else {
				_, err = fmt.Fprintln(t.out, known.tell(cmd.Context(), e, time.Now()))
			}
			if err != nil {
				return err
			}
			if count--; count == 0 {
				return nil
			}
		}
		return nil
	})
	return cmd
}

// book remembers what accounts are called. An account that is gone keeps the
// name that it had.
type book struct {
	*tool
	names map[string]string
}

func (b *book) name(ctx context.Context, id string) string {
	if _, ok := b.names[id]; !ok && id != "" {
		if accounts, err := b.control.Accounts(ctx); err == nil {
			if b.names == nil {
				b.names = map[string]string{}
			}
			maps.Copy(b.names, names(accounts))
		}
	}
	if name, ok := b.names[id]; ok {
		return name
	}
	return id
}

// tell is an event in one line.
func (b *book) tell(ctx context.Context, e ipc.Event, now time.Time) string {
	at := e.At
	if at.IsZero() {
		at = now
	}
	parts := []string{at.Local().Format("15:04:05")}
	if e.Type == ipc.Resync {
		return strings.Join(append(parts, "resync", "some events may be missing: look again with dancectl status"), "  ")
	}
	parts = append(parts, fmt.Sprintf("%-20s", line(e.Type)))
	if e.Account != "" {
		parts = append(parts, line(b.name(ctx, e.Account)))
	}
	for _, key := range slices.Sorted(maps.Keys(e.Data)) {
		parts = append(parts, line(key)+"="+quoted(line(e.Data[key])))
	}
	return strings.TrimRight(strings.Join(parts, "  "), " ")
}

// quoted puts quotes around a value that would not stay one word.
func quoted(value string) string {
	if value == "" || strings.ContainsAny(value, ` ="`) {
		return `"` + strings.ReplaceAll(value, `"`, `\"`) + `"`
	}
	return value
}
