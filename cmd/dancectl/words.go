package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dancecard/ipc"
)

// life says how long something lasts from now on.
func life(until, now time.Time, endless bool) string {
	switch {
	case until.IsZero() && endless:
		return "does not expire"
	case until.IsZero():
		return "no end is known"
	case !until.After(now):
		return "expired"
	}
	return span(until.Sub(now)) + " left"
}

// tokenLife is nothing where there is no token any more.
func tokenLife(a ipc.AccountDetail, now time.Time) string {
	if a.Status == "revoking" {
		return ""
	}
	return life(a.ExpiresAt, now, a.Endless)
}

// span says a duration in at most two units.
func span(d time.Duration) string {
	days, hours := int(d/(24*time.Hour)), int(d%(24*time.Hour)/time.Hour)
	minutes, seconds := int(d%time.Hour/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case days > 0:
		return units(days, "d", hours, "h")
	case hours > 0:
		return units(hours, "h", minutes, "min")
	case minutes > 0:
		return units(minutes, "min", seconds, "s")
	}
	return fmt.Sprintf("%d s", seconds)
}

func units(large int, largeUnit string, small int, smallUnit string) string {
	if small == 0 || large >= 10 {
		return fmt.Sprintf("%d %s", large, largeUnit)
	}
	return fmt.Sprintf("%d %s %d %s", large, largeUnit, small, smallUnit)
}

// clock says when something was: the time today, else the date with it.
func clock(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return at.Format("2006-01-02 15:04")
}

// names gives every account the shortest name that a command takes for it:
// provider:login where no other account has the same, else its id.
func names(accounts []ipc.AccountDetail) map[string]string {
	short := func(a ipc.AccountDetail) string { return a.Provider + ":" + a.Login }
	seen := map[string]int{}
	for _, a := range accounts {
		seen[short(a)]++
	}
	out := make(map[string]string, len(accounts))
	for _, a := range accounts {
		out[a.ID] = short(a)
		if a.Login == "" || seen[short(a)] > 1 || line(out[a.ID]) != out[a.ID] {
			out[a.ID] = a.ID
		}
	}
	return out
}

// state says how an account stands, and since when or until when.
func state(a ipc.AccountDetail, now time.Time) string {
	switch a.Status {
	case "offline", "revoking":
		if a.NextTry.After(now) {
			return a.Status + ", next try in " + span(a.NextTry.Sub(now))
		}
	case "needs sign-in", "needs registration":
		if !a.Since.IsZero() {
			return a.Status + " since " + clock(a.Since, now)
		}
	}
	return a.Status
}

// person is who an account belongs to at its provider.
func person(login, name, email, subject string) string {
	parts := slices.DeleteFunc([]string{name, login, email}, func(s string) bool { return line(s) == "" })
	parts = slices.Compact(parts)
	if len(parts) == 0 {
		return subject
	}
	if len(parts) > 1 {
		return parts[0] + " (" + strings.Join(parts[1:], ", ") + ")"
	}
	return parts[0]
}

// lockReasons says why a profile is locked.
var lockReasons = map[string]string{
	"start":       "since Dancecard started",
	"user":        "because you locked it",
	"log-out":     "because you logged out",
	"screen":      "because the screen locked",
	"sleep":       "because the machine slept",
	"user switch": "because somebody else took the seat",
	"idle":        "because nobody was here",
}

// profileState says how a profile stands.
func profileState(p ipc.Profile) string {
	switch {
	case p.State == ipc.ProfileLocked && lockReasons[p.Why] != "":
		return "locked, " + lockReasons[p.Why]
	case p.Problem != nil:
		return "cannot be opened: " + p.Problem.Message
	}
	return string(p.State)
}

// appName is a program as the user should know it.
func appName(a ipc.AppName) string {
	if a.Caller != "" {
		return a.Name + " for " + a.Caller
	}
	return a.Name
}
