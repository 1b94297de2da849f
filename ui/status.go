package ui

import (
	"fyne.io/fyne/v2"
)

// statusView is a glyph, words, and under them a cord with its caption.
type statusView struct {
	*fyne.Container
	glyph      *glyph
	words, sub *words
	cord       *cord
	state      statusState
}

func newStatusView(s statusState) *statusView {
	v := &statusView{glyph: statusGlyph(glyphOK), words: fitting("", styleText, colInk),
		sub: fitting("", styleCaption, colInk2), cord: newCord(0)}
	v.Container = placed(120, 40, v.lay, v.glyph, v.words, v.sub, v.cord.Container)
	v.set(s)
	return v
}

func (v *statusView) lay(s fyne.Size) {
	put(v.glyph, 0, 2, 16, 16)
	put(v.words, 24, 0, s.Width-24, 20)
	x := float32(24)
	room := v.state.Life >= 0 && (s.Width <= 0 || 96+styleCaption.width(v.state.Sub) <= s.Width)
	show(v.cord.Container, room)
	if room {
		put(v.cord.Container, 24, 24, 64, 8)
		x = 96
	}
	put(v.sub, x, 20, s.Width-x, 16)
}

func (v *statusView) set(s statusState) {
	v.state = s
	v.glyph.setStatus(s.Glyph)
	v.words.set(s.Words)
	v.words.restyle(toneStyle(s.Tone))
	v.sub.set(s.Sub)
	v.cord.set(max(0, s.Life))
	v.lay(v.Size())
}

func toneStyle(t tone) (style, fyne.ThemeColorName) {
	switch t {
	case toneAttention:
		return styleBold, colAttention
	case toneDanger:
		return styleBold, colDanger
	}
	return styleText, colInk
}

// strip is a notice across a view: a glyph, what is, and what to do.
func strip(n noticeState, press, dismiss func()) fyne.CanvasObject {
	ground, g := colAttentionSoft, glyphAttention
	if n.Danger {
		ground, g = colDangerSoft, glyphDanger
	}
	p, icon := newPlate(ground, colNone, 8), statusGlyph(g)
	title := fitting(n.Title, styleBold, colInk)
	text := newPara(n.Text, 2, styleText, colInk)
	objects := []fyne.CanvasObject{p, icon, title, text}
	var b, x *button
	if n.Button != "" && press != nil {
		b = smallButton(n.Button, outlined, press)
		objects = append(objects, b)
	}
	if dismiss != nil {
		x = iconButton("close", "Put this away", dismiss)
		objects = append(objects, x)
	}
	h := float32(44)
	if n.Text != "" {
		h = 64
		if styleText.width(n.Text) > 480 {
			h = 84
		}
	}
	return placed(120, h, func(s fyne.Size) {
		put(p, 0, 0, s.Width, s.Height)
		right := s.Width - 12
		if x != nil {
			right -= 32
			put(x, right, (s.Height-32)/2, 32, 32)
		}
		if b != nil {
			w := b.MinSize().Width
			right -= w + 8
			put(b, right, (s.Height-28)/2, w, 28)
		}
		put(icon, 18, 14, 16, 16)
		put(title, 48, 12, right-56, 20)
		put(text, 48, 32, right-56, s.Height-44)
	}, objects...)
}

// pill is a word on a soft ground with a glyph: 24 high.
func pill(icon, text string) fyne.CanvasObject {
	p, g, w := newPlate(colAccentSoft, colNone, 12), lineIcon(icon, 16, colInk), newWords(text, styleCaptionBold, colInk)
	return placed(38+styleCaptionBold.width(text), 24, func(s fyne.Size) {
		put(p, 0, 0, s.Width, 24)
		put(g, 6, 4, 16, 16)
		put(w, 28, 4, s.Width-38, 16)
	}, p, g, w)
}
