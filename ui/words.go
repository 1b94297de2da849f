package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// A style is a size with its line box.
type style struct {
	size, line float32
	bold, mono bool
}

var (
	styleTitle       = style{24, 32, true, false}
	styleLead        = style{18, 24, true, false}
	styleText        = style{14, 20, false, false}
	styleBold        = style{14, 20, true, false}
	styleCaption     = style{12, 16, false, false}
	styleCaptionBold = style{12, 16, true, false}
	styleMono        = style{12, 16, false, true}
	styleCode        = style{28, 36, false, true} // a device code
	styleMonoText    = style{14, 20, false, true} // for secrets: never in the window's map
)

func (s style) text() fyne.TextStyle { return fyne.TextStyle{Bold: s.bold, Monospace: s.mono} }

func (s style) width(text string) float32 {
	return fyne.MeasureText(text, s.size, s.text()).Width
}

type cut int

const (
	cutNone   cut = iota // keeps its natural width
	cutEnd               // ends in an ellipsis
	cutMiddle            // loses its middle: paths
)

// words is one line of text in its line box, in a token's colour.
type words struct {
	widget.BaseWidget
	text  string
	style style
	col   fyne.ThemeColorName
	cut   cut
	align fyne.TextAlign
	t     *canvas.Text
}

func newWords(text string, s style, col fyne.ThemeColorName) *words {
	w := &words{text: text, style: s, col: col}
	w.ExtendBaseWidget(w)
	return w
}

// fitting is words that give way when there is no room.
func fitting(text string, s style, col fyne.ThemeColorName) *words {
	w := newWords(text, s, col)
	w.cut = cutEnd
	return w
}

func (w *words) set(text string) {
	if w.text != text {
		w.text = text
		w.Refresh()
	}
}

func (w *words) restyle(s style, col fyne.ThemeColorName) {
	if w.style != s || w.col != col {
		w.style, w.col = s, col
		w.Refresh()
	}
}

func (w *words) MinSize() fyne.Size {
	if w.cut != cutNone {
		return fyne.NewSize(0, w.style.line)
	}
	return fyne.NewSize(w.style.width(w.text), w.style.line)
}

func (w *words) CreateRenderer() fyne.WidgetRenderer {
	w.t = canvas.NewText("", paint(w.col))
	if w.style != styleMonoText {
		mapped(w)
	}
	return &simple{objects: []fyne.CanvasObject{w.t}, min: w.MinSize, layout: w.lay,
		refresh: func() { w.lay(w.Size()); w.t.Refresh() }, destroy: func() { unmapped(w) }}
}

func (w *words) mapEntry() (string, string, bool) {
	if w.style == styleTitle || w.style == styleLead {
		return "heading", w.text, true
	}
	return "text", w.text, true
}

func (w *words) lay(s fyne.Size) {
	w.t.TextSize, w.t.TextStyle, w.t.Color, w.t.Alignment = w.style.size, w.style.text(), paint(w.col), w.align
	w.t.Text = w.text
	if w.cut != cutNone && s.Width > 0 {
		w.t.Text = shorten(w.text, w.cut, func(t string) bool { return w.style.width(t) <= s.Width })
	}
	natural := fyne.MeasureText(w.t.Text, w.style.size, w.style.text()).Height
	put(w.t, 0, (s.Height-natural)/2, s.Width, natural)
}

// shorten cuts text until it fits.
func shorten(text string, c cut, fits func(string) bool) string {
	if fits(text) {
		return text
	}
	r := []rune(text)
	lo, hi := 0, len(r) // lo fits
	for lo+1 < hi {
		mid := (lo + hi) / 2
		if fits(cutTo(r, mid, c)) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return cutTo(r, lo, c)
}

// cutTo keeps n runes.
func cutTo(r []rune, n int, c cut) string {
	if c == cutMiddle {
		head := n / 2
		return string(r[:head]) + "…" + string(r[len(r)-(n-head):])
	}
	return strings.TrimRight(string(r[:n]), " ") + "…"
}

// para is text that wraps, of a fixed most number of lines.
type para struct {
	widget.BaseWidget
	text   string
	style  style
	col    fyne.ThemeColorName
	lines  []*canvas.Text
	align  fyne.TextAlign
	cut    cut      // of the last line, cutEnd where it is not said
	breaks []string // the lines, where they are not to be found by wrapping
}

func newPara(text string, lines int, s style, col fyne.ThemeColorName) *para {
	p := &para{text: text, style: s, col: col, lines: make([]*canvas.Text, lines)}
	for i := range p.lines {
		p.lines[i] = canvas.NewText("", paint(col))
	}
	p.ExtendBaseWidget(p)
	return p
}

func (p *para) set(text string) {
	if p.text != text {
		p.text = text
		p.Refresh()
	}
}

func (p *para) MinSize() fyne.Size {
	return fyne.NewSize(0, p.style.line*float32(len(p.lines)))
}

func (p *para) wrap(width float32) []string {
	c := max(p.cut, cutEnd)
	return wrap(p.text, len(p.lines), c, func(t string) bool { return p.style.width(t) <= width })
}

// heightFor is the height that the text takes in that width.
func (p *para) heightFor(width float32) float32 {
	n := len(p.wrap(width))
	return float32(n) * p.style.line
}

func (p *para) CreateRenderer() fyne.WidgetRenderer {
	objects := make([]fyne.CanvasObject, len(p.lines))
	for i, t := range p.lines {
		objects[i] = t
	}
	mapped(p)
	return &simple{objects: objects, min: p.MinSize, layout: p.lay,
		refresh: func() {
			p.lay(p.Size())
			for _, t := range p.lines {
				t.Refresh()
			}
		}, destroy: func() { unmapped(p) }}
}

func (p *para) mapEntry() (string, string, bool) {
	if p.style == styleLead {
		return "heading", p.text, true
	}
	return "text", p.text, true
}

func (p *para) lay(s fyne.Size) {
	if s.Width <= 0 {
		return
	}
	parts := p.breaks
	if parts == nil {
		parts = p.wrap(s.Width)
	}
	for i, t := range p.lines {
		t.Text = ""
		if i < len(parts) {
			t.Text = parts[i]
		}
		t.TextSize, t.TextStyle, t.Color, t.Alignment = p.style.size, p.style.text(), paint(p.col), p.align
		natural := fyne.MeasureText(t.Text, t.TextSize, t.TextStyle).Height
		put(t, 0, float32(i)*p.style.line+(p.style.line-natural)/2, s.Width, natural)
	}
}

// wrap breaks text at spaces into at most most lines; what is left over is cut
// with an ellipsis.
func wrap(text string, most int, c cut, fits func(string) bool) []string {
	var out []string
	rest := strings.Fields(text)
	for len(rest) > 0 {
		if len(out) == most-1 {
			return append(out, shorten(strings.Join(rest, " "), c, fits))
		}
		n := 1
		for n < len(rest) && fits(strings.Join(rest[:n+1], " ")) {
			n++
		}
		out = append(out, shorten(strings.Join(rest[:n], " "), c, fits))
		rest = rest[n:]
	}
	return out
}
