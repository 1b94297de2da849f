package ui

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// settingsView shows the ways in and where things are.
func (u *UI) settingsView(s settingsState) built {
	title := newWords("Settings", styleTitle, colInk)
	box := rows(8, u.profileCard(s), gap(1, 8), fitting("Ways into "+s.Profile, styleBold, colInk), u.settingCard(s.Ways), gap(1, 8))
	if len(s.Locks) > 0 {
		box.Add(fitting("Locks by itself", styleBold, colInk))
		box.Add(u.lockCard(s.Locks))
		box.Add(newPara("When you are back at the screen the keyring opens it again, where it is a way in. Programs that ask meanwhile are told that it is locked.", 2, styleCaption, colInk3))
		box.Add(gap(1, 8))
	}
	if len(s.Machine) > 0 {
		box.Add(fitting("On this machine", styleBold, colInk))
		box.Add(u.settingCard(s.Machine))
	}
	box.Add(gap(1, 16))
	scroll := scrolled(box)
	return built{object: placed(480, 240, func(size fyne.Size) {
		put(title, 0, 28, title.MinSize().Width, 32)
		putScroll(scroll, 0, 74, size.Width, size.Height-74)
	}, title, scroll)}
}

// lockCard are the rules with a switch each.
func (u *UI) lockCard(list []lockState) fyne.CanvasObject {
	box := rows(0)
	for i, r := range list {
		if i > 0 {
			box.Add(hairlineRow())
		}
		g, c := lineIcon(r.Icon, 20, colInk2), newWords(r.Sub, styleCaption, colInk2)
		on := newCheck(checkState{Words: r.Title, On: r.On}, true, func(bool) {
			u.run("change when it locks", quickLimit, func(context.Context) error { return u.book.SetLockRules("", r.Flip) }, nil)
		})
		box.Add(placed(300, 56, func(s fyne.Size) {
			put(g, 16, 18, 20, 20)
			put(on, 48, 6, s.Width-64, 24)
			put(c, 100, 32, s.Width-116, 16)
		}, g, on, c))
	}
	return container.NewStack(newPlate(colLeaf, colLine, 12), box)
}

func (u *UI) settingCard(list []settingState) fyne.CanvasObject {
	box := rows(0)
	for i, r := range list {
		if i > 0 {
			box.Add(hairlineRow())
		}
		g, t, c := lineIcon(r.Icon, 20, colInk2), fitting(r.Title, styleText, colInk), newWords(r.Sub, styleCaption, colInk2)
		c.cut = cutMiddle
		objects := []fyne.CanvasObject{g, t, c}
		var b *button
		if r.Copy != "" {
			label := "Copy"
			if u.nav.copied == r.Title {
				label = "Copied"
			}
			b = smallButton(label, outlined, func() { u.copy(r.Title, r.Copy, false) })
			objects = append(objects, b)
		}
		box.Add(placed(300, 48, func(s fyne.Size) {
			right := s.Width - 16
			if b != nil {
				w := b.MinSize().Width
				right -= w
				put(b, right, 10, w, 28)
				right -= 12
			}
			put(g, 16, 14, 20, 20)
			put(t, 48, 5, right-48, 20)
			put(c, 48, 25, right-48, 16)
		}, objects...))
	}
	return container.NewStack(newPlate(colLeaf, colLine, 12), box)
}
