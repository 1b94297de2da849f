package ui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"

	"dancecard/accounts"
	"dancecard/internal/secret"
)

// registerView asks for what a provider wants to know first: the server, and
// the client that the user registered there.
func (u *UI) registerView(s registerState) built {
	var id, pass, host *entry
	var first fyne.Focusable
	save := newButton(s.Save, "", filled, nil)
	check := func(string) {
		ready := (id == nil || strings.TrimSpace(id.Text) != "") && (host == nil || strings.TrimSpace(host.Text) != "")
		save.disable(!ready || u.busy["register"])
	}
	var steps []fyne.CanvasObject
	if s.Instance != "" {
		host = u.nav.entry("instance", s.Instance, false)
		if host.Text == "" {
			host.SetText(s.Default)
		}
		host.SetPlaceHolder(s.Example)
		host.OnChanged = check
		first = host
		steps = append(steps, labelled(s.Instance, field(host)))
	}
	if s.NeedsKey {
		open := newButton("Open the page", "open", outlined, func() {
			u.copy("redirect", s.Redirect, false)
			u.openPage(s.Page)
		})
		open.trailing = true
		open.disable(s.Page == "")
		hint := "Opens in your browser and copies the address below."
		if s.Page == "" {
			hint = "Look for its page for new applications."
		}
		parts := []fyne.CanvasObject{beside(open, newPara(hint, 2, styleCaption, colInk2))}
		if s.Help != "" {
			lines := 1 + int(styleCaption.width(s.Help)/480) // room enough in the smallest window
			parts = append(parts, newPara(s.Help, lines, styleCaption, colInk2))
		}
		steps = append(steps, stepBlock("Open "+s.Name+"'s page for new applications", parts...))
		doubt := "Exactly as it stands."
		if s.Unknown != "" {
			doubt += " " + s.Unknown
		}
		steps = append(steps, stepBlock("Paste this as its redirect URI",
			copyRow(readOnly(s.Redirect, cutEnd), u.copyButton("redirect", "Copy", s.Redirect, false)), newPara(doubt, 1, styleCaption, colInk3)))
		id, pass = u.nav.entry("client", "Application ID", false), u.nav.entry("secret", "Secret", true)
		id.OnChanged, pass.OnChanged = check, check
		if first == nil {
			first = id
		}
		fields := placed(300, 56, func(size fyne.Size) {}, labelled("Application ID", field(id)), labelled("Secret, if it shows one", field(pass)))
		fields.Layout = halves{}
		steps = append(steps, stepBlock("Paste what "+s.Name+" shows you", fields, newPara("Both stay in this profile's vault. No app ever sees the secret.", 1, styleCaption, colInk3)))
	}
	save.on = func() { u.saveRegistration(s, id, pass, host) }
	for _, e := range []*entry{id, pass, host} {
		if e != nil {
			e.OnSubmitted = func(string) { save.press() }
		}
	}
	check("")
	cancel := newButton("Cancel", "", outlined, u.back)
	content := rows(16, module(padded(4, 4, 0, 4, numbered(steps))))
	return built{focus: first, object: sheet(u.sheetHead(s.Tile, s.Title, plainSub(s.Sub)), content, foot("", "", cancel, save))}
}

func (u *UI) saveRegistration(s registerState, id, pass, host *entry) {
	instance := ""
	if host != nil {
		instance = strings.TrimSpace(host.Text)
	}
	var client string
	var hidden secret.String
	if id != nil {
		client, hidden = strings.TrimSpace(id.Text), secret.New(strings.TrimSpace(pass.Text))
	}
	u.run("register", quickLimit, func(ctx context.Context) error {
		if client == "" {
			return nil
		}
		return u.book.SetRegistration(ctx, s.ID, instance, client, hidden, secret.String{})
	}, func() { u.connect(accounts.ConnectRequest{Provider: s.ID, Instance: instance}) })
}

// stepBlock is one step: a bold line and what belongs to it.
func stepBlock(title string, objects ...fyne.CanvasObject) fyne.CanvasObject {
	return rows(8, append([]fyne.CanvasObject{fitting(title, styleBold, colInk)}, objects...)...)
}

// numbered puts steps on a cord with numbers in discs.
func numbered(steps []fyne.CanvasObject) fyne.CanvasObject {
	if len(steps) == 1 {
		return steps[0]
	}
	box := rows(20)
	for i, st := range steps {
		disc := newPlate(colAccentSoft, colNone, 12)
		num := newWords(string(rune('1'+i)), styleCaptionBold, colInk)
		num.align = fyne.TextAlignCenter
		cord := hairline()
		last := i == len(steps)-1
		box.Add(placed(200, st.MinSize().Height, func(s fyne.Size) {
			put(disc, 0, -2, 24, 24)
			put(num, 0, 2, 24, 16)
			put(cord, 11, 26, 2, s.Height-10)
			show(cord, !last)
			put(st, 40, 0, s.Width-40, s.Height)
		}, disc, num, cord, st))
	}
	return box
}

// beside is a button with words after it.
func beside(b *button, w *para) fyne.CanvasObject {
	return placed(200, 36, func(s fyne.Size) {
		bw := b.MinSize().Width
		put(b, 0, 0, bw, 36)
		room := s.Width - bw - 12
		h := w.heightFor(room)
		put(w, bw+12, (36-h)/2, room, h)
	}, b, w)
}

// copyRow is a value with its copy button.
func copyRow(value fyne.CanvasObject, b *button) fyne.CanvasObject {
	return placed(200, 36, func(s fyne.Size) {
		w := b.MinSize().Width
		put(value, 0, 0, s.Width-w-8, 36)
		put(b, s.Width-w, 0, w, 36)
	}, value, b)
}

// halves are two columns with a gap of 12.
type halves struct{}

// Layout implements fyne.Layout.
func (halves) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	w := (s.Width - 12) / 2
	for i, o := range objects {
		put(o, float32(i)*(w+12), 0, w, s.Height)
	}
}

// MinSize implements fyne.Layout.
func (halves) MinSize(objects []fyne.CanvasObject) fyne.Size {
	h := float32(0)
	for _, o := range objects {
		h = max(h, o.MinSize().Height)
	}
	return fyne.NewSize(200, h)
}

// foot is the last line of a sheet: words at the left, buttons at the right.
func foot(icon, text string, buttons ...fyne.CanvasObject) *fyne.Container {
	return footWith(icon, fitting(text, styleText, colInk2), buttons...)
}

func footWith(icon string, w *words, buttons ...fyne.CanvasObject) *fyne.Container {
	right := line(8, buttons...)
	objects := []fyne.CanvasObject{w, right}
	x := float32(0)
	var g *glyph
	if icon != "" {
		g, x = lineIcon(icon, 16, colInk2), 24
		objects = append(objects, g)
	}
	return placed(200, 36, func(s fyne.Size) {
		m := right.MinSize().Width
		if g != nil {
			put(g, 0, 10, 16, 16)
		}
		put(w, x, 8, s.Width-m-x-12, 20)
		put(right, s.Width-m, 0, m, 36)
	}, objects...)
}
