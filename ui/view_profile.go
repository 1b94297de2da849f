package ui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
)

// profileCard renames the profile, and asks whether to delete it.
func (u *UI) profileCard(s settingsState) fyne.CanvasObject {
	name := u.nav.entry("profile", "Name of the profile", false)
	if name.Text == "" {
		name.SetText(s.Profile)
	}
	save := newButton("Rename", "", outlined, func() {
		to := strings.TrimSpace(name.Text)
		u.run("rename profile", quickLimit, func(context.Context) error { return u.book.RenameProfile("", to) }, nil)
	})
	check := func(string) {
		to := strings.TrimSpace(name.Text)
		save.disable(to == "" || to == s.Profile || u.busy["rename profile"])
	}
	name.OnChanged, name.OnSubmitted = check, func(string) { save.press() }
	check("")
	remove := newButton(s.Delete, "", outlined, func() {
		u.run("delete profile", quickLimit, func(context.Context) error {
			_, err := u.book.AskDeleteProfile("", s.Anyway, accounts.App{})
			return err
		}, nil)
	})
	show(remove, s.Delete != "")
	f := field(name)
	return moduleWith("Name of the profile", newWords("Only for you", styleCaption, colInk2), placed(300, 36, func(size fyne.Size) {
		w, d := save.MinSize().Width, remove.MinSize().Width
		put(f, 0, 0, size.Width-w-d-16, 36)
		put(save, size.Width-w-d-8, 0, w, 36)
		put(remove, size.Width-d, 0, d, 36)
	}, f, save, remove))
}
