package ui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"

	"dancecard/internal/secret"
)

// registerView is the page before a dance: it asks for what a provider wants to
// know first, the server and the client that the user registered there, and for
// what the user may choose.
func (u *UI) registerView(s registerState) built {
	f := &registerForm{u: u, s: s, save: newButton(s.Save, "", filled, nil)}
	var steps []fyne.CanvasObject
	if s.Instance != "" {
		f.host = u.nav.entry("instance", s.Instance, false)
		if f.host.Text == "" {
			f.host.SetText(s.Default)
			f.host.whole = true
		}
		f.host.SetPlaceHolder(s.Example)
		steps = append(steps, labelled(s.Instance, field(f.host)))
	}
	if s.NeedsKey {
		steps = append(steps, f.pageStep(), f.redirectStep())
		if s.RSA {
			steps = append(steps, f.keyStep())
		}
		steps = append(steps, f.clientStep())
	}
	content := rows(16)
	if s.Notice != nil {
		content.Add(strip(*s.Notice, nil, nil))
	}
	if len(steps) > 0 {
		content.Add(module(padded(4, 4, 0, 4, numbered(steps))))
	}
	if s.RevokeDoubt != "" {
		content.Add(note("info", s.RevokeDoubt))
	}
	if s.Choices.any() {
		content.Add(u.choicesBlock(s.Choices))
	}
	content.Add(gap(1, 4))
	f.connect()
	return built{focus: f.first(), object: sheet(u.sheetHead(s.Tile, s.Title, plainSub(s.Sub)), content, f.foot())}
}

// registerForm is what is typed on the page before a dance.
type registerForm struct {
	u              *UI
	s              registerState
	id, pass, host *entry
	save           *button
}

func (f *registerForm) entries() (out []*entry) {
	for _, e := range []*entry{f.host, f.id, f.pass} {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}

func (f *registerForm) first() fyne.Focusable {
	if list := f.entries(); len(list) > 0 {
		return list[0]
	}
	return nil
}

// connect joins the fields with the button.
func (f *registerForm) connect() {
	check := func(string) {
		ready := (f.id == nil || strings.TrimSpace(f.id.Text) != "") && (f.host == nil || strings.TrimSpace(f.host.Text) != "") &&
			(!f.s.RSA || !f.u.nav.pair.private.IsZero())
		f.save.disable(!ready || f.u.busy["register"])
	}
	f.save.on = f.submit
	for _, e := range f.entries() {
		e.OnChanged, e.OnSubmitted = check, func(string) { f.save.press() }
	}
	check("")
}

func (f *registerForm) foot() fyne.CanvasObject {
	buttons := []fyne.CanvasObject{newButton("Cancel", "", outlined, f.u.back)}
	buttons = append(buttons, f.save)
	if !f.s.NeedsKey {
		return foot("", "", buttons...)
	}
	file := newButton("choose one", "", quiet, f.u.chooseClientFile)
	file.small, file.name = true, "Choose a client file"
	return footFile(f.s.FileWords, file, buttons...)
}

// footFile is the foot that says that a client's file can be dropped.
func footFile(text string, choose *button, buttons ...fyne.CanvasObject) fyne.CanvasObject {
	g, w, right := lineIcon("drop", 16, colInk2), fitting(text, styleCaption, colInk2), line(8, buttons...)
	return placed(200, 36, func(s fyne.Size) {
		m, c := right.MinSize().Width, choose.MinSize()
		put(g, 0, 10, 16, 16)
		room := max(0, s.Width-m-24-c.Width-6-16)
		tw := min(room, w.style.width(w.text)+1)
		put(w, 24, 10, tw, 16)
		put(choose, 24+tw+5, 10, c.Width, 16)
		put(right, s.Width-m, 0, m, 36)
	}, g, w, choose, right)
}

func (f *registerForm) pageStep() fyne.CanvasObject {
	s := f.s
	open := newButton("Open the page", "open", outlined, func() {
		f.u.copy("redirect", s.Redirect, false)
		f.u.openPage(s.Page)
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
	return stepBlock("Open "+s.Name+"'s page for new applications", parts...)
}

func (f *registerForm) redirectStep() fyne.CanvasObject {
	return stepBlock("Paste this as its redirect URI",
		copyRow(readOnly(f.s.Redirect, cutEnd), f.u.copyButton("redirect", "Copy", f.s.Redirect, false)),
		newPara(f.s.RedirectWords, 1+min(1, len(f.s.RedirectWords)/60), styleCaption, colInk3))
}

func (f *registerForm) clientStep() fyne.CanvasObject {
	f.id, f.pass = f.u.nav.entry("client", "Application ID", false), f.u.nav.entry("secret", "Secret", true)
	fields := evenColumns(labelled("Application ID", field(f.id)), labelled("Secret, if it shows one", field(f.pass)))
	return stepBlock("Paste what "+f.s.Name+" shows you", fields, newPara("Both stay in this profile's vault. No app ever sees the secret.", 1, styleCaption, colInk3))
}

// submit keeps the registration and begins the dance.
func (f *registerForm) submit() {
	u, s := f.u, f.s
	p, _ := u.nav.before().row(u.last)
	texts := map[string]string{}
	for _, o := range s.Choices.Texts {
		texts[o.ID] = strings.TrimSpace(u.nav.text("option " + o.ID))
	}
	r := requestOf(p, u.nav.chosen, texts)
	r.Reconnect = s.Reconnect
	if f.host != nil {
		r.Instance = strings.TrimSpace(f.host.Text)
	}
	var client string
	var hidden secret.String
	if f.id != nil {
		client, hidden = strings.TrimSpace(f.id.Text), secret.New(strings.TrimSpace(f.pass.Text))
	}
	private := u.nav.pair.private
	u.run("register", quickLimit, func(ctx context.Context) error {
		if client == "" {
			return nil
		}
		return u.book.SetRegistration(ctx, s.ID, r.Instance, client, hidden, private)
	}, func() {
		u.last = u.snap()
		if a, ok := u.last.Account(s.Reconnect); ok && !a.Status.NeedsUser() { // only its secret was renewed
			u.visit(func(n *nav) { n.page = pageAccounts })
			return
		}
		u.connect(r)
	})
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
